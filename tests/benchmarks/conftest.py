"""What tests of several benchmarks share."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from datasets import NodeGraph


@pytest.fixture
def ring() -> NodeGraph:
    """A ring of 30 nodes of two classes."""
    generator = torch.Generator().manual_seed(0)
    nodes = torch.arange(30)
    edges = torch.stack([nodes, nodes.roll(1)])
    labels = nodes // 15
    features = torch.rand(30, 6, generator=generator) + labels[:, None] * torch.arange(6) / 9
    data = Data(x=features, edge_index=torch.cat([edges, edges.flip(0)], dim=1), y=labels)
    data.train_mask, data.val_mask, data.test_mask = (nodes % 3 == part for part in range(3))
    return NodeGraph.of("made up", data)
