"""The tree of everything a generator can build from a latent point, and one way to walk it.

A *prefix* is a half-built graph; its children are the graphs with one node more. Greedy decoding,
sampling and the search for the most probable graph all go down this tree and differ only in how
the weight of a prefix is shared among its children (:class:`Rule`). A prefix is visited once,
with any weight: n independent decodings of a latent cost one visit per distinct prefix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality, LegalityMask
from datasets.graph import INPUT, OUTPUT
from models.encoder import to_node_vectors
from models.errors import ModelError
from models.legal_edges import LegalEdges, legal_edges
from models.sequential import Sequential
from models.steps import EdgeChoices

CHUNK = 4096
"""Prefixes that go through the networks at once; more only take more memory."""


class Rule(ABC):
    """How the weight of a prefix is shared among its continuations.

    Attributes:
        breadth: the most prefixes that it keeps for a latent at one depth.
    """

    breadth: int

    @abstractmethod
    def start(self, latents: int, device: torch.device) -> Tensor:
        """Weight of each latent's first node. **Shape** (B,)."""

    @abstractmethod
    def types(self, weight: Tensor, logits: Tensor) -> Tensor:
        """Weights with each next type; −∞ is forbidden. **Shape** (R,), (R, T) → (R, T)."""

    @abstractmethod
    def edges(self, weight: Tensor, logit: Tensor) -> Tensor:
        """Weights without and with the next edge; ±∞ is forced. **Shape** (R,), (R,) → (R, 2)."""

    @abstractmethod
    def keeps(self, weight: Tensor, latent: Tensor) -> Tensor:
        """Which continuations are followed. **Shape** (R, K), latent (R,) → (R, K) bool."""

    def narrow(self, weight: Tensor, latent: Tensor) -> Tensor | slice:
        """Rows that continue after a decision: all, unless a rule has no room for them.

        **Shape** weights of unfinished graphs (R,), their latents (R,) → (K,).
        """
        return slice(None)

    def finish(self, weight: Tensor, latent: Tensor) -> Tensor | slice:
        """Rows to return of the graphs finished at one depth. **Shape** (R,), (R,) → (K,)."""
        return slice(None)


class Greedy(Rule):
    """The most probable value of every single decision: one graph a latent."""

    breadth = 1

    def start(self, latents: int, device: torch.device) -> Tensor:
        """True for every latent."""
        return torch.ones(latents, dtype=torch.bool, device=device)

    def types(self, weight: Tensor, logits: Tensor) -> Tensor:
        """True for the type with the largest logit."""
        return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).bool()

    def edges(self, weight: Tensor, logit: Tensor) -> Tensor:
        """True for the edge that is more probable than not, or for its absence."""
        present = logit > 0
        return torch.stack([~present, present], -1)

    def keeps(self, weight: Tensor, latent: Tensor) -> Tensor:
        """What was chosen."""
        return weight


class Sampling(Rule):
    """Independent draws from the model's distributions, as counts.

    Of n decodings that share a prefix, the numbers that take each way are multinomial: drawing
    these numbers is drawing the decodings, up to their order.

    Args:
        generator: source of randomness, on the model's device; default PyTorch's own.
        n: decodings of each latent.
    """

    def __init__(self, generator: torch.Generator | None = None, n: int = 1) -> None:
        if not isinstance(n, int) or n < 1:
            raise ModelError(f"{n} decodings of each latent were requested, expected 1 at least")
        self.generator = generator
        self.breadth = n

    def start(self, latents: int, device: torch.device) -> Tensor:
        """All n decodings begin with the first node. float64, as all counts."""
        return torch.full((latents,), self.breadth, dtype=torch.float64, device=device)

    def types(self, weight: Tensor, logits: Tensor) -> Tensor:
        """Multinomial counts, type by type: binomial given those before."""
        probabilities = logits.double().softmax(-1)
        tails = probabilities.flip(-1).cumsum(-1).flip(-1)  # of this type and those after it
        left, counts = weight, []
        for share, tail in zip(probabilities.unbind(-1), tails.unbind(-1), strict=True):
            drawn = self._binomial(left, torch.where(tail > 0, share / tail, 0.0))
            counts.append(drawn)
            left = left - drawn
        return torch.stack(counts, -1)

    def edges(self, weight: Tensor, logit: Tensor) -> Tensor:
        """Binomial counts."""
        present = self._binomial(weight, logit.double().sigmoid())
        return torch.stack([weight - present, present], -1)

    def keeps(self, weight: Tensor, latent: Tensor) -> Tensor:
        """What was drawn at least once."""
        return weight > 0

    def _binomial(self, count: Tensor, probability: Tensor) -> Tensor:
        return torch.binomial(count, probability.clamp(0.0, 1.0), generator=self.generator)


