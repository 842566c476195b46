"""The decisions by which graphs are grown node by node, and the interface of what makes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch


class StepLogits(NamedTuple):
    """Teacher-forced decisions; step k has k + 1 nodes present.

    Attributes:
        types: logits of the next node's type. **Shape** (B, N−1, T), float32.
        edges: logits of the edges into it, from the nodes present; zero from the others, and
            where an edge is certain. **Shape** (B, N−1, N−1), float32.
    """

    types: Tensor
    edges: Tensor


class EdgeChoices(ABC):
    """Decisions about the edges into R new nodes, source by source, in graphs of n nodes.

    Rows are followed through the decisions: after each one :meth:`follow` says which rows go on,
    and with which decision.

    Attributes:
        sources: the nodes from which edges are decided, in the order of the decisions.
        certain: edges that are there without a decision. **Shape** (R, n), bool.
    """

    sources: Sequence[int]
    certain: Tensor

    @abstractmethod
    def logits(self, source: int) -> Tensor:
        """Logits of the edges from ``source``, of the rows followed so far. **Shape** (K,)."""

    @abstractmethod
    def follow(self, kept: Tensor, edge: Tensor) -> None:
        """Go on with some of the rows, each as often as it is named.

        It comes after :meth:`logits`, and is about the same source.

        Args:
            kept: rows among those followed so far. **Shape** (L,).
            edge: what was decided in each, 0 or 1. **Shape** (L,).
        """

    @abstractmethod
    def new_nodes(self) -> tuple[Tensor, Tensor]:
        """States of the new nodes, and which of them each row has. **Shape** (Q, D), (K,)."""


class NodeGenerator(Protocol):
    """The steps that grow graphs from latents, and the same steps along given graphs.

    ``weights`` and ``present`` are the generator's own: its parameters in the type of the products,
    and what it knows of the nodes present.

    Attributes:
        first_edge_certain: whether the edge from the first node to the second needs no decision.
    """

    first_edge_certain: bool

    def edge_order(self, n: int) -> Sequence[int]:
        """The n nodes present, in the order in which edges from them are decided."""
        ...

    @property
    def output_layers(self) -> Sequence[nn.Linear]:
        """The layers that all logits come out of, of types and of edges."""
        ...

    def weights(self, dtype: torch.dtype) -> Any:
        """The parameters, prepared for one call."""
        ...

    def start(self, z: Tensor, types: Tensor) -> Tensor:
        """State of the first node. **Shape** z (B, G), types (B,) → (S, B, 1, W)."""
        ...

    def append(self, states: Tensor, new: Tensor) -> Tensor:
        """Add a node's state. **Shape** (S, B, n, W) and (B, D) → (S, B, n+1, W)."""
        ...

    def advance(self, states: Tensor, adjacency: Tensor, weights: Any) -> tuple[Tensor, Any]:
        """States of the nodes present once their edges are known, and what is known of them.

        **Shape** states (S, B, n, W), adjacency (B, n, n), floating point.
        """
        ...

    def type_logits(self, present: Any, z: Tensor, weights: Any) -> Tensor:
        """Logits of the next node's type. **Shape** (B, T)."""
        ...

    def edge_choices(
        self, present: Any, parent: Tensor, types: Tensor, z: Tensor, weights: Any
    ) -> EdgeChoices:
        """The decisions about edges into new nodes.

        Args:
            present: of P graphs.
            parent: the graph that each new node joins. **Shape** (R,).
            types: of the new nodes. **Shape** (R,).
            z: the latent of each. **Shape** (R, G).
            weights: of one call.
        """
        ...

    def __call__(self, z: Tensor, batch: GraphBatch, dtype: torch.dtype) -> StepLogits:
        """Every decision's logits when the graphs of ``batch`` are followed.

        **Shape** z (B, G).
        """
        ...
