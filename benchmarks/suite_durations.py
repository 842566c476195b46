"""How long the tests took, by file and the slowest of them, from the last ``bash test.sh``.

    python benchmarks/suite_durations.py [FILE.xml ...] [--out FILE.json]

Seconds of the clock grow with what else the machine does. Those of a processor are the test's own,
with the processes that it started and waited for.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import InputError, run_command
from experiment.files import write_json

KEPT = ROOT / ".pytest_cache" / "durations.xml"


class Spent(NamedTuple):
    """Seconds that a test took."""

    name: str
    file: str
    clock: float
    processor: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what took longest, and keep it."""
    flags = parser("Sum the durations of the tests by file.")
    flags.add_argument(
        "durations", type=Path, nargs="*", default=[KEPT], help="reports of parts of the suite"
    )
    flags.add_argument("--slowest", type=positive_int, default=25, help="tests to list")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    reports = [_parsed(path) for path in given.durations]
    tests = [test for report in reports for test in read_durations(report)]
    if not tests:
        raise InputError(f"{str(given.durations[0])!r} has no tests: run bash test.sh first")
    clock = sum(float(part.get("time", 0)) for each in reports for part in each.iter("testsuite"))
    result = summary(tests, given.slowest) | {"clock_seconds": round(clock)}
    print(f"{result['tests']} tests, {result['clock_seconds']} s by the clock, ", end="")
    print(f"{result['processor_seconds']} s of a processor")
    for kind in ("files", "slowest"):
        print()
        for name, seconds in list(result[kind].items())[: given.slowest]:
            print(f"{seconds:8.1f} s  {name}")
    if given.out:
        write_json(given.out, {**result, "environment": describe_environment(seed=0)})
    return 0


def _parsed(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()
    except OSError as error:
        raise InputError(
            f"cannot read {str(path)!r}: {error.strerror}: run bash test.sh first"
        ) from error
    except ElementTree.ParseError as error:
        raise InputError(f"{str(path)!r} is not the JUnit file of a test run: {error}") from error


def read_durations(report: ElementTree.Element) -> Iterator[Spent]:
    """The tests of a JUnit report by pytest, with the property that ``tests/conftest.py`` adds."""
    for case in report.iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        noted = case.find("properties/property[@name='cpu_seconds']")
        processor = float(noted.get("value", 0)) if noted is not None else 0.0
        name = f"{file}::{case.get('name')}"
        yield Spent(name, file, float(case.get("time", 0)), processor)


def summary(tests: Sequence[Spent], slowest: int) -> dict:
    """Processor seconds of all tests, of each file, and of the slowest tests, largest first."""
    files: dict[str, float] = defaultdict(float)
    for test in tests:
        files[test.file] += test.processor
    ordered = sorted(tests, key=lambda test: -test.processor)[:slowest]
    return {
        "tests": len(tests),
        "processor_seconds": round(sum(files.values())),
        "files": {
            file: round(files[file], 1) for file in sorted(files, key=lambda file: -files[file])
        },
        "slowest": {test.name: round(test.processor, 1) for test in ordered},
    }


if __name__ == "__main__":
    run_command(main)