class Leaves(NamedTuple):
    """Finished graphs, in the order of their latents.

    Attributes:
        graphs: L of them, as the generator grew them.
        latent: which latent each was grown from. **Shape** (L,).
        weight: what the rule gave it. **Shape** (L,).
        prefixes: distinct prefixes that were visited, of all latents together.
    """

    graphs: GraphBatch
    latent: Tensor
    weight: Tensor
    prefixes: int

    @staticmethod
    def cat(parts: Iterable[Leaves]) -> Leaves:
        """Join leaves, in the order of their latents."""
        graphs, latent, weight, prefixes = zip(*parts, strict=True)
        joined = torch.cat(latent)
        order = joined.argsort(stable=True)
        return Leaves(
            GraphBatch.cat(graphs)[order], joined[order], torch.cat(weight)[order], sum(prefixes)
        )


@dataclass
class _Prefixes:
    """R half-built graphs of n nodes each.

    The last node's state is kept apart (``new``), so that pruned prefixes cost no copies.
    """

    latent: Tensor  # (R,)
    weight: Tensor  # (R,)
    types: Tensor  # (R, n)
    adjacency: Tensor  # (R, n, n)
    parent: Tensor  # (R,) position of the first n − 1 nodes' states in `before`
    node: Tensor  # (R,) position of the last node's state in `new`
    before: Tensor  # (S, P, n − 1, W)
    new: Tensor  # (Q, D)

    def __len__(self) -> int:
        return len(self.latent)

    def __getitem__(self, rows: Tensor | slice) -> _Prefixes:
        return _Prefixes(
            self.latent[rows],
            self.weight[rows],
            self.types[rows],
            self.adjacency[rows],
            self.parent[rows],
            self.node[rows],
            self.before,
            self.new,
        )

    def states(self, model: Sequential) -> Tensor:
        return model.generator.append(self.before[:, self.parent], self.new[self.node])


@torch.no_grad()
def walk(
    model: Sequential, z: Tensor, start_type: int, rule: Rule, mask: LegalityMask | None = None
) -> Leaves:
    """Go down the prefix tree of every latent, all of them together, depth by depth.

    Growth ends at the type opposite to the start (output for input), which is forced at the
    space's largest number of nodes.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        start_type: type of the first node: input for the graph, output for the reversed graph.
        rule: which branches are followed, and with which weight.
        mask: keeps the graphs legal; without one every decision is the model's alone.

    Raises:
        ModelError: the mask allows no continuation of a prefix.
    """
    weights = model.generator.weights(model.compute_dtype)
    z = z.to(model.compute_dtype)
    level = _roots(model, z, start_type, rule)
    leaves, prefixes = [], 0
    while len(level):
        prefixes += len(level)
        chunks = [level[k : k + CHUNK] for k in range(0, len(level), CHUNK)]
        level = _join([_children(model, z, part, rule, mask, weights) for part in chunks])
        finished = level.types[:, -1] == _opposite(start_type)
        ended, level = level[finished], level[~finished]
        ended = ended[rule.finish(ended.weight, ended.latent)]
        level = level[rule.narrow(level.weight, level.latent)]
        graphs = GraphBatch(
            ended.types, ended.adjacency, torch.full_like(ended.latent, ended.types.shape[1])
        )
        leaves.append(Leaves(graphs.padded(model.sizes.max_nodes), ended.latent, ended.weight, 0))
    nothing = Leaves(
        GraphBatch.empty(model.sizes.max_nodes, 0, z.device), level.latent, level.weight, prefixes
    )
    return Leaves.cat([*leaves, nothing])


def mask_of(legality: Legality | None, start_type: int) -> LegalityMask | None:
    """The mask of one direction of generation, if there is any.

    Raises:
        ModelError: something else than a legality is given, such as a search space.
    """
    if legality is not None and not isinstance(legality, Legality):
        raise ModelError(
            f"the legality is a {type(legality).__name__}, expected a Legality: "
            "a search space's legality() makes it"
        )
    if legality is None:
        return None
    return legality.forward if start_type == INPUT else legality.reverse


def legal_types(
    logits: Tensor,
    types: Tensor,
    adjacency: Tensor,
    end_type: int,
    max_nodes: int,
    mask: LegalityMask | None,
) -> Tensor:
    """Logits of the next node's type, −∞ where the size or the mask forbids it.

    **Shape** logits (R, T), types (R, n), adjacency (R, n, n) → (R, T).

    Raises:
        ModelError: the mask is of a space with other types.
    """
    if types.shape[1] == max_nodes - 1:
        only = torch.full_like(logits, -torch.inf)
        only[:, end_type] = 0
        return only
    if mask is None:
        return logits
    allowed = mask.allowed_types(types, adjacency)
    if allowed.shape != logits.shape:
        raise ModelError(
            f"the legality mask knows {allowed.shape[1]} node types, the model {logits.shape[1]}: "
            "it is of another search space"
        )
    return logits.masked_fill(~allowed, -torch.inf)


