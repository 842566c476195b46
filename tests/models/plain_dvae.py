"""D-VAE written down plainly: one graph, one vertex, one edge at a time, with one-hot vectors.

It uses a model's layers as PyTorch calls them, in float64, and D-VAE's own numbers of types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from datasets.graph import ArchitectureGraph
from models import DVAE

START, END = 0, 1


def swapped(kind: int) -> int:
    """D-VAE's number of a type of ours, and the other way round."""
    return {0: 1, 1: 0}.get(kind, kind)


@dataclass
class Grown:
    """A graph that grows: types in D-VAE's order, and what was decided about it."""

    types: list[int]
    edges: set[tuple[int, int]] = field(default_factory=set)
    type_logits: list[Tensor] = field(default_factory=list)
    edge_logits: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    @property
    def graph(self) -> ArchitectureGraph:
        return ArchitectureGraph(tuple(map(swapped, self.types)), tuple(self.edges))


class PlainDVAE:
    """The layers of a model in float64."""

    def __init__(self, model: DVAE) -> None:
        self.model = model
        self.width, self.types = model.sizes.node_width, model.sizes.num_types
        self.most = model.sizes.max_nodes

    def one_hot(self, kind: int) -> Tensor:
        return F.one_hot(torch.tensor([kind]), self.types).double()

    def message(self, state: Tensor, index: int, direction: str) -> Tensor:
        place = F.one_hot(torch.tensor([index]), self.most).double()
        gate = cast(Any, getattr(self.model, f"gate_{direction}"))
        mapper = cast(Any, getattr(self.model, f"mapper_{direction}"))
        both = torch.cat([state, place], 1)
        return gate(both) * mapper(both)

    def states(self, graph: ArchitectureGraph, direction: str) -> dict[int, Tensor]:
        cell = cast(Any, getattr(self.model, f"grue_{direction}"))
        states: dict[int, Tensor] = {}
        order = range(graph.num_nodes)
        for v in order if direction == "forward" else reversed(order):
            heard = torch.zeros(1, self.width, dtype=torch.float64)
            for edge in graph.edges:
                u, to = edge if direction == "forward" else edge[::-1]
                if to == v:
                    heard = heard + self.message(states[u], u, direction)
            states[v] = cell(self.one_hot(swapped(graph.types[v])), heard)
        return states

    def encode(self, graph: ArchitectureGraph) -> tuple[Tensor, Tensor]:
        state = self.states(graph, "forward")[graph.num_nodes - 1]
        if self.model.sizes.bidirectional:
            first = self.states(graph, "backward")[0]
            state = cast(Any, self.model.hg_unify)(torch.cat([state, first], 1))
        return self.model.fc1(state)[0], self.model.fc2(state)[0]

    def grow(
        self,
        z: Tensor,
        choose_type: Callable[[int, Tensor], int],
        choose_edge: Callable[[int, int, Tensor], bool],
        joins_loose_ends: bool,
    ) -> Grown:
        """Follow two rules from a latent to a whole graph. **Shape** z (G,)."""
        model, grown = self.model, Grown([START])
        states = [model.grud(self.one_hot(START), model.fc3(z[None]).tanh())]
        for v in range(1, self.most):
            logits = model.add_vertex(states[-1])[0]
            grown.type_logits.append(logits)
            kind = END if v == self.most - 1 else choose_type(v, logits)
            grown.types.append(kind)
            heard = torch.zeros(1, self.width, dtype=torch.float64)
            state = model.grud(self.one_hot(kind), heard)
            for u in range(v - 1, -1, -1):
                logit = model.add_edge(torch.cat([states[u], state], 1))[0, 0]
                grown.edge_logits[u, v] = logit
                if kind == END and joins_loose_ends:
                    present = not any(a == u and b < v for a, b in grown.edges)
                else:
                    present = choose_edge(u, v, logit)
                if present:
                    grown.edges.add((u, v))
                    heard = heard + self.message(states[u], u, "forward")
                    state = model.grud(self.one_hot(kind), heard)
            states.append(state)
            if kind == END:
                return grown
        return grown

    def follow(self, z: Tensor, graph: ArchitectureGraph) -> Grown:
        """The decisions along a given graph."""
        return self.grow(
            z,
            lambda v, logits: swapped(graph.types[v]),
            lambda u, v, logit: (u, v) in graph.edges,
            joins_loose_ends=False,
        )

    def greedy(self, z: Tensor, joins_loose_ends: bool) -> ArchitectureGraph:
        """The most probable value of every decision."""
        return self.grow(
            z,
            lambda v, logits: int(logits.argmax()),
            lambda u, v, logit: bool(logit > 0),
            joins_loose_ends,
        ).graph

    def log_probability(self, z: Tensor, graph: ArchitectureGraph, joins_loose_ends: bool) -> float:
        """Of growing a graph; −∞ where its output is joined otherwise than loose ends are."""
        followed, last = self.follow(z, graph), graph.num_nodes - 1
        total = 0.0
        for v in range(1, graph.num_nodes):
            if v < self.most - 1:
                kind = swapped(graph.types[v])
                total += float(followed.type_logits[v - 1].log_softmax(0)[kind])
            for u in range(v):
                present = (u, v) in graph.edges
                if v == last and joins_loose_ends:
                    loose = not any(a == u and b < v for a, b in graph.edges)
                    total += 0.0 if present == loose else -torch.inf
                    continue
                logit = followed.edge_logits[u, v]
                total += float(F.logsigmoid(logit if present else -logit))
        return total
