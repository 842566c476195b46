"""The part of a report on a training: curves, final numbers, latent map, walks, decoded cells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.report.blocks import (
    Axis,
    Block,
    Chart,
    Facts,
    Gallery,
    Headline,
    Paragraph,
    Pictures,
    Section,
    Series,
    Table,
    Tile,
    View,
    number,
    percent,
    shown,
    text,
)
from analysis.report.drawings import Drawings, space_named
from analysis.report.latents import LatentFiles, latent_chart
from analysis.report.page import MIME
from analysis.report.runs import Run
from datasets.objective import SHARE, Objective
from datasets.space import SearchSpace
from experiment.schema import Stage

TOGETHER = ("loss", "reconstruction", "error")
"""Figures of ``metrics.jsonl`` that share a picture."""
COUNTS = ("epoch", "step", "seconds", "graphs", "exact.graphs")
"""Figures that count or clock, and are no curve."""
GREEDY = ("joint", "forward", "greedy")
"""Greedy decodings of a result, that of a whole model first (``models.Embedding``)."""
NEW_CELLS = 12
LARGEST_PICTURE = 3 * 2**20
"""Bytes of the largest image file that is put into the page."""


def training_section(
    run: Run, anchor: str, drawings: Drawings, latents: LatentFiles, data_root: Path | None
) -> Section:
    """What a training of a graph VAE, or its fine-tuning, left."""
    config = run.config
    title = f"{config['model']} on {run.space}"
    blocks = [*notices(run), Facts(_facts(run)), *curves_and_numbers(run)]
    space = space_named(run.space)
    if space is not None:
        file = latents.within(run.path, space.name)
        if file is not None:
            blocks.append(latent_chart(file, drawings, data_root))
        blocks += walks(run, space, drawings)
        blocks += _new_cells(run, space, drawings)
    blocks += pictures(run)
    return Section(anchor, title, "embed", blocks, _headlines(run, title))


def other_section(run: Run, anchor: str, drawings: Drawings) -> Section:
    """What any other run left: settings, curves, final numbers, figures."""
    plain = {
        name: shown(value)
        for name, value in run.config.items()
        if not isinstance(value, list | dict) and value is not None
    }
    blocks: list[Block] = [*notices(run), Facts(plain)]
    space = space_named(run.space)
    cell = run.config.get("architecture")
    if space is not None and isinstance(cell, dict):
        tile = Tile(drawings.add_record(space, cell), "", [str(run.config.get("hash", ""))], cell)
        what = "What config.json names, with the operations of its space."
        blocks.append(Gallery("The architecture", what, space.name, [tile]))
    return Section(anchor, run.name, "other", [*blocks, *curves_and_numbers(run), *pictures(run)])


def notices(run: Run) -> list[Block]:
    """A paragraph on everything that is missing or torn."""
    return [Paragraph(notice, "warning") for notice in run.notices]


def pictures(run: Run) -> list[Block]:
    """The image files in the run's ``figures/``."""
    found = sorted(
        path
        for path in (run.path / "figures").glob("*")
        if path.suffix in MIME and 0 < path.stat().st_size <= LARGEST_PICTURE
    )
    return [Pictures("Figures that the run left", found)] if found else []


def curves_and_numbers(run: Run) -> list[Block]:
    """Learning curves and a table of the final numbers, where there are some."""
    blocks: list[Block] = []
    if (chart := curves_of(run)) is not None:
        blocks.append(chart)
    figures = dict(_flattened(run.result))
    if figures:
        rows = [[text(name), number(value, ",.6g")] for name, value in figures.items()]
        blocks.append(
            Table(
                "Final numbers",
                "Names as in result.json; docs/protocols.md says how those of a training are "
                "counted.",
                ("name", "value"),
                rows,
            )
        )
    return blocks


def walks(run: Run, space: SearchSpace, drawings: Drawings) -> list[Block]:
    """The architectures along each path through the latent space that was walked."""
    return [
        Gallery(
            "A walk through the latent space",
            f"Points of a path between two architectures, decoded greedily with the masks of the "
            f"space ({file.name}); stretches that decode to the same one are drawn once.",
            space.name,
            _stretches(_records(file), space, drawings),
            along=True,
        )
        for file in sorted(run.path.rglob("interpolation*.jsonl"))
    ]


def _stretches(
    records: Sequence[dict[str, Any]], space: SearchSpace, drawings: Drawings
) -> list[Tile]:
    tiles = []
    for _, group in groupby(records, key=lambda record: record.get("hash")):
        stretch = list(group)
        first, last = stretch[0], stretch[-1]
        ends = dict.fromkeys(f"{each.get('position', 0):.2f}" for each in (first, last))
        value, objective = first.get("validation"), Objective.read(first)
        lines = [f"{objective.name} {objective.text(value)}"] if value is not None else []
        record = {k: each for k, each in first.items() if k not in ("latent", "objective")}
        record["until"] = last.get("position")
        tiles.append(Tile(drawings.add_record(space, first), " – ".join(ends), lines, record))
    return tiles


