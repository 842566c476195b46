"""Training from scratch: the store, failures, lack of memory, architectures beyond a space."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.registry import get_space
from datasets.space import SearchSpace
from datasets.spaces.digits101 import Digits101, larger_cells
from datasets.spaces.enas import ENAS
from datasets.testing import relabelled
from estimators.evaluations import sweep
from estimators.from_scratch import FromScratch, lacks_memory, representative
from estimators.networks import ENASDesign, NB101Design, NB201Design
from estimators.store import Store
from estimators.tasks.task import Dimensions
from experiment.engine import WorkerDiedError
from experiment.errors import InputError
from experiment.precision import Precision
from models.networks.costs import Costs

Cells = dict[str, ArchitectureGraph]
Make = Callable[..., FromScratch]


def test_what_is_in_the_store_is_not_trained_again(
    from_scratch: Make, cells: Cells, counting: Callable[..., Any], tmp_path: Path
) -> None:
    store, engine = Store(tmp_path / "store.sqlite"), counting()
    estimator = from_scratch(store=store)
    (first,) = sweep(estimator, [cells["first"]], engine)
    both = list(sweep(estimator, [cells["second"], cells["same"]], engine))
    assert [one.architecture for one in both] == [
        cells["same"],
        cells["second"],
    ]  # known ones first
    assert dataclasses.replace(both[0], architecture=cells["first"]) == first
    assert len(engine.items) == 2
    assert set(store.get_all(estimator.settings)) == {one.hash for one in both}
    again = list(sweep(from_scratch().with_store(store), [cells["second"]], engine))
    assert again == [both[1]]
    assert len(engine.items) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"recipe": {"epochs": 1}},
        {"recipe": {"flip": True}},
        {"design": {"stem_channels": 5}},
        {"design": {"batch_norm_momentum": 0.2}},
    ],
)
def test_one_changed_setting_is_measured_anew(
    from_scratch: Make, cells: Cells, tmp_path: Path, changed: dict[str, Any]
) -> None:
    store = Store(tmp_path / "store.sqlite")
    estimator = from_scratch(store=store)
    hash = estimator.space.hash(cells["third"])
    store.put(estimator.settings, hash, {"status": "ok", "validation": 0.125})
    assert next(estimator.measure([cells["third"]])).validation == 0.125
    for part in ("recipe", "design"):
        if part in changed:
            own = getattr(estimator.work, part)
            changed = {part: dataclasses.replace(own, **changed[part])}
    other = from_scratch(store=store, **changed)
    assert next(other.measure([cells["third"]])).validation != 0.125
    assert store.get(other.settings, hash) is not None


def test_settings_say_what_decides_the_numbers(from_scratch: Make) -> None:
    settings = from_scratch(seed=3).settings
    assert settings["space"] == "DIGITS101"
    assert settings["images"] == "digits"
    assert len(settings["images_sha256"]) == 64
    assert settings["network"]["stem_channels"] == 4
    assert settings["recipe"]["precision"] == "float32"
    assert (settings["seed"], settings["device"]) == (3, "cpu")


def test_pytorchs_random_generator_is_left_alone(from_scratch: Make, cells: Cells) -> None:
    """Who searches draws with it, too: it must not begin anew with every measurement."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert next(from_scratch().measure([cells["third"]])).ok
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_divergence_is_a_failure_that_is_kept(
    from_scratch: Make,
    cells: Cells,
    counting: Callable[..., Any],
    tmp_path: Path,
    precision: Precision,
) -> None:
    own = from_scratch().work.recipe
    recipe = dataclasses.replace(
        own, learning_rate=1e30, optimiser="sgd", schedule="constant", precision=precision
    )
    store, engine = Store(tmp_path / "store.sqlite"), counting()
    for _ in range(2):
        (found,) = sweep(from_scratch(recipe, store=store), [cells["third"]], engine)
        assert found.status == "failed"
        assert found.reason.startswith("the loss is ")
        assert "try a lower learning rate" in found.reason
        assert found.validation is found.test is found.cost_seconds is None
    assert len(engine.items) == 1


def test_too_few_channels_are_a_failure(from_scratch: Make, cells: Cells) -> None:
    """One architecture of two; the other is trained."""
    design = NB101Design(stem_channels=1, stacks=1, cells=1)
    found = list(from_scratch(design=design).measure([cells["first"], cells["third"]]))
    assert [one.status for one in found] == ["failed", "ok"]
    assert "channels" in found[0].reason
    assert "\n" not in found[0].reason


@dataclass(frozen=True)
class Broken:
    """A design whose networks cannot be built."""

    error: Exception

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        raise self.error

    def costs(self, batch: GraphBatch, data: Dimensions) -> Costs:
        return Costs(torch.ones(1, dtype=torch.long), torch.ones(1, dtype=torch.long))


NO_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("std::bad_alloc"),
]


@pytest.mark.parametrize(
    "error", NO_MEMORY, ids=lambda error: f"{type(error).__name__} {error}"[:40]
)
def test_a_lack_of_memory_is_a_failure_that_may_pass(
    from_scratch: Make, cells: Cells, tmp_path: Path, error: Exception
) -> None:
    store = Store(tmp_path / "store.sqlite")
    estimator = from_scratch(design=Broken(error), store=store)
    (found,) = estimator.measure([cells["third"]])
    assert found.status == "failed"
    assert found.reason.startswith("the memory is too short for its training: ")
    assert store.get_all(estimator.settings) == {}