def _opposite(start_type: int) -> int:
    return OUTPUT if start_type == INPUT else INPUT


def _roots(model: Sequential, z: Tensor, start_type: int, rule: Rule) -> _Prefixes:
    rows = torch.arange(len(z), device=z.device)
    types = torch.full((len(z), 1), start_type, device=z.device)
    states = model.generator.start(z, types[:, 0])  # (S, B, 1, W)
    vectors = to_node_vectors(states)[:, 0]
    return _Prefixes(
        latent=rows,
        weight=rule.start(len(z), z.device),
        types=types,
        adjacency=torch.zeros(len(z), 1, 1, dtype=torch.bool, device=z.device),
        parent=rows,
        node=rows,
        before=states[:, :, :0],
        new=vectors,
    )


def _children(
    model: Sequential,
    z: Tensor,
    level: _Prefixes,
    rule: Rule,
    mask: LegalityMask | None,
    weights: Any,
) -> _Prefixes:
    """All continuations by one node that the rule keeps."""
    generator = model.generator
    start_type = int(level.types[0, 0])
    n = level.types.shape[1]
    states, present = generator.advance(level.states(model), level.adjacency.to(z.dtype), weights)
    points = z[level.latent]
    logits = legal_types(
        generator.type_logits(present, points, weights).float(),
        level.types,
        level.adjacency,
        _opposite(start_type),
        model.sizes.max_nodes,
        mask,
    )
    if not torch.isfinite(logits).any(1).all():
        raise ModelError(
            f"the mask forbids every type of node {n}: a legality mask must leave every prefix "
            "one continuation"
        )
    shares = rule.types(level.weight, logits)
    parent, new_types = rule.keeps(shares, level.latent).nonzero(as_tuple=True)
    branches = level[parent]
    branches.weight = shares[parent, new_types]
    choices = generator.edge_choices(present, parent, new_types, points[parent], weights)
    legal = None
    if mask is not None:
        legal = legal_edges(
            mask, branches.types, branches.adjacency, new_types, generator.edge_order(n)
        )
    row, drawn, weight = _split_edges(rule, choices, legal, branches)
    new, node = choices.new_nodes()
    adjacency = torch.nn.functional.pad(branches.adjacency[row], (0, 1, 0, 1))
    adjacency[:, :n, n] = drawn
    return _Prefixes(
        latent=branches.latent[row],
        weight=weight,
        types=torch.cat([branches.types[row], new_types[row, None]], 1),
        adjacency=adjacency,
        parent=parent[row],
        node=node,
        before=states,
        new=new,
    )


def _split_edges(
    rule: Rule, choices: EdgeChoices, legal: LegalEdges | None, level: _Prefixes
) -> tuple[Tensor, Tensor, Tensor]:
    """Decide the edges into the new nodes of R graphs, source by source.

    Returns:
        Rows of ``level`` (K,), edges (K, n), weights (K,).
    """
    drawn = choices.certain
    row = torch.arange(len(level), device=drawn.device)
    weight = level.weight
    for source in choices.sources:
        logit = choices.logits(source)
        if legal is not None:
            logit = legal.restrict(logit, row, source, drawn)
        shares = rule.edges(weight, logit)
        kept, edge = rule.keeps(shares, level.latent[row]).nonzero(as_tuple=True)
        rows = rule.narrow(shares[kept, edge], level.latent[row[kept]])
        kept, edge = kept[rows], edge[rows]
        row, weight = row[kept], shares[kept, edge]
        drawn = drawn[kept]
        drawn[:, source] = edge.bool()
        choices.follow(kept, edge)
    return row, drawn, weight


def _join(parts: list[_Prefixes]) -> _Prefixes:
    """Prefixes of several chunks of one depth; each refers to states of its own chunk."""
    if len(parts) == 1:
        return parts[0]
    parent, node, parents, nodes = [], [], 0, 0
    for part in parts:
        parent.append(part.parent + parents)
        node.append(part.node + nodes)
        parents += part.before.shape[1]
        nodes += len(part.new)
    return _Prefixes(
        latent=torch.cat([part.latent for part in parts]),
        weight=torch.cat([part.weight for part in parts]),
        types=torch.cat([part.types for part in parts]),
        adjacency=torch.cat([part.adjacency for part in parts]),
        parent=torch.cat(parent),
        node=torch.cat(node),
        before=torch.cat([part.before for part in parts], dim=1),
        new=torch.cat([part.new for part in parts]),
    )
