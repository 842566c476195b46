"""Training commands that are killed end with the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from experiment import files
from experiment.checkpoint import load_checkpoint
from experiment.paths import REPOSITORY_ROOT
from Extrapolation_Ability.cell_training import train_cell, train_enas
from tests.Extrapolation_Ability.tiny_trainings import CONV, TINY, flags, measurements

# --- killed ------------------------------------------------------------------------------------

KILL_AND_RESUME = """
import itertools, json, os, signal, sys
root, trainings, moments = sys.argv[1:]
sys.path.insert(0, root)
from Extrapolation_Ability.cell_training import train_cell, train_enas
import torch
import torch._dynamo  # an optimiser's first step would load it, in every child again
from torch.optim.optimizer import register_optimizer_step_post_hook
torch.set_num_threads(1)
from datasets.images import get_images
from experiment import loop
get_images("digits")
loop.CHECKPOINT_SECONDS = -1.0  # after every batch, so that epochs are broken in the middle
commands = {"train_cell": train_cell.main, "train_enas": train_enas.main}

def die_at(count, function):
    calls = itertools.count(1)
    def dying(*given, **named):
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return dying

def attempt(command, flags, moment=None):
    child = os.fork()
    if child == 0:
        code = 1
        if moment:
            event, count = moment
            if event == "step":
                register_optimizer_step_post_hook(die_at(count, lambda *_: None))
            else:
                setattr(os, event, die_at(count, getattr(os, event)))
        try:
            code = command([*flags, "--resume"])
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for name, flags in json.loads(trainings):
    for moment in json.loads(moments):
        print("\\nended by", attempt(commands[name], flags, moment), flush=True)
    if code := attempt(commands[name], flags):
        sys.exit(code)
"""
MOMENTS = [("step", 5), ("replace", 7), ("fsync", 9)]
"""Calls of the optimiser, and of what puts files on the disk, at which a training is killed."""
KILLED = [
    (train_cell.main, ["--cell", CONV, "--epochs", "2"]),
    # With dropout, whose random numbers are PyTorch's own, and an auxiliary head.
    (train_enas.main, ["--arch", "1 0 1 4 0 1", "--epochs", "2"]),
]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forks")
def test_killed_again_and_again_they_end_with_the_same_numbers(tmp_path: Path) -> None:
    places = {}
    for command, arguments in KILLED:
        name = command.__module__.rpartition(".")[2]
        calm, shaken = places[name] = tmp_path / name / "calm", tmp_path / name / "shaken"
        for place in (calm, shaken):
            place.mkdir(parents=True)
            (place / "tiny.toml").write_text(TINY.replace("batch_size = 100", "batch_size = 200"))
        assert command([*arguments, *flags(calm)]) == 0
    trainings = [
        (name, [*arguments, *flags(shaken)])
        for (name, (_, shaken)), (_, arguments) in zip(places.items(), KILLED, strict=True)
    ]
    given = [str(REPOSITORY_ROOT), json.dumps(trainings), json.dumps(MOMENTS)]
    done = subprocess.run(
        [sys.executable, "-c", KILL_AND_RESUME, *given],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ends = [line for line in done.stdout.splitlines() if line.startswith("ended by")]
    assert ends == [f"ended by {-signal.SIGKILL}"] * len(MOMENTS) * len(KILLED)
    for calm, shaken in places.values():
        assert without_times(measurements(calm)) == without_times(measurements(shaken))
        (run,) = (calm / "runs" / "test").glob("*_seed0")
        assert_same_run(run, shaken / "runs" / "test" / run.name)


def assert_same_run(first: Path, second: Path) -> None:
    curves = [
        without_times([json.loads(line) for line in (run / "metrics.jsonl").open()])
        for run in (first, second)
    ]
    assert curves[0] == curves[1]
    for name in ("best_weights.pt", "last_weights.pt"):
        one, two = (load_checkpoint(run / "checkpoints" / name) for run in (first, second))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one), name
    assert not [path for path in second.rglob("*") if files.PARTIAL in path.name]


def without_times(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    timed = ("seconds", "images_per_second", "cost_seconds")
    return [{key: value for key, value in one.items() if key not in timed} for one in entries]
