"""Many architectures at once: a dense, padded batch, and what a decoder asks of a space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from datasets.graph import ArchitectureError, ArchitectureGraph

if TYPE_CHECKING:
    from torch_geometric.data import Batch

    from datasets.space import SearchSpace


@dataclass(frozen=True, slots=True)
class GraphBatch:
    """A padded batch of architectures, on one device.

    Padding nodes have type 0 and no edges; ``num_nodes`` says where they begin.

    Attributes:
        types: node type ids. **Shape** (B, N), int64.
        adjacency: entry (b, i, j) is True for the edge i→j, i < j. **Shape** (B, N, N), bool.
        num_nodes: nodes of each graph. **Shape** (B,), int64.
    """

    types: Tensor
    adjacency: Tensor
    num_nodes: Tensor

    def __post_init__(self) -> None:
        for name in ("types", "adjacency", "num_nodes"):
            if not isinstance(part := getattr(self, name), Tensor):
                raise ArchitectureError(
                    f"{name} of a batch is a {type(part).__name__}, expected a tensor: "
                    "torch.from_numpy makes one of an array"
                )
        if self.types.ndim != 2:
            raise ArchitectureError(
                f"types of a batch have shape {tuple(self.types.shape)}, expected (B, N)"
            )
        if self.adjacency.dtype != torch.bool or self.types.is_floating_point():
            raise ArchitectureError(
                f"types are {self.types.dtype} and adjacency is {self.adjacency.dtype}, "
                "expected torch.int64 and torch.bool"
            )
        size, nodes = self.types.shape
        if self.adjacency.shape != (size, nodes, nodes) or self.num_nodes.shape != (size,):
            raise ArchitectureError(
                f"types {tuple(self.types.shape)}, adjacency {tuple(self.adjacency.shape)} and "
                f"num_nodes {tuple(self.num_nodes.shape)} do not fit together: "
                "expected (B, N), (B, N, N) and (B,)"
            )

    @classmethod
    def from_graphs(
        cls, graphs: Sequence[ArchitectureGraph], max_nodes: int | None = None
    ) -> GraphBatch:
        """Pad single graphs to ``max_nodes`` (default: the largest graph's number of nodes).

        Raises:
            ArchitectureError: something is no graph, or one has more nodes.
        """
        graphs = as_graphs(graphs)
        if max_nodes is not None and (not isinstance(max_nodes, int | np.integer) or max_nodes < 1):
            raise ArchitectureError(f"a batch cannot hold graphs of {max_nodes!r} nodes")
        nodes = max_nodes or max((g.num_nodes for g in graphs), default=1)
        # Filled as arrays: an assignment to a small tensor takes ten times as long.
        types = np.zeros((len(graphs), nodes), dtype=np.int64)
        adjacency = np.zeros((len(graphs), nodes, nodes), dtype=bool)
        sizes = np.array([graph.num_nodes for graph in graphs], dtype=np.int64)
        for b, graph in enumerate(graphs):
            if graph.num_nodes > nodes:
                raise ArchitectureError(
                    f"graph {b} has {graph.num_nodes} nodes, the batch holds at most {nodes}"
                )
            types[b, : graph.num_nodes] = graph.types
            for source, target in graph.edges:
                adjacency[b, source, target] = True
        return cls(*(torch.from_numpy(each) for each in (types, adjacency, sizes)))

    @classmethod
    def empty(cls, max_nodes: int, size: int = 0, device: torch.device | str = "cpu") -> GraphBatch:
        """``size`` places for graphs of up to ``max_nodes`` nodes, without any node yet."""
        return cls(
            torch.zeros(size, max_nodes, dtype=torch.long, device=device),
            torch.zeros(size, max_nodes, max_nodes, dtype=torch.bool, device=device),
            torch.zeros(size, dtype=torch.long, device=device),
        )

    def __len__(self) -> int:
        return self.types.shape[0]

    @property
    def max_nodes(self) -> int:
        """Number of node places N, padding included."""
        return self.types.shape[1]

    def __getitem__(self, index: Tensor | slice) -> GraphBatch:
        """The graphs at ``index`` (a slice, or a tensor of positions or truth values).

        Raises:
            ArchitectureError: it is something else; :meth:`graph` gives a single one.
        """
        if not isinstance(index, Tensor | slice | np.ndarray | list):
            raise ArchitectureError(
                f"a batch cannot be indexed by {index!r}: give a slice or a tensor, or take a "
                "single graph by graph(position)"
            )
        return GraphBatch(self.types[index], self.adjacency[index], self.num_nodes[index])

    def graph(self, position: int) -> ArchitectureGraph:
        """One graph of the batch, without padding.

        Raises:
            ArchitectureError: there is no such place.
        """
        if not isinstance(position, int | np.integer) or not -len(self) <= position < len(self):
            raise ArchitectureError(
                f"there is no graph {position!r} in a batch of {len(self)}: expected 0 to "
                f"{len(self) - 1}"
            )
        n = int(self.num_nodes[position])
        edges = self.adjacency[position, :n, :n].nonzero().tolist()
        return ArchitectureGraph(
            tuple(self.types[position, :n].tolist()), tuple((i, j) for i, j in edges)
        )

    def __iter__(self) -> Iterator[ArchitectureGraph]:
        cpu = self.to("cpu")
        return (cpu.graph(b) for b in range(len(cpu)))

    def to(self, device: torch.device | str) -> GraphBatch:
        """The same batch on another device."""
        return GraphBatch(
            self.types.to(device), self.adjacency.to(device), self.num_nodes.to(device)
        )

    def padded(self, max_nodes: int) -> GraphBatch:
        """The same graphs with ``max_nodes`` places; never fewer than the largest graph needs."""
        if not isinstance(max_nodes, int | np.integer):
            raise ArchitectureError(f"a batch cannot be padded to {max_nodes!r} nodes")
        missing = max_nodes - self.max_nodes
        if missing < 0 and len(self) and int(self.num_nodes.max()) > max_nodes:
            raise ArchitectureError(
                f"a graph has {int(self.num_nodes.max())} nodes, asked to hold {max_nodes}"
            )
        pad = torch.nn.functional.pad
        return GraphBatch(
            pad(self.types, (0, missing)),
            pad(self.adjacency, (0, missing, 0, missing)),
            self.num_nodes,
        )

    def check(self) -> None:
        """Refuse tensors of the right shapes that are no graphs.

        Raises:
            ArchitectureError: a type is negative, a graph has more nodes than there are places, or
                an edge does not lead from a lower to a higher node.
        """
        if not len(self):
            return
        if int(self.types.min()) < 0:
            wrong = int((self.types < 0).any(dim=1).nonzero()[0])
            raise ArchitectureError(f"architecture {wrong} of the batch has a negative node type")
        if int(self.num_nodes.min()) < 0 or int(self.num_nodes.max()) > self.max_nodes:
            outside = (self.num_nodes < 0) | (self.num_nodes > self.max_nodes)
            wrong = int(outside.nonzero()[0])
            raise ArchitectureError(
                f"architecture {wrong} of the batch has {int(self.num_nodes[wrong])} nodes, "
                f"the batch has {self.max_nodes} places"
            )
        backward = torch.ones(self.max_nodes, self.max_nodes, dtype=torch.bool).tril()
        backward = backward.to(self.adjacency.device)
        if bool((self.adjacency.any(dim=0) & backward).any()):
            wrong = int((self.adjacency & backward).any(dim=(1, 2)).nonzero()[0])
            raise ArchitectureError(
                f"architecture {wrong} of the batch has an edge that does not lead from a lower "
                "to a higher node: give the nodes in topological order"
            )

    def node_mask(self) -> Tensor:
        """True where a node is no padding. **Shape** (B, N), bool."""
        places = torch.arange(self.max_nodes, device=self.types.device)
        return places < self.num_nodes[:, None]

    def reversed(self) -> GraphBatch:
        """Every graph read from its output: node order and edges flipped, padding stays last."""
        places = torch.arange(self.max_nodes, device=self.types.device)
        order = self.num_nodes[:, None] - 1 - places  # (B, N), negative at padding
        order = torch.where(order >= 0, order, places)
        types = self.types.gather(1, order)
        rows = self.adjacency.gather(1, order[:, :, None].expand_as(self.adjacency))
        flipped = rows.gather(2, order[:, None, :].expand_as(rows))
        return GraphBatch(types, flipped.transpose(1, 2).contiguous(), self.num_nodes)

    @staticmethod
    def cat(batches: Iterable[GraphBatch]) -> GraphBatch:
        """Join batches, padded to the widest of them.

        Raises:
            ArchitectureError: there is none, so that nothing tells the number of places, or
                something else than a batch.
        """
        parts = list(batches)
        if foreign := [part for part in parts if not isinstance(part, GraphBatch)]:
            raise ArchitectureError(
                f"batches are to be joined, and one is a {type(foreign[0]).__name__}: "
                "GraphBatch.from_graphs makes a batch of graphs"
            )
        if not parts:
            raise ArchitectureError(
                "no batches to join: give one at least, GraphBatch.empty(max_nodes) has no graphs"
            )
        nodes = max(part.max_nodes for part in parts)
        parts = [part.padded(nodes) for part in parts]
        return GraphBatch(
            torch.cat([part.types for part in parts]),
            torch.cat([part.adjacency for part in parts]),
            torch.cat([part.num_nodes for part in parts]),
        )

    def to_pyg(self) -> Batch:
        """As a PyG ``Batch`` of the graphs' ``Data``."""
        from torch_geometric.data import Batch

        return Batch.from_data_list([graph.to_pyg() for graph in self])

    @classmethod
    def from_pyg(cls, batch: Batch, max_nodes: int | None = None) -> GraphBatch:
        """From a PyG ``Batch`` with ``node_types`` and ``edge_index``.

        Raises:
            ArchitectureError: it is something else.
        """
        if not hasattr(batch, "to_data_list"):
            raise ArchitectureError(f"a {type(batch).__name__} is no PyG Batch")
        graphs = [ArchitectureGraph.from_pyg(data) for data in batch.to_data_list()]
        return cls.from_graphs(graphs, max_nodes)


def as_graphs(architectures: Iterable[ArchitectureGraph]) -> list[ArchitectureGraph]:
    """Any iterable of graphs as a list.

    Raises:
        ArchitectureError: it is no iterable, or something in it is no graph.
    """
    if isinstance(architectures, ArchitectureGraph | str | bytes | Mapping) or not isinstance(
        architectures, Iterable
    ):
        found = f"a {type(architectures).__name__}"
        raise ArchitectureError(
            f"{found} is given where a list of architectures or a GraphBatch is expected: "
            "put a single ArchitectureGraph into a list, and read notations with a space's parse()"
        )
    graphs = list(architectures)
    for number, graph in enumerate(graphs):
        if not isinstance(graph, ArchitectureGraph):
            if isinstance(graph, GraphBatch):
                remark = "join batches by GraphBatch.cat"
            else:
                remark = "a space's parse() makes one of a notation"
            raise ArchitectureError(
                f"architecture {number} is a {type(graph).__name__}, expected an "
                f"ArchitectureGraph: {remark}"
            )
    return graphs


def as_batch(
    architectures: Iterable[ArchitectureGraph] | GraphBatch, space: SearchSpace | None = None
) -> GraphBatch:
    """Architectures as one batch.

    Args:
        architectures: a batch, or graphs.
        space: of whose kind they have to be, see :meth:`SearchSpace.of_kind`.

    Raises:
        ArchitectureError: something is no graph, the tensors of a batch are no graphs, or one is
            an architecture of another space.
    """
    if not isinstance(architectures, GraphBatch):
        batch = GraphBatch.from_graphs(as_graphs(architectures))
    else:
        batch = architectures
        batch.check()
    if space is not None and len(batch) and not (fitting := space.of_kind(batch)).all():
        wrong = int(np.flatnonzero(~fitting)[0])
        if (kind := int(batch.types[wrong].max())) >= len(space.types):
            reason = f"it has a node of type {kind}, expected 0 to {len(space.types) - 1}"
        else:
            reason = space.why_illegal(batch.graph(wrong)) or "it is no larger member"
        raise ArchitectureError(
            f"architecture {wrong} is of another search space than {space.name}: {reason}"
        )
    return batch


class LegalityMask(Protocol):
    """Which continuations of a half-built graph can still become a member of a space.

    A decoder that asks before each draw builds members only. A decoder adds one node at a time:
    first its type, then, source by source from node 0 on, whether there is an edge into it. The
    graphs of one call all have n nodes; the adjacency is that of :class:`GraphBatch`.
    """

    def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
        """Types that node n may take.

        **Shape**: types (B, n), adjacency (B, n, n) → (B, T) bool, a True in every row.
        """
        ...

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        """Whether the edge k→n may be absent (column 0) and may be present (column 1).

        Args:
            types: the n nodes present. **Shape** (B, n).
            adjacency: their edges. **Shape** (B, n, n), bool.
            new_types: type of node n. **Shape** (B,).
            drawn: edges 0→n, …, (k−1)→n as decided. **Shape** (B, k), bool.

        Returns:
            **Shape** (B, 2) bool, a True in every row.
        """
        ...


@runtime_checkable
class PlacewiseMask(LegalityMask, Protocol):
    """A mask in which the place of a node decides everything, and its prefix nothing."""

    def by_place(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Types that a node may take, and whether an edge may be absent and present.

        **Shape** → (N, T) bool, (N, N, 2) bool, [from, to, absent or present].
        """
        ...


@dataclass(frozen=True)
class Legality:
    """All that a decoder needs to build members of one space.

    Attributes:
        forward: mask for graphs grown from the input.
        reverse: mask for reversed graphs, grown from the output.
        is_member: which graphs of a batch are members. **Shape** → (B,), bool.
        hashes: equal for two members exactly if they are isomorphic. **Shape** → (B,), strings.
    """

    forward: LegalityMask
    reverse: LegalityMask
    is_member: Callable[[GraphBatch], np.ndarray]
    hashes: Callable[[GraphBatch], np.ndarray]
