"""From architectures to a Gaussian in the latent space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from models.latent import Latent
from models.propagation import Propagation, propagate
from models.weights import Affine, stacked


class GatedSum(nn.Module):
    """Parameters of ``Σ_i f_m(h_i) · sigmoid(g_m(h_i))`` over the nodes, from D to G."""

    def __init__(self, node_width: int, graph_width: int) -> None:
        super().__init__()
        self.f_m = nn.Linear(node_width, graph_width)
        self.g_m = nn.Linear(node_width, 1)


def gated_sums(values: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
    """Two gated sums over the nodes: the first half of ``values`` with the first gate, and so on.

    **Shape** values (B, n, 2G), gates (B, n, 2) → (B, G) twice.
    """
    first, second = torch.bmm(gates.transpose(1, 2), values).unbind(1)  # (B, 2G) each
    width = values.shape[-1] // 2
    return first[:, :width], second[:, width:]


def to_node_vectors(states: Tensor) -> Tensor:
    """Join the stacks' states to one vector a node. **Shape** (S, B, n, W) → (B, n, S·W)."""
    stacks, graphs, nodes, width = states.shape
    return states.permute(1, 2, 0, 3).reshape(graphs, nodes, stacks * width)


def to_stacks(vectors: Tensor, stacks: int) -> Tensor:
    """Split node vectors among the stacks. **Shape** (B, n, S·W) → (S, B, n, W)."""
    graphs, nodes, width = vectors.shape
    return vectors.view(graphs, nodes, stacks, width // stacks).permute(2, 0, 1, 3).contiguous()


class Encoder(nn.Module):
    """Rounds of message passing on the whole graph, then two gated sums over its nodes.

    Attribute names are the published checkpoints' keys.

    Args:
        propagation: the rounds (their parameters); owned by this module.
        num_types: node types T.
        node_width: D.
        graph_width: G.
    """

    def __init__(
        self, propagation: Propagation, num_types: int, node_width: int, graph_width: int
    ) -> None:
        super().__init__()
        self.NodeEmb = propagation
        propagation.NodeInit = nn.Embedding(num_types, node_width // propagation.stacks)
        self.GraphEmb_mean = GatedSum(node_width, graph_width)
        self.GraphEmb_var = GatedSum(node_width, graph_width)

    def labels(self, batch: GraphBatch) -> Tensor:
        """What a node is before the first round, in numbers: its type. **Shape** (B, N, 1)."""
        return batch.types[..., None]

    def start(self, labels: Tensor) -> Tensor:
        """First state of nodes with given labels, the same for all stacks. (…, k) → (…, W)."""
        return self.NodeEmb.NodeInit(labels[..., 0])

    def summands(self, dtype: torch.dtype) -> Affine:
        """What both gated sums need of a node: D → 2G values, then the two gates' logits."""
        mean, log_variance = self.GraphEmb_mean, self.GraphEmb_var
        return stacked([mean.f_m, log_variance.f_m, mean.g_m, log_variance.g_m], dtype)

    def forward(self, batch: GraphBatch, dtype: torch.dtype) -> Latent:
        """Encode a batch, computing in ``dtype``."""
        propagation = self.NodeEmb
        start = self.start(self.labels(batch)).to(dtype)
        states = start.expand(propagation.stacks, *start.shape).contiguous()
        mixing = propagation.mixing(batch.adjacency.to(dtype))
        states = propagate(states, mixing, propagation.fold(dtype))

        out = self.summands(dtype)(to_node_vectors(states))
        values, gates = out.split([out.shape[-1] - 2, 2], dim=-1)
        sums = gated_sums(values, gates.sigmoid() * batch.node_mask()[..., None])
        return Latent(*(part.float() for part in sums))
