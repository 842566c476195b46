"""The generator of SVGe and DGMG: grows an architecture node by node from a latent point.

One object serves the teacher-forced pass of training and the free generation of
``models/decoding.py``: both call the same four steps. Li et al. 2018 (arXiv:1803.03324), with the
latent point joined to every decision as in Lukasik et al. 2021 (arXiv:2010.04683).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.encoder import GatedSum, gated_sums, to_node_vectors, to_stacks
from models.propagation import Propagation, RoundWeights, propagate
from models.steps import EdgeChoices, StepLogits
from models.weights import Affine, affine, stacked


class GeneratorWeights(NamedTuple):
    """The generator's weights, folded and cast once for all steps of a call.

    ``per_node`` gives for every present node both graph summaries' values (2G), its part of the
    edge network's hidden layer (E), and both summaries' gates (2).
    """

    rounds: list[RoundWeights]
    per_node: Affine
    type_hidden: Affine
    type_out: Affine
    node_hidden: Affine
    node_out: Affine
    edge_per_graph: Affine
    edge_out: Affine


class Present(NamedTuple):
    """What the generator knows of the nodes present, **n** of them.

    Attributes:
        summary: graph vector for the decisions. **Shape** (B, G).
        summary_init: graph vector for the next node's state. **Shape** (B, G).
        edge_part: the nodes' share of the edge network's hidden layer. **Shape** (B, n, E).
    """

    summary: Tensor
    summary_init: Tensor
    edge_part: Tensor


class IndependentEdges(EdgeChoices):
    """Decisions whose logits are all known beforehand: a new node's state does not change.

    Args:
        new: states of the new nodes. **Shape** (R, D).
        logits: of the edges, from the nodes present; ``None`` where the one edge is certain.
            **Shape** (R, n).
    """

    def __init__(self, new: Tensor, logits: Tensor | None) -> None:
        self.new = new
        self.row = torch.arange(len(new), device=new.device)
        self.certain = torch.ones(len(new), 1, dtype=torch.bool, device=new.device)
        self.sources = range(0)
        if logits is not None:
            self.all_logits = logits
            self.certain = torch.zeros_like(logits, dtype=torch.bool)
            self.sources = range(logits.shape[1])

    def logits(self, source: int) -> Tensor:
        """As they were given."""
        return self.all_logits[self.row, source]

    def follow(self, kept: Tensor, edge: Tensor) -> None:
        """Only rows change."""
        self.row = self.row[kept]

    def new_nodes(self) -> tuple[Tensor, Tensor]:
        """The given states."""
        return self.new, self.row


class Summaries(nn.Module):
    """Message passing among the nodes present, and two gated sums over them."""

    def __init__(self, propagation: Propagation, node_width: int, graph_width: int) -> None:
        super().__init__()
        self.NodeEmb = propagation
        self.GraphEmb = GatedSum(node_width, graph_width)
        self.GraphEmb_init = GatedSum(node_width, graph_width)


class TypeNetwork(nn.Module):
    """``[summary; z]`` → logits of the next node's type."""

    def __init__(self, num_types: int, graph_width: int) -> None:
        super().__init__()
        self.f_an = nn.Linear(2 * graph_width, graph_width)
        self.f_an_2 = nn.Linear(graph_width, num_types)


class NodeNetwork(nn.Module):
    """``[embedding; summary; z]`` → state of a new node, and ``[embedding; z]`` of the first."""

    def __init__(self, num_types: int, d: int, g: int) -> None:
        super().__init__()
        self.NodeInits = nn.Embedding(num_types, d)
        self.f_init = nn.Linear(d + 2 * g, d + g)
        self.f_init_2 = nn.Linear(d + g, d)
        self.f_start = nn.Linear(d + g, d + g)
        self.f_start_2 = nn.Linear(d + g, d)


class EdgeNetwork(nn.Module):
    """``[h_i; h_new; summary; z]`` → logit of the edge i→new."""

    def __init__(self, d: int, g: int) -> None:
        super().__init__()
        self.f_s_1 = nn.Linear(2 * d + 2 * g, d + g)
        self.f_s_2 = nn.Linear(d + g, 1)


