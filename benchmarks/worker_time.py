"""Where the time of the workers of a declared search went.

``benchmarks/molecule_searches.py`` says what counts as start, end, and the driver's part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from estimators.by_curve import AT_WORK
from experiment.files import read_json
from experiment.run import RunFolder


def workers_of(folder: Path) -> dict[str, Any]:
    """Where the workers' time of a search went, in seconds, and shares of it."""
    result = read_json(folder / "result.json")
    workers, wall = result["workers"], result["seconds"]
    asked: dict[str, float] = {}
    measured = []
    for line in RunFolder(folder).read_metrics():
        if line["event"] == "asked":
            asked |= dict.fromkeys(line["names"], line["elapsed_seconds"])
        else:
            measured.append(line)
    order = list(asked)[:workers]
    first = [line for line in measured if line["hash"] in order]
    started = sum(
        line["elapsed_seconds"] - asked[line["hash"]] - (line["details"] or {}).get(AT_WORK, 0.0)
        for line in first
    )
    ended = sum(wall - line["elapsed_seconds"] for line in measured[-workers:])
    idle = workers * wall - result[AT_WORK]
    driver = idle - started - ended
    return {
        "workers": workers,
        "evaluations": len(measured),
        "seconds": {
            "of workers": workers * wall,
            "training": result["training_seconds"],
            "reading and measuring": result[AT_WORK] - result["training_seconds"],
            "starting": started,
            "nothing more to do": ended,
            "driver": driver,
        },
        "driver_share_of_training": driver / result["training_seconds"],
        "driver_seconds_an_evaluation": driver / len(measured),
    }
