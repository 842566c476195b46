"""What two commits compute, by the same commands: are the numbers the same?

    python benchmarks/nothing_lost.py BEFORE [AFTER] [--only NAME …]

Both commits are checked out side by side, and each runs the commands below with this Python and one
thread, on this machine. Compared are the files that users read: queries of searches (one of them
killed and resumed), predictions, encodings of shipped weights and decodings along a line, the
verification of checkpoints, parameters and FLOPs. Everything is compared as text, every digit.
Keys that only the records of the later commit have are named, and not compared.
Where nothing but numbers differs, the largest relative difference is said, and counts as rounding
up to a hundred-thousandth: a sum was written in another order.
A probe that needs data or checkpoints that are not here is left out, and named.

Takes some minutes. The exit code is 1 where something differs.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np

from experiment.arguments import parser
from experiment.errors import InputError, run_command
from experiment.paths import data_root

ROUNDING = 1e-5
"""Largest relative difference of two numbers that is rounding; accuracies differ by 1e-4."""
NUMBER = re.compile(r"-?\d+\.\d+(?:[eE][-+]?\d+)?")
KILLED_AFTER = 8
"""Lines of a search's record after which it is killed, to be resumed."""
SPENT = ("seconds", "ask_seconds", "cost_seconds", "simulated_seconds")
"""Columns that say how long something took."""


@dataclass(frozen=True)
class Probe:
    """A command and what it leaves to compare.

    Attributes:
        words: script and flags; ``{out}`` is an empty folder.
        read: what is compared, as lines, of that folder and of what was printed.
        needs: files or folders without which it is left out.
        killed: whether it is killed on its way, and resumed.
    """

    words: Sequence[str]
    read: Callable[[Path, str], list[str]]
    needs: Sequence[Path] = field(default=())
    killed: bool = False


def printed(_: Path, output: str) -> list[str]:
    """What was printed, without times, places and commits."""
    timeless = re.sub(r"[\d.]+ s\b", "", output)
    return [line for line in timeless.splitlines() if "/" not in line and '"commit"' not in line]


def table(name: str) -> Callable[[Path, str], list[str]]:
    """The rows of a CSV file, wherever below the folder it lies, without times."""

    def read(out: Path, _: str) -> list[str]:
        with only(out.rglob(name)).open(newline="", encoding="utf-8") as file:
            return [
                ", ".join(f"{key}={value}" for key, value in row.items() if key not in SPENT)
                for row in csv.DictReader(file)
            ]

    return read


def lines(name: str) -> Callable[[Path, str], list[str]]:
    """The lines of a file, wherever below the folder it lies."""
    return lambda out, _: only(out.rglob(name)).read_text(encoding="utf-8").splitlines()


def arrays(out: Path, _: str) -> list[str]:
    """Names, shapes and checksums of the arrays of the only ``.npz`` file; notes are no numbers."""
    with np.load(only(out.rglob("*.npz"))) as file:
        return [
            f"{name} {file[name].shape} {hashlib.sha256(file[name].tobytes()).hexdigest()}"
            for name in sorted(file.files)
            if file[name].ndim
        ]


def only(paths: Iterator[Path]) -> Path:
    """The only one of some files.

    Raises:
        InputError: there are none, or several.
    """
    found = sorted(paths)
    if len(found) != 1:
        raise InputError(f"one file was expected, found {[path.name for path in found]}")
    return found[0]


def search(*flags: str, killed: bool = False, needs: Sequence[Path] = ()) -> Probe:
    """A search; what it measured, query by query."""
    words = ["Bayesian_Optimization/search.py", "--log_dir", "{out}", "--threads", "1", *flags]
    return Probe(words, table("queries.csv"), needs, killed)


def predictor(*flags: str, needs: Sequence[Path] = ()) -> Probe:
    """A predictor; what it predicts of all that it was not fitted to."""
    words = ["Performance_Prediction/fit_predictor.py", "--log_dir", "{out}", "--threads", "1"]
    return Probe([*words, *flags], table("predictions.csv"), needs)


def encodings(space: str, needs: Sequence[Path] = ()) -> Probe:
    """The latents of the shipped weights."""
    words = ["Training_VAE/extract_latents.py", "--data_search_space", space]
    return Probe([*words, "--out", "{out}/latents.npz", "--threads", "1"], arrays, needs)


