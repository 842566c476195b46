"""Time and memory of enumerating NB101 with its official hashes.

    python benchmarks/enumerate_nb101.py [--out FILE.json]

Runs ``python -m datasets.enumerate --space NB101`` as a user would, and prints the seconds from
start to end and the peak memory of its processes together (sampled from ``/proc``, Linux).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from experiment.arguments import output_file, parser
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json

SECONDS, BYTES = 30, 2 * 2**30
"""What it must stay under, on two cores."""


def family(root: int) -> list[int]:
    """Process ids of ``root`` and its descendants."""
    try:
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    except OSError:
        return []
    return [root, *(pid for child in children for pid in family(int(child)))]


def resident_bytes(pid: int) -> int:
    """Proportional share of memory of a process: shared pages count once among all."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, print and on request store its figures; 1 if it needs too much."""
    flags = parser("Measure the enumeration of NB101.")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "datasets.enumerate", "--space", "NB101"]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "--out", str(Path(folder) / "nb101.npz")], cwd=ROOT)
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(map(resident_bytes, family(process.pid))))
            time.sleep(0.1)
        seconds = time.perf_counter() - started
    print(f"seconds {seconds:.1f} (at most {SECONDS})")
    print(f"peak memory {peak / 2**20:.0f} MiB (at most {BYTES / 2**20:.0f})")
    if given.out:
        figures = {"seconds": round(seconds, 1), "peak_mebibytes": round(peak / 2**20)}
        write_json(given.out, {**figures, "environment": describe_environment(0)})
    return int(process.returncode != 0 or seconds > SECONDS or peak > BYTES)


if __name__ == "__main__":
    run_command(main)
