"""The supervised baselines of arch2vec."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from models.gin import GINLayers, gin_states
from searchers.domain import Candidates
from searchers.embedded import distinct_nodes
from searchers.embedded.distinct_nodes import DistinctNodes, distinct_states
from searchers.embedded.network import NetworkSettings
from searchers.embedded.supervised import (
    LAYERS,
    PUBLISHED_SUPERVISED_POLICY,
    SearchEncoder,
    SupervisedPolicy,
    encoder_inputs,
    fit_encoder,
    published_supervised_improvement,
    walk_supervised,
)
from searchers.embedded.traces import EmbeddedTable

TYPES = 5
"""Of the cells."""


@pytest.mark.parametrize("training", [False, True])
def test_distinct_states_are_those_of_all_nodes(
    training: bool, cells: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distinct_nodes, "CHUNK", 100)
    graphs = cells.graphs[:300].padded(7)
    fresh = GINLayers.fresh(TYPES, 12, LAYERS, 2)
    modules = (each.double().train(training) for each in (fresh.mlps, fresh.batch_norms))
    layers = GINLayers(torch.nn.Parameter(fresh.eps.double()), *modules)
    nodes = DistinctNodes.of(graphs, TYPES, LAYERS)
    columns, adjacency = encoder_inputs(graphs, TYPES)
    states = distinct_states(layers, nodes)
    expected = gin_states(layers, columns.double(), [adjacency.double()])
    assert len(states) < graphs.types.numel() / 2
    torch.testing.assert_close(states[nodes.state], expected)
    torch.testing.assert_close(nodes.means(states), expected.mean(1))
    for layer in nodes.layers:
        assert int(layer.counts.sum()) == graphs.types.numel()


def test_the_encoder_gives_a_graph_the_same_vector_by_itself(cells: Candidates) -> None:
    graphs = cells.graphs[:40].padded(7)
    encoder = SearchEncoder(TYPES).eval()
    together = encoder.of_distinct(DistinctNodes.of(graphs, TYPES, LAYERS))
    with torch.no_grad():
        alone = torch.cat([encoder(*encoder_inputs(graphs[i : i + 1], TYPES)) for i in range(40)])
    torch.testing.assert_close(together, alone)
    assert together.shape == (40, 16)


def test_the_fitted_encoder_tells_more_convolutions_from_fewer(cells: Candidates) -> None:
    graphs = cells.graphs[::40].padded(7)
    columns, adjacency = encoder_inputs(graphs, TYPES)
    targets = columns[:, :, 1].sum(1).double().numpy()
    targets = (targets - targets.mean()) / targets.std()
    fitted = fit_encoder(
        columns, adjacency, targets, NetworkSettings(epochs=15), np.random.default_rng(0)
    )
    with torch.no_grad():
        basis = fitted.eval()(columns, adjacency).tanh().numpy()
    basis = np.concatenate([basis, np.ones((len(basis), 1))], 1)
    weights, *_ = np.linalg.lstsq(basis, targets, rcond=None)
    assert np.corrcoef(basis @ weights, targets)[0, 1] > 0.9


def test_the_published_supervised_improvement_divides_the_target_only() -> None:
    mean, variance = np.array([0.9, 0.96]), np.array([0.4, 0.9])
    u = mean - 0.95 / variance
    expected = variance * (norm.pdf(u) + u * norm.cdf(u))
    found = published_supervised_improvement(
        torch.from_numpy(mean), torch.from_numpy(variance).sqrt(), 0.95, np.random.default_rng()
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_published_state_stays_at_the_start(
    cells: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graphs that the encoder is called with, a query each."""
    graphs = cells.graphs[:200].padded(7)
    table = EmbeddedTable(
        torch.zeros(200, 1), np.linspace(0.8, 0.9, 200), np.ones(200), np.ones(200)
    )
    nodes = DistinctNodes.of(graphs, TYPES, LAYERS)
    seen, forward = list[torch.Tensor](), SearchEncoder.forward

    def noted(encoder: SearchEncoder, *given: torch.Tensor) -> torch.Tensor:
        seen.append(given[1])
        return forward(encoder, *given)

    monkeypatch.setattr(SearchEncoder, "forward", noted)
    walk_supervised(table, graphs, nodes, PUBLISHED_SUPERVISED_POLICY, 0, 20)
    assert len(seen) == 20
    assert all(torch.equal(each, seen[0]) for each in seen)
    seen.clear()
    found = walk_supervised(table, graphs, nodes, SupervisedPolicy(), 0, 20)
    assert len(set(found.chosen.tolist())) == 20
    expected = graphs.adjacency[found.chosen].float()
    assert torch.equal(torch.cat(seen[1:]), expected[:-1])