def _new_cells(run: Run, space: SearchSpace, drawings: Drawings) -> list[Block]:
    file = run.path / "new_cells.jsonl"
    if not file.is_file():
        return []
    records = _records(file)[:NEW_CELLS]
    tiles = []
    for record in records:
        figures = [name for name in ("validation", "test") if record.get(name) is not None]
        lines = [f"{name} {Objective.read(record).text(record[name])}" for name in figures]
        hash = str(record.get("hash", ""))[:12]
        tiles.append(Tile(drawings.add_record(space, record), hash, lines, record))
    caption = "Decoded from points of the prior, none of them among the training architectures"
    return [Gallery("New cells", f"{caption}; trained on digits.", space.name, tiles)]


def _records(file: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file; a torn last line is left out."""
    found = []
    for line in file.read_text("utf-8", "replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            break
        if isinstance(record, dict):
            found.append(record)
    return found


def _facts(run: Run) -> dict[str, str]:
    settings = run.config["settings"]
    wanted = ("epochs", "batch_size", "learning_rate", "optimiser", "beta", "noise_scale", "loss")
    facts = {"model": run.config["model"], "space": str(run.space)}
    facts |= {name: shown(settings[name]) for name in wanted if name in settings}
    facts["seed"] = shown(run.config.get("seed"))
    if run.stage is Stage.FINE_TUNING:
        facts["learnt"] = Objective.read(run.config).label
    if not run.result:
        return facts
    tuned = run.stage is Stage.FINE_TUNING
    for name in ("labels",) if tuned else ("training_graphs", "held_out_graphs"):
        facts[name.replace("_", " ")] = f"{run.result[name]:,}"
    facts["training"] = f"{run.result['training_seconds'] / 60:,.1f} minutes"
    return facts


def _headlines(run: Run, title: str) -> list[Headline]:
    """How many held-out architectures a VAE decodes, or how well a fine-tuned head predicts."""
    if not run.result:
        return []
    if run.stage is Stage.FINE_TUNING:
        learnt = Objective.read(run.config)
        quality = run.result["held_out"][run.result["learnt"]]
        told = f"Kendall's τ with {learnt.quantity}{learnt.where} of held-out architectures"
        return [Headline(number(quality["kendall_tau"], ".3f").shown, f"{told}: {title}")]
    greedy = run.result["reconstruction"]["greedy"]
    value = next((greedy[name] for name in GREEDY if name in greedy), None)
    if value is None:
        return []
    meaning = f"of {greedy['graphs']:,} held-out architectures decoded exactly: {title}"
    return [Headline(percent(value).shown, meaning)]


def curves_of(run: Run) -> Chart | None:
    """Every figure of ``metrics.jsonl`` that is a number, over the epochs or the lines."""
    lines = [dict(_flattened(line)) for line in run.metrics]
    names = list(dict.fromkeys(name for line in lines for name in line))
    key = next((name for name in ("epoch", "step") if name in names), None)
    x = [line.get(key) if key else k for k, line in enumerate(lines, 1)]
    groups: dict[str, list[str]] = {}
    for name in names:
        if name not in COUNTS:
            group = "loss" if name in TOGETHER else name.partition(".")[0]
            groups.setdefault(group, []).append(name)
    if not groups or len(lines) < 2:
        return None
    across = Axis(key or "line", whole=True)
    views = []
    measured = Objective.read(run.config).unit == SHARE
    for group, members in groups.items():
        series = [_curve(name, x, lines) for name in members]
        shares = all(_is_share(name, measured) for name in members)
        unit: Literal["number", "share"] = "share" if shares else "number"
        views.append(
            View(group.replace("_", " "), across, Axis(group.replace("_", " "), unit), series)
        )
    return Chart(
        "Learning curves",
        f"As logged in {run.name}/metrics.jsonl after every {key or 'line'}; one run, one seed.",
        views,
    )


def _curve(name: str, x: Sequence[float | None], lines: Sequence[Mapping[str, float]]) -> Series:
    nan = float("nan")
    return Series(
        name.replace("_", " "),
        np.array([nan if place is None else place for place in x], dtype=np.float64),
        np.array([line.get(name, nan) for line in lines], dtype=np.float64),
    )


def _is_share(name: str, measured: bool) -> bool:
    """Whether a figure is shown in percent.

    Args:
        name: of the figure.
        measured: whether values of the run's objective are shares.
    """
    kind = name.partition(".")[0]
    return kind == "exact" or (measured and kind in ("validation", "test", "train"))


def _flattened(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """``a.b`` → number, of all numbers in nested objects; lists are left out."""
    found: list[tuple[str, float]] = []
    for name, value in content.items():
        if isinstance(value, dict):
            found += _flattened(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append((f"{prefix}{name}", value))
    return found
