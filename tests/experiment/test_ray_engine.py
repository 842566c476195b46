"""Work on a Ray cluster of this machine: the same as elsewhere, whatever dies."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from experiment import ray_engine
from experiment.engine import Engine, InThisProcess, WorkerDiedError, WorkQueue
from experiment.errors import InputError
from experiment.paths import data_root
from experiment.ray_cluster import import_ray
from experiment.ray_engine import RayEngine
from searchers import SearchResult, search

try:
    ray = import_ray()
except InputError as error:
    pytest.skip(str(error), allow_module_level=True)

Wait = Callable[..., None]
Alive = Callable[[int], bool]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with one CPU each."""
    from ray.cluster_utils import Cluster

    arguments = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=arguments)
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def engine(cluster: Any, engine_work: ModuleType) -> Iterator[RayEngine]:
    """One for all tests, which soon sees new nodes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_engine, "NODES_SECONDS", 0.5)
        with RayEngine(cluster.address) as engine:
            yield engine


def results(engine: Engine, function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """Position and result of every item, as they end."""
    queue: WorkQueue[int, Any, Any] = WorkQueue(engine, function)
    for position, item in enumerate(items):
        queue.submit(position, item)
    return [queue.next_result() for _ in range(len(queue))]


def test_a_function_of_a_notebook_travels_with_its_code(engine: RayEngine) -> None:
    """And Ray works in the loop that a notebook runs in."""
    offset = 10

    async def cell() -> list[Any]:
        return sorted(results(engine, lambda item: (item + offset, os.getpid()), [1, 2, 3]))

    found = asyncio.run(cell())
    assert [result for _, (result, _) in found] == [11, 12, 13]
    assert os.getpid() not in {pid for _, (_, pid) in found}


def test_a_worker_loads_a_function_once(
    engine: RayEngine, engine_work: ModuleType, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    found = results(engine, engine_work.Loaded(diary), list(range(8)))
    assert sorted(found) == [(item, item + 1) for item in range(8)]
    assert len(diary.read_text().split()) <= 2


def test_a_death_costs_the_dying_item_only(
    engine: RayEngine, engine_work: ModuleType, tmp_path: Path
) -> None:
    """One item kills its worker once, another always; the other items are worked on once each."""
    kinds = ["a", "dies", "b", "c", "dies once"]
    items = [(kind, tmp_path / f"diary{place}") for place, kind in enumerate(kinds)]
    found = dict(results(engine, engine_work.work, items))
    assert isinstance(found.pop(1), WorkerDiedError)
    assert found == {0: ("a", 1), 2: ("b", 1), 3: ("c", 1), 4: ("dies once", 2)}
    for kind, diary in items:
        assert diary.read_text().splitlines() == [kind] * (2 if kind.startswith("dies") else 1)


def test_an_exception_comes_through(
    engine: RayEngine, engine_work: ModuleType, tmp_path: Path
) -> None:
    """With where it was raised; the worker works on."""
    with pytest.raises(KeyError, match="a defect") as caught:
        results(engine, engine_work.work, [("raises", tmp_path / "diary")])
    (note,) = caught.value.__notes__
    assert note.startswith("on the node ")
    assert 'raise KeyError("a defect")' in note
    assert results(engine, abs, [-1]) == [(0, 1)]


def test_a_node_without_the_data_is_named(engine: RayEngine) -> None:
    with pytest.raises(InputError, match=r"^on the node .* names '/no/such', which is no folder"):
        engine.submit(data_root, "/no/such").result()


BATCH = 6


def account(found: SearchResult) -> tuple[list[set[tuple[str, float | None]]], list[float]]:
    """Every batch, whose measurements end in any order, and the incumbent's value after it."""
    pairs = [(each.notation, each.value) for each in found.history]
    batches = [set(pairs[at : at + BATCH]) for at in range(0, len(pairs), BATCH)]
    values = [each.value for each in found.history if each.value is not None]
    assert found.best is not None
    assert found.best.value == max(values)
    return batches, [max(values[: at + BATCH]) for at in range(0, len(values), BATCH)]


def test_a_node_that_dies_in_mid_search_changes_nothing(
    cluster: Any, engine: RayEngine, engine_work: ModuleType, tmp_path: Path, wait_until: Wait
) -> None:
    """A third node joins, receives work and is killed while it works."""
    node = cluster.add_node(num_cpus=1)
    hangs = tmp_path / "doomed.hangs"

    def run(where: Engine, folder: Path) -> SearchResult:
        folder.mkdir()
        score = engine_work.Score(folder / "diary", tmp_path / "doomed")
        return search("NB201", score, 40, "evolution", form="official", batch=BATCH, engine=where)

    def kill() -> None:
        wait_until(hangs.exists)
        cluster.remove_node(node, allow_graceful=False)

    expected = run(InThisProcess(), tmp_path / "expected")
    (tmp_path / "doomed").write_text(node.node_id)
    killer = threading.Thread(target=kill)
    killer.start()
    found = run(engine, tmp_path / "found")
    killer.join()
    assert account(found) == account(expected)
    calls = (tmp_path / "found" / "diary").read_text().split()
    once = (tmp_path / "expected" / "diary").read_text().split()
    assert len(calls) == len(once) + 1  # what was under way on that node
    assert set(calls) == set(once)
