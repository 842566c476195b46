"""``results.csv`` of a declared search, which follows a growing log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.fixed_network import FixedNetwork
from datasets.hyperparameters import among
from datasets.objective import Objective
from datasets.spaces.configured import ConfiguredSpace
from experiment.run import RunFolder
from searchers.declared.results import RESULTS, ResultsFile

SPACE = ConfiguredSpace(FixedNetwork("GINE"), {"hidden": among(4, 8, 16), "layers": among(1, 2)})
SAMPLE = SPACE.sample(40, np.random.default_rng(0))
ENTRIES = list({SPACE.hash(graph): graph for graph in SAMPLE}.items())[:4]


def asked(*jobs: int) -> dict[str, Any]:
    return {
        "event": "asked",
        "names": [ENTRIES[job][0] for job in jobs],
        "elapsed_seconds": sum(jobs),
    }


def measured(job: int, status: str = "ok") -> dict[str, Any]:
    return {
        "event": "measured",
        "hash": ENTRIES[job][0],
        "architecture": SPACE.to_record(ENTRIES[job][1]),
        "status": status,
        "validation": 0.5 + job if status == "ok" else None,
        "details": {"val_r2": job / 8} if status == "ok" else None,
        "elapsed_seconds": 10.0 + job,
    }


LOG = [asked(0, 1), asked(2), measured(1), asked(3), measured(2, "failed"), measured(0)]


def results_file(folder: Path) -> ResultsFile:
    return ResultsFile(RunFolder(folder), SPACE, Objective("val_loss", maximise=False), ["val_r2"])


def test_each_line_of_the_log_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = ConfiguredSpace.parse

    def counting(self: ConfiguredSpace, text: str) -> Any:
        parsed.append(text)
        return parse(self, text)

    monkeypatch.setattr(ConfiguredSpace, "parse", counting)
    growing = results_file(tmp_path)
    for line in LOG:
        RunFolder(tmp_path).log(line)
        growing.write()
    assert len(parsed) == 3  # measurements
    assert len(growing.write()) == 3
    assert len(parsed) == 3


@pytest.mark.parametrize("killed", range(len(LOG)))
def test_a_growing_log_leaves_the_file_of_a_whole_one(tmp_path: Path, killed: int) -> None:
    """Also where another process continues: ``killed`` lines were there before."""
    run, first = RunFolder(tmp_path), results_file(tmp_path)
    for line in LOG[:killed]:
        run.log(line)
        first.write()
    resumed = results_file(tmp_path)
    for line in LOG[killed:]:
        run.log(line)
        resumed.write()
    followed = (tmp_path / RESULTS).read_bytes()
    (tmp_path / RESULTS).unlink()
    results_file(tmp_path).write()
    assert (tmp_path / RESULTS).read_bytes() == followed
    lines = followed.decode().splitlines()
    assert lines[0].startswith("arch_seq,hidden,layers,job_id,objective,")
    assert [line.split(",")[-6] for line in lines[1:]] == ["-1.5", "-inf", "-0.5"]
