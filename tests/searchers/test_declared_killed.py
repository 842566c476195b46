"""A declared search with two workers, one of which is killed, and then all of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiment.paths import REPOSITORY_ROOT
from searchers.declared.problem import NASProblem
from searchers.declared.run import run_problem

PROBLEM = """
budget = {{evaluations = 10}}
search = {{name = "random", seed = 1}}
top_k = {{k = 0}}
callbacks = {{log = false}}
space = "GINE"
[engine]
{engine}
[task]
data = "chains"
file = "{file}"
labels = "size"
[hyperparameters]
epochs = 12
patience = 12
batch_size = 8
layers = 1
hidden = {{choices = [4, 8]}}
learning_rate = {{low = 1e-3, high = 1e-1, log = true}}
"""
COMMAND = REPOSITORY_ROOT / "Bayesian_Optimization" / "search_problem.py"


def written(folder: Path, file: Path, engine: str) -> str:
    text = PROBLEM.format(file=file, engine=engine)
    (folder / "chains.toml").write_text(text, encoding="utf-8")
    return text


def lines_of(run: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's log."""
    file = run / "metrics.jsonl"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def measured(run: Path) -> dict[str, tuple[str, float]]:
    """Candidate → status and value, of what is in a run's log."""
    found = [line for line in lines_of(run) if line["event"] == "measured"]
    assert len({line["hash"] for line in found}) == len(found)
    return {line["hash"]: (line["status"], line["validation"]) for line in found}


def test_a_killed_worker_and_a_killed_search_lose_nothing(
    tmp_path: Path,
    wait_until: Callable[..., None],
    is_alive: Callable[[int], bool],
    workers_of: Callable[[int], set[int]],
) -> None:
    table = tmp_path / "chains.csv"
    smiles = [f"{first}{'C' * n}{last}" for first in "ONF" for n in range(1, 13) for last in "OS"]
    rows = [f"{one},{len(one) + one.count('O')}" for one in smiles]
    table.write_text("smiles,size\n" + "\n".join(rows) + "\n", encoding="utf-8")
    two = written(tmp_path, table, 'name = "processes"\nworkers = 2')
    run = tmp_path / "runs" / "chains"
    words = [sys.executable, str(COMMAND), "chains.toml", "--log_dir", "runs", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: len(measured(run)) >= 2 or process.poll() is not None)
        workers = workers_of(process.pid)
        assert len(workers) == 2
        os.kill(min(workers), signal.SIGKILL)
        wait_until(lambda: len(measured(run)) >= 5 or process.poll() is not None)
        workers = workers_of(process.pid)
        process.kill()
    before = measured(run)
    assert len(before) < 10
    assert {status for status, _ in before.values()} == {"ok"}  # what was lost was trained again
    wait_until(lambda: not any(is_alive(pid) for pid in workers))

    resumed = run_problem(NASProblem.read(tomllib.loads(two)), run, resume=True, quiet=True)
    assert resumed.summary["queries"] == 10
    after = measured(run)
    assert {hash: after[hash] for hash in before} == before
    # Random proposals depend on no result: one worker that nobody kills trains the same.
    one = tomllib.loads(written(tmp_path, table, 'name = "here"'))
    run_problem(NASProblem.read(one), tmp_path / "alone", quiet=True)
    assert measured(tmp_path / "alone") == after
