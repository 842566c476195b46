"""SVGE_reach's encoder: every node knows how many nodes lie before it and behind it.

Rounds of message passing tell two nodes apart by the trees of walks around them (Xu et al. 2019,
arXiv:1810.00826), and some different cells of NAS-Bench-101 have the same trees: from equal
latents no decoder can return both. The numbers of *distinct* ancestors and descendants of a node
do not depend on the order of the nodes and no walk tells them, and they part most of those cells
(``benchmarks/reconstruction_bound.py`` counts).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from models.encoder import Encoder
from models.errors import ModelError
from models.propagation import TwoSided


def count_reach(adjacency: Tensor) -> tuple[Tensor, Tensor]:
    """How many distinct ancestors and descendants each node has.

    The transitive closure by repeated squaring: k squarings know the walks of up to 2^k edges,
    and no walk of an acyclic graph has more edges than nodes but one.

    Args:
        adjacency: entry (b, i, j) for the edge i→j. **Shape** (B, n, n), bool.

    Returns:
        Ancestors and descendants. **Shape** (B, n) twice, int64.
    """
    nodes = adjacency.shape[-1]
    identity = torch.eye(nodes, device=adjacency.device)
    reach = adjacency.float() + identity  # every node reaches itself by no edge
    for _ in range((nodes - 2).bit_length()):
        reach = torch.bmm(reach, reach).clamp_(max=1)
    reach -= identity
    return reach.sum(1).long(), reach.sum(2).long()


def _zero_table(rows: int, width: int) -> nn.Embedding:
    """A table of zeros to learn, made without drawing random numbers."""
    return nn.Embedding.from_pretrained(torch.zeros(rows, width), freeze=False)


class ReachEncoder(Encoder):
    """An encoder whose nodes start as ``type + ancestors + descendants``, a table each.

    The two tables of numbers start at zero: a fresh model is SVGE's of the same seed, and the
    first step moves them, because they receive the gradient that the types' table receives.

    Args:
        propagation: the rounds (their parameters); owned by this module, and owns the tables.
        num_types: node types T.
        node_width: D.
        graph_width: G.
        max_nodes: N; a node has at most N − 1 ancestors or descendants.
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
        propagation.Ancestors = _zero_table(max_nodes, node_width // propagation.stacks)
        propagation.Descendants = _zero_table(max_nodes, node_width // propagation.stacks)

    def labels(self, batch: GraphBatch) -> Tensor:
        """Type, number of ancestors and number of descendants. **Shape** (B, N, 3).

        Raises:
            ModelError: a graph has more nodes than the tables know numbers for.
        """
        known = self.NodeEmb.Ancestors.num_embeddings
        if batch.max_nodes > known and int(batch.num_nodes.max()) > known:
            raise ModelError(
                f"a graph has {int(batch.num_nodes.max())} nodes, this model encodes at most "
                f"{known}: it is of another search space"
            )
        return torch.stack([batch.types, *count_reach(batch.adjacency)], dim=-1)

    def start(self, labels: Tensor) -> Tensor:
        """First state of nodes with given labels, the same for both stacks. (…, 3) → (…, W)."""
        tables, (_, ancestors, descendants) = self.NodeEmb, labels.unbind(-1)
        return super().start(labels) + tables.Ancestors(ancestors) + tables.Descendants(descendants)
