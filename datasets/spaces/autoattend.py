"""AUTOATTEND: layers of three operations, a sum or attention between them, and a choice of inputs.

Guan, Wang, Zhu, *AutoAttend: Automated Attention Representation Search*, ICML 2021, in the form of
AutoGL (``autoattend.py``).
"""

from __future__ import annotations

from itertools import pairwise

from datasets.graph import ArchitectureGraph
from datasets.spaces.decisions import DecisionSpace, Kind
from datasets.spaces.notation import read_arch
from datasets.spaces.skeleton import Edge
from experiment.checks import shown, whole_number
from experiment.errors import InputError

POOLS = (
    (
        *("gcn", "sage", "gat_16", "gat_2", "gat_4", "gat_8", "gat_1"),
        *("linear", "arma", "cheb", "sg"),
    ),
    ("const", "gcn", "gat", "gat_sym", "cos", "linear", "generalized_linear"),
)
"""The two lists of operations, in AutoGL's order. Zero and the identity are left out: AutoGL drops
them where widths differ, as they do in all places of two layers."""
ROLES = ("stem", "key", "value")
AGGREGATIONS = ("add", "attn")
MOST_LAYERS = 50
"""What our tables hold, in their 255 nodes."""


class AutoAttend(DecisionSpace):
    """Layers of a stem, a key and a value: p^(3 L) · 2^L · L! architectures of p operations.

    The stem of a layer is an operation on the layer before it; key and value are operations on one
    input, which is the features or any layer before. The aggregation is the sum of stem and key,
    for which the value does not matter, or attention with the stem as the query. A layer is the
    nodes stem, key, value, aggregation. From the second on, a constant node ``side`` precedes key
    and value, and the chosen edge leads into it. Every architecture is one graph.

    Args:
        layers: number of layers L.
        pool: which of the :data:`POOLS` of operations.
    """

    preset_sections = ("AUTOATTEND",)

    def __init__(self, layers: int = 2, pool: int = 0) -> None:
        self.layers = whole_number(layers, "layers", least=1)
        if self.layers > MOST_LAYERS:
            raise InputError(f"layers is {layers}, expected at most {MOST_LAYERS}")
        if pool not in range(len(POOLS)) or isinstance(pool, bool):
            raise InputError(f"the pool of operations is {shown(pool)}, expected 0 or 1")
        self.pool = pool
        stem, key, value = (
            Kind(role, {"operation": tuple(f"{role}_{name}" for name in POOLS[pool])})
            for role in ROLES
        )
        aggregation = Kind("aggregation", {"aggregation": AGGREGATIONS})
        layer = [stem, Kind("side"), key, value, aggregation]
        ends = [0, *(4 + 5 * place for place in range(self.layers))]  # 0 is the features
        edges: list[Edge] = [(ends[-1], ends[-1] + 1)]
        for before, end in pairwise(ends):
            first, taken = (end - 3, 0) if before == 0 else (end - 4, end - 3)
            edges += [(before, first), (taken, end - 2), (taken, end - 1)]
            edges += [(first, end), (end - 2, end), (end - 1, end)]
        super().__init__(
            "_".join(
                [
                    "AUTOATTEND",
                    *(["POOL1"] if pool else []),
                    *([str(layers)] if layers != 2 else []),
                ]
            ),
            [stem, key, value, aggregation, *layer * (self.layers - 1)],
            edges,
            alternatives=[
                [(source, end - 3) for source in ends[:place]]
                for place, end in enumerate(ends)
                if place > 1
            ],
        )

    @property
    def family(self) -> str:
        """``autoattend``, or ``autoattend_pool1``, which has other types."""
        return "autoattend_pool1" if self.pool else "autoattend"

    def read(self, text: str) -> ArchitectureGraph:
        """:meth:`parse`, or the notation of another number of layers.

        Raises:
            ArchitectureError: it is none; the message says what is wrong.
        """
        words = read_arch(text.strip(), "stem_gcn key_sage value_gcn attn …")
        layers = sum(":" not in word for word in words.split()) // 4
        if layers == self.layers or not 1 <= layers <= MOST_LAYERS:
            return self.parse(words)
        return AutoAttend(layers, self.pool).parse(words)


def pool_1() -> AutoAttend:
    """Two layers of the operations of pool 1."""
    return AutoAttend(pool=1)
