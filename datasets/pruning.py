"""Removal of dangling nodes, as the official ``ModelSpec`` does it.

A node dangles when it cannot be reached from the input or does not reach the output.
"""

from __future__ import annotations

import torch

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph


def prune(graph: ArchitectureGraph) -> ArchitectureGraph | None:
    """``graph`` without its dangling nodes, ``None`` if no path joins first and last node."""
    last = graph.num_nodes - 1
    reached, reaching = {0}, {last}
    for source, target in graph.edges:  # sorted by source: each is settled when it is used
        if source in reached:
            reached.add(target)
    for source, target in reversed(graph.edges):
        if target in reaching:
            reaching.add(source)
    if last == 0 or last not in reached:
        return None
    kept = sorted(reached & reaching)
    place = {node: k for k, node in enumerate(kept)}
    return ArchitectureGraph(
        tuple(graph.types[node] for node in kept),
        tuple((place[i], place[j]) for i, j in graph.edges if i in place and j in place),
    )


def prune_batch(batch: GraphBatch) -> GraphBatch:
    """Vectorised :func:`prune`: rows and places stay, and a graph without a path has 0 nodes."""
    size, places = batch.types.shape
    rows = torch.arange(size, device=batch.types.device)
    edges = batch.adjacency & batch.node_mask()[:, None, :]
    reached = torch.zeros_like(batch.types, dtype=torch.bool)
    reaching = torch.zeros_like(reached)
    if places == 0 or size == 0:
        return batch
    reached[:, 0] = True
    reaching[rows, batch.num_nodes - 1] = True
    for node in range(1, places):
        reached[:, node] = (edges[:, :node, node] & reached[:, :node]).any(dim=1)
    for node in range(places - 2, -1, -1):
        reaching[:, node] |= (edges[:, node, node + 1 :] & reaching[:, node + 1 :]).any(dim=1)
    joined = reached[rows, batch.num_nodes - 1] & (batch.num_nodes >= 2)
    kept = reached & reaching & joined[:, None]

    order = torch.argsort((~kept).to(torch.uint8), dim=1, stable=True)
    kept = kept.gather(1, order)
    types = batch.types.gather(1, order).masked_fill(~kept, 0)
    moved = edges.gather(1, order[:, :, None].expand_as(edges))
    moved = moved.gather(2, order[:, None, :].expand_as(moved))
    moved = moved & kept[:, :, None] & kept[:, None, :]
    return GraphBatch(types, moved, kept.sum(dim=1))
