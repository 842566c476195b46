"""Zero-cost scores as a description: equal cells share them, and they are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.benchmarks.sources import TABLE_VARIABLE
from datasets.graph import ArchitectureGraph
from datasets.testing import relabelled
from experiment.errors import InputError
from predictors.features import zero_cost as module
from predictors.features.zero_cost import ZeroCost
from predictors.small_networks import nb201_representative, small_networks
from predictors.zero_cost import all_scores

NOTHING = "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|none~2|"


class Counted(ZeroCost):
    """Counts the networks that are scored."""

    scored = 0

    def score(self, cell: ArchitectureGraph) -> np.ndarray:
        self.scored += 1
        return super().score(cell)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "MANY", 3)
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path / "tables"))
    return tmp_path / "tables"


def cells(space: str, count: int, seed: int = 0) -> GraphBatch:
    drawn = get_space(space).sample(count, np.random.default_rng(seed))
    return GraphBatch.from_graphs(drawn, get_space(space).max_nodes)


def with_weights_by_shape(network: nn.Module) -> nn.Module:
    """All convolutions of a shape get the same weights."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            torch.manual_seed(sum(layer.weight.shape))
            nn.init.normal_(layer.weight, std=0.3)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network.double().eval()


def test_an_nb201_cell_and_its_representative_compute_the_same() -> None:
    space = get_space("NB201")
    networks = small_networks(space)
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    changed = 0
    for cell in cells("NB201", 40, seed=3):
        other = nb201_representative(cell)
        if other is None or other == cell:
            continue
        changed += 1
        space.check(other)
        found, expected = (
            with_weights_by_shape(networks.build(each, 1, 10))(images) for each in (other, cell)
        )
        assert torch.allclose(found, expected, rtol=1e-9), space.format(cell)
    assert changed > 15


def test_all_nb201_cells_have_7393_representatives() -> None:
    everything = GraphBatch.cat(get_space("NB201").enumerate())
    found = [nb201_representative(cell) for cell in everything]
    distinct = {cell for cell in found if cell is not None}
    assert len(distinct) == 7393
    assert all(nb201_representative(cell) == cell for cell in distinct)
    assert sum(cell is None for cell in found) == 341  # those without a path of operations


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (  # zeros feed the last feature map
            "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|",
            "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        ),
        (  # the middle feature maps change places
            "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|",
            "|avg_pool_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_1x1~2|",
        ),
        (  # a skip before and a skip behind
            "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
            "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|",
        ),
    ],
)
def test_nb201_cells_that_compute_the_same_share_a_representative(one: str, other: str) -> None:
    space = get_space("NB201")
    first, second = (nb201_representative(space.parse(text)) for text in (one, other))
    assert first is not None
    assert first == second


def test_convolutions_that_are_not_shared_are_told_apart() -> None:
    """Twice the same convolution is another network than two of their own."""
    space = get_space("NB201")
    twice = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
    two = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"
    assert nb201_representative(space.parse(twice)) != nb201_representative(space.parse(two))


def test_isomorphic_nb101_cells_share_their_scores(folder: Path) -> None:
    generator = np.random.default_rng(1)
    some = list(cells("NB101", 4))
    features = Counted(get_space("NB101"))
    rows = features(GraphBatch.from_graphs([*some, *(relabelled(c, generator) for c in some)]))
    assert np.array_equal(rows[:4], rows[4:])
    assert features.scored == 4
    dangling = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (1, 3)))
    pruned = ArchitectureGraph((1, 3, 0), ((0, 1), (1, 2)))
    rows = features(GraphBatch.from_graphs([dangling, pruned]))
    assert np.array_equal(rows[0], rows[1])


def test_cells_beyond_the_space_have_scores(folder: Path) -> None:
    (cell,) = cells("NB101", 1, seed=4)
    larger = ArchitectureGraph((1, *[3] * 6, 0), tuple((i, i + 1) for i in range(7)))
    rows = ZeroCost(get_space("DIGITS101"))(GraphBatch.from_graphs([cell, larger]))
    assert np.isfinite(rows).all()


def test_a_score_is_that_of_the_network_of_its_seed(folder: Path) -> None:
    space = get_space("NB201")
    features = ZeroCost(space, seeds=(3, 4))
    cell = nb201_representative(cells("NB201", 1, seed=2).graph(0))
    assert cell is not None
    expected = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        network = features.networks.build(cell, 1, 10)
        scores = np.array(all_scores(network, features.images, features.labels))
        expected.append(np.log1p([np.exp(scores[0]), np.exp(scores[1]), scores[2]]))
    row = features(GraphBatch.from_graphs([cell]))[0]
    assert np.allclose(row, np.mean(expected, axis=0), rtol=1e-6)


def test_a_cell_that_computes_nothing_has_the_lowest_scores(folder: Path) -> None:
    space = get_space("NB201")
    nothing = GraphBatch.from_graphs([space.parse(NOTHING)])
    assert ZeroCost(space)(nothing).tolist() == [[0, 0, 0]]
    others = ZeroCost(space)(cells("NB201", 5))
    assert (others[others.any(axis=1)] > 0).all()
    assert ZeroCost(space)(nothing[:0]).shape == (0, 3)


def test_scores_depend_on_the_cell_alone(folder: Path) -> None:
    """Not on the cells beside it, nor on PyTorch's generator, which goes on as it would have."""
    space = get_space("NB201")
    batch = cells("NB201", 6)
    torch.manual_seed(0)
    rows = ZeroCost(space)(batch)
    after = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), after)
    next(folder.iterdir()).unlink()
    assert np.array_equal(ZeroCost(space)(batch[2:3])[0], rows[2])


def test_scores_are_computed_once_and_kept(folder: Path) -> None:
    space = get_space("NB201")
    first, second = Counted(space), Counted(space)
    rows = first(cells("NB201", 6))
    assert np.array_equal(first(cells("NB201", 6)), rows)
    assert np.array_equal(second(cells("NB201", 6)), rows)
    assert (first.scored, second.scored) == (6, 0)
    assert len(list(folder.iterdir())) == 1
    second(cells("NB201", 5, seed=1))
    assert Counted(space)(cells("NB201", 5, seed=1)).shape == (5, 3)
    assert len(Counted(space).known) == first.scored + second.scored
    assert len(list(folder.iterdir())) == 1


def test_scores_of_other_settings_are_not_taken(folder: Path) -> None:
    space = get_space("NB201")
    ZeroCost(space)(cells("NB201", 4))
    other = Counted(space, seeds=(1,))
    other(cells("NB201", 4))
    assert other.scored == 4
    assert len(list(folder.iterdir())) == 2


def test_a_damaged_file_is_made_again(folder: Path) -> None:
    space = get_space("NB201")
    rows = ZeroCost(space)(cells("NB201", 4))
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    again = Counted(space)
    assert np.array_equal(again(cells("NB201", 4)), rows)
    assert again.scored == 4
    assert len(Counted(space).known) == 4


def test_what_was_scored_before_an_interruption_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = get_space("NB201")
    features = Counted(space)

    def interrupted(cell: ArchitectureGraph, seed: int) -> np.ndarray:
        if features.scored == 5:
            raise KeyboardInterrupt
        return np.ones(3)

    monkeypatch.setattr(features, "_scores_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        features(cells("NB201", 6))
    assert len(Counted(space).known) == 4


def test_other_spaces_are_refused() -> None:
    with pytest.raises(InputError, match="of nb101_cell, nb201_cell, not for ENAS"):
        ZeroCost(get_space("ENAS"))
