"""Tables at several numbers of epochs: one source, seconds for each, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark
from datasets.benchmark import Benchmark
from datasets.benchmarks.build import NoSuchColumnError
from datasets.fidelities import SECONDS, fidelity_tables, rows_of_all
from datasets.registry import BENCHMARKS, benchmark_epochs
from experiment.errors import InputError

EPOCHS = (1, 2, 4)
"""Of the benchmark that :func:`load` makes: of no file, it holds the last two."""


def load(data_root: Path | None = None, *, epochs: int = 4, source: object = None) -> Benchmark:
    if epochs == 1:
        raise NoSuchColumnError("this source has no column")
    return get_benchmark("DIGITS101", epochs=epochs)


@pytest.fixture
def held_in_part(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(BENCHMARKS, "PART", (__name__, "load"))
    return "PART"


def test_half_of_the_training_is_a_fidelity_of_digits101() -> None:
    tables = fidelity_tables("DIGITS101")
    assert list(tables) == [2, 4]
    whole = get_benchmark("DIGITS101")
    half = tables[2].metric("validation")
    assert np.array_equal(half.values, whole.metric("halfway_validation").values)
    assert np.array_equal(tables[4].metric(SECONDS).values, whole.metric(SECONDS).values)
    assert np.array_equal(tables[2].metric(SECONDS).values, whole.metric(SECONDS).values / 2)
    assert tables[2].metric(SECONDS).description.startswith("not recorded: 2/4 of the")
    assert SECONDS not in get_benchmark("DIGITS101", epochs=2).metrics  # the table itself has none


def test_candidates_are_known_at_every_fidelity() -> None:
    tables = fidelity_tables("DIGITS101")
    assert len(rows_of_all(tables)) == 2532
    metric = tables[2].metrics["validation"]
    values = metric.values.copy()
    values[7], values[9, 1] = np.nan, np.nan
    tables[2].metrics = {**tables[2].metrics, "validation": replace(metric, values=values)}
    assert sorted(set(range(2532)) - set(rows_of_all(tables).tolist())) == [7]
    assert sorted(set(range(2532)) - set(rows_of_all(tables, trial=1).tolist())) == [7, 9]


def test_all_that_the_files_hold_is_the_default(held_in_part: str) -> None:
    assert benchmark_epochs(held_in_part) == EPOCHS
    assert list(fidelity_tables(held_in_part)) == [2, 4]


@pytest.mark.parametrize(
    ("name", "epochs", "message"),
    [
        ("DIGITS101", (2, 3), "DIGITS101 was measured for 2, 4 epochs, not for 3"),
        ("ENAS", None, "ENAS was measured for one number of epochs"),
        ("PART", (1, 4), "files of PART at hand hold 2, 4 epochs, not 1: choose from those"),
    ],
)
def test_what_a_table_lacks_is_one_sentence(
    held_in_part: str, name: str, epochs: Sequence[int] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        fidelity_tables(name, epochs=epochs)
    assert "\n" not in str(caught.value)


def test_one_number_of_epochs_is_no_choice(
    held_in_part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "EPOCHS", (1, 4))
    with pytest.raises(InputError, match="files of PART at hand hold 4 epochs alone"):
        fidelity_tables(held_in_part)


def test_four_budgets_of_nb101_come_from_one_file(data_root: Path) -> None:
    tables = fidelity_tables("NB101", data_root)
    assert list(tables) == [4, 12, 36, 108]
    assert len({table.source.path for table in tables.values() if table.source}) == 1
    assert all(len(table) == 30_001 for table in tables.values())
    means = [np.nanmean(table.metric("validation").values) for table in tables.values()]
    assert means == sorted(means)
    seconds = [table.metric(SECONDS).mean().sum() for table in tables.values()]
    assert np.allclose(np.array(seconds) / seconds[-1], np.array(list(tables)) / 108)
