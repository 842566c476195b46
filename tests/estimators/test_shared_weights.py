"""One-shot: shared weights are trained, resumed, kept, and measure architectures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import NodeGraph, get_space
from datasets.batch import GraphBatch
from datasets.citation_graphs import NodeSplit
from datasets.spaces.node_chains import SinglePath
from estimators import (
    FromScratch,
    NodeRecipe,
    NodeTask,
    OneShotRecipe,
    SharedWeights,
    SinglePathDesign,
    digits101,
    supernet_training,
)
from estimators.networks import NASBenchGraphDesign
from estimators.shared_weights import TRAINING, WEIGHTS
from estimators.supernet_training import sampled_paths
from experiment import progress
from experiment.errors import InputError
from experiment.loop import TrainingLoop

SPACE = get_space("NAS_BENCH_GRAPH")
GRAPHS = SPACE.sample(4, np.random.default_rng(0))
SHORT = {"epochs": 3, "paths": 12, "hidden": 8}
NODES, CLASSES = 60, 3


def graph() -> NodeGraph:
    """Three communities, of which some features tell."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(NODES) % CLASSES
    likely = torch.where(labels[:, None] == labels, 0.2, 0.02)
    edges = torch.rand(NODES, NODES, generator=generator) < likely
    edges = (edges | edges.T).fill_diagonal_(False)
    hints = torch.randn(NODES, 10, generator=generator)
    hints[:, :CLASSES] += torch.nn.functional.one_hot(labels)
    split = NodeSplit(torch.arange(20), torch.arange(20, 40), torch.arange(40, NODES))
    return NodeGraph("communities", hints, edges.nonzero().T, labels, split)


def training(**more: Any) -> FromScratch:
    task, recipe = NodeTask(graph(), normalise=False), NodeRecipe.load("citation")
    return FromScratch(SPACE, task, NASBenchGraphDesign(hidden=16, dropout=0.1), recipe, **more)


def estimator(folder: Path | None = None, seed: int = 0, **changes: Any) -> SharedWeights:
    recipe = OneShotRecipe.load("one_shot", overrides={**SHORT, **changes})
    return SharedWeights(training(seed=seed), recipe, folder)


def values(one: SharedWeights) -> list[float | None]:
    return [found.details["validation_loss"] for found in one.measure(GRAPHS)]


def weights(one: SharedWeights) -> dict[str, torch.Tensor]:
    return dict(one.supernet.state_dict())


def same(first: SharedWeights, second: SharedWeights) -> bool:
    ours, theirs = weights(first), weights(second)
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_measures_every_architecture_by_its_path() -> None:
    one = estimator()
    found = list(one.measure(GRAPHS))
    assert [each.architecture for each in found] == GRAPHS
    task, path = one.task, one.supernet.choice(GRAPHS[1])
    nodes = task.nodes.parts["validation"]
    with torch.no_grad():
        scores = one.supernet.eval()(task.nodes.features, task.nodes.edges, path)[nodes]
    right = (scores.argmax(1) == task.nodes.labels[nodes]).float().mean()
    assert found[1].validation == pytest.approx(float(right))
    assert found[1].test is None
    costs = training().work.design.costs
    assert found[1].parameters == int(
        costs(GraphBatch.from_graphs([GRAPHS[1]]), task.dimensions).parameters[0]
    )
    assert values(one) == values(one)
    assert values(estimator()) == values(one)
    assert values(estimator(seed=1)) != values(one)


def test_training_reduces_the_loss_of_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    before = training_losses(estimator(epochs=1, paths=1))[1]
    always = estimator().supernet.choice(GRAPHS[1])
    monkeypatch.setattr(supernet_training, "sampled_paths", lambda *_: [always] * 20)
    assert training_losses(estimator())[1] < 0.5 * before


def training_losses(one: SharedWeights) -> np.ndarray:
    """Of some paths on the training nodes. **Shape** (4,)."""
    supernet, nodes = one.supernet.eval(), one.task.nodes
    with torch.no_grad():
        scores = [
            supernet(nodes.features, nodes.edges, supernet.choice(each), nodes.parts["train"])
            for each in GRAPHS
        ]
    return np.array([one.task.judge(each, "train")["loss"] for each in scores])


def test_dropout_in_evaluation_draws_by_the_architecture() -> None:
    one = estimator(dropout_in_evaluation=True)
    first = values(one)
    assert first == values(one)
    backwards = [found.details["validation_loss"] for found in one.measure(GRAPHS[::-1])]
    assert backwards[::-1] == first
    assert first != values(estimator())


def test_running_statistics_change_the_values() -> None:
    assert values(estimator(running_statistics=True)) != values(estimator())


