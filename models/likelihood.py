"""How probable an architecture is, given a latent point."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from datasets.batch import GraphBatch, Legality, LegalityMask
from datasets.graph import INPUT, OUTPUT
from models.errors import ModelError
from models.legal_edges import legal_edges
from models.prefix_tree import legal_types, mask_of
from models.sequential import Sequential
from models.steps import NodeGenerator


class _Prefix(NamedTuple):
    """Rows of a batch that have a node ``n``, cut to the nodes before it."""

    types: Tensor  # (R, n)
    adjacency: Tensor  # (R, n, n)
    new_types: Tensor  # (R,)
    into: Tensor  # (R, n) edges into node n


@torch.no_grad()
def log_probability(
    model: Sequential, z: Tensor, graphs: GraphBatch, legality: Legality | None = None
) -> Tensor:
    """Log-probability of each graph given its latent, in each direction of generation, in nats.

    It is the probability of this order of the nodes: of the graph as it is written, not of its
    isomorphism class. −∞ where generation cannot lead to the graph: it does not begin with the
    input, does not end with its only output, lacks the first edge, or a mask forbids it.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        graphs: B graphs, each from input to output.
        legality: masks of a space; the probability is then that of masked generation.

    Returns:
        **Shape** (V, B), float64: forward, and for SVGe reverse. Their sum is what
        :func:`models.decoding.most_probable_of` compares.

    Raises:
        ModelError: the latents have another width or a value that is not finite, or there is not
            one graph for each.
    """
    model.check_latents(z)
    graphs = model.check_graphs(graphs)
    if len(graphs) != len(z):
        raise ModelError(f"{len(z)} latents and {len(graphs)} graphs were given: one for each")
    if not len(graphs):
        return torch.zeros(len(model.start_types), 0, dtype=torch.float64, device=z.device)
    directions = []
    for start_type in model.start_types:
        view = graphs if start_type == INPUT else graphs.reversed()
        mask = mask_of(legality, start_type)
        directions.append(_one_direction(model, z, view, start_type, mask))
    return torch.stack(directions)


def _one_direction(
    model: Sequential, z: Tensor, view: GraphBatch, start_type: int, mask: LegalityMask | None
) -> Tensor:
    steps = model.generator(z, view, model.compute_dtype)
    end_type = OUTPUT if start_type == INPUT else INPUT
    begins = view.types[:, 0] == start_type
    total = torch.where(begins & (view.num_nodes > 1), 0.0, -torch.inf).double()
    for n in range(1, view.max_nodes):
        rows = ((view.num_nodes > n) & total.isfinite()).nonzero().squeeze(1)
        prefix = _Prefix(
            view.types[rows, :n],
            view.adjacency[rows, :n, :n],
            view.types[rows, n],
            view.adjacency[rows, :n, n],
        )
        ends = view.num_nodes[rows] == n + 1
        logits = legal_types(
            steps.types[rows, n - 1].double(),
            prefix.types,
            prefix.adjacency,
            end_type,
            model.sizes.max_nodes,
            mask,
        )
        chosen = logits.log_softmax(-1).gather(1, prefix.new_types[:, None]).squeeze(1)
        possible = (prefix.new_types == end_type) == ends
        gained = torch.where(possible, chosen, -torch.inf)
        total[rows] += gained
        rows_left = gained.isfinite()
        prefix = _Prefix(*(part[rows_left] for part in prefix))
        edges = steps.edges[rows[rows_left], n - 1, :n]
        total[rows[rows_left]] += _edges(prefix, edges, model.generator, mask)
    return total


def _edges(
    prefix: _Prefix, logits: Tensor, generator: NodeGenerator, mask: LegalityMask | None
) -> Tensor:
    """Log-probability of the edges into node n. **Shape** logits (R, n) → (R,)."""
    n = prefix.types.shape[1]
    if n == 1 and generator.first_edge_certain:
        return torch.where(prefix.into[:, 0], 0.0, -torch.inf).double()
    order = generator.edge_order(n)
    legal = None
    if mask is not None:
        legal = legal_edges(mask, prefix.types, prefix.adjacency, prefix.new_types, order)
    total = torch.zeros(len(logits), dtype=torch.float64, device=logits.device)
    for source in order:
        logit = logits[:, source].double()
        if legal is not None:
            rows = total.isfinite().nonzero().squeeze(1)
            restricted = legal.restrict(logit[rows], rows, source, prefix.into[rows])
            logit = logit.index_copy(0, rows, restricted)
        total += logsigmoid(torch.where(prefix.into[:, source], logit, -logit))
    return total
