"""What a model needs for its graphs to be grown node by node."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from models.embedding import Embedding
from models.steps import NodeGenerator


class Sequential(Embedding):
    """An embedding that decodes node by node, down the tree of ``models/prefix_tree.py``.

    Attributes:
        start_types: type of the first node for every direction of generation: from the input
            through the graph, and for SVGe from the output through the reversed graph as well.
    """

    start_types: ClassVar[tuple[int, ...]]

    @property
    @abstractmethod
    def generator(self) -> NodeGenerator:
        """The networks that decide about the next node and its edges, one for all directions."""
