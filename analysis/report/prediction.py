"""The parts of a report on predictors and on what was ranked beyond the measured architectures."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from analysis.report.blocks import (
    Axis,
    Block,
    Cell,
    Chart,
    Facts,
    Gallery,
    Headline,
    Paragraph,
    Section,
    Series,
    Table,
    Tile,
    View,
    number,
    percent,
    shown,
    text,
    value_axis,
)
from analysis.report.drawings import Drawings, space_named
from analysis.report.runs import Run
from analysis.report.training import notices, pictures
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.objective import Objective
from datasets.space import SearchSpace
from experiment.errors import InputError

_FACTS = (
    "method",
    "features",
    "scale",
    "weights",
    "labels",
    "labels_file",
    "labels_file_sha256",
    "columns",
    "label",
    "target",
    "seed",
)
SHOWN = 1_000
"""Architectures that a chart draws at most, at random where there are more."""
RANKS = 400
"""Ranks that the curve of predictions has at most, evenly spread."""


def prediction_section(run: Run, anchor: str, drawings: Drawings) -> Section:
    """A predictor and how it was judged."""
    config, result = run.config, run.result
    title = f"{config['method']} on {config['source']}, {config['labels']} labels"
    facts = {name: shown(config[name]) for name in _FACTS if config.get(name) not in (None, [])}
    if result:
        facts["predicted"] = f"{result['predicted']:,}"
    blocks: list[Block] = [*notices(run), Facts(facts)]
    if result:
        blocks.append(_quality(result, config))
    blocks += _predictions(run, drawings)
    blocks += pictures(run)
    return Section(anchor, title, "predict", blocks, _headlines(run))


def _headlines(run: Run) -> list[Headline]:
    target = run.config["target"]
    tau = run.result["quality"][target]["kendall_tau"] if run.result else None
    if tau is None:
        return []
    named = _objective(run.config, target).quantity
    meaning = f"Kendall's τ with {named} on {run.config['source']}"
    return [
        Headline(f"{tau:.3f}", f"{meaning}: {run.config['method']}, {run.config['labels']} labels")
    ]


def _objective(config: Mapping[str, Any], metric: str) -> Objective:
    """What a metric of the run is."""
    return Objective.read({"objective": config["objectives"][metric]})


def _axis(words: str, objective: Objective) -> Axis:
    """An axis of values."""
    own = value_axis(objective)
    return replace(own, label=f"{words} {own.label}")


def _quality(result: Mapping[str, Any], config: Mapping[str, Any]) -> Table:
    names = (
        ("kendall_tau", "Kendall's τ"),
        ("spearman_rho", "Spearman's ρ"),
        ("pearson_r", "Pearson's r"),
    )
    rows = [
        [
            text(metric),
            number(quality["architectures"], ",.0f"),
            *(number(quality[name], ".4f") for name, _ in names),
            Cell(_objective(config, metric).text(quality["rmse"]), quality["rmse"]),
        ]
        for metric, quality in result["quality"].items()
    ]
    coverage = result["coverage"]
    held = ", ".join(f"{share}: {percent(value, 1).shown}" for share, value in coverage.items())
    intervals = f" Its intervals held these shares of {config['label']}: {held}." if held else ""
    label = Objective.read(config)
    judged = (
        "each predicted by fits to the others (cross-validation)"
        if config["judged"] == "cross-validation"
        else "judged on all others"
    )
    better = "" if label.maximise else ", of which lower is better"
    return Table(
        "How good it is",
        f"Fitted to {config['labels']} architectures by {label.quantity}{label.where}{better}, "
        f"{judged}; "
        f"values are means over the trials.{intervals}",
        ("compared with", "architectures", *(label for _, label in names), "RMSE"),
        rows,
    )


def _predictions(run: Run, drawings: Drawings) -> list[Block]:
    file = run.path / "predictions.csv"
    if not file.is_file():
        notice = f"{run.name} has no predictions.csv: there is nothing to draw."
        return [Paragraph(notice, "warning")]
    rows = _table(file)
    target, label = run.config["target"], run.config["label"]
    columns = {
        metric: column
        for metric in dict.fromkeys((target, label))
        # A metric that is called as a column of the predictions is, as "mean" or "std".
        for column in (metric, f"measured {metric}")
        if rows and column in rows[0]
    }
    if not columns:
        notice = f"{run.name}/predictions.csv lacks the columns {target} and {label}."
        return [Paragraph(notice, "warning")]
    chosen = np.random.default_rng(0).permutation(len(rows))[:SHOWN]
    kept = np.sort(chosen)
    views = []
    space = space_named(run.space)
    numbers = [_drawn(space, rows[k].get("architecture"), drawings) for k in kept]
    predicted = _column(rows, "mean", file)
    for metric, column in columns.items():
        objectives = (_objective(run.config, label), _objective(run.config, metric))
        measured = _column(rows, column, file)
        views += _views(objectives, predicted, measured, kept, rows, numbers)
    count = (
        f"{len(kept):,} random of the {len(rows):,}"
        if len(kept) < len(rows)
        else f"All {len(rows):,}"
    )
    return [
        Chart(
            "Predicted against measured",
            f"{count} architectures that the predictors were not fitted to; measured is the "
            f"mean over the trials. All numbers: predictions.csv in {run.name}. The worst "
            "twentieth may lie outside the picture.",
            views,
        )
    ]


def _views(
    objectives: tuple[Objective, Objective],
    predicted: np.ndarray,
    measured: np.ndarray,
    kept: np.ndarray,
    rows: Sequence[Mapping[str, str]],
    drawings: Sequence[int | None],
) -> list[View]:
    """By value, and by rank among all."""
    label, metric = objectives
    ranks = [rankdata(-metric.sign * each, nan_policy="omit") for each in (measured, predicted)]
    hashes = [rows[k].get("hash", "") for k in kept]

    def dots(x: np.ndarray, y: np.ndarray) -> Series:
        return Series(
            "architectures",
            x[kept],
            y[kept],
            "dots",
            drawings=drawings,
            notes=[hash[:12] for hash in hashes],
            columns={"hash": hashes, "std": [rows[k].get("std", "") for k in kept]},
        )

    finite = np.isfinite(measured) & np.isfinite(predicted)
    window = None
    if finite.any():
        x, y = measured[finite], predicted[finite]
        worst = 5 if metric.maximise else 95
        ends = [(np.percentile(each, worst), metric.best(each)) for each in (x, y)]
        low, high = float(np.min(ends)), float(np.max(ends))
        margin = 0.04 * (high - low) or 0.01
        window = (low - margin, high + margin, low - margin, high + margin)
    by_value = View(
        metric.name,
        _axis("measured", metric),
        _axis("predicted", label),
        [dots(measured, predicted)],
        diagonal=True,
        window=window,
    )
    by_rank = View(
        f"{metric.name}, ranks",
        Axis(f"rank by measured {metric.quantity}, 1 is best", whole=True),
        Axis("rank by prediction", whole=True),
        [dots(ranks[0], ranks[1])],
        diagonal=True,
    )
    return [by_value, by_rank]


def extrapolation_section(run: Run, anchor: str, drawings: Drawings) -> Section:
    """A ranking of candidates, and the results of those that were trained."""
    surrogate = run.config["surrogate"]
    facts = {"space": str(run.space), "candidates": f"{run.config['candidates']:,}"}
    facts |= {name: shown(value) for name, value in surrogate.items() if value is not None}
    facts["predicted"] = Objective.read(run.config).label
    facts["seed"] = shown(run.config.get("seed"))
    blocks: list[Block] = [*notices(run), Facts(facts)]
    top = run.result.get("top", [])  # a run that was killed has no result
    trained = [record for record in top if "measured" in record]
    objective = Objective.read(run.config)
    if trained:
        blocks.append(_trained(trained, objective))
    blocks += _ranking(run)
    space = space_named(run.space)
    if space is not None and top:
        blocks.append(_top(run, top, space, drawings))
    blocks += pictures(run)
    title = f"Beyond what was measured of {run.space}"
    return Section(anchor, title, "extrapolate", blocks, best_trained(trained, run))


def best_trained(trained: Sequence[Mapping[str, Any]], run: Run) -> list[Headline]:
    """The best by validation among those that were trained."""
    good = [each["measured"] for each in trained if "validation" in each["measured"]]
    if not good:
        return []
    objective = Objective.read(good[0])
    best = max(good, key=lambda each: objective.sign * each["validation"])
    metric = "test" if "test" in best else "validation"
    named = f"{metric} {objective.name}{objective.where}"
    meaning = f"{named}: the best by validation of {len(good)} trained beyond {run.space}"
    return [Headline(objective.text(best[metric]), meaning)]


def _value(value: float | None, objective: Objective) -> Cell:
    return Cell(objective.text(value), value)


def _trained(records: Sequence[Mapping[str, Any]], objective: Objective) -> Table:
    rows = []
    for record in records:
        found = record["measured"]
        measured = Objective.read(found)
        rows.append(
            [
                Cell(str(record["rank"]), record["rank"]),
                _value(record["mean"], objective),
                _value(found.get("validation"), measured),
                _value(found.get("test"), measured),
                number(found.get("parameters"), ",.0f"),
                Cell(str(found["trained"]), found["trained"]),
                Cell(str(found["failed"]), found["failed"]),
                text(record["hash"]),
            ]
        )
    measured = Objective.read(records[0]["measured"])
    return Table(
        "What came of the first",
        f"Predicted {objective.name} before, then trained from scratch: "
        f"{measured.name}{measured.where}, means over the trainings that did not fail, a seed "
        "each.",
        ("rank", "predicted", "validation", "test", "parameters", "trained", "failed", "hash"),
        rows,
    )


def _ranking(run: Run) -> list[Block]:
    file = run.path / "ranking.csv"
    if not file.is_file():
        return [Paragraph(f"{run.name} has no ranking.csv: there is nothing to draw.", "warning")]
    rows = _table(file)
    if not rows:
        return [Paragraph(f"{run.name}/ranking.csv has no rows.", "warning")]
    rank, mean, std = (_column(rows, name, file) for name in ("rank", "mean", "std"))
    kept = np.unique(np.linspace(0, len(rows) - 1, min(RANKS, len(rows))).astype(int))
    has_std = np.isfinite(std).any()
    line = Series(
        "prediction",
        rank[kept],
        mean[kept],
        low=(mean - std)[kept] if has_std else None,
        high=(mean + std)[kept] if has_std else None,
        columns={"hash": [rows[k].get("hash", "") for k in kept]},
    )
    band = "; the band is ± one std of the predictor's uncertainty" if has_std else ""
    axis = _axis("predicted", Objective.read(run.config))
    view = View("ranking", Axis("rank", whole=True), axis, [line])
    caption = f"All {len(rows):,} candidates by prediction, {len(kept):,} of them drawn{band}."
    return [Chart("The candidates, best first", caption, [view])]


def _top(
    run: Run, records: Sequence[dict[str, Any]], space: SearchSpace, drawings: Drawings
) -> Gallery:
    tiles = []
    for record in records:
        found = record.get("measured", {})
        lines = [f"predicted {Objective.read(run.config).text(record['mean'])}"]
        lines += [
            f"{name} {Objective.read(found).text(found[name])}"
            for name in ("validation", "test")
            if name in found
        ]
        lines.append(record["hash"][:12])
        kept = {key: value for key, value in record.items() if key not in _NESTED}
        kept |= {key: value for key, value in found.items() if key not in _NESTED}
        number_of = drawings.add_record(space, record)
        tiles.append(Tile(number_of, f"{record['rank']}.", lines, kept | record["architecture"]))
    return Gallery(
        "The first of the ranking",
        f"Of {run.config['candidates']:,} candidates, by prediction; values of those that were "
        "trained.",
        space.name,
        tiles,
    )


_NESTED = ("architecture", "measured", "objective")
"""Keys of a record that are objects: the file to save has their content beside the others."""


def _table(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; a row that is shorter than the head is left out.

    Raises:
        InputError: it is no CSV file.
    """
    try:
        with file.open(newline="", encoding="utf-8") as handle:
            return [row for row in csv.DictReader(handle) if None not in row.values()]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {str(file)!r}: {error}; make the run again") from error


def _column(rows: Sequence[Mapping[str, str]], name: str, file: Path) -> np.ndarray:
    """A column as numbers, NaN where there is none. **Shape** (R,).

    Raises:
        InputError: an entry is no number.
    """
    try:
        return np.array([float(row.get(name) or "nan") for row in rows])
    except ValueError as error:
        raise InputError(f"the column {name!r} of {str(file)!r}: {error}") from error


def _drawn(space: SearchSpace | None, notation: str | None, drawings: Drawings) -> int | None:
    """The number of an architecture in the space's notation; ``None`` where it is none."""
    if space is None or not notation:
        return None
    try:
        graph: ArchitectureGraph = space.read(notation)
    except ArchitectureError:
        return None
    return drawings.add(space, graph)
