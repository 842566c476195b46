"""The benchmark of embeddings' predictions: what is labelled, what is predicted, what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestRegressor

from benchmarks import embedding_prediction
from datasets import get_benchmark
from models import Arch2vecMasked, GINSizes


def test_a_forest_learns_the_labelled_cells_and_is_judged_on_those_above_the_least_accuracy(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    benchmark = get_benchmark("DIGITS101")
    space = benchmark.space
    model = Arch2vecMasked(GINSizes(len(space.types), space.max_nodes, 16, 4, 2)).eval()
    weights, out = tmp_path / "arch2vec_masked_DIGITS101.obj", tmp_path / "kept.json"
    torch.save(model.state_dict(), weights)
    arguments = ["forest", "DIGITS101", "--weights", str(weights), "--labels", "40", "--seeds", "1"]
    arguments += ["--vectors", "graph_vectors", "--out", str(out)]
    assert embedding_prediction.main(arguments) == 0
    (row,) = json.loads(out.read_text())["results"].values()
    found = row["40 labels, graph_vectors"]["0"]

    rows = benchmark.rows_with("test", "test")
    accuracy = benchmark.metric("test").mean()[rows]
    graphs = benchmark.graphs[torch.from_numpy(rows)]
    vectors = model.graph_vector(model.encode_all(graphs)).double().numpy()
    order = np.random.default_rng(0).permutation(len(rows))
    known, rest = order[:40], order[40:]
    rest = rest[accuracy[rest] > 0.8]
    forest = RandomForestRegressor(200, max_features=4, random_state=0)
    predicted = forest.fit(vectors[known], accuracy[known]).predict(vectors[rest])
    assert found["pearson"] == pytest.approx(np.corrcoef(predicted, accuracy[rest])[0, 1])
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - accuracy[rest]) ** 2)))

    before = out.read_bytes()
    assert embedding_prediction.main(arguments) == 0
    assert out.read_bytes() == before  # nothing is measured twice
