r"""Message passing of SVGe and DGMG: published parameters, folded weights.

A round of SVGe (Lukasik et al. 2021, arXiv:2010.04683) updates node i of a directed stack by
``GRUCell(Σ_j msg[h_j; h_i], h_i)``; DGMG (Li et al. 2018, arXiv:1803.03324) adds a second message
along the reversed edges. With :math:`W = [W_1, W_2]` and in-degree :math:`d_i`

.. math:: \sum_j W [h_j; h_i] + b = W_1 (A^T h)_i + d_i (W_2 h_i + b)

so messages cost a product per node, not per edge, and the GRU's input weights are multiplied into
:math:`W_1, W_2, b` once a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.gated_round import GatedRound


class RoundWeights(NamedTuple):
    """The six weights of :class:`models.gated_round.GatedRound`, in the type of the states."""

    w_gates: Tensor
    b_gates: Tensor
    w_input: Tensor
    b_input: Tensor
    w_state: Tensor
    b_state: Tensor


class Mixing(NamedTuple):
    """How a batch of graphs mixes node states: what a round needs to know of its edges.

    Attributes:
        matrices: for node i and kind k the row of M_k, the last kind being the identity.
            **Shape** (S·B, n·(K+1), n).
        degrees: what the message biases are multiplied with, the last being one.
            **Shape** (S, B·n, Q).
    """

    matrices: Tensor
    degrees: Tensor


def fold_round(
    update: nn.GRUCell, messages: Sequence[tuple[Tensor, Tensor]], dtype: torch.dtype
) -> RoundWeights:
    """Multiply the message weights into a GRU cell, in ``dtype``.

    Args:
        update: the cell, from message width M to state width W.
        messages: per kind of edge, weight (M, 2W) on ``[h_j; h_i]`` and bias (M,).
        dtype: of the products and of the result.

    Returns:
        The weights of one stack, without the leading S.
    """
    split = [2 * update.hidden_size, update.hidden_size]
    into = update.weight_ih.to(dtype)
    inputs = torch.cat([into @ weight.to(dtype) for weight, _ in messages], dim=1)  # (3W, KW)
    biases = [into @ bias.to(dtype) for _, bias in messages] + [update.bias_ih.to(dtype)]
    gates_in, candidate_in = inputs.t().split(split, dim=1)
    gates_degree, candidate_degree = torch.stack(biases).split(split, dim=1)  # (Q, …)
    gates_state, candidate_state = update.weight_hh.to(dtype).t().split(split, dim=1)
    gates_bias, candidate_bias = update.bias_hh.to(dtype)[None].split(split, dim=1)
    constant = F.pad(gates_bias, (0, 0, len(messages), 0))  # added where the degree is the one
    return RoundWeights(
        w_gates=torch.cat([gates_in, gates_state]),
        b_gates=gates_degree + constant,
        w_input=candidate_in,
        b_input=candidate_degree,
        w_state=candidate_state,
        b_state=candidate_bias,
    )


def _fold_stacks(layers: Iterable[nn.Module], dtype: torch.dtype) -> RoundWeights:
    parts = [cast("DirectedRound | BidirectionalRound", layer).fold(dtype) for layer in layers]
    return RoundWeights(*(torch.stack(same) for same in zip(*parts, strict=True)))


class DirectedRound(nn.Module):
    """Parameters of one SVGe round in one direction: ``msg`` (D→D) and ``upd`` (D→W), W = D/2."""

    def __init__(self, node_width: int) -> None:
        super().__init__()
        self.msg = nn.Linear(node_width, node_width)
        self.upd = nn.GRUCell(node_width, node_width // 2)

    def fold(self, dtype: torch.dtype) -> RoundWeights:
        """Weights of one stack; see :func:`fold_round`."""
        return fold_round(self.upd, [(self.msg.weight, self.msg.bias)], dtype)


class BidirectionalRound(nn.Module):
    """Parameters of one DGMG round: ``msg`` and ``msg_rev`` (2D→2D) and ``upd`` (2D→D)."""

    def __init__(self, node_width: int) -> None:
        super().__init__()
        self.msg = nn.Linear(2 * node_width, 2 * node_width)
        self.msg_rev = nn.Linear(2 * node_width, 2 * node_width)
        self.upd = nn.GRUCell(2 * node_width, node_width)

    def fold(self, dtype: torch.dtype) -> RoundWeights:
        """Weights of the one stack; see :func:`fold_round`."""
        messages = [(kind.weight, kind.bias) for kind in (self.msg, self.msg_rev)]
        return fold_round(self.upd, messages, dtype)


def _mixing(incoming: list[list[Tensor]]) -> Mixing:
    """Mixing from the in-edge matrices, (B, n, n) each, of every kind of message and stack."""
    kinds, degrees = [], []
    for stack in incoming:
        identity = torch.eye(stack[0].shape[-1], dtype=stack[0].dtype, device=stack[0].device)
        degree = [matrix.sum(-1, keepdim=True) for matrix in stack]
        rows = [part for m, d in zip(stack, degree, strict=True) for part in (m, identity * d)]
        kinds.append(torch.stack([*rows, identity.expand_as(stack[0])], dim=2))
        degrees.append(torch.cat([*degree, torch.ones_like(degree[0])], dim=-1))
    return Mixing(
        torch.cat(kinds).flatten(1, 2), torch.stack([part.flatten(0, 1) for part in degrees])
    )


class Propagation(nn.Module):
    """Rounds of message passing: their parameters, and who hears whom.

    Attributes:
        stacks: node states S that are passed on side by side.
    """

    stacks: int
    NodeInit: nn.Embedding  # the encoder's propagation owns its node embedding, by its key

    def fold(self, dtype: torch.dtype) -> list[RoundWeights]:
        """Weights of every round for all stacks, in ``dtype``."""
        raise NotImplementedError

    def incoming(self, adjacency: Tensor) -> list[list[Tensor]]:
        """For every stack and kind of message, the nodes (columns) that a node (row) hears.

        **Shape** (B, n, n) → (B, n, n) each, of the same type.
        """
        raise NotImplementedError

    def mixing(self, adjacency: Tensor) -> Mixing:
        """What a round on whole graphs needs to know of their edges.

        Args:
            adjacency: **shape** (B, n, n), floating point.
        """
        return _mixing(self.incoming(adjacency))


class TwoSided(Propagation):
    """SVGe's propagation: a stack along the edges and one against them, each of width D/2."""

    stacks = 2
    InDegrees: nn.Embedding  # like NodeInit, in SVGE_degrees's encoder
    OutDegrees: nn.Embedding

    def __init__(self, node_width: int, rounds: int) -> None:
        super().__init__()
        self.GNNLayers_forward = nn.ModuleList(DirectedRound(node_width) for _ in range(rounds))
        self.GNNLayers_backward = nn.ModuleList(DirectedRound(node_width) for _ in range(rounds))

    def fold(self, dtype: torch.dtype) -> list[RoundWeights]:
        """Weights of every round for both stacks, in ``dtype``."""
        rounds = zip(self.GNNLayers_forward, self.GNNLayers_backward, strict=True)
        return [_fold_stacks(pair, dtype) for pair in rounds]

    def incoming(self, adjacency: Tensor) -> list[list[Tensor]]:
        """In-edges for the first stack, those of the reversed graph for the second."""
        return [[adjacency.transpose(1, 2)], [adjacency]]


class OneSided(Propagation):
    """DGMG's propagation: one stack of width D with messages along and against the edges."""

    stacks = 1

    def __init__(self, node_width: int, rounds: int) -> None:
        super().__init__()
        self.GNNLayers = nn.ModuleList(BidirectionalRound(node_width) for _ in range(rounds))

    def fold(self, dtype: torch.dtype) -> list[RoundWeights]:
        """Weights of every round, in ``dtype``."""
        return [_fold_stacks([layer], dtype) for layer in self.GNNLayers]

    def incoming(self, adjacency: Tensor) -> list[list[Tensor]]:
        """In-edges and the in-edges of the reversed graph, both for the one stack."""
        return [[adjacency.transpose(1, 2), adjacency]]


def propagate(states: Tensor, mixing: Mixing, weights: list[RoundWeights]) -> Tensor:
    """Run all rounds.

    Args:
        states: **shape** (S, B, n, W).
        mixing: of the graphs' n nodes.
        weights: from ``fold``, in the type of the states.

    Returns:
        **Shape** (S, B, n, W).
    """
    for one_round in weights:
        states = GatedRound.apply(states, *mixing, *one_round)
    return states
