"""Encoding many architectures at once, every node state that occurs computed once.

After a round a node's state depends on its own state and the states it hears, as a collection:
so the 2.9 million nodes of all NAS-Bench-101 cells have 24 thousand states a stack after SVGE's
two rounds. Nodes are grouped by what they know, the round is computed once a group, and the
gated sums look the groups' values up. The latents are those of :class:`models.encoder.Encoder`,
but for the order in which floats are added; for training there are gradients there, not here.
"""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.encoder import Encoder
from models.gated_round import gated_update
from models.latent import Latent
from models.propagation import RoundWeights


class States(NamedTuple):
    """The states of one stack.

    Attributes:
        values: each that occurs. **Shape** (U, W).
        of_node: which of them a node has. **Shape** (B, N), int32.
    """

    values: Tensor
    of_node: Tensor


def group_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Find equal rows.

    Rows are distinguished by a random linear form in 64 bits. Should two different ones agree in
    it, that is seen and another form is drawn.

    Args:
        rows: integers. **Shape** (R, C).

    Returns:
        A row of each of the U groups, **shape** (U,), and the group of each row, (R,).
    """
    for seed in count():
        random = torch.Generator().manual_seed(seed)
        form = torch.randint(-(2**63), 2**63 - 1, (rows.shape[1],), generator=random)
        keys, group = (rows * form.to(rows.device)).sum(-1).unique(return_inverse=True)
        member = torch.empty_like(keys)
        member[group] = torch.arange(len(rows), device=rows.device)  # any of a group will do
        if torch.equal(rows[member[group]], rows):
            return member, group
    raise AssertionError  # the forms never end


def pass_messages(states: States, incoming: list[Tensor], weights: RoundWeights) -> States:
    """One round of one stack.

    Args:
        states: before it.
        incoming: for each kind of message the nodes (columns) that a node (row) hears.
            **Shape** (B, N, N) each, bool.
        weights: of all stacks' round, for this stack alone: S = 1.
    """
    values, of_node = states
    none = len(values)  # stands where there is no neighbour
    heard = [
        torch.where(nodes, of_node[:, None], none).sort(-1).values.flatten(0, 1)
        for nodes in incoming
    ]
    member, group = group_rows(torch.cat([of_node.reshape(-1, 1), *heard], -1))
    h = values[of_node.flatten()[member]]
    with_zero = F.pad(values, (0, 0, 0, 1))
    mixed, degrees = [], []
    for neighbours in (kind[member] for kind in heard):
        degree = (neighbours < none).sum(-1, keepdim=True).to(values.dtype)
        mixed += [F.embedding_bag(neighbours, with_zero, mode="sum"), degree * h]
        degrees.append(degree)
    degrees.append(torch.ones_like(degrees[0]))
    new = gated_update(torch.cat([*mixed, h], -1)[None], torch.cat(degrees, -1)[None], *weights)
    return States(new.states[0], group.view(of_node.shape).int())


@torch.no_grad()
def encode_distinct(encoder: Encoder, batch: GraphBatch, dtype: torch.dtype) -> Latent:
    """What ``encoder(batch, dtype)`` gives, for large batches, without gradients."""
    propagation = encoder.NodeEmb
    labels = encoder.labels(batch)
    member, group = group_rows(labels.flatten(0, 1))
    start = encoder.start(labels.flatten(0, 1)[member]).to(dtype)
    stacks = [States(start, group.view(batch.types.shape).int())] * propagation.stacks
    incoming = propagation.incoming(batch.adjacency)
    for weights in propagation.fold(dtype):
        stacks = [
            pass_messages(states, kinds, RoundWeights(*(part[s : s + 1] for part in weights)))
            for s, (states, kinds) in enumerate(zip(stacks, incoming, strict=True))
        ]
    return _sums(encoder, stacks, batch.node_mask())


def _sums(encoder: Encoder, stacks: list[States], real: Tensor) -> Latent:
    """The gated sums over the nodes: each stack has its share of every node's summands."""
    summands = encoder.summands(stacks[0].values.dtype)
    shares = summands.weight.split([states.values.shape[1] for states in stacks], dim=1)
    outs = [
        F.linear(states.values, share).float() for states, share in zip(stacks, shares, strict=True)
    ]
    outs[0] = outs[0] + summands.bias.float()
    pairs = list(zip(outs, (states.of_node for states in stacks), strict=True))
    gates = torch.stack([out[:, -2:][of_node] for out, of_node in pairs]).sum(0)
    gates = gates.sigmoid() * real[..., None]
    width = (outs[0].shape[1] - 2) // 2
    sums = [
        torch.stack(
            [
                F.embedding_bag(
                    of_node,
                    out[:, k * width : (k + 1) * width].contiguous(),
                    per_sample_weights=gates[..., k].contiguous(),
                    mode="sum",
                )
                for out, of_node in pairs
            ]
        ).sum(0)
        for k in range(2)
    ]
    return Latent(*sums)
