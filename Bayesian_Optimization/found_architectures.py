"""The best architectures that finished runs of a space have left in a folder of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from datasets.row_files import read_rows
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from experiment.errors import InputError
from experiment.run import RunFolder
from experiment.schema import Stage
from searchers.limits import Limit
from searchers.recording import Recorder
from searchers.view import SearcherView

RANKING = "ranking.jsonl"
"""What ``eval_extrapolation.py`` leaves, the best predicted first."""


@dataclass(frozen=True)
class FoundArchitectures:
    """The first architectures of a run, the best first.

    Attributes:
        path: of the file that they are from.
        rows: which they are in it: ``ranks 1, 2``, ``queries 17, 4``.
        graphs: the architectures.
    """

    path: Path
    rows: str
    graphs: list[ArchitectureGraph]

    def __str__(self) -> str:
        """For people: file and rows."""
        return f"{self.rows} of {str(self.path)!r}"


def newest_found(space: SearchSpace, runs: Path, count: int) -> FoundArchitectures | None:
    """The best architectures of the ranking or search of a space that ended last.

    Args:
        space: of the architectures.
        runs: folder that holds runs, at any depth.
        count: the most that are taken.

    Returns:
        ``None`` where no run of the space has ended with an architecture.

    Raises:
        InputError: a file of the run was changed so that it cannot be read.
        ArchitectureError: so was an architecture.
    """
    finished = sorted(
        finished_runs(space, runs), key=lambda run: (run.path / "result.json").stat().st_mtime
    )
    for run in reversed(finished):
        if (run.path / RANKING).exists():
            return _ranked(space, run, count)
        if found := _searched(space, run, count):
            return found
    return None


def finished_runs(space: SearchSpace, runs: Path) -> Iterator[RunFolder]:
    """The rankings and searches of a space that have ended."""
    for config in runs.rglob("config.json"):
        run = RunFolder(config.parent)
        with suppress(InputError):  # no run of ours
            finds = run.config.get("stage") in (Stage.SEARCH, Stage.FRONT)
            finds |= (run.path / RANKING).exists()
            if run.has_result and finds and run.config.get("space") == space.name:
                yield run


def _ranked(space: SearchSpace, run: RunFolder, count: int) -> FoundArchitectures:
    path = run.path / RANKING
    rows = read_rows(path).rows[:count]
    graphs = [space.parse(str(row.fields["arch"])) for row in rows]
    return FoundArchitectures(path, "ranks " + _listed(row.fields["rank"] for row in rows), graphs)


def _searched(space: SearchSpace, run: RunFolder, count: int) -> FoundArchitectures | None:
    """The best queries of a search that keep its limit; what a table lacks was no query."""
    limit = run.config.get("limit")
    view = SearcherView(Objective.read(run.config), None if limit is None else Limit.parse(limit))
    measured = (each for each in Recorder(run, space).events() if isinstance(each, Measurement))
    received = (view(each) for each in measured if each.status != "unknown")
    good = [(query, one) for query, one in enumerate(received, start=1) if one.ok]
    good.sort(key=lambda entry: -(entry[1].validation or 0.0))
    if not good:
        return None
    first = good[:count]
    rows = "queries " + _listed(query for query, _ in first)
    return FoundArchitectures(
        run.path / "queries.csv", rows, [one.architecture for _, one in first]
    )


def _listed(numbers: Iterator[object]) -> str:
    return ", ".join(map(str, numbers))
