"""D-VAE's decoder: a vertex is added, then edges into it are decided from the last vertex back.

The new vertex begins without a message, and is updated afresh from the sum of all its messages
whenever an edge is decided to be there. Teacher forcing has no recurrence inside a vertex: after
source u its state uses the sum over the true sources from u on, so that all states of a vertex are
one call of the cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.batch import GraphBatch
from datasets.graph import OUTPUT
from models.dvae_cells import Cell, Message, swapped_types
from models.steps import EdgeChoices, StepLogits
from models.weights import Affine, affine

if TYPE_CHECKING:
    from models.dvae import DVAE


class DecoderWeights(NamedTuple):
    """The decoder's weights, prepared and cast once for all steps of a call.

    ``edge_from`` and ``edge_into`` are the two halves of the hidden layer of ``add_edge``: on the
    source, (4H, H) without a bias, and on the new vertex.
    """

    cell: Cell
    message: Message
    alone: Tensor
    type_hidden: Affine
    type_out: Affine
    edge_from: Tensor
    edge_into: Affine
    edge_out: Affine


class BackwardEdges(EdgeChoices):
    """Decisions about edges into new vertices, from the last vertex present to the first.

    Args:
        states: of the vertices present in P graphs. **Shape** (P, n, H).
        parent: graph that each new vertex joins. **Shape** (R,).
        types: of the new vertices. **Shape** (R,).
        given: edges that are not asked for, as logits ±∞, NaN elsewhere. **Shape** (R, n).
        weights: of the call.
    """

    def __init__(
        self,
        states: Tensor,
        parent: Tensor,
        types: Tensor,
        given: Tensor | None,
        weights: DecoderWeights,
    ) -> None:
        self.states = states
        self.parent = parent
        self.types = types
        self.given = given
        self.weights = weights
        self.sums = states.new_zeros(len(parent), states.shape[2])
        self.new = weights.alone[types]
        self.hidden = weights.edge_into(weights.alone)[types]
        self.sources = range(states.shape[1] - 1, -1, -1)
        self.certain = torch.zeros(
            len(parent), states.shape[1], dtype=torch.bool, device=states.device
        )
        self.source = states.shape[1]

    def logits(self, source: int) -> Tensor:
        """By the new vertices' states as they are now."""
        self.source = source
        part = F.linear(self.states[:, source], self.weights.edge_from)
        hidden = (part[self.parent] + self.hidden).relu()
        logits = self.weights.edge_out(hidden).squeeze(-1).float()
        if self.given is None:
            return logits
        given = self.given[:, source]
        return torch.where(given.isnan(), logits, given)

    def follow(self, kept: Tensor, edge: Tensor) -> None:
        """Vertices with a new edge are updated."""
        self.parent, self.types = self.parent[kept], self.types[kept]
        self.sums, self.new, self.hidden = self.sums[kept], self.new[kept], self.hidden[kept]
        if self.given is not None:
            self.given = self.given[kept]
        joined = edge.nonzero().squeeze(1)
        if not len(joined):
            return
        senders, place = self.parent[joined].unique(return_inverse=True)
        messages = self.weights.message(self.states[senders, self.source], self.source)
        sums = self.sums[joined] + messages[place]
        new = self.weights.cell(self.types[joined], sums)
        self.sums[joined], self.new[joined] = sums, new
        self.hidden[joined] = self.weights.edge_into(new)

    def new_nodes(self) -> tuple[Tensor, Tensor]:
        """A state for every row."""
        return self.new, torch.arange(len(self.new), device=self.new.device)


