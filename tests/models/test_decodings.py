"""Counted decodings: the distribution of independent ones, and the most frequent architecture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency, chisquare

from datasets import get_space
from datasets.batch import GraphBatch, Legality
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.registry import SPACES
from models import GraphVAE, ModelError, Sizes
from models.decoding import decode, generate
from models.decodings import Decodings, modal
from models.likelihood import log_probability
from models.prefix_tree import Sampling
from models.sampling import decode_many
from models.vae import GRAPH_VAES, as_graph_vae

Build = Callable[[str], GraphVAE]
Points = Callable[[int], torch.Tensor]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def counts_of(decodings: Decodings, latent: int) -> Counter[ArchitectureGraph]:
    found: Counter[ArchitectureGraph] = Counter()
    rows = (decodings.latent == latent).nonzero().squeeze(1)
    for graph, count in zip(decodings.graphs[rows], decodings.count[rows].tolist(), strict=True):
        found[graph] += count
    return found


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("start_type", [INPUT, OUTPUT])
def test_counts_follow_the_probabilities_of_whole_graphs(
    start_type: int,
    masked: bool,
    tiny_model: Build,
    points: Points,
    every_graph: GraphBatch,
    few_edges: Any,
) -> None:
    model, z, n = tiny_model("SVGE"), points(3), 50_000
    forward, reverse = few_edges(OUTPUT), few_edges(INPUT)
    legality = Legality(forward, reverse, lambda _: None, lambda _: None) if masked else None  # type: ignore[arg-type, return-value]
    mask = (forward if start_type == INPUT else reverse) if masked else None
    leaves = generate(model, z, start_type, Sampling(seeded(1), n), mask)
    graphs = leaves.graphs if start_type == INPUT else leaves.graphs.reversed()
    place = {graph: k for k, graph in enumerate(every_graph)}
    for latent in range(3):
        rows = (leaves.latent == latent).nonzero().squeeze(1)
        observed = np.zeros(len(every_graph))
        for graph, count in zip(graphs[rows], leaves.weight[rows].tolist(), strict=True):
            observed[place[graph]] += count
        assert observed.sum() == n
        values = log_probability(
            model, z[latent].expand(len(every_graph), -1), every_graph, legality
        )
        expected = n * values[0 if start_type == INPUT else 1].exp().numpy()
        assert (observed[expected == 0] == 0).all()
        rare = expected < 5
        observed = np.append(observed[~rare], observed[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum() + 1e-9)
        kept = expected > 1
        expected = expected[kept] * observed[kept].sum() / expected[kept].sum()
        assert chisquare(observed[kept], expected).pvalue > 1e-4


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_counted_decodings_are_distributed_as_independent_ones(name: str, masked: bool) -> None:
    space = get_space("NB101")
    torch.manual_seed(1)
    model = as_graph_vae(GRAPH_VAES[name](Sizes(len(space.types), 7, node_width=12, graph_width=8)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    legality = space.legality() if masked else None
    z, n = torch.randn(1, 8, generator=seeded(4)), 6_000
    counted = counts_of(decode_many(model, z, n, legality, seeded(1)), 0)
    alone = Counter(decode(model, z.expand(n, -1), Sampling(seeded(2)), legality))
    assert counted.total() == alone.total() == n
    often = [graph for graph, count in (counted + alone).items() if count >= 20]
    table = np.array([[sample[graph] for graph in often] for sample in (counted, alone)])
    rest = n - table.sum(1, keepdims=True)
    table = np.concatenate([table, rest], 1)
    assert len(often) > 3
    assert chi2_contingency(table[:, table.sum(0) > 0]).pvalue > 1e-4


def test_both_directions_are_paired_independently(tiny_model: Build, points: Points) -> None:
    model, z, n = tiny_model("SVGE"), points(1), 40_000
    joined = counts_of(decode_many(model, z, n, generator=seeded(0)), 0)
    alone = Counter(decode(model, z.expand(n, -1), Sampling(seeded(5))))
    often = [graph for graph, count in (joined + alone).items() if count >= 20]
    table = np.array([[sample[graph] for graph in often] for sample in (joined, alone)])
    assert chi2_contingency(table).pvalue > 1e-4


def test_a_prefix_is_visited_once_however_often_it_is_drawn(
    tiny_model: Build, points: Points
) -> None:
    model, z = tiny_model("SVGE"), points(2)
    many = decode_many(model, z, 1_000_000, generator=seeded(0))
    assert torch.bincount(many.latent, many.count).tolist() == [1_000_000, 1_000_000]
    # Half-built graphs of one, two and three nodes: three types do not end a graph, the first
    # edge is certain. Two latents, two directions.
    assert many.prefixes <= 2 * 2 * (1 + 3 + 3 * 3 * 4)
    assert len(set(many.graphs)) <= len(many.latent)


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_counts_repeat_with_their_seed_and_ignore_how_latents_are_cut(
    name: str, tiny_model: Build, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models import prefix_tree

    model, z = tiny_model(name), points(30)
    first = decode_many(model, z, 200, generator=seeded(3))
    again = decode_many(model, z, 200, generator=seeded(3))
    assert torch.equal(first.count, again.count)
    assert list(first.graphs) == list(again.graphs)
    monkeypatch.setattr(prefix_tree, "CHUNK", 7)
    cut = decode_many(model, z, 200, generator=seeded(3))
    assert torch.bincount(cut.latent, cut.count).tolist() == [200] * 30


@pytest.mark.parametrize("space_name", list(SPACES))
def test_modal_is_what_counting_by_hand_gives(space_name: str) -> None:
    space = get_space(space_name)
    torch.manual_seed(2)
    sizes = Sizes(len(space.types), space.max_nodes, node_width=12, graph_width=8)
    model = GRAPH_VAES["SVGE"](sizes).eval()
    z = 3 * torch.randn(8, 8, generator=seeded(0))
    decodings = model.decode_many(z, 60, space.legality(), seeded(1))
    found = modal(decodings, space.legality())
    for latent in range(8):
        tally: Counter[str] = Counter()
        for graph, count in counts_of(decodings, latent).items():
            if space.is_legal(graph):
                tally[space.hash(graph)] += count
        assert found.members[latent] == tally.total()
        assert found.count[latent] == max(tally.values())
        assert tally[space.hash(found.graphs.graph(latent))] == max(tally.values())


def test_isomorphic_decodings_count_together_and_non_members_not_at_all() -> None:
    space = get_space("NB101")
    one = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    same = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    other = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    cut = ArchitectureGraph((1, 2, 0), ((0, 1),))
    graphs = GraphBatch.from_graphs([one, same, other, cut, cut], 7)
    decodings = Decodings(
        2, graphs, torch.tensor([0, 0, 0, 0, 1]), torch.tensor([3, 3, 5, 9, 20]), 0
    )
    found = modal(decodings, space.legality())
    assert found.graphs.graph(0) in (one, same)
    assert found.count.tolist() == [6, 0]
    assert found.members.tolist() == [11, 0]
    assert found.graphs.num_nodes.tolist() == [4, 0]


class Nothing:
    """A mask that allows nothing."""

    def allowed_types(self, types: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """No type."""
        return torch.zeros(len(types), 4, dtype=torch.bool)

    def allowed_edges(
        self,
        types: torch.Tensor,
        adjacency: torch.Tensor,
        new_types: torch.Tensor,
        drawn: torch.Tensor,
    ) -> torch.Tensor:
        """Neither an edge nor none."""
        return torch.zeros(len(types), 2, dtype=torch.bool)


class NoEdges(Nothing):
    """A mask that allows all types, but neither an edge nor none."""

    def allowed_types(self, types: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """All types."""
        return torch.tensor([[False, False, True, True]]).expand(len(types), 4)


@pytest.mark.parametrize(("mask", "named"), [(Nothing(), "every type"), (NoEdges(), "the edge")])
def test_a_mask_that_forbids_everything_is_refused(
    mask: Nothing, named: str, tiny_model: Build, points: Points
) -> None:
    legality = Legality(mask, mask, lambda _: None, lambda _: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ModelError, match=f"forbids.*{named}"):
        decode_many(tiny_model("SVGE"), points(2), 5, legality)


def test_bad_numbers_are_refused_and_none_is_none(tiny_model: Build, points: Points) -> None:
    model = tiny_model("SVGE")
    with pytest.raises(ModelError, match="expected 1 at least"):
        decode_many(model, points(2), 0)
    with pytest.raises(ModelError, match="finite"):
        decode_many(model, torch.full((1, 8), torch.nan), 5)
    with pytest.raises(ModelError, match="do not fit"):
        decode_many(model, torch.zeros(1, 5), 5)
    nothing = decode_many(model, points(1)[:0], 5)
    assert len(nothing.latent) == 0
    assert len(modal(nothing, get_space("NB101").legality()).graphs) == 0
