"""Parameters and multiply-adds of graph networks, of many at once, without building one.

The counts come from the architectures alone, as in :mod:`models.networks.costs`. One FLOP is one
multiply-add for one node in a product with a matrix of weights, biases included; sums over
neighbours, attention, batch norm and activations count nothing, so that the graph's edges do not
matter. Parameters are the trainable ones.
"""

from __future__ import annotations

import torch

from datasets.batch import GraphBatch
from models.networks.costs import Costs, has_ends, refuse_first
from models.networks.nas_bench_graph import NODES, OPERATIONS, check_graph_sizes

SKIP = 2 + OPERATIONS.index("skip")
PRODUCTS = (1, 1, 1, 2, 2, 2, 2, 1, 0)
"""Products with matrices of width in × width out, by operation."""
VECTORS = (3, 1, 1, 1, 1, 1, 1, 1, 0)
"""Vectors of width out: a bias, and attention's two."""
SQUARES = (0, 0, 0, 0, 0, 1, 0, 0, 0)
"""Matrices of width out × width out: of arma, for a second layer that it does not have here."""


def nas_bench_graph_costs(
    batch: GraphBatch,
    *,
    in_features: int = 1433,
    num_classes: int = 7,
    hidden: int = 256,
    pre: bool = False,
    post: bool = True,
) -> Costs:
    """Costs of :class:`models.networks.nas_bench_graph.NASBenchGraphNetwork`.

    Args:
        batch: architectures, in any order of their nodes.
        in_features: features of a node of the graph.
        num_classes: classes.
        hidden: width of the operations.
        pre: whether a linear layer comes first.
        post: whether a linear layer comes before the classifier.

    Raises:
        ModelError: a graph is no such architecture; a size below 1, or an odd width.
    """
    check_graph_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
    _check(batch)
    device = batch.types.device
    products, vectors, squares = (
        torch.tensor((0, 0, *counts), device=device) for counts in (PRODUCTS, VECTORS, SQUARES)
    )
    weights = torch.zeros(len(batch), dtype=torch.long, device=device)  # of products
    others = torch.full_like(weights, 2 * NODES * hidden)  # batch norms
    widths = torch.zeros(len(batch), NODES + 1, dtype=torch.long, device=device)
    widths[:, 0] = hidden if pre else in_features
    if pre:
        weights += in_features * hidden + hidden
    for node in range(1, NODES + 1):
        kind = batch.types[:, node]
        width = (widths * batch.adjacency[:, : NODES + 1, node]).sum(dim=1)
        # A bias is added where a product is; attention's vectors are no such product.
        bias = hidden * vectors[kind].clamp(max=1)
        weights += products[kind] * width * hidden + bias
        others += vectors[kind] * hidden - bias + squares[kind] * hidden**2
        widths[:, node] = torch.where(kind == SKIP, width, hidden)
    joined = (widths * batch.adjacency[:, : NODES + 1, NODES + 1]).sum(dim=1)
    if post:
        weights += joined * hidden + hidden
        joined = torch.full_like(joined, hidden)
    weights += joined * num_classes + num_classes
    return Costs(weights + others, weights)


def _check(batch: GraphBatch) -> None:
    expected = (
        "NAS-Bench-Graph architecture: expected 6 nodes, the input (1) first, the output (0) last, "
        f"types 2 to {SKIP} between them, one edge into each of these, and one to the output from "
        "exactly those that feed no other"
    )
    if batch.max_nodes < NODES + 2:
        refuse_first(batch, torch.ones(len(batch), dtype=torch.bool), expected)
        return
    last = NODES + 1
    edges = batch.adjacency[:, : last + 1, : last + 1]
    inner = batch.types[:, 1:last]
    wrong = (batch.num_nodes != NODES + 2) | ~has_ends(batch)
    wrong |= ((inner < 2) | (inner > SKIP)).any(dim=1)
    wrong |= (edges[:, :, 1:last].sum(dim=1) != 1).any(dim=1)
    feeds = edges[:, 1:last, 1:last].any(dim=2)
    wrong |= (edges[:, 1:last, last] == feeds).any(dim=1) | edges[:, 0, last]
    refuse_first(batch, wrong, expected)
