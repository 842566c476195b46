"""A model so small that everything it can build can be listed."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models import GraphVAE, Sizes
from models.vae import GRAPH_VAES

TYPES, NODES, WIDTH = 4, 4, 8


@pytest.fixture
def tiny_model() -> Callable[[str], GraphVAE]:
    """Builds a model of graphs with up to four nodes and two operations, by its name."""

    def build(name: str) -> GraphVAE:
        torch.manual_seed(3)
        model = GRAPH_VAES[name](Sizes(TYPES, NODES, node_width=12, graph_width=WIDTH))
        model.eval()
        with torch.no_grad():  # random weights as they are make nearly the same graph everywhere
            for parameter in model.parameters():
                parameter.mul_(2.0)
        return model

    return build


@pytest.fixture
def points() -> Callable[[int], torch.Tensor]:
    """Some latents for it."""
    return lambda n: 2 * torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def every_graph() -> GraphBatch:
    """Everything that either direction of a tiny model can build, each once.

    The input first, the output last, any types between them; the first two nodes are joined (a
    forward generator's certain edge), or the last two (a reverse one's), or both.
    """
    graphs = []
    for nodes in range(2, NODES + 1):
        pairs = list(itertools.combinations(range(nodes), 2))
        for types in itertools.product(range(TYPES), repeat=nodes - 2):
            for present in itertools.product((False, True), repeat=len(pairs)):
                edges = tuple(pair for pair, p in zip(pairs, present, strict=True) if p)
                if (0, 1) in edges or (nodes - 2, nodes - 1) in edges:
                    graphs.append(ArchitectureGraph((INPUT, *types, OUTPUT), edges))
    return GraphBatch.from_graphs(graphs, NODES)


class FewEdges:
    """A mask of no space at hand: at most three nodes, and no edge past a node."""

    def __init__(self, end_type: int) -> None:
        self.end_type = end_type

    def allowed_types(self, types: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """An operation after the first node, then the end."""
        allowed = torch.zeros(len(types), TYPES, dtype=torch.bool)
        if types.shape[1] == 1:
            allowed[:, 2:] = True
        else:
            allowed[:, self.end_type] = True
        return allowed

    def allowed_edges(
        self,
        types: torch.Tensor,
        adjacency: torch.Tensor,
        new_types: torch.Tensor,
        drawn: torch.Tensor,
    ) -> torch.Tensor:
        """The last node's edge is forced, the others are free."""
        last = drawn.shape[1] == types.shape[1] - 1
        return torch.tensor([[not last, True]]).expand(len(types), 2)


@pytest.fixture
def few_edges() -> type[FewEdges]:
    """A small mask, by the type that ends a graph."""
    return FewEdges
