"""What a report is made of: sections of paragraphs, tables, charts, and drawn architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from datasets.objective import SHARE, Objective


@dataclass(frozen=True)
class Paragraph:
    """A few sentences; ``kind`` is ``warning`` for what is missing or doubtful."""

    text: str
    kind: Literal["plain", "warning"] = "plain"


@dataclass(frozen=True)
class Facts:
    """Names and values, such as the settings of a run."""

    entries: Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what is shown, and the plain value for the CSV file."""

    shown: str
    value: str | float | int | None = None


@dataclass(frozen=True)
class Table:
    """Rows under columns, with the protocol that the numbers follow."""

    title: str
    protocol: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Series:
    """A line, or dots, of a chart.

    Attributes:
        name: for the legend and the CSV file.
        x: **shape** (K,).
        y: **shape** (K,); where it is NaN there is a gap.
        kind: ``line``, ``steps`` (a value holds until the next one), ``dots``, or ``path`` (a line
            through places in the plane).
        low: lower edge of a band around the line. **Shape** (K,).
        high: upper edge of it. **Shape** (K,).
        value: what colours the dots. **Shape** (K,).
        drawings: number of the architecture behind each dot, as :class:`Drawings` gave it.
        notes: words on each point, shown when the pointer is there.
        columns: further columns of the CSV file, each of K entries.
        emphasised: whether dots are large and outlined.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    kind: Literal["line", "steps", "dots", "path"] = "line"
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    value: np.ndarray | None = None
    drawings: Sequence[int | None] | None = None
    notes: Sequence[str] | None = None
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    emphasised: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        label: what is along it, with its unit.
        unit: ``share`` is shown in percent.
        floor: on a logarithmic axis, where everything at or below it is drawn, named 0. ``None``:
            the axis is linear.
        whole: whether only whole numbers have a meaning.
    """

    label: str
    unit: Literal["number", "share"] = "number"
    floor: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class View:
    """One picture of a chart.

    Attributes:
        name: on the button that chooses it.
        x: the horizontal axis.
        y: the vertical axis.
        series: what is drawn, the last on top.
        rules: height → label of horizontal lines to compare with.
        diagonal: whether to draw where x and y are equal.
        equal: whether a unit is as long on both axes.
        window: lowest and highest x and y to begin with; ``None``: all that there is.
    """

    name: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    rules: Mapping[float, str] = field(default_factory=dict)
    diagonal: bool = False
    equal: bool = False
    window: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Colour:
    """What the colour of dots means, and the values at the ends of the scale."""

    label: str
    low: float
    high: float
    unit: Literal["number", "share"] = "share"


@dataclass(frozen=True)
class Chart:
    """Views of the same thing, one shown at a time.

    Attributes:
        title: what is shown.
        protocol: how it was measured and counted, in one sentence or two.
        views: one at least.
        base: series that lie below those of every view.
        colour: of dots that have a ``value``.
    """

    title: str
    protocol: str
    views: Sequence[View]
    base: Sequence[Series] = ()
    colour: Colour | None = None


@dataclass(frozen=True)
class Tile:
    """A drawn architecture.

    Attributes:
        drawing: its number in :class:`Drawings`; ``None`` for what is no architecture.
        heading: above the drawing.
        lines: below it.
        record: a row of the CSV file.
    """

    drawing: int | None
    heading: str
    lines: Sequence[str]
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Gallery:
    """Architectures side by side.

    Attributes:
        title: what they are.
        protocol: how they were chosen and measured.
        space: whose operations they have, for the key.
        tiles: the architectures.
        along: whether they lie along a path: one row, on a rail.
    """

    title: str
    protocol: str
    space: str
    tiles: Sequence[Tile]
    along: bool = False


@dataclass(frozen=True)
class Pictures:
    """Image files that a run left, put into the page."""

    title: str
    files: Sequence[Path]


Block = Paragraph | Facts | Table | Chart | Gallery | Pictures


@dataclass(frozen=True)
class Headline:
    """A figure for the top of the page: a number, and what it is."""

    number: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """A part of the page with an anchor of its own.

    Attributes:
        anchor: its id.
        title: its heading.
        kicker: the stage, above the heading.
        blocks: its content.
        headlines: its figures for the top of the page.
    """

    anchor: str
    title: str
    kicker: str
    blocks: Sequence[Block]
    headlines: Sequence[Headline] = ()


def percent(value: float | None, digits: int = 2) -> Cell:
    """A share as a cell: in percent on the page, plain in the CSV file."""
    if value is None or np.isnan(value):
        return Cell("–")
    return Cell(f"{value:.{digits}%}".replace("%", " %"), float(value))


def quantity(objective: Objective, metric: str = "validation") -> str:
    """What a metric is called: ``test accuracy``, or the name of another objective."""
    named = replace(objective, name=objective.name if metric == "validation" else metric)
    return named.quantity


def value_axis(objective: Objective, metric: str = "validation", what: str = "") -> Axis:
    """An axis along which values lie; ``what`` says whose they are."""
    label = f"{quantity(objective, metric)}{objective.where}{what}"
    if objective.unit == SHARE:
        return Axis(label, "share")
    return Axis(f"{label}, {objective.unit}" if objective.unit else label)


def value_unit(objective: Objective) -> Literal["number", "share"]:
    """How values are written along an axis or a scale of colours."""
    return "share" if objective.unit == SHARE else "number"


def number(value: float | None, pattern: str = ",.4g") -> Cell:
    """A number as a cell."""
    if value is None or np.isnan(value):
        return Cell("–")
    return Cell(format(value, pattern), float(value))


def text(value: object) -> Cell:
    """Words as a cell."""
    return Cell(str(value), str(value))


def shown(value: Any) -> str:
    """A setting as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}" if value >= 10_000 else str(value)
    return "–" if value is None else str(value)
