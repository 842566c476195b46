"""The spaces of GraphNAS: two cells of any operations, or layers of attention.

Gao, Yang, Zhang, Zhou, Hu, *Graph Neural Architecture Search*, IJCAI 2020 (arXiv:1904.09981), in
the form of AutoGL (``graph_nas.py``, ``graph_nas_macro.py``).
"""

from __future__ import annotations

from datasets.spaces.decisions import DecisionSpace, Kind

MICRO_OPERATIONS = (
    *("gat_8", "gat_6", "gat_4", "gat_2", "gat_1"),
    *("gcn", "cheb", "sage", "arma", "sg", "linear", "zero"),
)
"""In AutoGL's order."""
MERGES = ("add", "product", "concat")
"""Of the two cells."""
MICRO_ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity", "elu")
"""In AutoGL's order, which calls the identity ``linear``, like an operation."""


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
