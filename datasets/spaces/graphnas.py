"""The spaces of GraphNAS: two cells of any operations, or layers of attention.

Gao, Yang, Zhang, Zhou, Hu, *Graph Neural Architecture Search*, IJCAI 2020 (arXiv:1904.09981), in
the form of AutoGL (``graph_nas.py``, ``graph_nas_macro.py``).
"""

from __future__ import annotations

from datasets.graph import ArchitectureGraph
from datasets.spaces.decisions import DecisionSpace, Kind
from datasets.spaces.notation import read_arch
from experiment.checks import whole_number
from experiment.errors import InputError

MICRO_OPERATIONS = (
    *("gat_8", "gat_6", "gat_4", "gat_2", "gat_1"),
    *("gcn", "cheb", "sage", "arma", "sg", "linear", "zero"),
)
"""In AutoGL's order."""
MERGES = ("add", "product", "concat")
"""Of the two cells."""
MICRO_ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity", "elu")
"""In AutoGL's order, which calls the identity ``linear``, like an operation."""

MACRO = (
    ("attention", ("gat", "gcn", "cos", "const", "gat_sym", "linear", "generalized_linear")),
    ("aggregation", ("sum", "mean", "max", "mlp")),
    (
        "activation",
        ("sigmoid", "tanh", "relu", "identity", "softplus", "leaky_relu", "relu6", "elu"),
    ),
    ("heads", tuple(f"heads_{number}" for number in (1, 2, 4, 6, 8, 16))),
    ("width", tuple(f"width_{number}" for number in (4, 8, 16, 32, 64, 128, 256))),
)
"""Decisions of a layer of the macro space and their options, in AutoGL's order; its ``linear``
activation is the identity."""
MOST_FACTORED = 2
"""Layers up to which each decision is a node: 11 nodes of 34 types; three layers would be 16."""
MOST_LAYERS = 84
"""What our tables hold, in their 255 nodes."""


class GraphNASMicro(DecisionSpace):
    """Two cells on linear maps of the features, merged: 12,960 rows, 4,500 architectures.

    Nodes 1 and 2 are linear layers of the input. Cell 3 takes one of them, cell 4 one of them or
    cell 3; a linear layer that no cell takes dangles. Node 5 merges both cells, node 6 is an
    activation. Cells that do not take each other, and the linear layers, can be exchanged.
    """

    family = "graphnas_micro"

    def __init__(self) -> None:
        linear = Kind("linear0")
        cell = Kind("cell", {"operation": MICRO_OPERATIONS})
        super().__init__(
            "GRAPHNAS_MICRO",
            [
                *(linear, linear, cell, cell),
                Kind("merge", {"merge": MERGES}),
                Kind("activation", {"activation": MICRO_ACTIVATIONS}),
            ],
            [(0, 1), (0, 2), (3, 5), (4, 5), (5, 6), (6, 7)],
            alternatives=[[(1, 3), (2, 3)], [(1, 4), (2, 4), (3, 4)]],
        )


class GraphNASMacro(DecisionSpace):
    """Layers of attention, each of five decisions: 1,344^L · 7^(L−1) architectures, each one chain.

    They are the attention, the aggregation, the activation, the number of heads, and the width of a
    head; that of the last layer is the number of classes. With one or two layers each decision is
    a node, as in ``gat sum relu heads_8 width_16 gcn mean identity heads_1``. With more, attention
    and aggregation are one, and activation and heads: ``gat,sum relu,heads_8 width_16 …``.

    Args:
        layers: number of layers L; our tables hold at most :data:`MOST_LAYERS`.
    """

    family = "graphnas_macro"
    preset_sections = ("GRAPHNAS_MACRO",)

    def __init__(self, layers: int = 2) -> None:
        self.layers = whole_number(layers, "layers", least=1)
        if self.layers > MOST_LAYERS:
            raise InputError(f"layers is {layers}, expected at most {MOST_LAYERS}")
        parts = [MACRO[:2], MACRO[2:4], MACRO[4:]]
        if self.layers <= MOST_FACTORED:
            parts = [(part,) for part in MACRO]
        kinds = [Kind("_".join(name for name, _ in part), dict(part)) for part in parts]
        nodes = (kinds * self.layers)[:-1]
        super().__init__(
            "GRAPHNAS_MACRO" if layers == 2 else f"GRAPHNAS_MACRO_{layers}",
            nodes,
            [(node, node + 1) for node in range(len(nodes) + 1)],
        )

    def read(self, text: str) -> ArchitectureGraph:
        """:meth:`parse`, or the notation of another number of layers.

        Raises:
            ArchitectureError: it is none; the message says what is wrong.
        """
        words = read_arch(text.strip(), "gat sum relu heads_8 width_16 gcn …")
        layers = (len(words.split()) + 1) // (3 if "," in words else 5)
        if layers == self.layers or not 1 <= layers <= MOST_LAYERS:
            return self.parse(words)
        return GraphNASMacro(layers).parse(words)
