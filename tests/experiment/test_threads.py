"""As many threads as there are cores that a process may use and that make it faster."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from experiment import threads
from experiment.run import RunFolder
from experiment.threads import available_cores, quota, reason, speedup, use_threads


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu.max": "nonsense\n"}, math.inf),
        ({"cpu.max": "100000 0\n"}, math.inf),
        ({"cpu.max": ""}, math.inf),
        ({}, math.inf),
    ],
)
def test_a_container_s_quota_is_read(
    tmp_path: Path, files: dict[str, str], expected: float
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    assert quota(tmp_path) == expected


@pytest.mark.parametrize(("share", "cores"), [(math.inf, 8), (2.5, 3), (1.0, 1), (0.2, 1), (64, 8)])
def test_cores_are_those_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch, share: float, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "quota", lambda: share)
    assert available_cores() == cores
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """A machine of eight cores on which so many threads are so much faster than half of them."""

    def make(gains: dict[int, float], cores: int = 8) -> list[int]:
        chosen: list[int] = []
        monkeypatch.delenv(threads.COUNT_VARIABLE, raising=False)
        monkeypatch.setattr(threads, "available_cores", lambda: cores)
        monkeypatch.setattr(threads, "_most", lambda: 8)
        monkeypatch.setattr(threads, "_reason", "")
        monkeypatch.setattr(threads, "speedup", lambda few, many: gains[many])
        monkeypatch.setattr(torch, "set_num_threads", chosen.append)
        return chosen

    return make


@pytest.mark.parametrize(
    ("gains", "cores", "expected"),
    [
        ({2: 0.4}, 8, 1),  # a core is taken
        ({2: 1.05}, 8, 1),
        ({2: 1.8, 4: 1.0}, 8, 2),
        ({2: 1.8, 4: 1.5, 8: 1.2}, 8, 8),
        ({2: 1.8, 3: 1.3}, 3, 3),
        ({}, 1, 1),
    ],
)
def test_threads_are_doubled_while_that_is_faster(
    machine: Callable[..., list[int]], gains: dict[int, float], cores: int, expected: int
) -> None:
    chosen = machine(gains, cores)
    use_threads(None)
    assert chosen[-1] == expected
    assert reason().startswith("measured: 2 are " if gains else "no more than one")


def test_what_the_user_says_is_obeyed(
    machine: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = machine({})
    assert use_threads(5) == "as the command says"
    assert chosen == [5]
    monkeypatch.setenv(threads.COUNT_VARIABLE, "3")
    assert "OMP_NUM_THREADS" in use_threads(None)
    assert chosen == [5]


def test_a_resumed_run_has_the_threads_that_it_began_with(
    machine: Callable[..., list[int]], tmp_path: Path
) -> None:
    chosen = machine({2: 1.8, 4: 1.0})
    use_threads(None)
    RunFolder.start(tmp_path / "run", {}, seed=0, resume=False)
    record = tmp_path / "run" / "environment.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "threads": 7}))
    RunFolder.start(tmp_path / "run", {}, seed=0, resume=True)
    assert chosen[-1] == 7
    use_threads(4)
    RunFolder.start(tmp_path / "run", {}, seed=0, resume=True)
    assert chosen[-1] == 4


def test_a_speedup_is_measured_and_draws_no_random_numbers() -> None:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    try:
        assert 0 < speedup(1, 1) < math.inf
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.get_rng_state(), state)
