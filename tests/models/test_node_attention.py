"""Attention by products of sparse matrices: PyTorch Geometric's layer, faster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch_geometric.nn import GATConv

from models.networks.node_attention import NARROW, NodeAttention, weighted_sums

ROOT = Path(__file__).resolve().parents[2]
EDGES = torch.tensor([[0, 1, 2, 0, 0, 4, 3], [1, 2, 0, 2, 2, 1, 3]])
"""Of six nodes, one edge twice; node 5 has none, node 3 one to itself."""


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).double()


def test_sums_and_their_gradients() -> None:
    weights, states = random(7, 3).requires_grad_(), random(6, 3, 2).requires_grad_()
    expected = torch.zeros(6, 3, 2, dtype=torch.double)
    for edge, (source, target) in enumerate(EDGES.t().tolist()):
        expected[target] += weights[edge, :, None].detach() * states[source].detach()
    found = weighted_sums(weights, states, EDGES)
    torch.testing.assert_close(found.detach(), expected)
    torch.autograd.gradcheck(lambda a, b: weighted_sums(a, b, EDGES), (weights, states))
    assert not weighted_sums(weights[:0], states, EDGES[:, :0]).any()  # of a graph without edges


@pytest.mark.parametrize(("heads", "width", "concat"), [(4, NARROW // 4, False), (2, 2, True)])
def test_layer_is_that_of_pytorch_geometric(heads: int, width: int, concat: bool) -> None:
    given, results = random(6, 5), []
    for kind in (GATConv, NodeAttention):
        torch.manual_seed(0)
        layer = kind(5, width, heads, concat, dropout=0.5).double()
        torch.manual_seed(1)
        found = layer(given, EDGES)
        found.square().sum().backward()
        results.append((found, *(weight.grad for weight in layer.parameters())))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("width", [2, NARROW])
def test_weights_of_edges_count_whatever_layers_were_built_before(width: int) -> None:
    from torch_geometric.explain.algorithm.utils import set_masks

    given, results = random(6, 5), []
    for kind in (GATConv, NodeAttention):  # the first compiles a method of its class without them
        torch.manual_seed(0)
        layer = kind(5, width).double()
        plain = layer(given, EDGES)
        set_masks(layer, random(7).abs(), EDGES, apply_sigmoid=False)
        results.append(layer(given, EDGES))
        assert not torch.allclose(results[-1], plain)
    torch.testing.assert_close(*results)


def test_sparse_rows_are_not_warned_of() -> None:
    source = """
import torch
from models.networks.node_attention import NodeAttention
NodeAttention(3, 64, heads=4)(torch.ones(2, 3), torch.tensor([[0], [1]]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    assert "Sparse CSR" not in ran.stderr
