"""One page out of runs: what was run, the numbers with their protocols, curves, architectures.

From the repository root::

    python -m analysis.report runs/search/* runs/predictors/* --out report.html

The page is one file. It loads nothing, opens from disk, and all that it draws can be saved as CSV.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
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
from experiment.arguments import Parser, parser
from experiment.errors import run_command
from experiment.files import atomic_path, refuse_existing
from experiment.paths import REPOSITORY_ROOT
from experiment.schema import Stage

STATE_DICTS = REPOSITORY_ROOT / "state_dicts"


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Make one HTML page out of runs; it opens from disk, without a network.")
    flags.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    flags.add_argument("--out", type=Path, default=Path("report.html"), help="the page")
    flags.add_argument("--overwrite", action="store_true", help="replace --out where it is there")
    flags.add_argument("--title", help="heading of the page (default: made of the spaces)")
    flags.add_argument(
        "--latents",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="<SPACE>_latent_epoch<E>.npz for the latent map (default: looked for in the runs, "
        "then in state_dicts/)",
    )
    flags.add_argument(
        "--data_root",
        type=Path,
        help="folder with ENAS/, nasbench101/ …, to draw what is measured there (default: "
        "NAS_DATA_ROOT, else datasets/)",
    )
    flags.add_argument("--json", action="store_true", help="print what was made as a JSON object")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    given = make_parser().parse_args(arguments)
    refuse_existing([given.out], given.overwrite)
    runs = read_runs(given.runs)
    drawings = Drawings()
    latents = LatentFiles(given.latents, runs, STATE_DICTS)
    sections = [overview(runs), *sections_of(runs, drawings, latents, given.data_root)]
    page = render(given.title or _title(runs), _subtitle(runs), sections, drawings)
    with atomic_path(given.out) as partial:
        partial.write_text(page, encoding="utf-8")
    notices = [notice for run in runs for notice in run.notices]
    if given.json:
        made = {"out": str(given.out), "runs": len(runs), "bytes": len(page.encode())}
        print(json.dumps({**made, "notices": notices}))
    else:
        for notice in notices:
            print(f"note: {notice}", file=sys.stderr)
        count = f"{len(runs)} run{'s'[: len(runs) != 1]}"
        print(f"{given.out}: {count}, {len(page.encode()) / 2**20:.1f} MiB")
    return 0


def sections_of(
    runs: Sequence[Run], drawings: Drawings, latents: LatentFiles, data_root: Path | None
) -> list[Section]:
    """The sections of the stages, in the order in which the stages build on each other."""
    by_stage = {stage: [run for run in runs if run.stage is stage] for stage in NOUNS}
    sections = [
        training_section(run, f"embed-{k}", drawings, latents, data_root)
        for k, run in enumerate(by_stage[Stage.EMBEDDING], 1)
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
        for k, group in enumerate(contests(by_stage[Stage.SEARCH]), 1)
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


if __name__ == "__main__":
    run_command(main)