def test_a_real_lack_of_memory_is_known_as_such() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert lacks_memory(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no"), KeyError("k")])
def test_a_defect_is_no_measurement(from_scratch: Make, cells: Cells, error: Exception) -> None:
    with pytest.raises(type(error)):
        list(from_scratch(design=Broken(error)).measure([cells["third"]]))


class Deadly:
    """An engine whose workers die of everything."""

    def submit(self, function: object, item: object, /) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(WorkerDiedError())
        return future


def test_a_dead_worker_is_a_failure_that_may_pass(
    from_scratch: Make, cells: Cells, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store.sqlite")
    estimator = from_scratch(store=store)
    found = list(sweep(estimator, [cells["third"], cells["second"]], Deadly()))
    assert [(one.status, one.reason) for one in found] == [("failed", str(WorkerDiedError()))] * 2
    assert store.get_all(estimator.settings) == {}
    assert next(from_scratch(store=store).measure([cells["third"]])).ok


def test_work_ends_with_the_iterator_and_with_the_store(
    from_scratch: Make,
    cells: Cells,
    counting: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was measured until then is kept; what was only submitted is not begun."""
    store, engine = Store(tmp_path / "store.sqlite"), counting()
    estimator = from_scratch(store=store)
    measuring = sweep(estimator, [cells["third"], cells["second"]], engine)
    next(measuring)
    measuring.close()  # type: ignore[attr-defined]
    first, second = engine.futures
    assert first.done()
    assert second.cancelled()
    assert len(store.get_all(estimator.settings)) == 1

    def full(*_: object) -> None:
        raise InputError("no room")

    monkeypatch.setattr(Store, "put", full)
    with pytest.raises(InputError, match="no room"):
        list(sweep(estimator, [cells["first"], cells["second"]], engine))
    assert [future.cancelled() for future in engine.futures[2:]] == [False, True]


def test_order_of_the_nodes_does_not_matter_beyond_the_space(
    from_scratch: Make, space: SearchSpace
) -> None:
    """An 8-node cell in six orders, with a dangling node besides, is one training."""
    cell = larger_cells()[-1]
    generator = np.random.default_rng(0)
    orders = [relabelled(cell, generator) for _ in range(6)]
    assert len(set(orders)) > 1
    dangling = ArchitectureGraph((*cell.types[:-1], 2, 0), tuple(
        (i, j + (j == cell.num_nodes - 1)) for i, j in cell.edges
    ))  # fmt: skip
    assert len({representative(each, space) for each in [cell, *orders, dangling]}) == 1
    design = NB101Design(stem_channels=8, stacks=1, cells=1)
    found = list(from_scratch(design=design).measure([cell, *orders]))
    assert {one.status for one in found} == {"ok"}
    assert len({(one.hash, one.validation, one.test) for one in found}) == 1


@pytest.mark.parametrize(
    ("name", "text", "design"),
    [
        (
            "NB201",
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|none~2|",
            NB201Design(channels=2, cells=1),
        ),
        ("ENAS", "0 3 1 5 0 0 2 1 1 0 4 0 1 0 1 1 0 0 0 0 1", ENASDesign(filters=2)),
    ],
)
def test_other_spaces(from_scratch: Make, name: str, text: str, design: Any) -> None:
    other = get_space(name)
    estimator = from_scratch(design=design, space=other)
    (found,) = estimator.measure([other.parse(text)])
    assert found.ok
    assert found.hash == other.hash(other.parse(text))
    data = estimator.work.task.prepare(estimator.work.recipe, "cpu").dimensions
    costs = design.costs(GraphBatch.from_graphs([other.parse(text)]), data)
    assert (found.parameters, found.flops) == (int(costs.parameters), int(costs.flops))


class Unregistered(Digits101):
    """A space that no table of names knows, and that other processes cannot import."""

    name = "Unregistered"


@pytest.mark.parametrize(
    ("own", "design"),
    [
        (ENAS(4), ENASDesign(filters=16)),
        (Unregistered(), NB101Design(stem_channels=4, stacks=2, cells=1)),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_space_that_is_not_registered_is_trained(
    from_scratch: Make, own: SearchSpace, design: Any
) -> None:
    (asked,) = own.sample(1, np.random.default_rng(0))
    estimator = from_scratch(design=design, space=own)
    (found,) = estimator.measure([asked])
    assert (found.status, found.hash) == ("ok", own.hash(asked))
    assert estimator.settings["space"] == own.name
    assert own.name.encode() not in pickle.dumps(estimator.work)  # workers need no space


class CountingStore(Store):
    """A store that counts the figures that are read out of it."""

    read = 0

    def get_some(self, settings: Any, names: Any) -> dict[str, dict[str, Any]]:
        found = super().get_some(settings, names)
        self.read += len(found)
        return found

    def get_all(self, settings: Any) -> dict[str, dict[str, Any]]:
        raise AssertionError("the whole store was read")


def test_no_more_is_read_of_a_store_than_was_asked_for(
    from_scratch: Make, cells: Cells, tmp_path: Path
) -> None:
    store = CountingStore(tmp_path / "store.sqlite")
    estimator = from_scratch(store=store)
    hash = estimator.space.hash(cells["third"])
    for other in (hash, *(f"{k:032x}" for k in range(50))):
        store.put(estimator.settings, other, {"status": "ok", "validation": 0.5})
    for _ in range(3):
        assert next(estimator.measure([cells["third"]])).validation == 0.5
    assert store.read == 3
