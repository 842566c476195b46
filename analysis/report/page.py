"""One HTML page out of sections: no network, everything inside, opens from disk.

Text, tables and captions are HTML; charts and drawings are JSON, which ``page.js`` draws. The
page's own security policy forbids all that does not come from the page itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import singledispatchmethod
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from analysis.report.blocks import (
    Axis,
    Block,
    Cell,
    Chart,
    Facts,
    Gallery,
    Paragraph,
    Pictures,
    Section,
    Series,
    Table,
    View,
)
from analysis.report.drawings import Drawings
from experiment.files import plain

FOLDER = Path(__file__).resolve().parent
MIME = {".png": "image/png", ".svg": "image/svg+xml"}
DIGITS = 7
"""Significant digits of the numbers in charts."""


def render(title: str, subtitle: str, sections: Sequence[Section], drawings: Drawings) -> str:
    """The page."""
    body = _Body(drawings)
    parts = [body.section(section) for section in sections]
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    # What is hashed is all that the browser finds between the tags.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = Template((FOLDER / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(title),
        subtitle=escape(subtitle),
        script_hash=digest,
        style=(FOLDER / "page.css").read_text(encoding="utf-8"),
        script=script,
        navigation="".join(map(_link, sections)),
        headlines="".join(map(_headlines, sections)),
        sections="\n".join(parts),
        data=embedded({**drawings.data(), "charts": body.charts, "files": body.files}),
    )


def embedded(content: Any) -> str:
    """JSON that is safe inside a ``<script>`` element with any strings in it."""
    text = json.dumps(plain(content), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _link(section: Section) -> str:
    return (
        f'<li><a href="#{escape(section.anchor)}"><small>{escape(section.kicker)}</small>'
        f"{escape(section.title)}</a></li>"
    )


def _headlines(section: Section) -> str:
    return "".join(
        f'<a class="headline" href="#{escape(section.anchor)}"><strong>{escape(each.number)}'
        f"</strong><span>{escape(each.meaning)}</span></a>"
        for each in section.headlines
    )


class _Body:
    """The sections as HTML; what is drawn by the page's script gathers in the attributes.

    Attributes:
        charts: data of the charts, in the order of the page.
        files: the CSV files of galleries, as columns and rows.
    """

    def __init__(self, drawings: Drawings) -> None:
        self.drawings = drawings
        self.charts: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []

    def section(self, section: Section) -> str:
        blocks = "\n".join(self.block(block) for block in section.blocks)
        return (
            f'<section id="{escape(section.anchor)}"><p class="kicker">{escape(section.kicker)}</p>'
            f"<h2>{escape(section.title)}</h2>\n{blocks}\n</section>"
        )

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """A block of a section."""
        raise TypeError(f"{type(block).__name__} is no block of a report")

    @block.register
    def _(self, block: Paragraph) -> str:
        return f'<p class="{block.kind}">{escape(block.text)}</p>'

    @block.register
    def _(self, block: Facts) -> str:
        rows = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
            for name, value in block.entries.items()
        )
        return f'<dl class="facts">{rows}</dl>'

    @block.register
    def _(self, block: Table) -> str:
        numeric = [all(_is_number(row[k]) for row in block.rows) for k in range(len(block.columns))]
        head = "".join(
            f'<th scope="col"{_NUMBER if is_number else ""}>{escape(column)}</th>'
            for column, is_number in zip(block.columns, numeric, strict=True)
        )
        rows = "".join(
            "<tr>" + "".join(_cell(cell, first=not k) for k, cell in enumerate(row)) + "</tr>"
            for row in block.rows
        )
        return (
            f'<figure class="table"><figcaption>{_title(block.title)}{_csv("table")}'
            f'<p class="protocol">{escape(block.protocol)}</p></figcaption>'
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(block.title)}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></figure>"
        )

    @block.register
    def _(self, block: Chart) -> str:
        number = len(self.charts)
        self.charts.append(_chart(block))
        return (
            f'<figure class="chart" data-chart="{number}"><figcaption>{_title(block.title)}'
            f'{_csv("chart")}<p class="protocol">{escape(block.protocol)}</p></figcaption>'
            '<div class="plot"></div></figure>'
        )

    @block.register
    def _(self, block: Gallery) -> str:
        records = [tile.record for tile in block.tiles]
        columns = list(dict.fromkeys(key for record in records for key in record))
        rows = [[_flat(record.get(column)) for column in columns] for record in records]
        self.files.append({"title": block.title, "columns": columns, "rows": rows})
        tiles = "".join(
            f'<li class="tile"><h4>{escape(tile.heading)}</h4>'
            + (
                '<div class="drawing none">no architecture</div>'
                if tile.drawing is None
                else f'<div class="drawing" data-drawing="{tile.drawing}"></div>'
            )
            + "".join(f"<p>{escape(line)}</p>" for line in tile.lines)
            + "</li>"
            for tile in block.tiles
        )
        key = "".join(
            f'<li><i style="background:{each["colour"]}"></i>{escape(each["label"])}</li>'
            for each in self.drawings.operations(block.space)
        )
        kind = "along" if block.along else "side"
        return (
            f'<figure class="gallery" data-file="{len(self.files) - 1}"><figcaption>'
            f'{_title(block.title)}{_csv("file")}<p class="protocol">{escape(block.protocol)}</p>'
            f'<ul class="operations" aria-label="operations">{key}</ul></figcaption>'
            f'<ul class="tiles {kind}" tabindex="0">{tiles}</ul></figure>'
        )

    @block.register
    def _(self, block: Pictures) -> str:
        images = "".join(
            f'<figure><img loading="lazy" alt="{escape(file.stem.replace("_", " "))}" '
            f'src="{_embedded_file(file)}"><figcaption>{escape(file.name)}</figcaption></figure>'
            for file in block.files
        )
        return (
            f'<details class="pictures"><summary>{escape(block.title)} '
            f"({len(block.files)})</summary>{images}</details>"
        )


def _title(title: str) -> str:
    return f"<h3>{escape(title)}</h3>"


def _csv(kind: str) -> str:
    return f'<button type="button" class="csv" data-csv="{kind}">CSV</button>'


_NUMBER = ' class="number"'


def _is_number(cell: Cell) -> bool:
    """Whether a cell stands to the right of its column, as one without a value does."""
    return not isinstance(cell.value, str)


def _cell(cell: Cell, first: bool) -> str:
    value = "" if cell.value is None else f' data-value="{escape(str(cell.value))}"'
    kind = _NUMBER if _is_number(cell) else ""
    tag = 'th scope="row"' if first else "td"
    return f"<{tag}{kind}{value}>{escape(cell.shown)}</{tag[:2]}>"


def _flat(value: Any) -> Any:
    """A value as one cell of a CSV file."""
    return json.dumps(plain(value)) if isinstance(value, list | dict) else value


def _embedded_file(path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    return f"data:{MIME[path.suffix]};base64,{content}"


def _chart(chart: Chart) -> dict[str, Any]:
    colour = chart.colour
    return {
        "title": chart.title,
        "base": [_series(series) for series in chart.base],
        "views": [_view(view) for view in chart.views],
        "colour": colour and {**vars(colour)},
    }


def _view(view: View) -> dict[str, Any]:
    return {
        "name": view.name,
        "x": _axis(view.x),
        "y": _axis(view.y),
        "series": [_series(series) for series in view.series],
        "rules": [{"y": height, "label": label} for height, label in view.rules.items()],
        "diagonal": view.diagonal,
        "equal": view.equal,
        "window": view.window,
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {**vars(axis)}


def _series(series: Series) -> dict[str, Any]:
    """A series without what it has not."""
    numbers = {name: getattr(series, name) for name in ("x", "y", "low", "high", "value")}
    found: dict[str, Any] = {"name": series.name, "kind": series.kind}
    found |= {name: _short(values) for name, values in numbers.items() if values is not None}
    if series.drawings is not None:
        found["drawings"] = list(series.drawings)
    if series.notes is not None:
        found["notes"] = list(series.notes)
    if series.columns:
        found["columns"] = {name: list(column) for name, column in series.columns.items()}
    if series.emphasised:
        found["emphasised"] = True
    return found


def _short(values: np.ndarray) -> list[float | None]:
    """Numbers with :data:`DIGITS` significant digits; ``None`` where there is none."""
    return [
        float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
        for value in np.asarray(values, dtype=np.float64).tolist()
    ]
