"""One page out of runs: what was run, the numbers with their protocols, curves, architectures.

From the repository root::

    python -m analysis.report runs/search/* runs/predictors/* --out report.html

The page is one file. It loads nothing, opens from disk, and all that it draws can be saved as CSV.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.report.report import ReportRequest, write_report
from experiment.arguments import Parser, parser
from experiment.errors import run_command


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
    request = ReportRequest(
        given.runs, given.out, given.overwrite, given.title, given.latents, given.data_root
    )
    report = write_report(request)
    if given.json:
        made = {"out": str(report.out), "runs": report.runs, "bytes": report.size}
        print(json.dumps({**made, "notices": report.notices}))
    else:
        for notice in report.notices:
            print(f"note: {notice}", file=sys.stderr)
        count = f"{report.runs} run{'s'[: report.runs != 1]}"
        print(f"{report.out}: {count}, {report.size / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    run_command(main)
