"""A fitted predictor as an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureGraph
from estimators.surrogate import PREDICTED_STD, PredictorEstimator
from predictors.methods import make_predictor
from predictors.predictor import Predictor


@pytest.fixture(scope="module")
def digits() -> Benchmark:
    return get_benchmark("DIGITS101")


@pytest.fixture(scope="module")
def predictor(digits: Benchmark) -> Predictor:
    made = make_predictor(digits.space, "ridge", ["statistics"])
    made.fit(digits.graphs[slice(0, 2_500, 25)], digits.metric("validation").mean()[0:2_500:25])
    return made


def test_gives_what_the_predictor_expects(digits: Benchmark, predictor: Predictor) -> None:
    graphs = [digits.graphs.graph(row) for row in (3, 1003, 2003)]
    found: list[Any] = list(PredictorEstimator(digits.space, predictor).measure(graphs))
    mean, std = predictor.predict(GraphBatch.from_graphs(graphs, digits.space.max_nodes))
    assert np.allclose([one.validation for one in found], mean)
    assert np.allclose([one.details[PREDICTED_STD] for one in found], std)
    assert [one.hash for one in found] == [digits.space.hash(graph) for graph in graphs]
    assert all(one.ok and one.test is None and one.cost_seconds is None for one in found)


def test_what_is_no_architecture_is_a_failure(digits: Benchmark, predictor: Predictor) -> None:
    apart = ArchitectureGraph((1, 3, 0), ((0, 1),))
    graph = digits.graphs.graph(5)
    found: list[Any] = list(PredictorEstimator(digits.space, predictor).measure([graph, apart]))
    assert {one.architecture: one.status for one in found} == {graph: "ok", apart: "failed"}
    assert "no path" in next(one.reason for one in found if not one.ok)
    assert list(PredictorEstimator(digits.space, predictor).measure([])) == []