def decodings(space: str, model: str = "SVGE", needs: Sequence[Path] = ()) -> Probe:
    """What the shipped weights decode along a line between two architectures."""
    words = ["Training_VAE/interpolate.py", "--data_search_space", space, "--model", model]
    flags = ["--steps", "101", "--out", "{out}", "--threads", "1"]
    return Probe([*words, *flags], lines("interpolation.jsonl"), needs)


def probes() -> dict[str, Probe]:
    """Every probe, by its name."""
    root = data_root(None)
    enas, nb101, nb201 = (root / name for name in ("ENAS", "nasbench101", "nasbench201"))
    fixtures = Path(os.environ.get("NAS_FIXTURES_ROOT", ROOT.parent / "shared" / "fixtures"))
    small = ("--space", "DIGITS101", "--queries", "30")
    cifar = ("--space", "NB201", "--dataset", "cifar10", "--queries", "25")
    return {
        "search bo": search(*small),
        "search bo, killed and resumed": search(*small, "--name", "killed", killed=True),
        "search bo, asynchronous": search(*small, "--asynchronous", "3", "--seed", "1"),
        "search thompson, batches": search(*small, "--method", "thompson", "--batch", "4"),
        "search guided enumeration": search(*small, "--method", "guided_enumeration"),
        "search under a limit": search(
            *cifar, "--method", "constrained_improvement", "--limit", "flops<=100", needs=[nb201]
        ),
        "search bo NB201": search(*cifar, "--seed", "2", needs=[nb201]),
        "search evolution NB201": search(
            *cifar, "--method", "evolution", "--queries", "80", needs=[nb201]
        ),
        "search latent bo NB201": search(*cifar, "--method", "latent_bo", needs=[nb201]),
        "search gradient NB101": search(
            "--space", "NB101", "--method", "gradient_ascent", "--queries", "20", needs=[nb101]
        ),
        "search local ENAS": search(
            "--space", "ENAS", "--method", "local_search", "--queries", "80", needs=[enas]
        ),
        "search random by training": search(
            "--space", "DIGITS101", "--method", "random", "--estimator", "train", "--queries", "4",
            "--initial", "2",
        ),
        **{
            f"predictor {method}": predictor(
                "--space", "DIGITS101", "--labels", "100", "--method", method, "--name", "one"
            )
            for method in ("gp", "sparse_gp", "trees", "ridge", "ensemble")
        },
        "predictor of latents NB201": predictor(
            "--space", "NB201", "--labels", "78", "--method", "gp", "--features", "latents",
            "--name", "one", needs=[nb201],
        ),
        "encodings NB201": encodings("NB201", [nb201]),
        "encodings ENAS": encodings("ENAS", [enas]),
        "decodings NB201": decodings("NB201", needs=[nb201]),
        "decodings ENAS": decodings("ENAS", needs=[enas]),
        "decodings NB101": decodings("NB101", needs=[nb101]),
        "decodings DGMG NB101": decodings("NB101", "DGMG", [nb101]),
        **{
            f"checkpoint {folder.name}": Probe(
                ["Training_VAE/verify_checkpoint.py", str(folder), "--json"], printed, [folder]
            )
            for folder in sorted(fixtures.glob("*GE_*")) + sorted(fixtures.glob("DGMG_*"))
            if not folder.name.startswith("NGAE")
        },
        "parameters and FLOPs": Probe(
            ["benchmarks/network_costs.py", "--built", "2"], printed, [nb101, nb201]
        ),
    }  # fmt: skip


