"""Rows that may be learnt from, and how labels are drawn: by one rule, whoever draws."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark
from datasets.benchmark import UNIFORM_SAMPLE, Benchmark, Metric
from datasets.labels import LabelledSet
from datasets.objective import Objective
from datasets.splits import split_rows
from experiment.errors import InputError


def changed(**metrics: Metric) -> Benchmark:
    """DIGITS101 with some metrics changed or added."""
    cells = get_benchmark("DIGITS101")
    together = {**cells.metrics, **metrics}
    return Benchmark(cells.space, "digits", cells.graphs, cells.hashes, together, "made up")


def holes() -> Metric:
    """The validation accuracies of every second cell."""
    validation = get_benchmark("DIGITS101").metric("validation")
    values = validation.values.copy()
    values[::2] = np.nan
    return dataclasses.replace(validation, values=values)


def every_third() -> Metric:
    """A mark of every third row."""
    marks = (np.arange(len(get_benchmark("DIGITS101"))) % 3 == 0).astype(float)
    return Metric(UNIFORM_SAMPLE, "", "made up", marks[:, None], kind="note")


def test_rows_with_a_metric_are_the_measured_ones_of_the_uniform_sample() -> None:
    table = changed(validation=holes(), uniform_sample=every_third())
    assert table.rows_with("test").tolist() == list(range(0, 2532, 3))
    assert table.rows_with("test", "validation").tolist() == list(range(3, 2532, 6))
    assert table.rows_with("validation", uniform=False).tolist() == list(range(1, 2532, 2))
    assert len(get_benchmark("DIGITS101").rows_with()) == 2532
    with pytest.raises(InputError, match="has no metric 'accuracy'"):
        table.rows_with("test", "accuracy")


def test_a_metric_says_its_kind_and_costs_are_minimised() -> None:
    values = get_benchmark("DIGITS101").metric("validation").values
    table = changed(
        uniform_sample=every_third(),
        energy=Metric("energy", "joules", "made up", values, kind="cost"),
    )
    assert table.costs == ("training_seconds", "parameters", "mflops", "energy")
    assert not table.metric("energy").objective.maximise
    assert table.metric("halfway_validation").objective.maximise
    with pytest.raises(InputError, match=r"kind of metric 'x' is a str \('price'\), expected qual"):
        Metric("x", "", "made up", values, kind="price")  # type: ignore[arg-type]


def test_a_metric_says_what_is_better_and_its_unit() -> None:
    values = get_benchmark("DIGITS101").metric("validation").values
    table = changed(validation=Metric("validation", "eV", "made up", values, maximise=False))
    measured = LabelledSet.of(table, ["test", "training_seconds", "validation"])
    assert measured.label == Objective("validation", False, "eV")
    assert measured.target == Objective("test", True, "fraction")
    assert not measured.objectives["training_seconds"].maximise  # a cost
    lower = LabelledSet.of(table, ["test", "validation"], minimise=True)
    assert not any(each.maximise for each in lower.objectives.values())


def test_a_draw_is_a_permutation_of_the_rows() -> None:
    """Recorded runs rest on it: the same seed draws the same labels in every command."""
    table = changed(validation=holes())
    rows = table.rows_with("validation")
    known, rest = LabelledSet.of(table, ["validation"]).draw(100, seed=3)
    order = np.random.default_rng(3).permutation(rows)
    assert known.rows.tolist() == order[:100].tolist()
    assert rest.rows.tolist() == order[100:].tolist()
    assert known.labels.tolist() == table.metric("validation").mean()[known.rows].tolist()
    assert known.graphs.graph(7) == table.graphs.graph(int(known.rows[7]))
    everything, none = LabelledSet.of(table, ["validation"]).draw(None, seed=3)
    assert (len(everything), len(none)) == (len(rows), 0)


def test_a_draw_beside_a_held_out_tenth() -> None:
    table = changed(validation=holes())
    rows = table.rows_with("validation")
    known = LabelledSet.of(table, ["validation"])
    labelled, held_out = known.draw_beside_held_out(40, seed=2)
    split, generator = split_rows(table.hashes[rows], 2), np.random.default_rng(2)
    assert labelled.rows.tolist() == generator.permutation(rows[split.train])[:40].tolist()
    assert held_out.rows.tolist() == generator.permutation(rows[split.test]).tolist()
    assert np.isfinite(labelled.labels).all()
    assert set(held_out.truths()) == {"validation", "test"}


def test_a_fingerprint_is_of_architectures_their_order_and_what_is_learnt() -> None:
    known = LabelledSet.of(get_benchmark("DIGITS101"), ["test", "validation"])
    drawn, _ = known.draw(20, seed=1)
    again, _ = known.draw(20, seed=1)
    other = LabelledSet.of(get_benchmark("DIGITS101"), ["test"]).draw(20, seed=1)[0]
    backwards, second = drawn[np.arange(20)[::-1]], known.draw(20, seed=2)[0]
    prints = [one.fingerprint for one in (drawn, second, backwards, other)]
    assert drawn.fingerprint == again.fingerprint
    assert len(set(prints)) == 4


def test_more_labels_than_there_are_is_one_sentence() -> None:
    known = LabelledSet.of(get_benchmark("DIGITS101"), ["validation"])
    with pytest.raises(InputError, match=r"^9999 labels are more than the 2532 measured .*fewer"):
        known.draw(9999, seed=0)
    with pytest.raises(InputError, match=r"the 2279 measured .* that are not held out"):
        known.draw_beside_held_out(2300, seed=0)


def test_labels_of_a_table_that_is_no_uniform_sample(data_root: Path) -> None:
    table = get_benchmark("NB101", data_root)
    known = LabelledSet.of(table, ["test", "validation"])
    assert len(known) == 22_965
    for labelled, rest in (known.draw(100, seed=3), known.draw_beside_held_out(1000, seed=3)):
        rows = np.concatenate([labelled.rows, rest.rows])
        assert (table.metric(UNIFORM_SAMPLE).mean()[rows] == 1).all()
        assert len(set(rows.tolist())) == len(rows)
