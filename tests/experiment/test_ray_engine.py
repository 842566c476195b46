"""Work on a Ray cluster of this machine: the same as elsewhere, whatever dies."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pytest

from datasets import get_benchmark
from estimators.digits101 import estimator
from estimators.evaluations import sweep
from estimators.lookup import LookUp
from estimators.measurement import Estimator
from experiment import ray_cluster
from experiment.engine import Engine, InThisProcess, Processes, WorkerDiedError, WorkQueue
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT, data_root
from experiment.ray_cluster import import_ray
from experiment.ray_engine import RayEngine
from searchers import SearchResult, search

try:
    ray = import_ray()
except InputError as error:
    pytest.skip(str(error), allow_module_level=True)

PATHS = os.pathsep.join([str(REPOSITORY_ROOT), str(Path(__file__).parent)])
Wait = Callable[..., None]
Alive = Callable[[int], bool]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with one CPU each."""
    cluster = one_node()
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def engine(cluster: Any, engine_work: ModuleType) -> Iterator[RayEngine]:
    """One for all tests, which soon sees new nodes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_cluster, "NODES_SECONDS", 0.5)
        with RayEngine(cluster.address) as engine:
            yield engine


@pytest.fixture
def other_cluster() -> Iterator[Any]:
    """A cluster of one node, to be killed."""
    cluster = one_node()
    yield cluster
    cluster.shutdown()


def one_node() -> Any:
    """A cluster of one node with one CPU."""
    from ray.cluster_utils import Cluster

    arguments = {"num_cpus": 1, "include_dashboard": False}
    return Cluster(initialize_head=True, head_node_args=arguments)


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
    (tmp_path / "doomed").write_text(f"{node.node_id} 0")
    killer = threading.Thread(target=kill)
    killer.start()
    found = run(engine, tmp_path / "found")
    killer.join()
    assert account(found) == account(expected)
    calls = (tmp_path / "found" / "diary").read_text().split()
    once = (tmp_path / "expected" / "diary").read_text().split()
    assert len(calls) == len(once) + 1  # what was under way on that node
    assert set(calls) == set(once)


SEARCH = """
from datasets import get_benchmark
from estimators.digits101 import estimator
from estimators.evaluations import sweep
from estimators.lookup import LookUp
from estimators.measurement import Estimator
from experiment import ray_engine
from experiment.errors import run_command
from Bayesian_Optimization.search import main

ray_engine.PATIENCE = 2
run_command(main)
"""
OWN_MODULE = """
from pathlib import Path

from engine_work import Score

Score = Score(Path("diary").absolute(), Path("doomed").absolute())
"""


def test_a_search_resumes_elsewhere_when_the_head_dies(
    other_cluster: Any, engine_work: ModuleType, tmp_path: Path, wait_until: Wait
) -> None:
    """The command ends with one sentence; a search in this process goes on from its folder."""

    def run(diary: str, folder: str, resume: bool = False) -> SearchResult:
        score = engine_work.Score(tmp_path / diary, tmp_path / "doomed")
        return search(
            "NB201", score, 40, "evolution", form="official", batch=BATCH,
            run=tmp_path / folder, resume=resume,
        )  # fmt: skip

    expected = run("expected", "other run")
    node = other_cluster.head_node
    (tmp_path / "doomed").write_text(f"{node.node_id} 14")
    (tmp_path / "own_module.py").write_text(OWN_MODULE)
    flags = (
        "--space NB201 --objective own_module:Score --method evolution --form official "
        f"--queries 40 --batch {BATCH} --name run --log_dir . "
        f"--engine ray --address {other_cluster.address}"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", SEARCH, *flags.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PATHS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: (tmp_path / "doomed.hangs").exists() or command.poll() is not None)
    node.kill_all_processes(check_alive=False, allow_graceful=False)
    printed, said = command.communicate(timeout=600)
    assert command.returncode == 2, said
    assert re.search(
        r"^error: the Ray cluster is lost: its head at \S+ no longer .*\n\Z", said, re.M
    )
    assert "Traceback" not in said
    assert "raylet" not in printed
    before = (tmp_path / "diary").read_text().split()
    assert len(before) == 15
    found = run("diary", "run", resume=True)
    assert account(found) == account(expected)
    calls = (tmp_path / "diary").read_text().split()
    assert len(calls) == 40 + 1  # what was under way when the head died
    assert set(calls) == {each.notation for each in found.history}


def measured(by: Estimator, engine: Engine) -> dict[str, Any]:
    """Hash → what two architectures have, but for the seconds."""
    chosen = by.space.sample(2, np.random.default_rng(1))
    return {
        each.hash: (each.status, each.validation, each.test, each.parameters)
        for each in sweep(by, list(chosen), engine)
    }


def test_tables_and_images_are_the_same_as_elsewhere(engine: RayEngine) -> None:
    """A table is sent to a worker once; images are found there by their name."""
    table = LookUp(get_benchmark("DIGITS101"))
    assert measured(table, engine) == measured(table, InThisProcess())
    training = estimator()
    with Processes(1) as processes:  # of one thread, as the workers are
        assert measured(training, engine) == measured(training, processes)
    other_data = replace(training.work, data="of other images")
    cell = next(iter(table.space.sample(1, np.random.default_rng(1))))
    with pytest.raises(InputError, match=r"^on the node .*: the images 'digits' are others than"):
        engine.submit(other_data, cell).result()


def test_what_does_not_fit_on_a_node_is_refused(engine: RayEngine, cluster: Any) -> None:
    wanted = (
        "a task is to have 3 CPUs and 0 GPUs, and no node of the Ray cluster has so many (they "
        "have 1 and 0)"
    )
    with pytest.raises(InputError, match=re.escape(wanted)), RayEngine(cluster.address, 1, 3):
        pass
    with pytest.raises(InputError, match="1 CPUs and 2 GPUs"), RayEngine(None, 1, 1, 2):
        pass


def test_other_versions_on_a_node_are_refused(
    engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = platform.python_version()
    monkeypatch.setattr(platform, "python_version", lambda: "3.0.1")
    with (
        pytest.raises(InputError, match=rf"^the node .* has Python {here}, this process has 3.0.1"),
        RayEngine(),
    ):
        pass


def test_a_process_has_one_cluster(engine: RayEngine) -> None:
    with pytest.raises(InputError, match="is connected to the Ray cluster at"), RayEngine("a:1"):
        pass


OWN_RAY = """
import sys
from pathlib import Path

from engine_work import hang
from experiment.ray_engine import RayEngine

with RayEngine(workers=1) as engine:
    engine.submit(hang, Path(sys.argv[1])).result()
"""


def is_agent(process: psutil.Process) -> bool:
    """Whether it is one of Ray's agents, which the scheduling of work does not need."""
    try:
        return "Agent" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_ray_ends_with_the_process_that_started_it(
    how: signal.Signals, tmp_path: Path, wait_until: Wait, is_alive: Alive
) -> None:
    """Without an address there is a Ray of its own; a worker is ended in mid-work.

    Two agents of Ray that report its state end a minute after a process that was killed: they try
    to reach the head for so long.
    """
    driver = subprocess.Popen(
        [sys.executable, "-c", OWN_RAY, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": PATHS},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: any(tmp_path.iterdir()) or driver.poll() is not None)
    family = psutil.Process(driver.pid).children(recursive=True)
    started = {process.pid for process in family if not is_agent(process)}
    (worker,) = (int(file.name) for file in tmp_path.iterdir())
    assert worker in started
    driver.send_signal(how)
    driver.communicate(timeout=600)
    wait_until(lambda: not any(is_alive(pid) for pid in started))