def carry_out(probe: Probe, checkout: Path, out: Path) -> list[str]:
    """Run a probe's command in a checkout.

    Returns:
        What is to be compared; of a command that failed its last words.
    """
    words = [word.replace("{out}", str(out)) for word in probe.words]
    command = [sys.executable, str(checkout / words[0]), *words[1:]]
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "NAS_DATA_ROOT": str(data_root(None)),
        "OMP_NUM_THREADS": "1",
    }
    if probe.killed:
        kill_on_its_way(command, environment, checkout, out)
        command.append("--resume")
    done = subprocess.run(
        command, env=environment, cwd=checkout, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.replace(str(checkout), ".").strip().splitlines()[-1:]
        return [f"exit code {done.returncode}", *said]
    return probe.read(out, done.stdout)


def kill_on_its_way(
    command: Sequence[str], environment: dict[str, str], checkout: Path, out: Path
) -> None:
    """Start a command, and kill it once its record has some lines."""
    process = subprocess.Popen(
        command, env=environment, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        records = list(out.rglob("metrics.jsonl"))
        if records and records[0].read_text(encoding="utf-8").count("\n") >= KILLED_AFTER:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.02)


@contextmanager
def checkouts(commits: Sequence[str]) -> Iterator[list[Path]]:
    """Folders with the files of each commit, for the time of the block.

    Raises:
        InputError: there is no such commit.
    """
    with tempfile.TemporaryDirectory(prefix="nothing_lost_") as place:
        folders = [Path(place) / f"checkout{number}" for number in range(len(commits))]
        try:
            for commit, folder in zip(commits, folders, strict=True):
                made = git("worktree", "add", "--detach", str(folder), commit)
                if made.returncode:
                    raise InputError(f"{commit!r} cannot be checked out: {made.stderr.strip()}")
            yield folders
        finally:
            for folder in folders:
                git("worktree", "remove", "--force", str(folder))


def git(*words: str) -> subprocess.CompletedProcess[str]:
    """Run git in this repository."""
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def without_new_keys(before: Sequence[str], after: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines after, JSON objects without the keys that they lacked before, and those keys."""
    lines, new = list(after), set()
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        if one == other or not (one.startswith("{") and other.startswith("{")):
            continue
        record, later = json.loads(one), json.loads(other)
        if added := later.keys() - record.keys():
            new |= added
            kept = {key: value for key, value in later.items() if key in record}
            lines[number] = one if kept == record else json.dumps(kept)
    return lines, sorted(new)


def difference(before: Sequence[str], after: Sequence[str]) -> str | None:
    """The first line that differs, or how the numbers of lines do; ``None`` where nothing does."""
    for number, (one, other) in enumerate(zip(before, after, strict=False), 1):
        if one != other:
            return f"line {number}:\n    before {one[:300]}\n    after  {other[:300]}"
    if len(before) != len(after):
        return f"{len(before)} lines before, {len(after)} after"
    return None


def rounding(before: Sequence[str], after: Sequence[str]) -> float | None:
    """Largest relative difference of the numbers, ``None`` where more differs than numbers."""
    one, other = "\n".join(before), "\n".join(after)
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return None
    pairs = zip(map(float, NUMBER.findall(one)), map(float, NUMBER.findall(other)), strict=True)
    return max((abs(x - y) / max(abs(x), abs(y)) for x, y in pairs if x != y), default=0.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and say of every probe whether it gives the same."""
    flags = parser("Run the same commands at two commits, and compare what they compute.")
    flags.add_argument("before", help="commit")
    flags.add_argument("after", nargs="?", default="HEAD", help="commit (default: HEAD)")
    flags.add_argument("--only", nargs="+", metavar="NAME", help="probes whose names hold these")
    given = flags.parse_args(arguments)
    wanted = {
        name: probe
        for name, probe in probes().items()
        if given.only is None or any(part in name for part in given.only)
    }
    differing = 0
    with checkouts([given.before, given.after]) as folders:
        for name, probe in wanted.items():
            absent = [path for path in probe.needs if not path.exists()]
            if absent:
                print(f"left out   {name}: there is no {absent[0]}", flush=True)
                continue
            started, found = time.perf_counter(), []
            for folder in folders:
                with tempfile.TemporaryDirectory() as out:
                    found.append(carry_out(probe, folder, Path(out)))
            found[1], new = without_new_keys(*found)
            differs = difference(*found)
            failed = any(line.startswith("exit code") for line in found[1][:1])
            moved = rounding(*found)
            if differs and moved is not None:
                differs = f"largest relative difference {moved:.0e}; {differs}"
            if differs and moved is not None and moved <= ROUNDING:
                verdict, differs = "rounded", differs.partition(";")[0]
            else:
                verdict = "DIFFERENT" if differs else "failed" if failed else "same"
                differing += verdict != "same"
            print(
                f"{verdict:<10} {name}: {len(found[1]):,} lines, "
                f"{time.perf_counter() - started:.0f} s"
                + (f"; new keys: {', '.join(new)}" if new else "")
                + (f"; {differs}" if differs else ""),
                flush=True,
            )
            if failed and not differs:
                print("    " + " ".join(found[1]))
    print(f"{differing} of {len(wanted)} differ" if differing else "nothing differs")
    return 1 if differing else 0


if __name__ == "__main__":
    run_command(main)
