"""Trainings in folders that fail: what is kept, and what is tried again."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest
import torch

from datasets.graph import ArchitectureGraph
from estimators import recorded
from estimators.measurement import Measurement
from estimators.networks import NB101Design
from experiment import files
from experiment.checkpoint import load_checkpoint, save_checkpoint
from experiment.errors import InputError
from tests.estimators.small_trainings import (
    CELL,
    RECIPE,
    Killed,
    die_at,
    lines,
    training,
    without_times,
)


def test_a_loss_that_is_no_number_is_a_kept_failure(tmp_path: Path) -> None:
    wild = training(dataclasses.replace(RECIPE, learning_rate=1e30))
    measurement = wild.train(CELL, 0, tmp_path / "run", resume=False)
    assert measurement.status == "failed"
    assert "the loss is nan in epoch 1" in measurement.reason
    assert measurement.validation is measurement.test is None
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result == {"status": "failed", "reason": measurement.reason}
    assert wild.train(CELL, 0, tmp_path / "run", resume=True) == measurement


def test_channels_that_do_not_divide_are_a_kept_failure(tmp_path: Path) -> None:
    narrow = training(design=NB101Design(stem_channels=2, stacks=1, cells=1))
    edges = ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4))
    cell = ArchitectureGraph((1, 3, 3, 3, 0), edges)
    measurement = narrow.train(cell, 0, tmp_path / "run", resume=False)
    assert measurement.status == "failed"
    assert "2 channels cannot be divided among the 3 vertices" in measurement.reason
    assert (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("12 GiB"),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_lack_of_memory_fails_and_is_tried_again(
    tmp_path: Path, finished: tuple[Path, Measurement], error: Exception
) -> None:
    def short(*_: object, **__: object) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NB101Design, "build", short)
        measurement = training().train(CELL, 1, tmp_path / "run", resume=False)
    assert measurement.status == "failed"
    assert measurement.reason.startswith("the memory is too short for its training: ")
    again = training().train(CELL, 1, tmp_path / "run", resume=True)
    assert again.test == finished[1].test


def test_a_defect_is_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(NB101Design, "build", broken)
    with pytest.raises(RuntimeError, match="multiplied"):
        training().train(CELL, 1, tmp_path / "run", resume=False)
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("unlucky", ["last.pt", "best_weights.pt", "result.json", "metrics.jsonl"])
def test_a_full_disk_is_told_and_nothing_is_half_written(
    tmp_path: Path, finished: tuple[Path, Measurement], unlucky: str
) -> None:
    replace, fsync = os.replace, os.fsync
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def no_room(source: Path, target: Path) -> None:
        if Path(target).name == unlucky:
            raise full
        replace(source, target)

    def no_flush(handle: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{handle}")).name == unlucky:
            raise full
        fsync(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "replace", no_room)
        patch.setattr(files.os, "fsync", no_flush)
        with pytest.raises(InputError, match=f"cannot write .*{unlucky}'.*No space left on device"):
            training().train(CELL, 1, tmp_path / "run", resume=False)
    assert not [path for path in tmp_path.rglob("*") if files.PARTIAL in path.name]
    for checkpoints in (tmp_path / "run" / "checkpoints").iterdir():
        load_checkpoint(checkpoints)
    assert training().train(CELL, 1, tmp_path / "run", resume=True).test == finished[1].test
    assert without_times(lines(tmp_path / "run")) == without_times(lines(finished[0]))


@pytest.mark.parametrize("harm", ["device", "damage"])
def test_a_checkpoint_that_cannot_be_gone_on_with_is_no_measurement(
    tmp_path: Path, harm: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, "report_epoch", die_at(2, recorded.report_epoch))
        with pytest.raises(Killed):
            training().train(CELL, 1, tmp_path / "run", resume=False)
    path = tmp_path / "run" / "checkpoints" / "last.pt"
    if harm == "device":
        save_checkpoint(path, {**load_checkpoint(path), "device": "cuda"})
    else:
        path.write_bytes(path.read_bytes()[:100])
    message = "resume with --device cuda" if harm == "device" else "is no checkpoint or a damaged"
    with pytest.raises(InputError, match=message):
        training().train(CELL, 1, tmp_path / "run", resume=True)
    assert not (tmp_path / "run" / "result.json").exists()
