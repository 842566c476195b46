"""Progress on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
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


@overload
def progress(
    iterable_or_total: int | None, description: str, unit: str = ..., *, shown: bool = ...
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
) -> ProgressBar[Any]:
    """A bar with rate, time left and figures of one's own, on standard error.

    Two ways to use it::

        for graph in progress(graphs, "encoding", "graphs"):
            ...

        with progress(total, "training", "graphs") as bar:
            for batch in batches:
                bar.advance(len(batch), loss=loss)

    Nothing is shown where standard error is no terminal: what belongs into a log is for the
    caller to print.

    Args:
        iterable_or_total: what to go through, or how many units there will be (``None``: nobody
            knows).
        description: what is being done.
        unit: what is counted, for the rate.
        shown: false for work that is part of something with a bar of its own.
    """
    if iterable_or_total is None or isinstance(iterable_or_total, int):
        return ProgressBar((), iterable_or_total, description, unit, shown)
    total = len(iterable_or_total) if isinstance(iterable_or_total, Sized) else None
    return ProgressBar(iterable_or_total, total, description, unit, shown)


class ProgressBar(Generic[Item]):
    """What :func:`progress` gives; it shows from ``with`` or the first item on."""

    def __init__(
        self, items: Iterable[Item], total: int | None, description: str, unit: str, shown: bool
    ) -> None:
        self._items = items
        console = Console(stderr=True)
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
        self._task = self._bar.add_task(description, total=total, figures="")

    def __enter__(self) -> ProgressBar[Item]:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
            shown = " ".join(f"{name} {_short(value)}" for name, value in figures.items())
            self._bar.update(self._task, figures=shown)


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