class DVAEGenerator:
    """The decoder's steps, on the layers that a model has under the published names.

    Args:
        model: whose layers these are.
    """

    first_edge_certain = False

    def __init__(self, model: DVAE) -> None:
        self.model = model

    def edge_order(self, n: int) -> Sequence[int]:
        """From the last vertex back."""
        return range(n - 1, -1, -1)

    @property
    def output_layers(self) -> Sequence[nn.Linear]:
        """The last layers of ``add_vertex`` and of ``add_edge``."""
        return cast(nn.Linear, self.model.add_vertex[2]), cast(nn.Linear, self.model.add_edge[2])

    def weights(self, dtype: torch.dtype) -> DecoderWeights:
        """Prepare and cast the parameters for one call."""
        model = self.model
        cell = Cell.of(model.grud, dtype)
        type_out = affine(cast(nn.Linear, model.add_vertex[2]), dtype)
        order = swapped_types(model.sizes.num_types, model.device)
        edge_hidden = affine(cast(nn.Linear, model.add_edge[0]), dtype)
        edge_from, edge_into = edge_hidden.weight.chunk(2, dim=1)
        return DecoderWeights(
            cell=cell,
            message=Message.of(model.gate_forward, model.mapper_forward, dtype),
            alone=cell.alone(),
            type_hidden=affine(cast(nn.Linear, model.add_vertex[0]), dtype),
            type_out=Affine(type_out.weight[order], type_out.bias[order]),
            edge_from=edge_from,
            edge_into=Affine(edge_into, edge_hidden.bias),
            edge_out=affine(cast(nn.Linear, model.add_edge[2]), dtype),
        )

    # Growing.

    def start(self, z: Tensor, types: Tensor) -> Tensor:
        """The first vertex, whose place of messages is taken by the latent's state.

        **Shape** z (B, G), types (B,) → (1, B, 1, H).
        """
        cell = Cell.of(self.model.grud, z.dtype)
        return cell(types, affine(self.model.fc3, z.dtype)(z).tanh())[None, :, None]

    def append(self, states: Tensor, new: Tensor) -> Tensor:
        """Add a vertex's state. **Shape** (1, B, n, H) and (B, H) → (1, B, n+1, H)."""
        return torch.cat([states, new[None, :, None]], dim=2)

    def advance(
        self, states: Tensor, adjacency: Tensor, weights: DecoderWeights
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """States do not change any more; what is known are they, and which have no edge out.

        **Shape** states (1, B, n, H), adjacency (B, n, n).
        """
        return states, (states[0], ~adjacency.bool().any(2))

    def type_logits(
        self, present: tuple[Tensor, Tensor], z: Tensor, weights: DecoderWeights
    ) -> Tensor:
        """Logits of the next vertex's type, from the state of the last one. **Shape** (B, T)."""
        states, _ = present
        return weights.type_out(weights.type_hidden(states[:, -1]).relu())

    def edge_choices(
        self,
        present: tuple[Tensor, Tensor],
        parent: Tensor,
        types: Tensor,
        z: Tensor,
        weights: DecoderWeights,
    ) -> BackwardEdges:
        """The decisions about edges into new vertices. **Shape** parent, types (R,), z (R, G)."""
        states, loose = present
        given = None
        if self.model.joins_loose_ends:
            given = given_edges(loose[parent], types)
        return BackwardEdges(states, parent, types, given, weights)

    # Following graphs.

    def __call__(self, z: Tensor, batch: GraphBatch, dtype: torch.dtype) -> StepLogits:
        """Logits of all decisions of :meth:`teacher_forced` as they are when graphs are grown.

        They differ where the output joins all loose ends without asking: ±∞ there.
        """
        types, edges = self.teacher_forced(z, batch, dtype)
        if not self.model.joins_loose_ends:
            return StepLogits(types, edges)
        edges = edges.clone()
        for v in range(1, batch.max_nodes):
            loose = ~batch.adjacency[:, :v, :v].any(2)
            given = given_edges(loose, batch.types[:, v])
            edges[:, v - 1, :v] = torch.where(given.isnan(), edges[:, v - 1, :v], given)
        return StepLogits(types, edges)

    def teacher_forced(self, z: Tensor, batch: GraphBatch, dtype: torch.dtype) -> StepLogits:
        """Every decision's logits when the graphs of ``batch`` are followed.

        A vertex that a shorter graph lacks has the state zero, and its type is decided by the
        graph's last vertex: what the published code computes there.

        Args:
            z: **shape** (B, G).
            batch: graphs to follow, from their node 0 on.
            dtype: what to compute in.
        """
        weights = self.weights(dtype)
        followed = _follow(self.start(z.to(dtype), batch.types[:, 0])[0, :, 0], batch, weights)
        last = batch.max_nodes - 1
        places = torch.arange(last, device=z.device)
        deciding = torch.minimum(places, (batch.num_nodes[:, None] - 1).clamp(min=0))  # (B, N-1)
        index = deciding[..., None].expand(-1, -1, followed.vertices.shape[-1])
        types = weights.type_out(weights.type_hidden(followed.vertices.gather(1, index)).relu())
        into = weights.edge_into(followed.states)
        sources = F.linear(followed.vertices[:, :last], weights.edge_from)
        edges = []
        for v in range(1, batch.max_nodes):
            hidden = (sources[:, :v] + F.embedding(followed.deciding[v - 1], into)).relu()
            edges.append(F.pad(weights.edge_out(hidden).squeeze(-1), (0, last - v)))
        stored = torch.promote_types(dtype, torch.float32)
        return StepLogits(types.to(stored), torch.stack(edges, 1).to(stored))


class _Followed(NamedTuple):
    """States along given graphs.

    Attributes:
        vertices: finished states. **Shape** (B, N, H).
        states: all states that occur in deciding about edges. **Shape** (Q, H).
        deciding: for each vertex v from 1 on, which of them v has when the edge from each source
            is decided. **Shape** (B, v) each.
    """

    vertices: Tensor
    states: Tensor
    deciding: list[Tensor]


def _follow(first: Tensor, batch: GraphBatch, weights: DecoderWeights) -> _Followed:
    """Update all vertices along the true edges. **Shape** first (B, H).

    A vertex has a new state after each of its true edges only; before the first of them it has
    that of its type, which is computed once.
    """
    begin = F.pad(weights.alone, (0, 0, 0, 1))  # the last row is that of missing vertices
    missing = len(weights.alone)
    kinds = torch.where(batch.node_mask(), batch.types, missing)
    vertices, messages = [first], [weights.message(first, 0)]
    states, deciding, known = [begin], [], len(begin)
    for v in range(1, batch.max_nodes):
        into = batch.adjacency[:, :v, v].flip(1)  # (B, v), the last vertex first
        sums = _running_sums(into, torch.stack(messages, 1))
        graph, step = into.nonzero(as_tuple=True)
        new = weights.cell(batch.types[graph, v], sums[graph, step])
        after = torch.full_like(into, -1, dtype=torch.long)
        after[graph, step] = torch.arange(len(graph), device=after.device) + known
        current = torch.cat([kinds[:, v, None], after], 1).cummax(1).values  # (B, v + 1)
        deciding.append(current[:, :-1].flip(1))
        local = torch.where(
            current[:, -1] < len(begin), current[:, -1], current[:, -1] - known + len(begin)
        )
        vertices.append(F.embedding(local, torch.cat([begin, new])))
        states.append(new)
        if v + 1 < batch.max_nodes:  # the last vertex sends nothing
            messages.append(weights.message(vertices[-1], v))
        known += len(new)
    return _Followed(torch.stack(vertices, 1), torch.cat(states), deciding)


def _running_sums(into: Tensor, messages: Tensor) -> Tensor:
    """Sums of the messages along the first edges, the last vertex first.

    **Shape** into (B, v) from the last vertex on, messages (B, v, H) from the first on → (B, v, H).
    """
    v = into.shape[1]
    earlier = torch.ones(v, v, dtype=torch.bool, device=into.device).tril()
    counted = (into[:, None] & earlier).flip(2)  # (B, step, source)
    return torch.bmm(counted.to(messages.dtype), messages)


def given_edges(loose: Tensor, types: Tensor) -> Tensor:
    """Edges of an output that joins all loose ends without asking: logits ±∞, NaN elsewhere.

    **Shape** loose (R, n) bool, types of the new vertices (R,) → (R, n).
    """
    joined = torch.where(loose, torch.inf, -torch.inf)
    return torch.where((types == OUTPUT)[:, None], joined, torch.nan)
