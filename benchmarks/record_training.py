"""Keep what a training showed: settings, machine, curve and final numbers, in one small file.

    python Training_VAE/train_svge.py --data_search_space ENAS --log_dir runs/enas
    python benchmarks/record_training.py runs/enas/SVGE_ENAS --name training_SVGE_ENAS

writes ``benchmarks/results/training_SVGE_ENAS.json`` and a picture of the curve beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.figures import curves, save_figure
from experiment.arguments import parser
from experiment.errors import run_command
from experiment.files import read_json, write_json
from experiment.run import RunFolder

RESULTS = ROOT / "benchmarks" / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the record and the picture."""
    flags = parser("Keep what a training showed.")
    flags.add_argument("run", type=Path, help="the run's folder")
    flags.add_argument("--name", required=True, help="file name of the record, without ending")
    given = flags.parse_args(arguments)
    run = RunFolder(given.run)
    curve = run.read_metrics()
    record = {
        "config": run.config,
        "environment": read_json(run.path / "environment.json"),
        "curve": curve,
        "result": read_json(run.path / "result.json"),
    }
    write_json(RESULTS / f"{given.name}.json", record)
    series = [
        {
            "minutes of training": entry["seconds"] / 60,
            "loss": entry["loss"],
            **{f"exact, {k}": v for k, v in entry["exact"].items() if k != "graphs"},
        }
        for entry in curve
    ]
    exact = [name for name in series[0] if name.startswith("exact")]
    title = f"{record['config']['model']} on {record['config']['space']}"
    panels = {"loss": ["loss"], "share of held-out graphs decoded exactly": exact}
    figure = curves(series, panels, x="minutes of training", title=title)
    save_figure(figure, RESULTS / f"{given.name}.png")
    print(RESULTS / f"{given.name}.json")
    return 0


if __name__ == "__main__":
    run_command(main)
