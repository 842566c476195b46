"""MPNN: DeepHyper's space of message passing networks for molecules.

Jiang and Balaprakash, *Graph Neural Network Architecture Search for Molecular Property
Prediction*, IEEE Big Data 2020, in the form of DeepHyper 0.4. A layer is one of 18,432 cells; its
output is added to those of earlier layers that skip connections lead from; a gather makes one
vector of all atoms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.decisions import DecisionSpace, Kind
from datasets.spaces.notation import read_arch, read_json, read_record
from datasets.spaces.skeleton import Edge
from experiment.checks import shown, whole_number

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.forms.form import Form

CELL: dict[str, tuple[str, ...]] = {
    "width": ("4", "8", "16", "32"),
    "rounds": ("1", "2", "3", "4"),
    "attention": ("const", "gat", "sym-gat", "linear", "gen-linear", "cos"),
    "heads": ("1", "2", "4", "6"),
    "aggregation": ("max", "mean", "sum"),
    "update": ("gru", "mlp"),
    "activation": (
        *("sigmoid", "tanh", "relu", "linear", "elu", "softplus", "leaky_relu", "relu6"),
    ),
}
"""Decisions of a cell → options, in DeepHyper's order: the number of a cell counts them up with
the last one fastest."""
GATHERS = (
    *("sum_features", "sum_atoms", "max_features", "max_atoms", "mean_features", "mean_atoms"),
    *("flatten", "attention16", "attention32", "attention64", "attention_sum"),
)
"""In DeepHyper's order."""
NODES = (
    Kind("message", {name: CELL[name] for name in ("attention", "heads")}),
    Kind("round", {name: CELL[name] for name in ("aggregation", "update", "rounds")}),
    Kind("state", {name: CELL[name] for name in ("width", "activation")}),
)
"""The three nodes of a cell: how messages are weighted, what is done with them, and the state."""
MOST_LAYERS = 84
"""What our tables hold, in their 255 nodes."""
_EXAMPLE = "gat,4 mean,gru,2 16,relu … attention32 0:3"
_RADICES = tuple(map(len, CELL.values()))
_ORDER = [list(CELL).index(name) for kind in NODES for name in kind.decisions]
"""Place in DeepHyper's order of each decision of a cell in a row."""


