"""Measurements that are begun one after the other, in this process and in several."""

from __future__ import annotations

from typing import Any

import pytest

from estimators.digits101 import estimator as digits
from estimators.evaluations import evaluations
from estimators.measurement import Measurement
from estimators.workers import WorkerDied


def test_gives_them_in_the_order_of_asking(cells: dict[str, Any], from_scratch: Any) -> None:
    asked = [cells[name] for name in ("first", "second", "third")]
    with evaluations(from_scratch()) as evaluating:
        evaluating.begin(asked[:2])
        done = [evaluating.finish()]
        evaluating.begin(asked[2:])
        done += [evaluating.finish(), evaluating.finish()]
    assert [one.architecture for one in done] == asked
    assert all(one.ok for one in done)


def test_processes_give_the_same_numbers(cells: dict[str, Any], from_scratch: Any) -> None:
    asked = [cells[name] for name in ("first", "second", "third")]
    with evaluations(from_scratch(), workers=2) as evaluating:
        evaluating.begin(asked)
        there = {one.hash: one.validation for one in (evaluating.finish() for _ in asked)}
    here = {one.hash: one.validation for one in from_scratch().measure(asked)}
    assert there == here


def test_a_deadly_architecture_is_a_failure(pieces: Any, cells: dict[str, Any]) -> None:
    asked = [cells[name] for name in ("first", "second", "third")]
    with evaluations(pieces.Deadly(digits(), cells["second"]), workers=2) as evaluating:
        evaluating.begin(asked)
        done = {one.hash: one for one in (evaluating.finish() for _ in asked)}
    space = digits().space
    statuses = {name: done[space.hash(cells[name])].status for name in ("first", "second", "third")}
    assert statuses == {"first": "ok", "second": "failed", "third": "ok"}
    dead: Measurement = done[space.hash(cells["second"])]
    assert dead.reason == WorkerDied().reason


def test_an_error_of_the_program_is_not_hidden(pieces: Any, cells: dict[str, Any]) -> None:
    with evaluations(pieces.Faulty(digits()), workers=2) as evaluating:
        evaluating.begin([cells["first"]])
        with pytest.raises(ZeroDivisionError):
            evaluating.finish()