class Generator(nn.Module):
    """Parameters and steps of the generator. Attribute names are the checkpoints' keys."""

    first_edge_certain = True

    def __init__(
        self, propagation: Propagation, num_types: int, node_width: int, graph_width: int
    ) -> None:
        super().__init__()
        self.prop = Summaries(propagation, node_width, graph_width)
        self.nodeAdd = TypeNetwork(num_types, graph_width)
        self.nodeInit = NodeNetwork(num_types, node_width, graph_width)
        self.nodes = EdgeNetwork(node_width, graph_width)
        self.node_width = node_width
        self.graph_width = graph_width

    def compile_networks(self) -> None:
        """Compile the networks of a step, in place, for any number of nodes and graphs.

        The steps themselves stay as they are: unrolled, they would take minutes to compile.
        """
        self.look = torch.compile(self.look, dynamic=True)  # type: ignore[method-assign]
        self.type_logits = torch.compile(  # type: ignore[method-assign]
            self.type_logits, dynamic=True
        )
        self.new_node = torch.compile(self.new_node, dynamic=True)  # type: ignore[method-assign]
        self.edge_logits = torch.compile(  # type: ignore[method-assign]
            self.edge_logits, dynamic=True
        )

    def edge_order(self, n: int) -> Sequence[int]:
        """From the first node on."""
        return range(n)

    @property
    def output_layers(self) -> Sequence[nn.Linear]:
        """The last layers of the type network and of the edge network."""
        return self.nodeAdd.f_an_2, self.nodes.f_s_2

    @property
    def propagation(self) -> Propagation:
        """The rounds of message passing among the nodes present."""
        return self.prop.NodeEmb

    def weights(self, dtype: torch.dtype) -> GeneratorWeights:
        """Fold and cast the parameters for one call."""
        summary, summary_init = self.prop.GraphEmb, self.prop.GraphEmb_init
        values = stacked([summary.f_m, summary_init.f_m], dtype)
        gates = stacked([summary.g_m, summary_init.g_m], dtype)
        edge_hidden = affine(self.nodes.f_s_1, dtype)
        width = self.node_width
        edge_node, edge_graph = edge_hidden.weight.split(
            [width, edge_hidden.weight.shape[1] - width], dim=1
        )
        no_bias = torch.zeros_like(edge_hidden.bias)  # it is in the part of the graph
        per_node = Affine(
            torch.cat([values.weight, edge_node, gates.weight]),
            torch.cat([values.bias, no_bias, gates.bias]),
        )
        return GeneratorWeights(
            rounds=self.propagation.fold(dtype),
            per_node=per_node,
            type_hidden=affine(self.nodeAdd.f_an, dtype),
            type_out=affine(self.nodeAdd.f_an_2, dtype),
            node_hidden=affine(self.nodeInit.f_init, dtype),
            node_out=affine(self.nodeInit.f_init_2, dtype),
            edge_per_graph=Affine(edge_graph, edge_hidden.bias),
            edge_out=affine(self.nodes.f_s_2, dtype),
        )

    def start(self, z: Tensor, types: Tensor) -> Tensor:
        """State of the first node. **Shape** z (B, G), types (B,) → (S, B, 1, W)."""
        dtype = z.dtype
        embedded = self.nodeInit.NodeInits(types).to(dtype)
        hidden = affine(self.nodeInit.f_start, dtype)(torch.cat([embedded, z], -1)).relu()
        first = affine(self.nodeInit.f_start_2, dtype)(hidden)
        return to_stacks(first[:, None], self.propagation.stacks)

    def look(self, states: Tensor, weights: GeneratorWeights) -> Present:
        """Summarise the nodes present. **Shape** (S, B, n, W)."""
        g = self.graph_width
        out = weights.per_node(to_node_vectors(states))  # (B, n, 2G + E + 2)
        values, edge_part, gates = out.split([2 * g, out.shape[-1] - 2 * g - 2, 2], dim=-1)
        if states.shape[2] == 1:  # the first node alone is summarised without its gate
            summary, summary_init = values[:, 0].chunk(2, dim=-1)
        else:
            summary, summary_init = gated_sums(values, gates.sigmoid())
        return Present(summary, summary_init, edge_part)

    def type_logits(self, present: Present, z: Tensor, weights: GeneratorWeights) -> Tensor:
        """Logits of the next node's type. **Shape** (B, T)."""
        hidden = weights.type_hidden(torch.cat([present.summary, z], -1)).relu()
        return weights.type_out(hidden)

    def new_node(
        self, types: Tensor, present: Present, z: Tensor, weights: GeneratorWeights
    ) -> Tensor:
        """State of a node of the given types. **Shape** (B,) → (B, D)."""
        embedded = self.nodeInit.NodeInits(types).to(z.dtype)
        hidden = weights.node_hidden(torch.cat([embedded, present.summary_init, z], -1)).relu()
        return weights.node_out(hidden)

    def edge_logits(
        self, new: Tensor, present: Present, z: Tensor, weights: GeneratorWeights
    ) -> Tensor:
        """Logits of the edges from the nodes present into a new one. **Shape** (B, D) → (B, n)."""
        per_graph = weights.edge_per_graph(torch.cat([new, present.summary, z], -1))
        hidden = (present.edge_part + per_graph[:, None]).relu()
        return weights.edge_out(hidden).squeeze(-1)

    def edge_choices(
        self,
        present: Present,
        parent: Tensor,
        types: Tensor,
        z: Tensor,
        weights: GeneratorWeights,
    ) -> IndependentEdges:
        """The decisions about edges into new nodes; the first node's edge is certain.

        **Shape** parent, types (R,), z (R, G).
        """
        present = Present(*(part[parent] for part in present))
        new = self.new_node(types, present, z, weights)
        if present.edge_part.shape[1] == 1:
            return IndependentEdges(new, None)
        return IndependentEdges(new, self.edge_logits(new, present, z, weights).float())

    def append(self, states: Tensor, new: Tensor) -> Tensor:
        """Add a node's state. **Shape** (S, B, n, W) and (B, D) → (S, B, n+1, W)."""
        return torch.cat([states, to_stacks(new[:, None], self.propagation.stacks)], dim=2)

    def advance(
        self, states: Tensor, adjacency: Tensor, weights: GeneratorWeights
    ) -> tuple[Tensor, Present]:
        """Pass messages among the nodes present (from two on), and summarise them.

        **Shape** states (S, B, n, W), adjacency among the n nodes (B, n, n), floating point.
        """
        if states.shape[2] > 1:
            states = propagate(states, self.propagation.mixing(adjacency), weights.rounds)
        return states, self.look(states, weights)

    def forward(self, z: Tensor, batch: GraphBatch, dtype: torch.dtype) -> StepLogits:
        """Every decision's logits when the graph of ``batch`` is followed.

        Args:
            z: **shape** (B, G).
            batch: graphs to follow, from their node 0 on.
            dtype: what to compute in.
        """
        weights = self.weights(dtype)
        z = z.to(dtype)
        adjacency = batch.adjacency.to(dtype)
        states = self.start(z, batch.types[:, 0])
        types, edges = [], []
        last = batch.max_nodes - 1
        for step in range(last):
            states, present = self.advance(states, adjacency[:, : step + 1, : step + 1], weights)
            types.append(self.type_logits(present, z, weights))
            new = self.new_node(batch.types[:, step + 1], present, z, weights)
            if step == 0:
                edges.append(new.new_zeros(len(batch), last))
            else:
                logits = self.edge_logits(new, present, z, weights)
                edges.append(F.pad(logits, (0, last - step - 1)))
            if step + 1 < last:
                states = self.append(states, new)
        return StepLogits(torch.stack(types, 1).float(), torch.stack(edges, 1).float())