class MPNN(DecisionSpace):
    """Layers of a cell each, skip connections between them, and a gather.

    A cell is three nodes in a chain. The third node of layer k also stands for the sum of the
    cell's output and of those that skip connections lead from: the input, or the third node of an
    earlier layer, at most ``skip_distance`` layers back. The order of the nodes is the only one,
    and every architecture has one graph: 18,432^L · 2^S · 11 for L layers and S places of skip
    connections.

    A *sequence* is DeepHyper's list of an architecture's variables: for each layer the number of
    its cell and a bit for each skip connection into it, the farthest first; then the gather.

    Args:
        layers: number of layers L; our tables hold at most :data:`MOST_LAYERS`.
        skip_distance: layers that a skip connection leads over at most; 0 for none.

    Raises:
        InputError: one of them is no whole number, or beyond these.
    """

    family = "mpnn"
    preset_sections = ("MPNN",)

    def __init__(self, layers: int = 3, skip_distance: int = 3) -> None:
        self.layers = whole_number(layers, "layers", least=1, most=MOST_LAYERS)
        self.skip_distance = whole_number(skip_distance, "skip_distance")
        published = (self.layers, self.skip_distance) == (3, 3)
        last = 3 * self.layers + 2
        super().__init__(
            "MPNN" if published else f"MPNN_{self.layers}_{self.skip_distance}",
            [*NODES * self.layers, Kind("gather", {"gather": GATHERS})],
            [(node, node + 1) for node in range(last)],
            optional=[skip for layer in range(self.layers) for skip in self._skips_into(layer)],
        )

    def sequence(self, graph: ArchitectureGraph) -> list[int]:
        """DeepHyper's ``arch_seq``, L + S + 1 numbers: 10 for three layers.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        row = self.to_row(graph)
        per_cell = len(_RADICES)
        skips = iter(row[per_cell * self.layers + 1 :])
        numbers = []
        for layer in range(self.layers):
            digits = [0] * per_cell
            for place, digit in zip(_ORDER, row[per_cell * layer :], strict=False):
                digits[place] = digit
            numbers.append(int(np.ravel_multi_index(digits, _RADICES)))
            numbers += [next(skips) for _ in self._skips_into(layer)]
        return [*numbers, row[per_cell * self.layers]]

    def from_sequence(self, numbers: object) -> ArchitectureGraph:
        """The architecture of an ``arch_seq``.

        Raises:
            ArchitectureError: the list has another length, or a number that is no option.
        """
        radices = self._sequence_radices()
        if not isinstance(numbers, Sequence | np.ndarray) or isinstance(numbers, str):
            raise ArchitectureError(f"{shown(numbers)} is no list of {len(radices)} numbers")
        if len(numbers) != len(radices):
            raise ArchitectureError(
                f"{len(numbers)} numbers are no {self.name} architecture: {self.layers} layers "
                f"with skip connections over at most {self.skip_distance} take {len(radices)}"
            )
        for place, (number, radix) in enumerate(zip(numbers, radices, strict=True)):
            if isinstance(number, bool) or not isinstance(number, int | np.integer):
                raise ArchitectureError(f"variable {place} is {shown(number)}, expected a number")
            if not 0 <= number < radix:
                raise ArchitectureError(f"variable {place} is {number}, expected 0 to {radix - 1}")
        left = [int(number) for number in numbers]
        cells: list[int] = []
        skips: list[int] = []
        for layer in range(self.layers):
            digits = np.unravel_index(left.pop(0), _RADICES)
            cells += [int(digits[place]) for place in _ORDER]
            skips += [left.pop(0) for _ in self._skips_into(layer)]
        return self.rows_to_batch(np.array([[*cells, *left, *skips]])).graph(0)

    def parse(self, text: str) -> ArchitectureGraph:
        """Read the notation of :meth:`format`, a sequence, or a JSON object with either.

        ``gat,4 mean,gru,2 16,relu … attention32 0:3``; ``[1042, 1, 0, 0, 1, …]``;
        ``{"arch": …}`` or ``{"arch_seq": …}``.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        text = text.strip()
        if text.startswith("{") and '"arch_seq"' in text:
            (given,) = read_record(text, ("arch_seq",), 'an object with "arch_seq"')
            return self.from_sequence(_list(given) if isinstance(given, str) else given)
        if text.startswith("["):
            return self.from_sequence(_list(text))
        return super().parse(text)

    def read(self, text: str) -> ArchitectureGraph:
        """:meth:`parse`, or the notation of any number of layers with skips over any distance.

        Raises:
            ArchitectureError: it is none; the message says what is wrong.
        """
        text = text.strip()
        if text.startswith("[") or '"arch_seq"' in text:
            return self.parse(text)
        words = read_arch(text, _EXAMPLE)
        layers = sum(":" not in word for word in words.split()) // 3
        if layers == self.layers or not 1 <= layers <= MOST_LAYERS:
            return self.parse(words)
        return MPNN(layers, layers).parse(words)

    def forms(self, data_root: str | Path | None = None) -> dict[str, Form]:
        """Those that every space has, and DeepHyper's ``arch_seq``."""
        from datasets.forms import mpnn

        return super().forms(data_root) | mpnn.forms(self)

    def _skips_into(self, layer: int) -> list[Edge]:
        """The skip connections into a layer (from 0), the farthest first."""
        first = max(0, layer + 1 - self.skip_distance)
        return [(3 * source, 3 * layer + 3) for source in range(first, layer + 1)]

    def _sequence_radices(self) -> list[int]:
        cells = int(np.prod(_RADICES))
        skips = (len(self._skips_into(layer)) for layer in range(self.layers))
        return [*(radix for count in skips for radix in (cells, *[2] * count)), len(GATHERS)]


def _list(text: str) -> object:
    return read_json(text, "a list of numbers")
