"""Log-probabilities: they sum to one, agree with generation, and are −∞ where it cannot lead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from datasets.batch import GraphBatch, Legality
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models import GraphVAE, ModelError
from models.likelihood import log_probability
from models.prefix_tree import Greedy, walk
from models.vae import GRAPH_VAES

Build = Callable[[str], GraphVAE]
Points = Callable[[int], torch.Tensor]


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_probabilities_of_all_graphs_sum_to_one(
    name: str, tiny_model: Build, points: Points, every_graph: GraphBatch
) -> None:
    model = tiny_model(name)
    for z in points(3):
        values = log_probability(model, z.expand(len(every_graph), -1), every_graph)
        torch.testing.assert_close(
            values.exp().sum(1), torch.ones(len(model.start_types), dtype=torch.float64)
        )


def test_masked_probabilities_sum_to_one_over_what_the_mask_allows(
    tiny_model: Build, points: Points, every_graph: GraphBatch, few_edges: Any
) -> None:
    model = tiny_model("SVGE")
    legality = Legality(few_edges(OUTPUT), few_edges(INPUT), lambda _: None, lambda _: None)  # type: ignore[arg-type, return-value]
    z = points(1).expand(len(every_graph), -1)
    values = log_probability(model, z, every_graph, legality)
    torch.testing.assert_close(values.exp().sum(1), torch.ones(2, dtype=torch.float64))
    assert int(values[0].isfinite().sum()) == 2 * 2  # two operations, with or without a skip


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_the_loss_is_the_negative_log_probability(
    name: str, tiny_model: Build, points: Points, every_graph: GraphBatch
) -> None:
    from models.loss import Objective

    model = tiny_model(name)
    both = every_graph.adjacency[:, 0, 1]
    smaller = every_graph.num_nodes == 3  # the end of the largest is forced, its loss is not
    last_edge = every_graph.adjacency[:, 1, 2]
    operation = every_graph.types[:, 1] > 1  # an end in the middle cannot be generated
    graphs = every_graph[both & last_edge & smaller & operation]
    z = points(1).expand(len(graphs), -1)
    with torch.no_grad():
        loss = model.reconstruction(z, graphs, Objective(alpha=0.5, edge_reduction="sum"))
    torch.testing.assert_close(
        log_probability(model, z, graphs).sum(0).float(), -loss, rtol=1e-5, atol=1e-5
    )


def test_greedy_weight_is_the_most_probable_of_every_decision(
    tiny_model: Build, points: Points
) -> None:
    model, z = tiny_model("SVGE"), points(20)
    graphs = walk(model, z, INPUT, Greedy()).graphs
    value = log_probability(model, z, graphs)[0]
    for k in range(20):
        nodes = int(graphs.num_nodes[k])
        for i in range(nodes - 1):
            for j in range(max(i + 1, 2), nodes):
                flipped = graphs.adjacency[k].clone()
                flipped[i, j] ^= True
                if j < nodes - 1:
                    continue  # an earlier edge changes what comes after it
                other = GraphBatch(
                    graphs.types[k : k + 1], flipped[None], graphs.num_nodes[k : k + 1]
                )
                assert log_probability(model, z[k : k + 1], other)[0, 0] <= value[k]


@pytest.mark.parametrize(
    ("types", "edges"),
    [
        ((INPUT, 2, OUTPUT), ((0, 2), (1, 2))),  # lacks the certain first edge
        ((2, 3, OUTPUT), ((0, 1), (1, 2))),  # begins with an operation
        ((INPUT, OUTPUT, 2, OUTPUT), ((0, 1), (1, 2), (2, 3))),  # ended before
        ((INPUT, 2, 3), ((0, 1), (1, 2))),  # never ends
    ],
)
def test_graphs_that_cannot_be_generated_have_no_probability(
    types: tuple[int, ...],
    edges: tuple[tuple[int, int], ...],
    tiny_model: Build,
    points: Points,
) -> None:
    graphs = GraphBatch.from_graphs([ArchitectureGraph(types, edges)], 4)
    assert log_probability(tiny_model("DGMG"), points(1), graphs)[0, 0] == -torch.inf


def test_wrong_latents_are_refused(tiny_model: Build, every_graph: GraphBatch) -> None:
    with pytest.raises(ModelError, match="expected"):
        log_probability(tiny_model("SVGE"), torch.zeros(1, 3), every_graph[:1])
    with pytest.raises(ModelError, match="finite"):
        log_probability(tiny_model("SVGE"), torch.full((1, 8), torch.nan), every_graph[:1])
