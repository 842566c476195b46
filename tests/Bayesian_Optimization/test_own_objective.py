"""``search.py --objective``: a function of the user's own from a shell."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analysis.report import __main__ as report
from Bayesian_Optimization import search
from datasets import get_space
from experiment.paths import REPOSITORY_ROOT

MODULE = '''
calls = []

def energy(cell):
    """In eV: low with many edges."""
    calls.append(cell)
    if len(cell.edges) == 2:
        raise RuntimeError("no such molecule")
    return -3.0 - 0.01 * len(cell.edges)

def length(text):
    return len(text)

def stopped(cell):
    raise KeyboardInterrupt

def odd(cell):
    return len(cell.edges) if len(cell.edges) % 2 else None

def broken(cell):
    return cell.nodes

NUMBER = 3
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module of the user's own."""
    (tmp_path / "own_energy.py").write_text(MODULE)
    (tmp_path / "broken_energy.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "raising_energy.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


FLAGS = ("--space", "DIGITS101", "--method", "evolution", "--queries", 25, "--log_dir", "runs")


def test_searches_by_a_function_and_reports_it(folder: Path, command: Any) -> None:
    flags = (*FLAGS, "--objective", "own_energy:energy", "--minimise", "--unit", "eV")
    code, out, _ = command(search.main, *flags)
    assert code == 0
    run = folder / "runs" / "DIGITS101_energy_evolution_seed0"
    result = json.loads((run / "result.json").read_text())
    rows = list(csv.DictReader((run / "queries.csv").open(encoding="utf-8")))
    best = min(float(row["value"]) for row in rows if row["value"])
    assert result["best_observed"]["value"] == best
    assert f"energy {best:.7g} eV" in out
    assert result["best_observed"]["notation"] in out
    lines = result["best_observed"]["network"].splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("network = ")
    assert lines[-1] in out
    assert "%" not in out

    page = folder / "report.html"
    code, _, _ = command(report.main, run, "--out", page)
    assert code == 0
    text = page.read_text(encoding="utf-8")
    assert "energy, eV, minimised" in text
    assert f"{best:.6g} eV" in text
    assert "not ended" not in text
    assert "accuracy" not in text.partition("<script")[0].partition("Search on")[2]


def test_known_measurements_are_not_measured_again(folder: Path, command: Any) -> None:
    space = get_space("DIGITS101")
    cells = [space.canonical(each) for each in list(next(space.enumerate()))[:6]]
    lines = [json.dumps({**space.to_record(cell), "loss": -4.0}) for cell in cells]
    (folder / "known.jsonl").write_text("\n".join(lines) + "\n")
    flags = (*FLAGS, "--objective", "own_energy:length", "--form", "official", "--minimise")
    more = ("--known", "known.jsonl", "--value_column", "loss", "--json", "--name", "run")
    code, out, err = command(search.main, *flags, *more)
    assert code == 0
    assert "architectures from 'matrix' and 'ops'" in err  # what was guessed
    rows = list(csv.DictReader((folder / "runs" / "run" / "queries.csv").open(encoding="utf-8")))
    assert not {space.hash(cell) for cell in cells} & {row["hash"] for row in rows}
    assert float(rows[0]["value"]) == len(rows[0]["architecture"])
    result = json.loads(out)
    assert result["best_observed"]["value"] == -4.0
    assert result["best_observed"]["query"] == 0
    config = json.loads((folder / "runs" / "run" / "config.json").read_text())
    assert config["known"]["count"] == 6


def test_an_interruption_is_one_line(folder: Path, command: Any) -> None:
    code, out, err = command(search.main, *FLAGS, "--objective", "own_energy:stopped")
    assert (code, out) == (130, "")
    place = "runs/DIGITS101_stopped_evolution_seed0"
    assert err.startswith(f"interrupted; 0 of 25 queries are kept in {place}: the same search with")
    assert err.count("\n") == 1


INTERRUPTED_IMPORT = """
import runpy, sys

class Interruption:
    def find_spec(self, name, *_):
        if name == "torch":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interruption())
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize("script", ["search.py", "pareto.py"])
def test_an_interruption_while_packages_are_imported_is_one_line(script: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED_IMPORT, f"Bayesian_Optimization/{script}"]
    done = subprocess.run(
        command, cwd=REPOSITORY_ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr == "interrupted before anything was started\n"


def test_a_mistaken_function_ends_the_search_with_one_sentence(folder: Path, command: Any) -> None:
    code, out, err = command(search.main, *FLAGS, "--objective", "own_energy:broken")
    assert (code, out) == (2, "")
    first, last = err.splitlines()
    assert first.startswith("query 1 failed, {")
    assert "it raised AttributeError: 'ArchitectureGraph' object has no attribute 'nodes'" in first
    assert first.endswith("metrics.jsonl")
    assert last.startswith("error: none of the first 20 architectures could be measured")
    assert "resume the search" in last
    run = folder / "runs" / "DIGITS101_broken_evolution_seed0"
    assert len((run / "queries.csv").read_text().splitlines()) == 21


def test_the_queries_of_a_run_are_known_to_another(folder: Path, command: Any) -> None:
    own = (*FLAGS, "--queries", 12, "--objective", "own_energy:odd")
    command(search.main, *own, "--name", "first")
    queries = folder / "runs" / "first" / "queries.csv"
    rows = list(csv.DictReader(queries.open(encoding="utf-8")))
    failed = [row["hash"] for row in rows if row["status"] == "failed"]
    assert 0 < len(failed) < 12
    code, _, err = command(search.main, *own, "--name", "second", "--known", queries)
    assert code == 0
    assert f"queries.csv: {len(failed)} rows that failed are left out" in err
    more = list(csv.DictReader((folder / "runs/second/queries.csv").open(encoding="utf-8")))
    assert {row["hash"] for row in rows} & {row["hash"] for row in more} <= set(failed)
    code, _, _ = command(search.main, *own, "--name", "third", "--start", queries)
    assert code == 0
    again = list(csv.DictReader((folder / "runs/third/queries.csv").open(encoding="utf-8")))
    assert [row["hash"] for row in again] == [row["hash"] for row in rows]


BAD: dict[str, tuple[tuple[Any, ...], str]] = {
    "no colon": (("--objective", "own_energy"), "expected MODULE:FUNCTION"),
    "no such module": (("--objective", "own_enrgy:energy"), "there is no module 'own_enrgy'"),
    "no such function": (("--objective", "own_energy:enrgy"), "has no 'enrgy'"),
    "no function": (("--objective", "own_energy:NUMBER"), "expected a function"),
    "a module that misses another": (("--objective", "broken_energy:f"), "nothing_of_this_name"),
    "a module that raises": (("--objective", "raising_energy:f"), "ZeroDivisionError"),
    "an estimator besides": (
        ("--objective", "own_energy:energy", "--estimator", "table"),
        "--estimator does not go with --objective",
    ),
    "a unit of a table": (("--unit", "eV"), "--unit belongs to --objective"),
    "a known file of a table": (("--known", "known.csv"), "--known belongs to --objective"),
    "a column of nothing": (
        ("--objective", "own_energy:energy", "--arch_column", "arch"),
        "give --known",
    ),
    "no known file": (("--objective", "own_energy:energy", "--known", "none.csv"), "none.csv"),
    "weights of another space": (
        ("--objective", "own_energy:energy", "--weights", "SVGE_NB201", "--method", "latent_bo"),
        "were trained on NB201, not on DIGITS101",
    ),
    "minimised accuracy": (("--estimator", "train", "--minimise"), "leave --minimise out"),
}


@pytest.mark.parametrize(("flags", "expected"), BAD.values(), ids=BAD)
def test_refuses_bad_input_in_one_sentence(
    flags: tuple[Any, ...], expected: str, folder: Path, command: Any
) -> None:
    code, out, err = command(search.main, "--log_dir", "runs", *flags)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err
    assert not (folder / "runs").exists()
