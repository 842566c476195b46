"""What the tests of engines let workers do; spawned processes import this file by its name."""

from __future__ import annotations

import os
import signal
import time
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiment.errors import DataWarning


def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def work(item: tuple[str, Path]) -> tuple[str, int]:
    """Do what the item says, and leave a line in its file that it was started."""
    kind, diary = item
    with diary.open("a", encoding="utf-8") as file:
        file.write(f"{kind}\n")
    started = diary.read_text(encoding="utf-8").splitlines().count(kind)
    if kind == "dies" or (kind == "dies once" and started == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raises":
        raise KeyError("a defect")
    return kind, started


def warn(text: str) -> list[str]:
    """Warn of data, and of something else; what a user would see."""
    with warnings.catch_warnings(record=True) as said:
        warnings.warn(f"{text} of data", DataWarning, stacklevel=1)
        warnings.warn(text, stacklevel=1)
    return [str(each.message) for each in said]


def hang(folder: Path) -> None:
    """Write one's process id, and never end."""
    (folder / str(os.getpid())).touch()
    time.sleep(1000)


class Loaded:
    """A function that notes in a file that it was unpickled, as if it had loaded data."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        with self.diary.open("a", encoding="utf-8") as file:
            file.write("loaded\n")

    def __call__(self, item: int) -> int:
        return item + 1


class Score:
    """A value of an architecture's notation, with a line in a diary for every call.

    While there is a file with a node's id and a number of calls, that node works for ever on what
    it is given after so many, and the others wait until it was given something.
    """

    def __init__(self, diary: Path, doomed: Path) -> None:
        self.diary = diary
        self.doomed = doomed

    def __call__(self, architecture: str) -> float:
        with self.diary.open("a", encoding="utf-8") as file:
            file.write(f"{architecture}\n")
        while self.doomed.exists() and not self._is_spared():
            time.sleep(0.05)
        return zlib.crc32(architecture.encode()) / 2**32

    def _is_spared(self) -> bool:
        import ray

        node, calls = self.doomed.read_text(encoding="utf-8").split()
        if len(self.diary.read_text(encoding="utf-8").split()) <= int(calls):
            return True
        if ray.get_runtime_context().get_node_id() == node:
            self.doomed.rename(self.doomed.with_suffix(".hangs"))
            time.sleep(1000)
        return False


class Deadly:
    """An estimator whose process is killed when it measures a certain architecture."""

    def __init__(self, estimator: Any, deadly: Any) -> None:
        self.estimator = estimator
        self.space = estimator.space
        self.deadly = deadly

    def measure(self, architectures: Sequence[Any]) -> Iterator[Any]:
        if self.deadly in architectures:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.estimator.measure(architectures)


class Faulty:
    """An estimator with a defect."""

    def __init__(self, estimator: Any) -> None:
        self.space = estimator.space

    def measure(self, architectures: Sequence[Any]) -> Iterator[Any]:
        raise ZeroDivisionError
