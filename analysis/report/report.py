"""The report of some runs: its sections in their order, its heading, and writing the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.report.blocks import Block, Paragraph, Section, Table, text
from analysis.report.drawings import Drawings
from analysis.report.latents import LatentFiles
from analysis.report.page import render
from analysis.report.prediction import extrapolation_section, prediction_section
from analysis.report.runs import NOUNS, Run, in_words, read_runs
from analysis.report.search import search_section
from analysis.report.traces import contests
from analysis.report.training import other_section, training_section
from experiment.files import atomic_path, refuse_existing
from experiment.paths import REPOSITORY_ROOT
from experiment.schema import Stage

STATE_DICTS = REPOSITORY_ROOT / "state_dicts"


@dataclass(frozen=True)
class ReportRequest:
    """What a report is made of.

    Attributes:
        runs: folders of runs.
        out: the page.
        overwrite: whether a page that is there is replaced.
        title: heading of the page; default: made of the spaces.
        latents: files for the latent map; default: looked for in the runs, then in
            ``state_dicts/``.
        data_root: where measured numbers are looked for, as for
            :func:`datasets.registry.get_benchmark`.
    """

    runs: Sequence[Path]
    out: Path
    overwrite: bool = False
    title: str | None = None
    latents: Sequence[Path] = ()
    data_root: Path | None = None


@dataclass(frozen=True)
class WrittenReport:
    """A page that was written.

    Attributes:
        out: the page.
        runs: how many runs it is of.
        size: of the page in bytes.
        notices: a sentence on everything that was missing or torn.
    """

    out: Path
    runs: int
    size: int
    notices: Sequence[str]


def write_report(request: ReportRequest) -> WrittenReport:
    """Write the page.

    Raises:
        InputError: the page is there already, a folder holds no run, or a file is broken.
    """
    refuse_existing([request.out], request.overwrite)
    runs = read_runs(request.runs)
    drawings = Drawings()
    latents = LatentFiles(request.latents, runs, STATE_DICTS)
    sections = [overview(runs), *sections_of(runs, drawings, latents, request.data_root)]
    page = render(request.title or _title(runs), _subtitle(runs), sections, drawings)
    with atomic_path(request.out) as partial:
        partial.write_text(page, encoding="utf-8")
    notices = [notice for run in runs for notice in run.notices]
    return WrittenReport(request.out, len(runs), len(page.encode()), notices)


def sections_of(
    runs: Sequence[Run], drawings: Drawings, latents: LatentFiles, data_root: Path | None
) -> list[Section]:
    """The sections of the stages, in the order in which the stages build on each other."""
    by_stage = {stage: [run for run in runs if run.stage is stage] for stage in NOUNS}
    sections = [
        training_section(run, f"embed-{k}", drawings, latents, data_root)
        for k, run in enumerate([*by_stage[Stage.EMBEDDING], *by_stage[Stage.FINE_TUNING]], 1)
    ]
    sections += [
        prediction_section(run, f"predict-{k}", drawings)
        for k, run in enumerate(by_stage[Stage.PREDICTION], 1)
    ]
    sections += [
        extrapolation_section(run, f"extrapolate-{k}", drawings)
        for k, run in enumerate(by_stage[Stage.EXTRAPOLATION], 1)
    ]
    sections += [
        search_section(group, f"optimise-{k}", drawings, latents, data_root)
        for k, group in enumerate(contests([*by_stage[Stage.SEARCH], *by_stage[Stage.FRONT]]), 1)
    ]
    return sections + [
        other_section(run, f"other-{k}", drawings)
        for k, run in enumerate([*by_stage[Stage.TRAINING], *by_stage[None]], 1)
    ]


def overview(runs: Sequence[Run]) -> Section:
    """A table of the runs."""
    rows = []
    for run in runs:
        environment = run.environment()
        commit = str(environment.get("commit") or "–")[:10]
        method = run.config.get("method") or run.config.get("model") or "–"
        rows.append(
            [
                text(run.name),
                text(NOUNS[run.stage][0]),
                text(run.space or "–"),
                text(method),
                text(run.config.get("seed", "–")),
                text("ended" if run.result else "not ended"),
                text(commit + (", changed" if environment.get("dirty") else "")),
                text(environment.get("cpu", "–")),
                text(run.command() or "–"),
            ]
        )
    columns = ("run", "stage", "space", "method", "seed", "state", "commit", "machine", "command")
    blocks: list[Block] = [
        Paragraph(notice, "warning")
        for notice in ([] if any(run.result for run in runs) else ["No run has ended yet."])
    ]
    protocol = "Each run's folder has its settings, command, versions and machine, and its numbers."
    blocks.append(Table("The runs", protocol, columns, rows))
    return Section("runs", "What was run", "overview", blocks)


def _title(runs: Sequence[Run]) -> str:
    spaces = dict.fromkeys(run.space for run in runs if run.space)
    return f"Architectures of {' and '.join(spaces)}" if spaces else "Runs"


def _subtitle(runs: Sequence[Run]) -> str:
    counts = Counter(run.stage for run in runs)
    return ", ".join(in_words(stage, counts[stage]) for stage in NOUNS if counts[stage]) + "."
