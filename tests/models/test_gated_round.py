"""The fused message-passing round against PyTorch's own GRU cell, and its gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.gated_round import GatedRound
from models.propagation import (
    BidirectionalRound,
    DirectedRound,
    OneSided,
    TwoSided,
    propagate,
)


def random_dags(graphs: int, nodes: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.triu(torch.randint(0, 2, (graphs, nodes, nodes)), diagonal=1).to(dtype)


def message_sum(layer: nn.Linear, adjacency: Tensor, states: Tensor) -> Tensor:
    """Σ_j layer([h_j; h_i]) over the in-edges j→i, edge by edge."""
    total = states.new_zeros(*states.shape[:2], layer.out_features)
    for b, j, i in adjacency.nonzero().tolist():
        total[b, i] += layer(torch.cat([states[b, j], states[b, i]]))
    return total


def update(cell: nn.GRUCell, messages: Tensor, states: Tensor) -> Tensor:
    return cell(messages.flatten(0, 1), states.flatten(0, 1)).view_as(states)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_two_sided_round_is_a_gru_on_summed_edge_messages() -> None:
    module = TwoSided(node_width=10, rounds=2).double()
    adjacency = random_dags(5, 6, torch.double)
    ahead, back = torch.randn(2, 5, 6, 5, dtype=torch.double)
    ours = propagate(
        torch.stack([ahead, back]), module.mixing(adjacency), module.fold(torch.double)
    )
    for forward, backward in zip(module.GNNLayers_forward, module.GNNLayers_backward, strict=True):
        assert isinstance(forward, DirectedRound)
        assert isinstance(backward, DirectedRound)
        ahead = update(forward.upd, message_sum(forward.msg, adjacency, ahead), ahead)
        reversed_edges = adjacency.transpose(1, 2)
        back = update(backward.upd, message_sum(backward.msg, reversed_edges, back), back)
    torch.testing.assert_close(ours, torch.stack([ahead, back]))


def test_one_sided_round_sums_messages_of_both_kinds_of_edges() -> None:
    module = OneSided(node_width=4, rounds=2).double()
    adjacency = random_dags(5, 6, torch.double)
    states = torch.randn(5, 6, 4, dtype=torch.double)
    ours = propagate(states[None], module.mixing(adjacency), module.fold(torch.double))[0]
    for layer in module.GNNLayers:
        assert isinstance(layer, BidirectionalRound)
        messages = message_sum(layer.msg, adjacency, states)
        messages = messages + message_sum(layer.msg_rev, adjacency.transpose(1, 2), states)
        states = update(layer.upd, messages, states)
    torch.testing.assert_close(ours, states)


@pytest.mark.parametrize("propagation", [TwoSided, OneSided])
def test_gradients_agree_with_finite_differences(
    propagation: type[OneSided] | type[TwoSided],
) -> None:
    module = propagation(6, 1).double()
    width = 6 // module.stacks
    states = torch.randn(module.stacks, 2, 4, width, dtype=torch.double, requires_grad=True)
    mixing = module.mixing(random_dags(2, 4, torch.double))
    weights = [part.detach().requires_grad_() for part in module.fold(torch.double)[0]]
    assert torch.autograd.gradcheck(GatedRound.apply, (states, *mixing, *weights))


def test_every_published_parameter_gets_a_gradient() -> None:
    module = TwoSided(8, 2)
    states = torch.randn(2, 3, 4, 4)
    out = propagate(states, module.mixing(random_dags(3, 4, torch.float)), module.fold(torch.float))
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
