"""Measurements that are begun one after the other, in this process and in several."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from datasets.spaces.digits101 import Digits101
from datasets.spaces.enas import ENAS
from estimators.evaluations import evaluations
from estimators.measurement import Measurement
from estimators.workers import WorkerDied
from experiment.errors import InputError


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


def test_a_deadly_architecture_is_a_failure(
    pieces: Any, cells: dict[str, Any], from_scratch: Any
) -> None:
    estimator = from_scratch()
    asked = [cells[name] for name in ("first", "second", "third")]
    with evaluations(pieces.Deadly(estimator, cells["second"]), workers=2) as evaluating:
        evaluating.begin(asked)
        done = {one.hash: one for one in (evaluating.finish() for _ in asked)}
    space = estimator.space
    statuses = {name: done[space.hash(cells[name])].status for name in ("first", "second", "third")}
    assert statuses == {"first": "ok", "second": "failed", "third": "ok"}
    dead: Measurement = done[space.hash(cells["second"])]
    assert dead.reason == WorkerDied().reason


def test_an_error_of_the_program_is_not_hidden(
    pieces: Any, cells: dict[str, Any], from_scratch: Any
) -> None:
    with evaluations(pieces.Faulty(from_scratch()), workers=2) as evaluating:
        evaluating.begin([cells["first"]])
        with pytest.raises(ZeroDivisionError):
            evaluating.finish()


def test_an_estimator_of_a_space_that_is_not_registered_can_be_sent(from_scratch: Any) -> None:
    space = ENAS(4)
    estimator = pickle.loads(pickle.dumps(from_scratch(space=space)))
    assert estimator.space.name == "ENAS4"
    (asked,) = space.sample(1, np.random.default_rng(0))
    assert estimator.space.hash(asked) == space.hash(asked)


def test_what_cannot_be_sent_to_a_process_is_one_sentence(from_scratch: Any) -> None:
    class Local(Digits101):
        name = "Local"

    refused = pytest.raises(InputError, match="Local cannot be sent to worker processes")
    with refused as caught, evaluations(from_scratch(space=Local()), workers=2):
        pass
    assert "\n" not in str(caught.value)
