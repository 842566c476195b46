"""SINGLE_PATH and GASSO: a chain of operations on the nodes of a graph, one chosen for each layer.

They are spaces of AutoGL (Zhang et al., *AutoGL: A Library for Automated Graph Learning*, ICLR
workshops 2021, arXiv:2104.04987) and AutoGL-light. GASSO is that of Qin et al., *Graph
Differentiable Architecture Search with Structure Learning*, NeurIPS 2021; its weights of edges,
which are learnt beside the architecture, are no part of one.
"""

from __future__ import annotations

from collections.abc import Sequence

from datasets.graph import ArchitectureGraph
from datasets.spaces.decisions import DecisionSpace, Kind
from datasets.spaces.notation import read_arch
from experiment.checks import shown, whole_number
from experiment.errors import InputError

SINGLE_PATH_OPERATIONS = ("gcn", "gat_8")
"""The operations of AutoGL's SinglePath by default."""
GASSO_OPERATIONS = ("gat", "gcn", "gin", "sage", "linear")
"""The operations of AutoGL's GASSO."""
MOST_LAYERS = 253
"""What our tables hold, in their 255 nodes."""


class NodeChain(DecisionSpace):
    """An operation for each layer, in a chain: every architecture is one graph, |operations|^L.

    Args:
        name: of the space.
        layers: number of layers L.
        operations: that may stand at each layer.
    """

    def __init__(self, name: str, layers: int, operations: Sequence[str]) -> None:
        self.layers = whole_number(layers, "layers", least=1)
        if self.layers > MOST_LAYERS:
            raise InputError(f"layers is {layers}, expected at most {MOST_LAYERS}")
        if isinstance(operations, str) or not isinstance(operations, Sequence):
            raise InputError(f"the operations are {shown(operations)}, expected a list of names")
        self.operations = tuple(operations)
        super().__init__(
            name,
            [Kind("operation", {"operation": self.operations})] * self.layers,
            [(node, node + 1) for node in range(self.layers + 1)],
        )

    def read(self, text: str) -> ArchitectureGraph:
        """:meth:`parse`, or the notation of a chain of another length.

        Raises:
            ArchitectureError: it is none; the message says what is wrong.
        """
        words = read_arch(text.strip(), "gcn gat_8 …")
        layers = len(words.split())
        if layers == self.layers or not 1 <= layers <= MOST_LAYERS:
            return self.parse(words)
        return NodeChain(self.name, layers, self.operations).parse(words)


class SinglePath(NodeChain):
    """AutoGL's SinglePath.

    Args:
        layers: number of layers.
        operations: keys of :data:`models.networks.node_operations.OPERATIONS`.
    """

    preset_sections = ("SINGLE_PATH",)

    def __init__(self, layers: int = 2, operations: Sequence[str] = SINGLE_PATH_OPERATIONS) -> None:
        super().__init__("SINGLE_PATH", layers, operations)
        if self.operations != SINGLE_PATH_OPERATIONS:
            self.name = "_".join(["SINGLE_PATH", str(layers), *self.operations])
        elif self.layers != 2:
            self.name = f"SINGLE_PATH_{layers}"

    @property
    def family(self) -> str:
        """``single_path``; other operations are a family of their own, with other type ids."""
        return "single_path" if self.operations == SINGLE_PATH_OPERATIONS else self.name


class GASSO(NodeChain):
    """The choices of GASSO.

    Args:
        layers: number of layers.
    """

    family = "gasso"
    preset_sections = ("GASSO",)

    def __init__(self, layers: int = 2) -> None:
        super().__init__("GASSO" if layers == 2 else f"GASSO_{layers}", layers, GASSO_OPERATIONS)
