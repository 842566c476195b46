"""SVGE_degrees' encoder: every node starts with its numbers of edges in and out.

Rounds of message passing tell two nodes apart by the trees of walks around them (Xu et al. 2019,
arXiv:1810.00826). SVGE's two stacks, one along the edges and one against them, never hear of each
other before the sum over the nodes: a node of the first stack does not know how many edges leave
its in-neighbours. So some different cells of NAS-Bench-101 have equal latents under any weights,
and no decoder can return both. With both degrees known from the start, two rounds tell all
423,624 cells apart (``benchmarks/reconstruction_bound.py`` counts); degrees do not depend on the
order of the nodes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from models.encoder import Encoder
from models.errors import ModelError
from models.propagation import TwoSided


def _zero_table(rows: int, width: int) -> nn.Embedding:
    """A table of zeros to learn, made without drawing random numbers."""
    return nn.Embedding.from_pretrained(torch.zeros(rows, width), freeze=False)


class DegreeEncoder(Encoder):
    """An encoder whose nodes start as ``type + edges in + edges out``, a table each.

    The two tables of numbers start at zero: a fresh model is SVGE's of the same seed, and the
    first step moves them, because they receive the gradient that the types' table receives.

    Args:
        propagation: the rounds (their parameters); owned by this module, and owns the tables.
        num_types: node types T.
        node_width: D.
        graph_width: G.
        max_nodes: N; a node has at most N − 1 edges in or out.
    """

    NodeEmb: TwoSided

    def __init__(
        self,
        propagation: TwoSided,
        num_types: int,
        node_width: int,
        graph_width: int,
        max_nodes: int,
    ) -> None:
        super().__init__(propagation, num_types, node_width, graph_width)
        propagation.InDegrees = _zero_table(max_nodes, node_width // propagation.stacks)
        propagation.OutDegrees = _zero_table(max_nodes, node_width // propagation.stacks)

    def labels(self, batch: GraphBatch) -> Tensor:
        """Type, number of edges in and number of edges out. **Shape** (B, N, 3).

        Raises:
            ModelError: a graph has more nodes than the tables know numbers for.
        """
        known = self.NodeEmb.InDegrees.num_embeddings
        if batch.max_nodes > known and int(batch.num_nodes.max()) > known:
            raise ModelError(
                f"a graph has {int(batch.num_nodes.max())} nodes, this model encodes at most "
                f"{known}: it is of another search space"
            )
        into, out_of = batch.adjacency.sum(1), batch.adjacency.sum(2)
        return torch.stack([batch.types, into, out_of], dim=-1)

    def start(self, labels: Tensor) -> Tensor:
        """First state of nodes with given labels, the same for both stacks. (…, 3) → (…, W)."""
        tables, (_, into, out_of) = self.NodeEmb, labels.unbind(-1)
        return super().start(labels) + tables.InDegrees(into) + tables.OutDegrees(out_of)
