"""Workers: all is done whoever dies, exceptions come through, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from estimators.workers import ThisProcess, WorkerDied, WorkerProcesses
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

Wait = Callable[..., None]
Alive = Callable[[int], bool]


def test_this_process_does_one_after_the_other(pieces: ModuleType) -> None:
    running = ThisProcess().run(pieces.pid_after, [0, 0])
    assert list(running) == [(0, os.getpid()), (1, os.getpid())]


def test_nothing_to_do_starts_no_process() -> None:
    assert list(WorkerProcesses(1000).run(abs, [])) == []


def test_no_workers_are_refused() -> None:
    with pytest.raises(InputError, match="0 worker processes were asked for"):
        WorkerProcesses(0)


def test_a_death_costs_the_dying_piece_only(pieces: ModuleType, tmp_path: Path) -> None:
    """One piece kills its worker once, another always; the other pieces are done once each."""
    kinds = ["a", "dies", "b", "c", "dies once"]
    items = [(kind, tmp_path / f"diary{place}") for place, kind in enumerate(kinds)]
    order = list(WorkerProcesses(2).run(pieces.work, items))
    found = dict(order)
    assert len(order) == len(found) == len(kinds)
    for place, kind in enumerate(kinds):
        if kind == "dies":
            assert found[place] == WorkerDied()
            assert "died" in WorkerDied().reason
        else:
            assert found[place] == (kind, 2 if kind == "dies once" else 1)
    for kind, diary in items:
        assert diary.read_text().splitlines() == [kind] * (2 if kind.startswith("dies") else 1)
    # They are tried again when nobody else needs the memory.
    assert {place for place, _ in order[-2:]} == {1, 4}


def test_an_exception_ends_the_run(
    pieces: ModuleType, tmp_path: Path, is_alive: Alive, wait_until: Wait
) -> None:
    """What it says and where it was raised come along; no worker outlives it."""
    running = WorkerProcesses(1).run(pieces.work, [("raises", tmp_path / "diary")] * 3)
    with pytest.raises(KeyError, match="a defect") as caught:
        list(running)
    assert 'raise KeyError("a defect")' in str(caught.value.__cause__)
    assert (tmp_path / "diary").read_text().split() == ["raises"]
    assert children() == set()


def children() -> set[int]:
    """Process ids of this process's workers."""
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        for pid in (thread / "children").read_text(encoding="utf-8").split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"spawn_main" in command:
                found.add(int(pid))
    return found


def test_closing_ends_all_work_at_once(
    pieces: ModuleType, tmp_path: Path, is_alive: Alive, wait_until: Wait
) -> None:
    """In mid-work: the second worker sleeps for a quarter of an hour."""
    running = WorkerProcesses(2).run(pieces.pid_after, [0, 1000, 1000])
    position, first = next(running)
    workers = children()
    assert position == 0
    assert first in workers
    assert len(workers) == 2
    running.close()
    wait_until(lambda: not any(is_alive(pid) for pid in workers))
    assert list(running) == []


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from estimators.workers import WorkerProcesses
from pieces_of_work import hang

if {guard}:
    list(WorkerProcesses(1).run(hang, [Path(sys.argv[3])]))
"""


def start(script: Path, guard: str, folder: Path) -> subprocess.Popen[str]:
    script.write_text(SCRIPT.format(guard=guard), encoding="utf-8")
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, str(script), str(REPOSITORY_ROOT), here, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_end_with_their_parent_and_no_sooner(
    tmp_path: Path, is_alive: Alive, wait_until: Wait
) -> None:
    """Ctrl-C reaches them as well, but is not for them; when the parent is killed they end."""
    folder = tmp_path / "pids"
    folder.mkdir()
    parent = start(tmp_path / "script.py", "__name__ == '__main__'", folder)
    try:
        wait_until(lambda: len(list(folder.iterdir())) == 1)
        (worker,) = (int(file.name) for file in folder.iterdir())
        os.kill(worker, signal.SIGINT)
        time.sleep(0.3)
        assert is_alive(worker)
    finally:
        parent.kill()
    _, said = parent.communicate(timeout=600)
    wait_until(lambda: not is_alive(worker))
    assert "Traceback" not in said


def test_workers_that_cannot_begin_are_a_sentence(tmp_path: Path) -> None:
    """A script without a guard would start itself again in every worker."""
    _, said = start(tmp_path / "script.py", "True", tmp_path).communicate(timeout=600)
    assert "InputError: worker processes end before they begin to work: " in said
    assert 'if __name__ == "__main__":' in said
