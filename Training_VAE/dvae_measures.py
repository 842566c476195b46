"""What the published code of D-VAE counts among decodings."""

from __future__ import annotations

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT


def published_validity(batch: GraphBatch) -> Tensor:
    """Which graphs pass as ENAS networks of any number of layers. **Shape** → (B,), bool.

    One input and one output; every other vertex has an edge in and one out; each vertex is joined
    to the next, but for the output, which has one edge in. So an input joined to an output passes.
    """
    nodes = batch.num_nodes[:, None]
    places = torch.arange(batch.max_nodes, device=nodes.device)
    there = places < nodes
    kinds = [(batch.types == kind) & there for kind in (INPUT, OUTPUT)]
    into, out = batch.adjacency.any(1), batch.adjacency.any(2)
    joined = (into | kinds[0] | ~there) & (out | kinds[1] | ~there)
    chain = batch.adjacency.diagonal(offset=1, dim1=1, dim2=2)  # (B, N-1)
    chained = chain | (places[:-1] > nodes - 3)
    into_output = (batch.adjacency.sum(1) * kinds[1]).sum(1)
    return (
        (batch.num_nodes >= 2)
        & (kinds[0].sum(1) == 1)
        & (kinds[1].sum(1) == 1)
        & joined.all(1)
        & chained.all(1)
        & (into_output == 1)
    )
