"""What a declared search leaves beside the search: its learning curves, and its best in full."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.problem_figures import PREDICTIONS, WORKERS
from analysis.report.blocks import (
    Axis,
    Block,
    Cell,
    Chart,
    Pictures,
    Series,
    Table,
    View,
    number,
    text,
)
from analysis.report.found import BEST
from analysis.report.runs import Run
from datasets.objective import Objective
from experiment.files import read_json
from experiment.run import RunFolder

TOP = "top_k"
"""Folder of the full trainings, and name of their table."""
EPOCHS = Axis("epoch", whole=True)
COUNTS = ("epoch", "step", "seconds", "molecules_per_second")
"""Figures of a log that count or clock, and are no curve."""


def declared_blocks(run: Run) -> list[Block]:
    """Learning curves, the best in full, their predictions, and the workers, where there are some.

    Args:
        run: a search; of one that was not declared there is nothing.
    """
    blocks: list[Block] = []
    if (curves := _curves_of_search(run)) is not None:
        blocks.append(curves)
    kept = run.path / f"{TOP}.json"
    if kept.is_file():
        found = read_json(kept)
        objective, rows = Objective.read(found), found["rows"]
        blocks.append(_table(rows, objective, Objective.read(run.config)))
        charts = (_curves_in_full(run, rows), _predictions(run, rows, objective))
        blocks += [chart for chart in charts if chart is not None]
    at_work = run.path / "figures" / WORKERS
    if at_work.is_file():
        blocks.append(Pictures(f"Workers at work: {run.name}", [at_work]))
    return blocks


def _curves_of_search(run: Run) -> Chart | None:
    """The figures of the best trainings of the search after each epoch, a view a figure."""
    sign = Objective.read(run.config).sign
    measured = [each for each in run.metrics if each.get("validation") is not None]
    best = sorted(measured, key=lambda each: -sign * each["validation"])[:BEST]
    curves: dict[str, list[Series]] = {}
    for rank, each in enumerate(best, 1):
        file = run.path / "save" / "history" / f"{each['hash']}.json"
        history = read_json(file) if file.is_file() else {}
        for figure, values in history.items():
            if figure not in COUNTS:
                name = f"{rank}. {each['hash'][:12]}"
                curves.setdefault(figure, []).append(_line(name, values))
    if not curves:
        return None
    return Chart(
        "Learning curves of the search",
        f"The {len(best)} best trainings of {run.name} by the objective, each with the seed of the "
        "search: val_ is of the validation part; loss is that of the training.",
        [View(name, EPOCHS, Axis(name), series) for name, series in _last_first(curves)],
    )


def _curves_in_full(run: Run, rows: Sequence[dict[str, Any]]) -> Chart | None:
    """The logs of the full trainings, a view a figure."""
    curves: dict[str, list[Series]] = {}
    for row in rows:
        for folder in _folders(run, row["rank"]):
            lines = RunFolder(folder).read_metrics() if (folder / "metrics.jsonl").is_file() else []
            for figure in dict.fromkeys(name for line in lines for name in line):
                if figure not in COUNTS:
                    values = [line.get(figure) for line in lines]
                    curves.setdefault(figure, []).append(_line(_name(row, folder), values))
    if not curves:
        return None
    return Chart(
        "Learning curves of the best, trained fully",
        "A line a training: the rank in the search, and the number of its split and seed.",
        [View(name, EPOCHS, Axis(name), series) for name, series in _last_first(curves)],
    )


def _predictions(run: Run, rows: Sequence[dict[str, Any]], objective: Objective) -> Chart | None:
    """Predictions of the test part, a view a rank."""
    unit = f", {objective.written_unit}" if objective.written_unit else ""
    views = []
    for row in rows:
        series = [
            Series(_name(row, folder), label, predicted, "dots")
            for folder in _folders(run, row["rank"])
            if (folder / PREDICTIONS).is_file()
            for label, predicted in [_columns(folder / PREDICTIONS)]
        ]
        if series:
            x, y = Axis(f"label{unit}"), Axis(f"predicted{unit}")
            views.append(View(f"rank {row['rank']}", x, y, series, diagonal=True, equal=True))
    if not views:
        return None
    return Chart(
        "Predicted against true",
        "A dot an example of the test part, by the weights of the best validation.",
        views,
    )


def _table(rows: Sequence[dict[str, Any]], objective: Objective, searched: Objective) -> Table:
    """A row for each of the best."""
    columns = (
        *("rank", f"search: {searched.name}", f"validation {objective.name}"),
        *(f"test {objective.name}", "parameters", "architecture"),
    )
    unit = f", in {objective.written_unit}" if objective.written_unit else ""
    return Table(
        "The best, trained fully",
        f"Mean ± standard deviation over the splits and seeds of the full trainings{unit}; weights "
        "are those of the best validation, and were tested once.",
        columns,
        [
            [
                number(row["rank"]),
                number(row["search"]),
                *(_spread(row, part, objective) for part in ("validation", "test")),
                number(row["parameters"], ","),
                text(row["architecture"]),
            ]
            for row in rows
        ],
    )


def _spread(row: dict[str, Any], part: str, objective: Objective) -> Cell:
    mean, std = row[part], row[f"{part}_std"]
    if mean is None:
        return Cell("failed")
    return Cell(objective.spread(mean, float("nan") if std is None else std), mean)


def _folders(run: Run, rank: int) -> list[Path]:
    return sorted((run.path / TOP / str(rank)).glob("repeat_*"))


def _name(row: dict[str, Any], folder: Path) -> str:
    return f"{row['rank']}. {folder.name.replace('_', ' ')}"


def _line(name: str, values: Sequence[float | None]) -> Series:
    known = [float("nan") if value is None else value for value in values]
    return Series(name, np.arange(1.0, len(known) + 1), np.array(known, dtype=np.float64))


def _last_first(curves: dict[str, list[Series]]) -> list[tuple[str, list[Series]]]:
    """Figures of the validation part before those of the training."""
    return sorted(curves.items(), key=lambda each: not each[0].startswith("val"))


def _columns(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions. **Shape** (n,) each."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [(float(row["label"]), float(row["predicted"])) for row in csv.DictReader(lines)]
    values = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return values[:, 0], values[:, 1]
