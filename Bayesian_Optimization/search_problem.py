"""Search architectures, and hyper-parameters with them, as a TOML file declares it.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/search_problem.py examples/search_qm7.toml

Every candidate is trained, and valued by its learning curve on the validation part. The best are
then trained fully on several splits and seeds, and tested once. A run killed at any moment resumes
with ``--resume``, to the same numbers, without training anything twice. ``docs/problem.md``
explains the file.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))
if __name__ == "__main__":
    from experiment.errors import expect_interruption

    expect_interruption()

import json
from collections.abc import Sequence

from Bayesian_Optimization.shared_flags import add_run_flags
from experiment.arguments import Parser, parser
from experiment.errors import run_command
from experiment.files import plain
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from searchers.declared.problem import NASProblem
from searchers.declared.run import ProblemResult, run_problem, say_notes
from searchers.declared.top_k import table_lines
from searchers.summary import result_lines


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Search as a TOML file declares it.")
    flags.add_argument("problem", type=Path, help="TOML file, see docs/problem.md")
    flags.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="another value than in the file, such as budget.evaluations=10; may be repeated",
    )
    flags.add_argument("--show", action="store_true", help="print the problem, and do nothing else")
    add_run_flags(flags, named="that of the file", folders="molecules/, cifar10/")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, and report what was found."""
    given = make_parser().parse_args(arguments)
    problem = NASProblem.load(given.problem, given.set, given.data_root)
    if given.show:
        print(problem)
        say_notes(problem)
        return 0
    if not given.json:
        print(problem)
    use_threads(1)  # a worker has one, too, so that the numbers are the same
    seed_everything(problem.search.seed)
    place = given.log_dir / (given.name or given.problem.stem)
    found = run_problem(problem, place, given.resume, quiet=given.json)
    print(json.dumps(plain(found.summary)) if given.json else "\n".join(lines_of(found)))
    return 0


def lines_of(found: ProblemResult) -> list[str]:
    """What was found, for people."""
    lines = result_lines(found.summary, found.run.config)
    if found.summary["utilisation"] is not None:
        lines.append(f"workers were at work {found.summary['utilisation']:.1%} of the time")
    if found.top_k:
        value = str(found.run.config["objective"]["name"])
        lines += table_lines(found.top_k, found.objective, value)
        if found.summary["chosen"]:
            lines.append(
                f"best by the validation of its full trainings: rank {found.summary['chosen']}"
            )
    return [*lines, f"{found.run.path}/results.csv, result.json, top_k/"]


if __name__ == "__main__":
    run_command(main)
