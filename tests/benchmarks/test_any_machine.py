"""Times of the main job's steps: what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import any_machine
from benchmarks.any_machine import AVX2, Times, summary
from experiment.files import read_json


def times(wall_1: float, wall_2: float, cpu_1: float = 1.0) -> Times:
    return {
        "cell_training": {
            "wall_1": [wall_1, wall_1, 100.0],
            "wall_2": [wall_2, wall_2, 500.0],
            "cpu_1": [cpu_1] * 3,
            "cpu_2": [cpu_1] * 3,
        }
    }


def test_ratios_are_medians_of_pairs() -> None:
    runs = {"native": times(2, 1), "avx2": times(3, 4, 1.5), "native_busy": times(4, 3)}
    assert summary(runs) == {
        "cell_training": {
            "two_threads": 0.5,
            "avx2_wall": 1.5,
            "avx2_cpu": 1.5,
            "two_threads_busy": 0.75,
        }
    }
    assert summary({"native": times(2, 1)}) == {"cell_training": {"two_threads": 0.5}}


def test_the_command_times_what_was_chosen_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def in_a_process(names: list[str], repeats: int, variables: dict[str, str]) -> Times:
        asked.append((names, repeats, variables))
        return any_machine.timed(names, repeats)

    calls = []
    monkeypatch.setattr(any_machine, "in_a_process", in_a_process)
    monkeypatch.setattr(any_machine, "STEPS", {"quick": lambda: lambda: calls.append(1)})
    out = tmp_path / "any_machine_here.json"
    flags = ["--steps", "quick", "--repeats", "2", "--quiet_only", "--out", str(out)]
    assert any_machine.main(flags) == 0
    assert asked == [(["quick"], 2, {}), (["quick"], 2, AVX2)]
    assert len(calls) == 2 * (1 + 2 * 2)
    kept = read_json(out)
    assert {len(series) for series in kept["times"]["avx2"]["quick"].values()} == {2}
    assert kept["ratios"]["quick"].keys() == {"two_threads", "avx2_wall", "avx2_cpu"}
    assert "instructions" in kept["environment"]["processor"]
    assert capsys.readouterr().out.startswith("quick ")
