"""Fine-tuned heads as a predictor: order, uncertainty, repeatability, bad input."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.nb101 import NB101
from experiment.errors import InputError
from models import PUBLISHED, SVGE, Sizes
from predictors.fine_tuned import FineTuned, head_outputs, read_scale, save_scale
from predictors.fine_tuning import AsMeasured, FineTuning, FineTuningRun
from predictors.regressor import NormalScores

SETTINGS = dataclasses.replace(FineTuning.preset(), epochs=8, learning_rate=1e-2)


def small_vae(types: int = 5) -> SVGE:
    torch.manual_seed(0)
    return SVGE(Sizes(types, 7, node_width=16, graph_width=56)).eval()


def predictor(settings: FineTuning = SETTINGS, folds: int = 3, seed: int = 0) -> FineTuned:
    return FineTuned(NB101(), small_vae(), settings, folds=folds, seed=seed, shown=False)


def cells(count: int, seed: int = 0) -> tuple[GraphBatch, np.ndarray]:
    """Cells, and a value that follows from their edges and operations, with a little noise."""
    graphs = GraphBatch.cat(NB101().enumerate(max_nodes=6))
    generator = np.random.default_rng(seed)
    graphs = graphs[torch.from_numpy(generator.permutation(len(graphs))[:count])]
    convolutions = (graphs.types == NB101().types.index("conv3x3-bn-relu")).sum(1)
    edges = graphs.adjacency.sum((1, 2))
    values = (2 * convolutions + edges).double().numpy() + 0.3 * generator.normal(size=count)
    return graphs, 1 - np.exp(-0.3 * values)


@pytest.mark.parametrize("loss", ["mse", "ranking"])
def test_it_orders_cells_that_it_has_not_seen(loss: Literal["mse", "ranking"]) -> None:
    graphs, values = cells(600)
    learner = predictor(dataclasses.replace(SETTINGS, loss=loss))
    learner.fit(graphs[:150], values[:150])
    mean, std = learner.predict(graphs[150:])
    assert kendalltau(mean, values[150:]).statistic > 0.6
    assert np.abs(mean - values[150:]).mean() < 0.5 * values.std()
    assert (std > 0).all()


def test_intervals_hold_what_they_promise() -> None:
    graphs, values = cells(1000, seed=1)
    learner = predictor()
    learner.fit(graphs[:150], values[:150])
    for share in (0.5, 0.9):
        low, high = learner.interval(graphs[150:], share)
        held = ((values[150:] >= low) & (values[150:] <= high)).mean()
        assert share - 0.1 < held < share + 0.15


def test_same_seed_same_numbers_whatever_was_drawn_before() -> None:
    graphs, values = cells(60)
    vae = small_vae()
    before = {key: value.clone() for key, value in vae.state_dict().items()}
    found = []
    for seed in (3, 3, 4):
        torch.randn(5)
        learner = FineTuned(NB101(), vae, SETTINGS, folds=2, seed=seed, shown=False)
        learner.fit(graphs[:40], values[:40])
        found.append(learner.predict(graphs[40:])[0])
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert all(torch.equal(value, before[key]) for key, value in vae.state_dict().items())


def test_isomorphic_cells_get_the_same_prediction() -> None:
    """Two branches of one cell in either order, and single graphs as well as batches."""
    one = ArchitectureGraph((1, 2, 3, 4, 0), ((0, 1), (0, 2), (1, 3), (2, 4), (3, 4)))
    other = ArchitectureGraph((1, 3, 2, 4, 0), ((0, 1), (0, 2), (2, 3), (1, 4), (3, 4)))
    assert NB101().hash(one) == NB101().hash(other)
    graphs, values = cells(40)
    learner = predictor(folds=2)
    learner.fit(list(graphs), values)
    mean, _ = learner.predict([one, other])
    assert mean[0] == pytest.approx(mean[1], abs=1e-6)


def test_a_ranking_head_predicts_on_the_scale_of_its_targets() -> None:
    graphs, values = cells(60)
    targets = NormalScores(values)(values)
    settings = dataclasses.replace(SETTINGS, loss="ranking")
    head = FineTuningRun(
        small_vae(), graphs, {"accuracy": targets}, settings, 0, shown=False
    ).train()
    outputs = head_outputs(head, graphs)
    assert outputs.mean() == pytest.approx(targets.mean(), abs=1e-4)
    assert outputs.std() == pytest.approx(targets.std(), rel=1e-3)


def test_heads_get_the_moments_of_what_is_known_of_each() -> None:
    graphs, values = cells(60)
    edges = graphs.adjacency.sum((1, 2)).double().numpy()
    edges[::2] = np.nan
    settings = dataclasses.replace(SETTINGS, loss="ranking", epochs=2)
    targets = {"accuracy": values, "edges": edges}
    weights = {"edges": 0.0}
    model = FineTuningRun(
        small_vae(), graphs, targets, settings, 0, shown=False, weights=weights
    ).train()
    for name, column in targets.items():
        known = ~np.isnan(column)
        outputs = head_outputs(model, graphs, name)[known]
        assert outputs.mean() == pytest.approx(column[known].mean(), abs=1e-4)
        assert outputs.std() == pytest.approx(column[known].std(), rel=1e-3)


@pytest.mark.parametrize(
    ("targets", "weights", "words"),
    [
        ({"size": [1.0, 2.0]}, {}, "3 architectures, 2 targets"),
        ({"size": [1.0, np.nan, np.nan]}, {}, "1 targets of size are known"),
        ({"size": [1.0, 2.0, 3.0]}, {"sise": 1.0}, "weight is that of sise"),
    ],
)
def test_heads_with_nothing_to_learn_are_refused(
    targets: dict[str, list[float]], weights: dict[str, float], words: str
) -> None:
    columns = {name: np.array(column) for name, column in targets.items()}
    with pytest.raises(InputError, match=words):
        FineTuningRun(small_vae(), cells(3)[0], columns, SETTINGS, 0, weights=weights)


def test_the_published_preset_is_what_was_published() -> None:
    settings = FineTuning.preset("published")
    assert (settings.vae_share, settings.loss, settings.targets) == (0.1, "mse", "raw")
    assert (settings.optimiser, settings.learning_rate, settings.epochs) == ("adam", 1e-3, 100)
    assert settings.objective == PUBLISHED
    assert settings.optimisation.gradient_clip is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values[:5], "5 labels were given"),
        (lambda values: np.full_like(values, 0.9), "nothing to learn"),
        (lambda values: np.where(np.arange(len(values)) == 4, np.nan, values), "label 4 is nan"),
    ],
)
def test_labels_that_teach_nothing_are_refused(
    change: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    graphs, values = cells(20)
    changed = change(values)
    with pytest.raises(InputError, match=words):
        predictor().fit(graphs[: len(changed)], changed)


def test_other_bad_input() -> None:
    with pytest.raises(InputError, match="call fit"):
        predictor().predict(cells(3)[0])
    with pytest.raises(InputError, match="7 node types, NB101 has 5"):
        FineTuned(get_space("NB101"), small_vae(types=7), SETTINGS)
    with pytest.raises(InputError, match="vae_share is 1"):
        FineTuning.preset(overrides={"vae_share": 1.0})


def test_the_scale_beside_weights_comes_back(tmp_path: Path) -> None:
    values = np.array([0.1, 0.9, 0.5, 0.7])
    save_scale(tmp_path, "ranks", values)
    np.testing.assert_allclose(read_scale(tmp_path).back(NormalScores(values)(values)), values)
    assert isinstance(read_scale(tmp_path / "elsewhere"), AsMeasured)
    for damaged in ("[]", '{"targets": "ranks"}', '{"targets": "x", "values": [1, 2]}', "{"):
        (tmp_path / "targets.json").write_text(damaged)
        with pytest.raises(InputError, match=r"targets\.json"):
            read_scale(tmp_path)
