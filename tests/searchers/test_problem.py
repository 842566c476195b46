"""What a search is about."""

from __future__ import annotations

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.registry import get_space
from searchers.problem import known_rows, table_problem


def test_the_network_has_the_classes_of_the_table_s_data_set() -> None:
    space = get_space("NB201")
    graphs = GraphBatch.from_graphs(space.sample(2, np.random.default_rng(0)))
    metric = Metric("validation", "fraction", "made up", np.array([[0.5], [0.6]]))
    for data_set, classes in {"cifar10": 10, "cifar100": 100, "of my own": 10}.items():
        metrics = {"validation": metric}
        table = Benchmark(space, data_set, graphs, space.hashes(graphs), metrics, "made up")
        session: dict[str, torch.nn.Module] = {}
        problem = table_problem(table, known_rows(table))
        with torch.device("meta"):
            exec(problem.network(graphs.graph(0)), session)
        images = torch.zeros(2, 3, 32, 32, device="meta")
        assert session["network"](images).shape == (2, classes)
