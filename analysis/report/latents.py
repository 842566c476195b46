"""The latent map: which file it is drawn from, what is shown of it, and paths of searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from analysis.figures import principal_axes
from analysis.report.blocks import (
    Axis,
    Chart,
    Colour,
    Series,
    View,
    quantity,
    value_axis,
    value_unit,
)
from analysis.report.drawings import Drawings, graph_of, graphs_by_hash
from analysis.report.runs import Run
from analysis.report.traces import Contestant, Trace
from datasets.graph import ArchitectureGraph
from datasets.latent_files import METRIC, dataset_of, load_latents, objective_of
from datasets.objective import ACCURACY, Objective
from datasets.registry import SPACES, find_benchmark, get_space
from datasets.space import SearchSpace
from experiment.errors import InputError

PATTERN = "{space}_latent_epoch*.npz"
SHOWN = 1_000
"""Random architectures of a latent file that are drawn; what searches met comes besides."""
LOWEST = 2.0
"""Percentile of the values where the colours begin, as in the maps of the trainings."""


@dataclass(frozen=True)
class LatentFile:
    """The latents of a space.

    Attributes:
        path: the file.
        space: the search space.
        points: latent means in their two principal components. **Shape** (R, 2).
        shares: of the variance that these explain. **Shape** (2,).
        hashes: the architectures' hashes. **Shape** (R,).
        metric: what ``values`` are; ``None`` where the file has none.
        values: measured, NaN where they were not. **Shape** (R,).
        dataset: that they were measured on; ``None`` where the file does not tell.
        objective: unit and direction of the values.
    """

    path: Path
    space: SearchSpace
    points: np.ndarray
    shares: np.ndarray
    hashes: np.ndarray
    metric: str | None
    values: np.ndarray
    dataset: str | None = None
    objective: Objective = ACCURACY

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Hash → row."""
        return dict(zip(self.hashes.tolist(), range(len(self.hashes)), strict=True))

    def shown(self, visited: Sequence[str]) -> np.ndarray:
        """Rows for a map: random ones, and all that were visited. **Shape** (S,)."""
        count = min(SHOWN, len(self.hashes))
        rows = np.random.default_rng(0).choice(len(self.hashes), count, replace=False)
        met = [self.row_of[hash] for hash in visited if hash in self.row_of]
        return np.unique(np.concatenate([rows, np.array(met, dtype=np.int64)]))

    def unmeasured(self) -> LatentFile:
        """The same without values, for a search of something that no table has."""
        return replace(self, metric=None, values=np.full(len(self.hashes), np.nan))

    def measured_on(self, dataset: str | None, data_root: Path | None) -> LatentFile:
        """The same with what a table chooses architectures by, NaN where there is none."""
        if dataset is not None and (dataset, "validation") == (self.dataset, self.metric):
            return self
        benchmark = find_benchmark(self.space.name, data_root, dataset)
        if benchmark is None:
            return replace(self, metric="validation", values=np.full(len(self.hashes), np.nan))
        values = benchmark.metric(benchmark.chosen_by).mean()
        means = np.append(values, np.nan)  # row −1 is the NaN
        return replace(self, metric="validation", values=means[benchmark.rows(self.hashes)])


class LatentFiles:
    """Finds the latent file of a space.

    Args:
        given: files that were named.
        runs: in whose folders there may be some.
        state_dicts: folder of trained weights, where there may be others.

    Raises:
        InputError: a file that was named is none, or not named after its space.
    """

    def __init__(self, given: Sequence[Path], runs: Sequence[Run], state_dicts: Path) -> None:
        self._given = {space_of(path): path for path in given}
        self._runs = runs
        self._state_dicts = state_dicts
        self._read: dict[Path, LatentFile] = {}

    def of(self, space: str) -> LatentFile | None:
        """The latents of a space: those given, else of a run, else of trained weights."""
        if space in self._given:
            return self._open(self._given[space], space)
        folders = [run.path for run in self._runs]
        weights = sorted(self._state_dicts.glob(f"*_{space}"), key=lambda each: len(each.name))
        for folder in (*folders, *weights):
            if found := self.within(folder, space):
                return found
        return None

    def within(self, folder: Path, space: str) -> LatentFile | None:
        """The latents that lie in a folder, those of the last epoch."""
        found = sorted(folder.glob(PATTERN.format(space=space)), key=lambda each: len(each.name))
        return self._open(found[-1], space) if found else None

    def _open(self, path: Path, space: str) -> LatentFile:
        if path not in self._read:
            self._read[path] = read_latents(path, get_space(space))
        return self._read[path]


def space_of(path: Path) -> str:
    """The space that a latent file is named after.

    Raises:
        InputError: it is not named after any.
    """
    space = path.name.partition("_latent")[0]
    if space not in SPACES:
        raise InputError(
            f"cannot tell the search space of the latents {str(path)!r}: "
            f"the name should begin with one of {', '.join(SPACES)} and _latent_epoch"
        )
    return space


