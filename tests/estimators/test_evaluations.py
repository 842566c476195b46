"""Measurements that are submitted one after the other, in this process and in several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from estimators.evaluations import DelegatingEstimator, Evaluations, sweep
from estimators.measurement import Measurement
from estimators.store import Store
from experiment.engine import Processes, WorkerDiedError
from experiment.errors import InputError


def test_gives_them_in_the_order_of_asking(cells: dict[str, Any], from_scratch: Any) -> None:
    asked = [cells[name] for name in ("first", "second", "third")]
    evaluations = Evaluations(from_scratch())
    evaluations.submit(asked[:2])
    done = [evaluations.next_result()]
    evaluations.submit(asked[2:])
    done += [evaluations.next_result(), evaluations.next_result()]
    assert [one.architecture for one in done] == asked
    assert all(one.ok for one in done)
    assert len(evaluations) == 0


def test_processes_give_the_same_numbers_and_open_no_store(
    cells: dict[str, Any], from_scratch: Any, tmp_path: Path
) -> None:
    """A store of a class that only this process has: a worker could not even unpickle it."""

    class Local(Store):
        pass

    asked = [cells[name] for name in ("first", "second", "third")]
    store = Local(tmp_path / "store.sqlite")
    estimator = from_scratch(store=store)
    assert isinstance(estimator, DelegatingEstimator)
    with Processes(2) as engine:
        evaluations = Evaluations(estimator, engine)
        evaluations.submit(asked)
        there = {one.hash: one.validation for one in (evaluations.next_result() for _ in asked)}
    here = {one.hash: one.validation for one in from_scratch().measure(asked)}
    assert there == here
    kept = store.get_all(from_scratch().settings)
    assert {name: figures["validation"] for name, figures in kept.items()} == here


def test_a_deadly_architecture_is_a_failure(
    engine_work: Any, cells: dict[str, Any], from_scratch: Any
) -> None:
    estimator = from_scratch()
    asked = [cells[name] for name in ("first", "second", "third")]
    with Processes(2) as engine:
        deadly = engine_work.Deadly(estimator, cells["second"])
        done = {one.hash: one for one in sweep(deadly, asked, engine)}
    space = estimator.space
    statuses = {name: done[space.hash(cells[name])].status for name in ("first", "second", "third")}
    assert statuses == {"first": "ok", "second": "failed", "third": "ok"}
    dead: Measurement = done[space.hash(cells["second"])]
    assert dead.reason == str(WorkerDiedError())


def test_an_error_of_the_program_is_not_hidden(
    engine_work: Any, cells: dict[str, Any], from_scratch: Any
) -> None:
    with Processes(1) as engine, pytest.raises(ZeroDivisionError):
        list(sweep(engine_work.Faulty(from_scratch()), [cells["first"]], engine))


def test_an_estimator_that_cannot_be_sent_is_one_sentence(
    cells: dict[str, Any], from_scratch: Any
) -> None:
    class Local:
        space = from_scratch().space

        def measure(self, architectures: Any) -> Any:
            yield from ()

    refused = pytest.raises(InputError, match="cannot be sent to worker processes")
    with refused as caught, Processes(2) as engine:
        list(sweep(Local(), [cells["first"]], engine))
    assert "\n" not in str(caught.value)
