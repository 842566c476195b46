"""ENAS macro architectures: a chain of layers with skip connections.

Pham et al., *Efficient Neural Architecture Search via Parameter Sharing*, ICML 2018; with 6
layers as measured by D-VAE (Zhang et al., NeurIPS 2019), with 12, and with any other number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
import torch

from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from datasets.spaces.notation import excerpt, read_arch, read_json
from datasets.spaces.skeleton import Skeleton
from experiment.checks import shown, whole_number

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.forms.form import Form

NUM_OPERATIONS = 6
_BATCH = 16_384


class ENAS(SearchSpace):
    """Macro architectures of a given number of layers.

    A *row* is the list of an architecture's numbers: for each layer its operation (0 to 5),
    then a bit for each of the layers before the previous one, the input first: 1 where their
    output is joined in. Layer i is node i + 1; the edge from the layer before is always there,
    and only the last layer feeds the output. So the order of the nodes is the only one, and
    every architecture has one graph. There are 6^L · 2^(L(L−1)/2) for L layers.

    Args:
        layers: number of layers L; our tables hold at most 12.
    """

    family = "enas_macro"
    types = ("output", "input", "conv3", "sep3", "conv5", "sep5", "avg3", "max3")

    def __init__(self, layers: int = 6) -> None:
        layers = whole_number(layers, "layers")
        if layers < 1:
            raise ArchitectureError(
                f"an ENAS network has at least 1 layer, {layers} were requested"
            )
        self.layers = layers
        self.name = "ENAS" if layers == 6 else f"ENAS{layers}"
        self.max_nodes = layers + 2
        self.row_length = layers * (layers + 1) // 2
        self.size = NUM_OPERATIONS**layers * 2 ** (layers * (layers - 1) // 2)
        starts = [i * (i + 1) // 2 for i in range(layers)]
        self._operations = np.array(starts)  # places of the operations in a row
        skips = [(starts[i] + 1 + j, j, i + 1) for i in range(layers) for j in range(i)]
        self._skips = np.array(skips, dtype=int).reshape(-1, 3)  # place in a row, from, to
        self._radices = np.full(self.row_length, 2)
        self._radices[self._operations] = NUM_OPERATIONS
        chain = np.arange(layers + 1)
        required = np.zeros((self.max_nodes, self.max_nodes), dtype=bool)
        required[chain, chain + 1] = True
        allowed = required.copy()
        allowed[self._skips[:, 1], self._skips[:, 2]] = True
        self._skeleton = Skeleton.of_operations(required, allowed, len(self.types))

    @property
    def preset_sections(self) -> tuple[str, ...]:
        """Settings of the published space, which has 6 layers, hold for the others as well."""
        return ("ENAS",) if self.layers == 6 else ("ENAS", str(self.layers))

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is no member, in one sentence; ``None`` for a member."""
        last = self.max_nodes - 1
        if graph.num_nodes != self.max_nodes:
            return (
                f"it has {graph.num_nodes} nodes, as {graph.num_nodes - 2} layers make, "
                f"{self.layers} layers make {self.max_nodes}"
            )
        if graph.types[0] != INPUT or graph.types[last] != OUTPUT:
            return (
                f"it begins with type {graph.types[0]} and ends with type {graph.types[last]}, "
                f"expected the input ({INPUT}) and the output ({OUTPUT})"
            )
        for node, kind in enumerate(graph.types[1:-1], start=1):
            if not 2 <= kind < len(self.types):
                return f"its node {node} has type {kind}, layers have types 2 to 7"
        edges = set(graph.edges)
        for node in range(last):
            if (node, node + 1) not in edges:
                return f"the edge {node}→{node + 1} of the chain is missing"
        for source, target in graph.edges:
            if target == last and source != last - 1:
                return f"node {source} feeds the output, only the last layer may"
        return None

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Vectorised :meth:`is_legal`. **Shape** (B,), bool."""
        return self._skeleton.legal(batch)

    def of_kind(self, batch: GraphBatch) -> np.ndarray:
        """Macro architectures of any number of layers. **Shape** (B,), bool."""
        types, edges, last = batch.types, batch.adjacency, batch.num_nodes - 1
        if batch.max_nodes < 3:
            return np.zeros(len(batch), dtype=bool)
        places = torch.arange(batch.max_nodes, device=types.device)
        inner = (places >= 1) & (places < last[:, None])
        end = last.clamp(min=0)[:, None]
        chained = edges.diagonal(offset=1, dim1=1, dim2=2) | (places[1:] > last[:, None])
        into_output = edges.gather(2, end[:, None].expand(-1, batch.max_nodes, 1)).sum(dim=(1, 2))
        found = (
            (last >= 2)
            & (types[:, 0] == INPUT)
            & (types.gather(1, end)[:, 0] == OUTPUT)
            & (((types >= 2) & (types < len(self.types))) | ~inner).all(dim=1)
            & chained.all(dim=1)
            & (into_output == 1)
        )
        return found.cpu().numpy()

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The graph itself: a chain has one topological order."""
        return self.check(graph)

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """``n`` architectures, uniform over the space."""
        return list(self.sample_batch(n, generator))

    def sample_batch(self, n: int, generator: np.random.Generator) -> GraphBatch:
        """:meth:`sample` as a batch."""
        return self.rows_to_batch(generator.integers(self._radices, size=(n, self.row_length)))

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """Every architecture with one operation or one skip connection changed."""
        row = self.to_row(graph)
        edited = []
        for place, radix in enumerate(self._radices.tolist()):
            for value in range(radix):
                if value != row[place]:
                    edited.append([*row[:place], value, *row[place + 1 :]])
        return list(self.rows_to_batch(np.array(edited)))

    def enumerate(self) -> Iterator[GraphBatch]:
        """Every architecture once, rows in lexicographic order, made lazily."""
        split = self.row_length
        while split > 0 and np.prod(self._radices[split - 1 :]) <= _BATCH:
            split -= 1
        ranges = [range(radix) for radix in self._radices.tolist()]
        tails = np.array(list(product(*ranges[split:])))
        for head in product(*ranges[:split]):
            heads = np.broadcast_to(np.array(head, dtype=int), (len(tails), split))
            yield self.rows_to_batch(np.concatenate([heads, tails], axis=1))

    def rows_to_batch(self, rows: np.ndarray) -> GraphBatch:
        """Graphs of rows. **Shape** (B, L(L+1)/2) integers → batch of B.

        Raises:
            ArchitectureError: a row has another length, or a number out of its range.
        """
        try:
            rows = np.asarray(rows)
        except ValueError:  # lists of different lengths
            rows = np.empty(0)
        if rows.ndim != 2 or rows.shape[1] != self.row_length:
            raise ArchitectureError(
                f"rows of shape {rows.shape} are no {self.name} architectures: {self.layers} "
                f"layers take {self.row_length} numbers a row"
            )
        if not np.issubdtype(rows.dtype, np.integer):
            raise ArchitectureError(
                f"rows of {rows.dtype} are no {self.name} architectures: give whole numbers"
            )
        wrong = np.argwhere((rows < 0) | (rows >= self._radices))
        if len(wrong):
            row, place = wrong[0].tolist()
            raise ArchitectureError(f"row {row}: {self._wrong_number(rows[row, place], place)}")
        types = np.zeros((len(rows), self.max_nodes), dtype=np.int64)
        types[:, 0] = INPUT
        types[:, 1:-1] = rows[:, self._operations] + 2
        adjacency = np.repeat(self._skeleton.required[None], len(rows), axis=0)
        place, source, target = self._skips.T
        adjacency[:, source, target] = rows[:, place] == 1
        return GraphBatch(
            torch.from_numpy(types),
            torch.from_numpy(adjacency),
            torch.full((len(rows),), self.max_nodes),
        )

    def batch_to_rows(self, batch: GraphBatch) -> np.ndarray:
        """Rows of members: the inverse of :meth:`rows_to_batch`. **Shape** (B, L(L+1)/2), int64.

        Raises:
            ArchitectureError: a graph is no member.
        """
        illegal = np.flatnonzero(~self.legal(batch))
        if len(illegal):
            raise ArchitectureError(
                f"graph {illegal[0]} of the batch is no {self.name} architecture"
            )
        types, adjacency = batch.types.cpu().numpy(), batch.adjacency.cpu().numpy()
        rows = np.empty((len(batch), self.row_length), dtype=np.int64)
        rows[:, self._operations] = types[:, 1 : self.max_nodes - 1] - 2
        place, source, target = self._skips.T
        rows[:, place] = adjacency[:, source, target]
        return rows

    def to_row(self, graph: ArchitectureGraph) -> list[int]:
        """The numbers of one architecture, L(L+1)/2 of them.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        edges = set(self.check(graph).edges)
        row = [0] * self.row_length
        for place, kind in zip(self._operations.tolist(), graph.types[1:-1], strict=True):
            row[place] = kind - 2
        for place, source, target in self._skips.tolist():
            row[place] = int((source, target) in edges)
        return row

    def from_row(self, row: Sequence[object]) -> ArchitectureGraph:
        """The architecture of one row of numbers.

        Raises:
            ArchitectureError: the row has another length, or a number out of its range.
        """
        if not isinstance(row, Sequence | np.ndarray):
            raise ArchitectureError(f"{shown(row)} is no row of {self.row_length} numbers")
        if len(row) != self.row_length:
            raise ArchitectureError(
                f"{len(row)} numbers are no {self.name} architecture: {self.layers} layers take "
                f"{self.row_length}"
            )
        for place, number in enumerate(row):
            if type(number) is not int or number not in range(self._radices[place]):
                raise ArchitectureError(self._wrong_number(number, place))
        edges = [(node, node + 1) for node in range(self.layers + 1)]
        edges += [(source, target) for place, source, target in self._skips.tolist() if row[place]]
        operations = [int(row[place]) + 2 for place in self._operations.tolist()]
        return ArchitectureGraph((INPUT, *operations, OUTPUT), tuple(edges))

    def parse(self, text: str) -> ArchitectureGraph:
        """Read a flat string, a row ``[[op],[op,b0],…]``, or a JSON object with ``arch``.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        text = text.strip()
        if text.startswith("["):
            return self.from_layers(read_json(text, "a row [[op],[op,b0],[op,b0,b1],…]"))
        numbers = read_arch(text, "1 3 0 …").split()
        return self.from_row([_number(token) for token in numbers])

    def read(self, text: str) -> ArchitectureGraph:
        """:meth:`parse` a macro architecture of any number of layers.

        Raises:
            ArchitectureError: the text is none; the message says what is wrong.
        """
        return macro_architecture(text)

    def from_layers(self, layers: object) -> ArchitectureGraph:
        """The architecture of a row in the official notation ``[[op],[op,b0],…]``.

        Raises:
            ArchitectureError: a layer or a number is missing or wrong.
        """
        if not isinstance(layers, list) or len(layers) != self.layers:
            found = f"{len(layers)} layers" if isinstance(layers, list) else "no list of layers"
            raise ArchitectureError(f"the row has {found}, {self.name} has {self.layers}")
        for number, layer in enumerate(layers):
            if not isinstance(layer, list) or len(layer) != number + 1:
                found = f"{len(layer)} numbers" if isinstance(layer, list) else "no numbers"
                raise ArchitectureError(
                    f"layer {number} of the row has {found}, expected {number + 1}: "
                    f"its operation, then {number} skip bits"
                )
        return self.from_row([number for layer in layers for number in layer])

    def to_layers(self, graph: ArchitectureGraph) -> list[list[int]]:
        """The row in the official notation ``[[op],[op,b0],…]``.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        numbers = iter(self.to_row(graph))
        return [list(islice(numbers, layer + 1)) for layer in range(self.layers)]

    def format(self, graph: ArchitectureGraph) -> str:
        """The flat string: the numbers of the row, separated by blanks."""
        return " ".join(map(str, self.to_row(graph)))

    def forms(self, data_root: str | Path | None = None) -> dict[str, Form]:
        """Those that every space has, and those of :mod:`datasets.forms.enas`."""
        from datasets.forms import enas

        return super().forms(data_root) | enas.forms(self)

    def legality_mask(self, *, reverse: bool = False) -> LegalityMask:
        """Mask for a decoder: the chain is forced, other edges into a layer are free."""
        return self._skeleton.mask(reverse=reverse)

    def _wrong_number(self, number: object, place: int) -> str:
        layer = int(np.searchsorted(self._operations, place, side="right")) - 1
        what = "the operation" if place == self._operations[layer] else "a skip connection"
        return (
            f"number {place} ({what} of layer {layer}) is {excerpt(str(number))}, "
            f"expected 0 to {self._radices[place] - 1}"
        )


def enas12() -> ENAS:
    """The space of 12 layers, as it is registered."""
    return ENAS(layers=12)


def macro_architecture(text: str) -> ArchitectureGraph:
    """Read a macro architecture of any number of layers, in the notations of :meth:`ENAS.parse`.

    Raises:
        ArchitectureError: the text is none; the message says what is wrong.
    """
    text = text.strip()
    if not text.startswith("["):
        return ENAS(layers_of(len(read_arch(text, "1 3 0 …").split()))).parse(text)
    layers = read_json(text, "a row [[op],[op,b0],[op,b0,b1],…]")
    return ENAS(len(layers) if isinstance(layers, list) else 1).from_layers(layers)


def layers_of(length: int) -> int:
    """Number of layers L of a row of L·(L+1)/2 numbers.

    Raises:
        ArchitectureError: no L gives so many numbers.
    """
    layers = (isqrt(8 * length + 1) - 1) // 2
    if layers < 1 or layers * (layers + 1) // 2 != length:
        few = max(layers, 1)
        many = few + 1
        raise ArchitectureError(
            f"{length} numbers are no ENAS architecture: L layers take L·(L+1)/2 numbers, "
            f"such as {few * many // 2} for {few} or {many * (many + 1) // 2} for {many}"
        )
    return layers


def _number(token: str) -> int | str:
    """The one-digit number that a token is, else the token."""
    return int(token) if len(token) == 1 and token in "0123456789" else token