def test_a_killed_training_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = estimator()
    save: Callable[[TrainingLoop], None] = TrainingLoop.save

    def die_after(loop: TrainingLoop) -> None:
        save(loop)
        if loop.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "save", die_after)
        with pytest.raises(KeyboardInterrupt):
            _ = estimator(tmp_path).supernet
    assert (tmp_path / TRAINING).exists()
    assert same(estimator(tmp_path), whole)
    assert [path.name for path in tmp_path.iterdir()] == [WEIGHTS]
    monkeypatch.setattr(TrainingLoop, "run", None)  # the weights are read, not trained again
    assert same(estimator(tmp_path), whole)


def test_weights_of_another_training_are_refused(tmp_path: Path) -> None:
    _ = estimator(tmp_path).supernet
    with pytest.raises(InputError, match="holds the weights of another training"):
        _ = estimator(tmp_path, seed=1).supernet


def test_the_random_generator_of_the_caller_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    list(estimator(dropout_in_evaluation=True).measure(GRAPHS))
    assert torch.equal(torch.rand(1), expected)


def test_paths_are_drawn_evenly() -> None:
    generator, supernet = np.random.default_rng(0), estimator(epochs=1, paths=1).supernet
    fair = np.array(sampled_paths(SPACE, supernet, 36, "fair", generator))
    for place, count in enumerate(supernet.options):
        assert np.bincount(fair[:, place]).tolist() == [36 // count] * count
    places = np.array(sampled_paths(SPACE, supernet, 4_000, "places", generator))
    assert np.bincount(places[:, 1]).min() > 350
    assert abs(np.corrcoef(places.T[[1, 3]])[0, 1]) < 0.05
    drawn = np.array(sampled_paths(SPACE, supernet, 4_000, "architectures", generator))
    assert all(SPACE.is_legal(supernet.architecture(path)) for path in drawn[:50].tolist())
    chains = (drawn[:, ::2] == range(4)).all(1).mean(), (places[:, ::2] == range(4)).all(1).mean()
    assert chains == pytest.approx((4_680 / 26_206, 1 / 24), abs=0.02)


def test_chains_of_ones_own_operations_share_weights() -> None:
    space = SinglePath(3, ("gcn", "linear", "sage"))
    task, recipe = NodeTask(graph(), normalise=False), NodeRecipe.load("citation")
    scratch = FromScratch(space, task, SinglePathDesign().for_space(space), recipe)
    changes: dict[str, Any] = {"epochs": 1, "paths": 9, "sampling": "fair"}
    one = SharedWeights(scratch, OneShotRecipe.load("one_shot", overrides=changes))
    found = list(one.measure(space.sample(3, np.random.default_rng(0))))
    assert [each.status for each in found] == ["ok"] * 3
    assert one.supernet.options == (3, 3, 3)
    changes["running_statistics"] = True
    other = SharedWeights(scratch, OneShotRecipe.load("one_shot", overrides=changes))
    with pytest.raises(InputError, match="have no batch norms: leave running_statistics out"):
        _ = other.supernet


def test_an_architecture_of_another_space_is_a_failed_measurement() -> None:
    foreign = get_space("DIGITS101").sample(1, np.random.default_rng(0))
    (found,) = estimator().measure(foreign)
    assert (found.status, found.validation) == ("failed", None)
    assert "are no NAS-Bench-Graph architecture" in found.reason


def test_refuses_what_makes_no_sense() -> None:
    recipe = OneShotRecipe.load("one_shot")
    with pytest.raises(InputError, match="DIGITS101 has no weights to share"):
        SharedWeights(digits101.estimator(0), recipe)
    with pytest.raises(InputError, match="an epoch has 2 paths, expected at least the 4"):
        OneShotRecipe.load("one_shot", overrides={"paths": 2, "batch_size": 4})
    assert OneShotRecipe.load("one_shot", "published").steps == 1_000
    assert recipe.steps == 2_000


def test_a_log_says_how_many_epochs_are_trained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Epochs that are each shorter than the time to the first line."""
    monkeypatch.setattr(progress, "FIRST_LINE", 0.02)
    monkeypatch.setattr(progress, "LINES", 0.02)
    _ = estimator(epochs=20).supernet
    line = re.compile(r"shared weights: [1-9]\d* of 20 epochs, .* epochs/s, .* left, loss \d")
    assert line.search(capsys.readouterr().err)


def test_a_supernet_beyond_the_memory_is_one_sentence() -> None:
    with pytest.raises(InputError, match="too short for the supernet of NAS_BENCH_GRAPH"):
        _ = estimator(hidden=10**9).supernet
