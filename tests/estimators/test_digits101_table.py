"""The sweep that makes the table of DIGITS101: killed anywhere it goes on, to the same table."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.benchmarks.digits101 import TABLE
from datasets.commands.query import main as query
from datasets.registry import get_benchmark, get_space
from datasets.table import read_header, read_table
from estimators.commands.digits101_table import main
from estimators.digits101 import SPACE, estimator
from estimators.digits101_table import all_cells, as_table
from estimators.measurement import Measurement
from estimators.store import Store
from experiment.paths import REPOSITORY_ROOT

Said = Callable[..., tuple[int, str, str]]
LIMITS = ("--limit", "6", "--seeds", "1")


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hashes of everything that is put into a store."""
    names: list[str] = []
    put = Store.put

    def noted(store: Store, settings: Mapping[str, Any], name: str, figures: Any) -> None:
        names.append(name)
        put(store, settings, name, figures)

    monkeypatch.setattr(Store, "put", noted)
    return names


SWEEP_THAT_DIES = """
import itertools, os, signal, sys

import psutil

from estimators.commands.digits101_table import main
from estimators.store import Store

puts, put = itertools.count(), Store.put

def put_or_die(*what):
    if next(puts) == 2:
        print(*(child.pid for child in psutil.Process().children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    put(*what)

Store.put = put_or_die
main(sys.argv[1:])
"""


def test_killed_it_goes_on(
    small_table: Path,
    puts: list[str],
    command: Said,
    tmp_path: Path,
    wait_until: Callable[..., None],
    is_alive: Callable[[int], bool],
) -> None:
    """Nothing is trained twice, nobody is left behind, the table is that of an undisturbed run."""
    store, out = tmp_path / "store.sqlite", tmp_path / "table.npz"
    given = ("--out", str(out), "--store", str(store), *LIMITS)
    sweep = subprocess.run(
        [sys.executable, "-c", SWEEP_THAT_DIES, *given, "--workers", "1"],
        cwd=REPOSITORY_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=False,
    )
    assert sweep.returncode == -signal.SIGKILL
    workers = [int(pid) for pid in sweep.stdout.split()]
    assert workers
    wait_until(lambda: not any(is_alive(pid) for pid in workers))
    assert not out.exists()

    settings = estimator(0).settings
    kept = set(Store(store).get_all(settings))
    assert len(kept) == 2
    code, said, err = command(main, *given, "--workers", 1)
    assert (code, err) == (0, "")
    assert said.startswith("6 cells with 1 seeds, 0 failed, in ")
    assert sorted([*kept, *puts]) == sorted(set(kept) | set(puts))
    assert len(puts) == 6 - len(kept)
    assert_same_measurements(out, small_table)


def assert_same_measurements(path: Path, other: Path) -> None:
    """Everything but the times is the same."""
    one, two = read_table(path), read_table(other)
    assert list(one.graphs) == list(two.graphs)
    assert one.hashes.tolist() == two.hashes.tolist()
    assert list(one.columns) == list(two.columns)
    for name, column in one.columns.items():
        if name != "digits/4/training_seconds":
            assert np.array_equal(column.values, two.columns[name].values), name
    assert one.source["settings"] == two.source["settings"]


def test_what_is_measured_makes_another_table_without_training(
    small_table: Path, puts: list[str], command: Said, tmp_path: Path
) -> None:
    out, store = tmp_path / "again.npz", small_table.parent / "store.sqlite"
    assert command(main, "--out", out, "--store", store, *LIMITS)[0] == 0
    assert puts == []
    assert_same_measurements(out, small_table)
    before = out.read_bytes()
    code, said, err = command(main, "--out", out, "--store", store, *LIMITS)
    assert (code, said) == (2, "")
    assert err == f"error: {str(out)!r} is there already: add --overwrite or choose --out\n"
    assert out.read_bytes() == before
    out.write_text("another file")
    assert command(main, "--out", out, "--store", store, *LIMITS, "--overwrite")[0] == 0
    assert_same_measurements(out, small_table)
    assert puts == []


