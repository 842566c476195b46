"""``python -m estimators.digits101``: one more cell, and the table checked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.graph import ArchitectureGraph
from datasets.registry import get_benchmark, get_space
from datasets.spaces.digits101 import larger_cells
from datasets.table import read_table, write_table
from estimators import digits101
from estimators.commands.digits101 import main
from experiment.paths import REPOSITORY_ROOT

Said = Callable[..., tuple[int, str, str]]
NB101 = get_space("NB101")
CELL = ArchitectureGraph((1, 3, 2, 4, 0), ((0, 1), (0, 2), (1, 3), (2, 4), (3, 4)))
TINY = """
[network]
stem_channels = 6
stacks = 2
cells = 1
batch_norm_momentum = 0.1

[recipe]
epochs = 1
batch_size = 200
learning_rate = 0.01
optimiser = "adamw"
schedule = "constant"
weight_decay = 0.01
precision = "float32"
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that are trained in a blink, in the place of those of the table."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    monkeypatch.setattr(digits101, "CONFIG", str(path))


def test_a_fresh_process_trains_a_cell() -> None:
    """As the README says it, with the table's settings."""
    done = subprocess.run(
        [sys.executable, "-m", "estimators.digits101", "--train", NB101.format(CELL), "--json"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY_ROOT,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    record = json.loads(line)
    assert NB101.parse(line) == CELL
    assert (record["status"], record["seed"], record["hash"]) == ("ok", 0, NB101.hash(CELL))
    assert 0.5 < record["validation"] <= 1
    assert 0.5 < record["test"] <= 1
    assert record["parameters"] > 1000
    assert set(record["details"]) == {"halfway_validation", "halfway_test"}


def test_the_order_of_the_nodes_does_not_matter(tiny: None, command: Said) -> None:
    other = ArchitectureGraph((1, 2, 3, 4, 0), ((0, 1), (0, 2), (1, 4), (2, 3), (3, 4)))
    found = []
    for cell in (CELL, other):
        code, out, _ = command(main, "--train", NB101.format(cell), "--json", "--seeds", 2)
        assert code == 0
        found.append([json.loads(line) for line in out.splitlines()])
        for record in found[-1]:
            del record["matrix"], record["ops"], record["cost_seconds"]
    assert found[0] == found[1]
    first, second = found[0]
    assert (first.pop("seed"), second.pop("seed")) == (0, 1)
    assert first != second


def test_a_cell_of_8_nodes(tiny: None, command: Said, small_table: Path) -> None:
    cell = NB101.format(larger_cells()[-1])
    code, out, err = command(main, "--train", cell, "--seed", 3, "--source", small_table)
    assert (code, err) == (0, "")
    trained, table = out.splitlines()
    assert trained.startswith("seed 3: validation ")
    assert trained.endswith("FLOPs")
    assert table.startswith("the cell is larger than those of DIGITS101")


def test_a_cell_of_the_table_by_its_hash(tiny: None, command: Said, small_table: Path) -> None:
    benchmark = get_benchmark("DIGITS101", source=small_table)
    mean = benchmark.metric("validation").mean()
    row = int(mean.argmax())
    hash = str(benchmark.hashes[row]).upper()
    code, out, err = command(main, "--train", hash, "--source", small_table)
    assert (code, err) == (0, "")
    last = out.splitlines()[-1]
    assert last == f"in the table: validation {100 * mean[row]:.2f} % on average, rank 1 of 6"


def test_a_cell_that_the_table_lacks(tiny: None, command: Said, small_table: Path) -> None:
    code, out, _ = command(main, "--train", NB101.format(CELL), "--source", small_table)
    assert code == 0
    assert out.splitlines()[-1] == "in the table: no accuracy of this cell"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ('{"matrix": [[0,1,0],[0,0,0],[0,0,0]], "ops": ["input", "maxpool3x3", "output"]}',
         "no path leads from the first node to the last: no network can be made of it"),
        ('{"matrix": [[0]], "ops": ["output"]}', "no path leads"),
        ('{"matrix": [[0,1],[1,0]], "ops": ["input", "output"]}', "topological order"),
        ('{"matrix": [[0,1]], "ops": ["input", "output"]}', "expected 2 rows of 2 zeros and ones"),
        ('{"matrix": [[0,2],[0,0]], "ops": ["input", "output"]}', "row 0 of 'matrix' has 2"),
        ('{"matrix": [[0,1],[0,0]], "ops": ["input", "conv9x9"]}', "'conv9x9' is unknown"),
        ('{"matrix": [[0,1],[0,0]]}', "ops"),
        ('{"matrix"', "is no JSON"),
        ("0" * 32, "is neither a cell as JSON nor the hash of one in the table"),
        ("[1, 2]", "is neither a cell as JSON nor the hash"),
        ("", "is neither a cell as JSON nor the hash"),
    ],
)  # fmt: skip
def test_what_is_no_cell_is_one_sentence(
    command: Said, small_table: Path, cell: str, message: str
) -> None:
    code, out, err = command(main, "--train", cell, "--source", small_table)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_cell_that_cannot_be_built_is_a_failed_measurement(tiny: None, command: Said) -> None:
    """Seven nodes feed the output, the network has six channels."""
    nodes = range(1, 8)
    wide = ArchitectureGraph(
        (1, *[2] * 7, 0), tuple((0, i) for i in nodes) + tuple((i, 8) for i in nodes)
    )
    code, out, err = command(main, "--train", NB101.format(wide))
    assert (code, err) == (2, "")
    assert out.startswith("seed 0: failed: ")
    assert "channels" in out
    assert out.count("\n") == 1
    code, out, _ = command(main, "--train", NB101.format(wide), "--json")
    assert code == 2
    assert json.loads(out)["status"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one of the arguments --train --check is required"),
        (("--train", "x", "--check", "3"), "not allowed with argument"),
        (("--check", "0"), "expected at least 1"),
        (("--check", "3", "--json"), "--json and --seeds go with --train only"),
        (("--train", "x", "--source", "/no/such/table.npz"), "there is no table"),
    ],
)
def test_wrong_flags_are_one_sentence(
    command: Said, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = command(main, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_the_table_is_found_again(command: Said, small_table: Path) -> None:
    """All of it, more than there is being asked for; with one seed only equality will do."""
    code, out, err = command(main, "--check", 100, "--source", small_table)
    assert (code, err) == (0, "")
    assert out.startswith("6 cells trained again with seed 0: 6 to the very same test accuracy; ")


def changed(path: Path, to: Path, seeds: list[list[float]]) -> Path:
    """The table with other test accuracies."""
    table = read_table(path)
    column = table.columns["digits/4/test"]
    columns = {**table.columns, "digits/4/test": replace(column, values=np.array(seeds))}
    write_table(to, replace(table, columns=columns))
    return to


def test_another_table_is_told(
    tiny: None, command: Said, small_table: Path, tmp_path: Path
) -> None:
    """A failed training in it is left out; a wide spread between seeds excuses a difference."""
    nan = float("nan")
    wrong = changed(small_table, tmp_path / "wrong.npz", [[0.0, 0.01]] * 5 + [[nan, nan]])
    code, out, _ = command(main, "--check", 6, "--source", wrong)
    assert code == 1
    assert out.startswith("5 cells trained again with seed 0: 0 to the very same")
    wide = changed(small_table, tmp_path / "wide.npz", [[0.5, -5.0]] * 6)
    code, _, _ = command(main, "--check", 2, "--source", wide)
    assert code == 0