def read_latents(path: Path, space: SearchSpace) -> LatentFile:
    """Read what ``Training_VAE/extract_latents.py`` wrote.

    Raises:
        InputError: the file is absent, damaged, or lacks a column.
    """
    table = load_latents(path, ("mean", "hash"))
    mean, hashes = table["mean"], table["hash"]
    metric = next((name for name in ("validation", "test") if METRIC + name in table), None)
    values = table[METRIC + metric] if metric else np.full(len(hashes), np.nan)
    if mean.ndim != 2 or mean.shape[1] < 2 or not len(mean) == len(hashes) == len(values):
        raise InputError(
            f"{str(path)!r} has latents of shape {mean.shape}, {len(hashes)} hashes and "
            f"{len(values)} values: expected a row of two numbers or more for each hash"
        )
    finite = np.isfinite(mean).all(axis=1)
    if not finite.any():
        raise InputError(f"no latent in {str(path)!r} is a finite number: train the model again")
    points, shares = principal_axes(mean[finite])
    objective = objective_of(table, metric) if metric else ACCURACY
    known = (hashes[finite], metric, values[finite], dataset_of(table), objective)
    return LatentFile(path, space, points, shares, *known)


def latent_chart(
    latents: LatentFile,
    drawings: Drawings,
    data_root: Path | None,
    searches: Sequence[Contestant] = (),
    dataset: str | None = None,
) -> Chart:
    """The map, with a view for the path of each search.

    Args:
        latents: what is mapped.
        drawings: receives the architectures.
        data_root: where measured numbers are.
        searches: of the same space.
        dataset: what the searches' accuracies were measured on; the map is coloured by these,
            where a table is at hand, not by those in the latent file.
    """
    objective = searches[0].first.objective if searches else latents.objective
    objective = replace(objective, trial=None)  # means over the trials are what is known of all
    if searches:
        function = searches[0].first.run.config.get("estimator") == "function"
        latents = latents.unmeasured() if function else latents.measured_on(dataset, data_root)
    met = {
        str(line["hash"]): graph
        for search in searches
        for line in search.first.lines
        if (graph := graph_of(latents.space, line)) is not None
    }
    rows = latents.shown(list(met))
    hashes = [str(hash) for hash in latents.hashes[rows]]
    graphs = graphs_by_hash(latents.space, set(hashes) - met.keys(), data_root) | met
    order = np.argsort(np.nan_to_num(latents.values[rows], nan=-np.inf), kind="stable")
    base = _dots(latents, rows[order], graphs, drawings)
    axes = [Axis(f"component {k + 1} ({latents.shares[k]:.0%} of the variance)") for k in (0, 1)]
    views = [
        View(
            search.label,
            axes[0],
            axes[1],
            _path(latents, search.first, graphs, drawings),
            equal=True,
        )
        for search in searches
    ]
    met_values = [search.first.figure("validation") for search in searches]
    every = np.concatenate([latents.values, *met_values])
    known = every[np.isfinite(every)]
    colour = None
    if len(known):
        label = value_axis(objective, latents.metric or "validation").label
        low, high = float(np.percentile(known, LOWEST)), float(known.max())
        if not objective.maximise:
            low, high = float(known.min()), float(np.percentile(known, 100 - LOWEST))
        colour = Colour(label, low, high, value_unit(objective))
    return Chart(
        "The path of the search through the latent space" if searches else "The latent space",
        _protocol(latents, len(rows), searches, objective),
        views or [View("map", axes[0], axes[1], (), equal=True)],
        (base,),
        colour,
    )


def _protocol(
    latents: LatentFile, shown: int, searches: Sequence[Contestant], objective: Objective
) -> str:
    caption = (
        f"Latent means of {latents.path.name}, in the two principal components of all "
        f"{len(latents.hashes):,}; {shown:,} are drawn, at random and all that were met."
        if shown < len(latents.hashes)
        else f"Latent means of all {shown:,} architectures of {latents.path.name}, in their two "
        "principal components."
    )
    if latents.metric:
        measured = quantity(objective, latents.metric)
        caption += f" Colour: {measured}, mean over the trials; grey: not measured."
    if searches:
        caption += (
            " Of each method the run with the lowest seed: outlined dots are its queries that are "
            "in the file, the line goes from incumbent to incumbent."
        )
    return caption


def _dots(
    latents: LatentFile,
    rows: np.ndarray,
    graphs: Mapping[str, ArchitectureGraph],
    drawings: Drawings,
) -> Series:
    hashes = [str(hash) for hash in latents.hashes[rows]]
    return Series(
        "architectures",
        latents.points[rows, 0],
        latents.points[rows, 1],
        "dots",
        value=latents.values[rows] if latents.metric else None,
        drawings=[drawings.add(latents.space, graphs[n]) if n in graphs else None for n in hashes],
        notes=[hash[:12] for hash in hashes],
        columns={"hash": hashes},
    )


def _path(
    latents: LatentFile,
    trace: Trace,
    graphs: Mapping[str, ArchitectureGraph],
    drawings: Drawings,
) -> list[Series]:
    """The queries of a search as dots, and its incumbents as a path."""
    placed = [k for k, line in enumerate(trace.lines) if str(line["hash"]) in latents.row_of]
    improved = [k for k in trace.improvements() if k in set(placed)]
    series = []
    for name, kind, positions in (("queries", "dots", placed), ("incumbents", "path", improved)):
        hashes = [str(trace.lines[k]["hash"]) for k in positions]
        points = latents.points[[latents.row_of[each] for each in hashes]]
        series.append(
            Series(
                name,
                points[:, 0],
                points[:, 1],
                "dots" if kind == "dots" else "path",
                value=trace.figure("validation")[positions],
                drawings=[
                    drawings.add(latents.space, graphs[each]) if each in graphs else None
                    for each in hashes
                ],
                notes=[
                    f"query {trace.lines[k]['query']}, {each[:12]}"
                    for k, each in zip(positions, hashes, strict=True)
                ],
                columns={"query": [trace.lines[k]["query"] for k in positions], "hash": hashes},
                emphasised=kind == "dots",
            )
        )
    return series