def test_the_table_opens_like_any_other(
    small_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = get_benchmark(SPACE, source=small_table)
    assert len(benchmark) == 6
    assert len(get_benchmark(SPACE, source=small_table, cells="larger")) == 0
    for name in ("validation", "test", "halfway_validation", "halfway_test"):
        values = benchmark.metric(name).values
        assert values.shape == (6, 1)
        assert ((values >= 0) & (values <= 1)).all()
        assert benchmark.metric(name).trial_names == ("seed 0",)
    counts = benchmark.metric("validation").values * 497
    assert counts == pytest.approx(np.rint(counts), abs=1e-4)
    assert (benchmark.metric("training_seconds").values > 0).all()
    assert benchmark.metric("parameters").trial_names == ()
    hash = str(benchmark.hashes[3])
    arguments = ["--space", SPACE, "--source", str(small_table), "--hash", hash, "--json"]
    assert query(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["known"], answer["hash"]) == (True, hash)
    assert answer["validation"]["trials"] == benchmark.metric("validation").values[3].tolist()
    assert answer["parameters"] == benchmark.metric("parameters").values[3]


def test_the_header_says_how_it_was_measured(small_table: Path) -> None:
    header = read_header(small_table)
    settings, machine = (header["source"][name] for name in ("settings", "environment"))
    assert settings == {**estimator(0).settings, "seed": [0]}
    assert machine["threads"] == 1
    assert machine["packages"]["torch"]
    assert str(REPOSITORY_ROOT) not in json.dumps(header)


def test_all_cells() -> None:
    """2,532 of the space, then the 300; every one has a network."""
    cells = all_cells()
    assert len(cells) == 2832
    assert max(cell.num_nodes for cell in cells[:2532]) == 5
    assert min(cell.num_nodes for cell in cells[2532:]) == 6
    space = get_space(SPACE)
    assert len({space.hash(cell) for cell in cells}) == 2832


def test_a_failed_training_is_a_gap() -> None:
    """What is known of its network from another seed stays."""
    cells = all_cells()[:2]
    space = get_space(SPACE)
    hashes = [space.hash(cell) for cell in cells]
    failed = Measurement(cells[0], hashes[0], "failed", "the loss is nan")
    good = Measurement(
        cells[0], hashes[0], "ok", validation=0.5, test=0.25, cost_seconds=2.0, parameters=7,
        flops=3_000_000, details={"halfway_test": 0.125},
    )  # fmt: skip
    measured = {hashes[0]: [failed, good], hashes[1]: [failed, failed]}
    columns = as_table(cells, measured, {"seed": [0, 1]}).columns
    nan = float("nan")
    for name, expected in {
        "digits/4/validation": [[nan, 0.5], [nan, nan]],
        "digits/4/halfway_test": [[nan, 0.125], [nan, nan]],
        "digits/4/training_seconds": [[nan, 2.0], [nan, nan]],
        "parameters": [[7.0], [nan]],
        "mflops": [[3.0], [nan]],
    }.items():
        assert np.array_equal(columns[name].values, expected, equal_nan=True), name
    assert columns["digits/4/test"].trial_names == ("seed 0", "seed 1")


@pytest.mark.skipif(not TABLE.is_file(), reason="the table has not been made yet")
def test_the_committed_table_is_complete_and_of_these_settings() -> None:
    """As this code would make it, but for the machine; small enough to come with the project."""
    table = read_table(TABLE)
    space = get_space(SPACE)
    assert table.hashes.tolist() == [space.hash(cell) for cell in all_cells()]
    seeds = table.source["settings"]["seed"]
    assert table.source["settings"] == {**estimator(0).settings, "seed": seeds}
    assert seeds == list(range(len(seeds)))
    assert len(get_benchmark(SPACE)) == space.size
    assert len(get_benchmark(SPACE, cells="larger")) == 300
    accuracy = get_benchmark(SPACE).metric("test")
    assert accuracy.values.shape == (2532, len(seeds))
    assert 0.5 < np.nanmean(accuracy.values) < 1
    assert TABLE.stat().st_size < 1_000_000
    assert str(REPOSITORY_ROOT) not in json.dumps(read_header(TABLE))
