"""Every estimator refuses what is no list of architectures, and parts of another kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from estimators.from_scratch import FromScratch
from estimators.lookup import LookUp
from estimators.measurement import Estimator, Measurement, as_measurements
from estimators.networks import NB101Design
from estimators.store import Store
from estimators.surrogate import PredictorEstimator
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.engine import Processes
from experiment.errors import InputError
from predictors.methods import make_predictor

Make = Callable[..., FromScratch]


def refuse(call: Callable[[], object], message: str | None = None) -> None:
    with pytest.raises((InputError, ArchitectureError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def estimators(from_scratch: Make, space: SearchSpace) -> dict[str, Estimator]:
    predictor = make_predictor(space, "ridge", ["statistics"])
    predictor.fit(space.sample(20, np.random.default_rng(0)), np.linspace(0, 1, 20))
    return {
        "look_up": LookUp(get_benchmark("DIGITS101")),
        "from_scratch": from_scratch(),
        "surrogate": PredictorEstimator(space, predictor),
    }


@pytest.mark.parametrize("kind", ["look_up", "from_scratch", "surrogate"])
@pytest.mark.parametrize(
    "wrong",
    ["abc", ["abc"], {"arch": 1}, [{}], None, 3, np.zeros((2, 3, 3))],
    ids=["text", "texts", "dictionary", "dictionaries", "None", "number", "array"],
)
def test_only_architectures_are_measured(
    estimators: dict[str, Estimator], kind: str, wrong: Any
) -> None:
    refuse(lambda: list(estimators[kind].measure(wrong)))


@pytest.mark.parametrize("kind", ["look_up", "from_scratch", "surrogate"])
def test_a_single_architecture_and_no_architectures(
    estimators: dict[str, Estimator], kind: str, cells: dict[str, ArchitectureGraph]
) -> None:
    single: Any = cells["first"]
    refuse(lambda: list(estimators[kind].measure(single)), "into a list")
    assert list(estimators[kind].measure([])) == []


@pytest.mark.parametrize("kind", ["look_up", "surrogate"])
def test_a_batch_is_measured_as_a_list_is(
    estimators: dict[str, Estimator], kind: str, cells: dict[str, ArchitectureGraph]
) -> None:
    graphs = [cells["first"], cells["second"]]
    batch: Any = GraphBatch.from_graphs(graphs)
    of_list, of_batch = (list(estimators[kind].measure(given)) for given in (graphs, batch))
    assert [one.validation for one in of_list] == [one.validation for one in of_batch]


def test_an_architecture_of_another_space_is_no_measurement(
    estimators: dict[str, Estimator],
) -> None:
    """A failure is a measurement, and the others are measured all the same."""
    (foreign,) = get_space("NB201").sample(1, np.random.default_rng(0))
    (own,) = get_space("DIGITS101").sample(1, np.random.default_rng(0))
    for kind in ("look_up", "surrogate"):
        found = {one.architecture: one for one in estimators[kind].measure([foreign, own])}
        assert found[foreign].status in ("failed", "unknown")
        assert found[own].ok


PARTS: dict[str, dict[str, Any]] = {
    "name of a space": {"space": "DIGITS101"},
    "name of a task": {"task": "digits"},
    "name of a design": {"design": "NB101"},
    "dictionary for a recipe": {"recipe": {"epochs": 1}},
    "negative seed": {"seed": -1},
    "half a seed": {"seed": 0.5},
}


@pytest.mark.parametrize("wrong", PARTS.values(), ids=[*PARTS])
def test_a_training_is_made_of_its_parts(wrong: dict[str, Any]) -> None:
    parts: dict[str, Any] = {
        "space": get_space("DIGITS101"),
        "task": ImageClassification("digits"),
        "design": NB101Design(),
        "recipe": ImageRecipe.load("digits101"),
    }
    refuse(lambda: FromScratch(**{**parts, **wrong}))


@pytest.mark.parametrize("wrong", ["DIGITS101", None, {}], ids=str)
def test_a_look_up_needs_a_benchmark(wrong: Any) -> None:
    refuse(lambda: LookUp(wrong), "expected a Benchmark")


@pytest.mark.parametrize("trial", [3, -1, 0.5, "0"], ids=str)
def test_a_look_up_of_a_trial_that_there_is_not(trial: Any) -> None:
    refuse(lambda: LookUp(get_benchmark("DIGITS101"), trial), "trial")


@pytest.mark.parametrize("wrong", ["gp", None, 3], ids=str)
def test_a_surrogate_needs_a_predictor(space: SearchSpace, wrong: Any) -> None:
    refuse(lambda: PredictorEstimator(space, wrong), "expected one that was fitted")


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", None], ids=str)
def test_workers_are_counted_in_whole_numbers(count: Any) -> None:
    refuse(lambda: Processes(count), "worker processes")


def test_measurements_are_measurements(cells: dict[str, ArchitectureGraph]) -> None:
    good = Measurement(cells["first"], "ab", "ok", validation=0.5)
    assert as_measurements(iter([good])) == [good]
    text: Any = "0.5"
    bad = Measurement(cells["first"], "ab", "ok", validation=text)
    refused: list[Any] = [good, "ab", {"ab": 1}, None, ["ab"], [{}], [None], [bad]]
    for wrong in refused:
        refuse(partial(as_measurements, wrong))


def test_a_store_is_a_file_of_figures_by_hashes(tmp_path: Path) -> None:
    paths: list[Any] = [3, None, "", {}]
    for path in paths:
        refuse(partial(Store, path), "expected a file's name")
    store = Store(tmp_path / "store.sqlite")
    kept: list[Any] = [(3, {}), (None, {}), ("ab", "cd"), ("ab", None), ("ab", 0.5)]
    for name, figures in kept:
        refuse(partial(store.put, {"seed": 0}, name, figures))
    assert store.get_all({"seed": 0}) == {}
