"""The hand-made network of molecules."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_geometric import nn as graph_nn

from datasets.batch import GraphBatch
from datasets.fixed_network import FixedNetwork
from models.errors import ModelError
from models.networks.gine import GINENetwork, gine_costs

ONE = GraphBatch.from_graphs([FixedNetwork("GINE").member] * 2)
EDGES = torch.tensor([[0, 1, 1, 2, 4, 5], [1, 0, 2, 1, 5, 4]])
BATCH = torch.tensor([0, 0, 0, 1, 2, 2])


@pytest.mark.parametrize(("layers", "hidden"), [(3, 64), (1, 5)])
def test_costs_are_those_of_the_network(layers: int, hidden: int) -> None:
    sizes = {"atom_features": 7, "bond_features": 4, "targets": 2, "layers": layers}
    network = GINENetwork(**sizes, hidden=hidden)
    products: list[int] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        products.append(output.numel() * (inputs[0].shape[1] + 1))

    for module in network.modules():
        if isinstance(module, nn.Linear | graph_nn.Linear):
            module.register_forward_hook(count)
    out = network(torch.rand(6, 7), EDGES, torch.rand(6, 4), torch.zeros(6, dtype=torch.int64))
    assert out.shape == (1, 2)
    costs = gine_costs(ONE, **sizes, hidden=hidden, atoms=6, bonds=6)
    assert costs.parameters.tolist() == [sum(each.numel() for each in network.parameters())] * 2
    assert costs.flops.tolist() == [sum(products)] * 2


def test_molecules_of_a_batch_do_not_meet() -> None:
    torch.manual_seed(0)
    network = GINENetwork(atom_features=7, bond_features=4).eval()
    x, features = torch.rand(6, 7), torch.rand(6, 4)
    together = network(x, EDGES, features, BATCH)
    assert together.shape == (3, 1)
    alone = network(x[3:4], torch.empty(2, 0, dtype=torch.int64), torch.empty(0, 4), BATCH[:1])
    assert torch.allclose(alone, together[1:2])
    order = torch.tensor([2, 0, 1, 3, 5, 4])
    moved = network(x[order], torch.argsort(order)[EDGES], features, BATCH)
    assert torch.allclose(moved, together, atol=1e-6)


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ModelError, match="layers is 0, a GINE network needs at least 1"):
        GINENetwork(layers=0)
