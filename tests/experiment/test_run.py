from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiment import environment
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT
from experiment.run import RunFolder
from experiment.schema import SCHEMA

CONFIG = {"epochs": 3, "out": Path("a/b"), "betas": (0.9, 0.999)}


def start(path: Path, *, resume: bool = False, seed: int = 1, **changed: object) -> RunFolder:
    return RunFolder.start(path, {**CONFIG, **changed}, seed=seed, resume=resume)


def test_a_new_run_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "train.py", "--name", "a name"])
    run = start(tmp_path / "run", seed=5)
    assert run.config == {
        "schema": SCHEMA,
        "epochs": 3,
        "out": "a/b",
        "betas": [0.9, 0.999],
        "seed": 5,
    }
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["seed"] == 5
    assert environment["packages"]["numpy"]
    assert environment["device"] == "cpu"
    assert environment["cpu"]
    assert {"commit", "dirty"} <= environment.keys()
    assert (run.path / "command.txt").read_text() == "python train.py --name 'a name'\n"
    assert run.checkpoints.is_dir()
    assert run.figures.is_dir()
    run.save_result({"accuracy": 0.5})
    assert json.loads((run.path / "result.json").read_text()) == {"accuracy": 0.5}


def test_the_entry_that_differs_is_named(tmp_path: Path) -> None:
    training = {"recipe": {"epochs": 3, "loss": "mse"}, "seed": 0}
    start(tmp_path / "run", training=training)
    other = {**training, "recipe": {"epochs": 3, "loss": "mae"}}
    said = "its 'training.recipe.loss' is 'mse', this run's is 'mae'; choose another folder"
    with pytest.raises(InputError, match=said):
        start(tmp_path / "run", resume=True, training=other)


def test_an_existing_run_needs_resume_and_the_same_settings(tmp_path: Path) -> None:
    path = tmp_path / "run"
    start(path)
    with pytest.raises(InputError, match="add --resume"):
        start(path)
    with pytest.raises(InputError, match=r"'epochs' is 3, this run's is 4"):
        start(path, resume=True, epochs=4)
    with pytest.raises(InputError, match=r"'seed' is 1, this run's is 2"):
        start(path, resume=True, seed=2)
    with pytest.raises(InputError, match=r"'new' is None, this run's is 1"):
        start(path, resume=True, new=1)
    start(path, resume=True)
    assert len((path / "command.txt").read_text().splitlines()) == 2
    assert len(json.loads((path / "environment.json").read_text())["resumed"]) == 1
    assert json.loads((path / "config.json").read_text())["epochs"] == 3


def test_resume_begins_a_run_that_is_not_there(tmp_path: Path) -> None:
    assert start(tmp_path / "run", resume=True).config["epochs"] == 3


def test_a_run_killed_while_it_began_goes_on(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    for name in ("command.txt", "environment.json"):
        (run.path / name).unlink()
    leftovers = [
        run.path / ".command.partial-00aa.txt",
        run.checkpoints / ".last.partial-00bb.pt",
    ]
    for leftover in leftovers:
        leftover.write_bytes(b"half")
    (run.checkpoints / "last.pt").write_bytes(b"whole")
    start(tmp_path / "run", resume=True)
    assert len((run.path / "command.txt").read_text().splitlines()) == 1
    assert (run.path / "environment.json").exists()
    assert not any(leftover.exists() for leftover in leftovers)
    assert (run.checkpoints / "last.pt").exists()


def test_folders_that_are_no_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"it holds 'thesis\.tex'"):
        start(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        start(tmp_path / "thesis.tex")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / ".config.partial-00aa.json").write_text("{")
    start(tmp_path / "killed")
    assert not (tmp_path / "killed" / ".config.partial-00aa.json").exists()


def test_a_resumed_log_equals_an_unbroken_one(tmp_path: Path) -> None:
    unbroken, broken = start(tmp_path / "a"), start(tmp_path / "b")
    entries: list[dict[str, Any]] = [
        {"event": "start"},
        *({"epoch": k, "loss": 1 / k} for k in range(1, 6)),
    ]
    for entry in entries:
        unbroken.log(entry)
    for entry in entries[:5]:
        broken.log(entry)
    metrics = tmp_path / "b" / "metrics.jsonl"
    with metrics.open("ab") as handle:
        handle.write(b'{"epoch": 5, "lo')  # killed while writing
    assert broken.read_metrics() == entries[:5]
    resumed = start(tmp_path / "b", resume=True)
    assert metrics.read_bytes().endswith(b"}\n")
    resumed.truncate_after("epoch", 2)
    assert resumed.read_metrics() == entries[:3]
    for entry in entries[3:]:
        resumed.log(entry)
    assert metrics.read_bytes() == (tmp_path / "a" / "metrics.jsonl").read_bytes()


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from experiment.run import RunFolder; "
        "RunFolder.start(sys.argv[1], {'epochs': 1}, 0, False); print('there', flush=True); "
        "time.sleep(600)"
    )
    run = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "there\n"
            with pytest.raises(InputError, match="another process is working in"):
                RunFolder.start(run, {"epochs": 1}, 0, resume=True)
        finally:
            other.kill()
    assert RunFolder.start(run, {"epochs": 1}, 0, resume=True).path == run
    RunFolder.start(run, {"epochs": 1}, 0, resume=True)  # this process may, again and again


def test_numbers_that_json_has_no_word_for_are_null(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    run.log({"loss": float("nan")})
    assert run.read_metrics() == [{"loss": None}]
    run.truncate_after("loss", 0)
    assert run.read_metrics() == [{"loss": None}]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    (run.path / "metrics.jsonl").write_text('{"epoch": 1}\noops\n{"epoch": 2}\n')
    with pytest.raises(InputError, match="line 2"):
        run.read_metrics()


def test_what_was_logged_survives_a_kill(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(REPOSITORY_ROOT)!r})
from experiment.run import RunFolder
from experiment.schema import SCHEMA
run = RunFolder.start({str(tmp_path / "run")!r}, {{}}, seed=1, resume=False)
for step in range(3):
    run.log({{"step": step}})
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, timeout=600, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [entry["step"] for entry in RunFolder(tmp_path / "run").read_metrics()] == [0, 1, 2]


def test_a_benchmark_s_own_results_are_no_change_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    for path in (tmp_path / "code.py", results / "figures.json"):
        path.write_text("1")
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(environment, "REPOSITORY_ROOT", tmp_path)
    (results / "figures.json").write_text("2")
    assert environment.git_state()["dirty"] is False
    (tmp_path / "code.py").write_text("2")
    assert environment.git_state()["dirty"] is True


def test_lines_after_a_place_are_whole_ones(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.metrics_after(0) == ([], 0)
    run.log({"a": 1})
    entries, place = run.metrics_after(0)
    assert entries == [{"a": 1}]
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"a": 2')
        file.flush()
        assert run.metrics_after(place) == ([], place)
        file.write("}\n{a}\n")
    with pytest.raises(ValueError, match="line 3 of"):
        run.metrics_after(place)
