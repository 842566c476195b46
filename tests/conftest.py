"""Fixtures that every room's tests share."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import psutil
import pytest
import torch

from datasets.batch import GraphBatch
from datasets.benchmarks.sources import TABLE_VARIABLE
from datasets.kept_hashes import fingerprint, kept_hashes
from datasets.space import SearchSpace
from experiment import progress
from experiment.errors import run_command
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT

SHARED = REPOSITORY_ROOT.parent / "shared"
FOLDER_VARIABLE = "NAS_TEST_TABLES"
STARTED = pytest.StashKey[float]()
READERS = (
    "datasets.architecture_files",
    "Performance_Prediction.whole_space",
    "searchers.problem",
    "Training_VAE.data",
)
"""Modules that hash whole spaces."""


def _folder(variable: str, beside: Path, what: str) -> Path:
    chosen = Path(os.environ.get(variable) or beside)
    if not chosen.is_dir():
        pytest.skip(f"{what} not here: set {variable} to the folder that holds it")
    return chosen.resolve()


DIE_AFTER_LINES = """
import itertools, os, runpy, signal, sys
from pathlib import Path

from experiment.run import RunFolder

count, *sys.argv = sys.argv[1:]
lines, log = itertools.count(1), RunFolder.log

def log_and_die(run, entry):
    log(run, entry)
    if next(lines) == int(count):
        os.kill(os.getpid(), signal.SIGKILL)

RunFolder.log = log_and_die
sys.path.insert(0, str(Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="session")
def killed_after() -> Callable[..., None]:
    """Run a script with flags until it has logged so many lines, where SIGKILL ends it."""

    def run(count: int, script: Path, *flags: str) -> None:
        command = [sys.executable, "-c", DIE_AFTER_LINES, str(count), str(script), *flags]
        done = subprocess.run(command, cwd=REPOSITORY_ROOT, timeout=600, check=False)
        assert done.returncode == -signal.SIGKILL

    return run


@pytest.fixture(scope="session")
def engine_work() -> Iterator[ModuleType]:
    """The functions of ``experiment/engine_work.py``, which spawned processes can import, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent / "experiment"))
        yield importlib.import_module("engine_work")


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Wait for something to come true; the seconds are far more than it takes."""

    def wait(condition: Callable[[], bool], seconds: float = 600) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def is_alive() -> Callable[[int], bool]:
    """Whether a process runs: zombies, whom nobody has reaped yet, do not."""

    def alive(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return alive


@pytest.fixture(scope="session")
def workers_of() -> Callable[[int], set[int]]:
    """The worker processes of a process; those that end meanwhile are none."""

    def workers(pid: int) -> set[int]:
        found = set()
        for child in psutil.Process(pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.add(child.pid)
        return found

    return workers


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command's ``main`` as its module does: exit code, standard output and error."""

    def run(
        main: Callable[[Sequence[str] | None], int], *arguments: object
    ) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run_command(lambda _: main([str(argument) for argument in arguments]))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the measured data; the test is skipped where there is none."""
    return _folder(DATA_ROOT_VARIABLE, SHARED / "data", "measured data")


@pytest.fixture(scope="session")
def fixtures_root() -> Path:
    """Folder of checkpoints with expected outputs; the test is skipped where there is none."""
    return _folder("NAS_FIXTURES_ROOT", SHARED / "fixtures", "checkpoints with expected outputs")


def pytest_configure(config: pytest.Config) -> None:
    """Name one folder for the tables that look-ups keep: a data root is only read.

    The processes that pytest-xdist starts inherit the variable, so a table is made once a run.
    """
    if FOLDER_VARIABLE not in os.environ:
        os.environ[FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="nas-tables-")
        config.add_cleanup(_remove_folder)


def _remove_folder() -> None:
    shutil.rmtree(os.environ.pop(FOLDER_VARIABLE), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _own_tables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TABLE_VARIABLE, os.environ[FOLDER_VARIABLE])
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """The models of the tests are tiny: a second thread waits more than it works.

    Processes that tests start have one thread, too.
    """
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _spaces_hashed_once() -> Iterator[None]:
    """All architectures of NB201 take more than a second, which every test of them would repeat."""
    known: dict[tuple[type, str], np.ndarray] = {}

    def hashes(space: SearchSpace, graphs: GraphBatch, data_root: Path | None) -> np.ndarray:
        key = type(space), fingerprint(graphs)
        if key not in known:
            known[key] = kept_hashes(space, graphs, data_root)
        return known[key].copy()

    with pytest.MonkeyPatch.context() as patch:
        for module in READERS:
            patch.setattr(f"{module}.kept_hashes", hashes)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_lines_by_the_clock() -> Iterator[None]:
    """What a command writes is the same on a slow machine, where a log would get lines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "FIRST_LINE", 1e6)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note the processor time at which a test starts."""
    item.stash[STARTED] = _cpu_seconds()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Report a test's processor time, which other work on the machine does not change."""
    used = _cpu_seconds() - item.stash[STARTED]
    item.user_properties.append(("cpu_seconds", round(used, 2)))


def _cpu_seconds() -> float:
    """Of this process and of the children that it has waited for."""
    return sum(os.times()[:4])
