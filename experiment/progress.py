"""Progress: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sized
from functools import cache
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Item = TypeVar("Item")

FIRST_LINE = 5.0
"""Seconds after which work that is still going on writes its first line into a log: enough to know
its rate. Longer would leave the time left unknown for longer; shorter would log short work."""
LINES = 25.0
"""Seconds between lines after that; with the first wait a log is never silent for 30."""


@overload
def progress(
    iterable_or_total: int | None,
    description: str,
    unit: str = ...,
    *,
    shown: bool = ...,
    done: int = ...,
) -> ProgressBar[None]: ...
@overload
def progress(
    iterable_or_total: Iterable[Item], description: str, unit: str = ..., *, shown: bool = ...
) -> ProgressBar[Item]: ...
def progress(
    iterable_or_total: Iterable[Any] | int | None,
    description: str,
    unit: str = "steps",
    *,
    shown: bool = True,
    done: int = 0,
) -> ProgressBar[Any]:
    """A bar with rate, time left and figures of one's own, on standard error.

    Two ways to use it::

        for graph in progress(graphs, "encoding", "graphs"):
            ...

        with progress(total, "training", "graphs") as bar:
            for batch in batches:
                bar.advance(len(batch), loss=loss)

    Where standard error is no terminal, plain lines with the same figures are written instead:
    one after 5 seconds, then one every 25, also while a single unit takes longer than that.

    Args:
        iterable_or_total: what is iterated over, or the number of units (``None``: unknown).
        description: what is being done.
        unit: what is counted, for the rate.
        shown: false for work that is part of something with a bar of its own.
        done: units that were there before; they count as done, and in no rate.
    """
    if iterable_or_total is None or isinstance(iterable_or_total, int):
        return ProgressBar((), iterable_or_total, description, unit, shown, done)
    total = len(iterable_or_total) if isinstance(iterable_or_total, Sized) else None
    return ProgressBar(iterable_or_total, total, description, unit, shown)


class ProgressBar(Generic[Item]):
    """What :func:`progress` gives; it shows from ``with`` or the first item on."""

    def __init__(
        self,
        items: Iterable[Item],
        total: int | None,
        description: str,
        unit: str,
        shown: bool,
        done: int = 0,
    ) -> None:
        self._items = items
        console = _console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _RateColumn(unit),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            disable=not (shown and console.is_terminal),
            # A print to a redirected standard output belongs there, not above the bar.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._bar.add_task(description, total=total, completed=done, figures="")
        self._log = _LogLines(self._bar, unit, done)
        self._logged = shown and not console.is_terminal

    def __enter__(self) -> ProgressBar[Item]:
        self._bar.start()
        if self._logged:
            self._log.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._log.stop()
        self._bar.stop()

    def __iter__(self) -> Iterator[Item]:
        with self:
            for item in self._items:
                yield item
                self.advance()

    def advance(self, amount: int = 1, **figures: float | str) -> None:
        """Count ``amount`` more units and show ``figures`` (``loss=0.31``) behind the bar."""
        self._bar.advance(self._task, amount)
        if figures:
            shown = " ".join(
                f"{name.replace('_', ' ')} {_short(value)}" for name, value in figures.items()
            )
            self._bar.update(self._task, figures=shown)


@cache
def _console() -> Console:
    """That of all bars: one that starts while another is shown stands below it."""
    return Console(stderr=True)


class _LogLines:
    """A thread that writes how far a task is, until it is stopped."""

    def __init__(self, bar: Progress, unit: str, done: int) -> None:
        self._bar, self._unit, self._done = bar, unit, done
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def start(self) -> None:
        """Write from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Write no more; a line that is being written is waited for."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _write(self) -> None:
        wait = FIRST_LINE
        while not self._stopped.wait(wait):
            line = log_line(self._bar.tasks[0], self._unit, self._done)
            print(line, file=sys.stderr, flush=True)
            wait = LINES


def log_line(task: Task, unit: str, before: int = 0) -> str:
    """A task's state in one line: units done, rate, time left and figures, those that are known.

    Args:
        task: the task.
        unit: what is counted.
        before: units that were done before the task began.
    """
    if task.total is None:
        done = f"{task.completed:,.0f} {unit}" if task.completed else "running"
        parts = [f"{done} after {task.elapsed or 0:.0f} s"]
    else:
        parts = [f"{task.completed:,.0f} of {task.total:,.0f} {unit}"]
    if (made := task.completed - before) and task.elapsed:
        rate = made / task.elapsed
        parts.append(f"{rate:,.3g} {unit}/s")
        if task.total is not None:
            parts.append(f"{duration((task.total - task.completed) / rate)} left")
    elif task.total is not None:
        parts.append(f"{task.elapsed or 0:.0f} s so far")
    if task.fields["figures"]:
        parts.append(task.fields["figures"])
    return f"{task.description}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """A time in seconds or minutes, as one reads it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class _RateColumn(ProgressColumn):
    """Units a second, over the last while."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.4g} {self._unit}/s" if speed else f"– {self._unit}/s")
