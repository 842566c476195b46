"""Statistics of the paths from an architecture's input to its output.

Counting what a signal passes on its way is what simple predictors of cell spaces are made of
(White et al. 2021, *BANANAS*, arXiv:1910.11858, for paths; Kadlecová et al. 2024, *Surprisingly
Strong Performance Prediction with Neural Graph Features*, arXiv:2404.16551, for lengths and
degrees).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from predictors.features.features import (
    Features,
    active_subgraph,
    operation_masks,
    operation_types,
)


class GraphStatistics(Features):
    """Numbers of nodes, edges, operations and paths, and what the paths hold.

    Of every operation, and of all convolutions together: how many there are, how many feed the
    output and are fed by the input, the most, the fewest and the mean number on a path, and how
    many a random walk back from the output passes.
    """

    name = "statistics"
    ard = True
    extrapolates = True

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The statistics. **Shape** (B, F), float64."""
        graph = _Paths(active_subgraph(batch.to("cpu"), self.space))
        masks = operation_masks(graph.batch, self.space)
        names = [self.space.types[kind] for kind in operation_types(self.space)]
        convolutions = [bool(re.search("conv|sep", name)) for name in names]
        kinds = [*masks.unbind(2), masks[:, :, torch.tensor(convolutions, dtype=torch.bool)].sum(2)]
        columns = [*self._shape(graph)]
        for kind in kinds:
            columns += self._of_kind(graph, kind)
        return torch.stack(columns, dim=1).numpy()

    @staticmethod
    def _shape(graph: _Paths) -> Iterator[Tensor]:
        one = graph.interior.double()
        yield graph.batch.num_nodes.double()
        yield graph.edges.sum(dim=(1, 2))
        yield graph.at_output(graph.edges.sum(dim=1))
        yield graph.edges[:, 0].sum(dim=1)
        yield graph.at_output(graph.edges[:, 0])  # input joined to output
        yield graph.most(one)
        yield graph.fewest(one)
        yield graph.at_output(graph.count).clamp(min=1).log()

    @staticmethod
    def _of_kind(graph: _Paths, kind: Tensor) -> Iterator[Tensor]:
        yield kind.sum(dim=1)
        yield (kind * graph.into_output).sum(dim=1)
        yield (kind * graph.edges[:, 0]).sum(dim=1)
        yield graph.most(kind)
        yield graph.fewest(kind)
        yield graph.mean(kind)
        yield graph.walked(kind)


class _Paths:
    """Dynamic programmes over the paths of pruned graphs, from the input on.

    Weights of nodes have the **shape** (B, N), results (B,). A graph of no nodes gives zeros.
    """

    def __init__(self, batch: GraphBatch) -> None:
        self.batch = batch
        self.edges = batch.adjacency.double()
        self.places = batch.max_nodes
        self.rows = torch.arange(len(batch))
        self.last = (batch.num_nodes - 1).clamp(min=0)
        index = torch.arange(self.places)
        self.interior = (index > 0) & (index < self.last[:, None])
        self.into_output = self.edges[self.rows, :, self.last]
        self.indegree = self.edges.sum(dim=1)
        self.count = self._sums(torch.zeros_like(self.indegree), start=1.0)

    def at_output(self, values: Tensor) -> Tensor:
        """The entry of each graph's output."""
        return values[self.rows, self.last]

    def most(self, weight: Tensor) -> Tensor:
        """Largest sum of weights on a path."""
        return self._extreme(weight, -torch.inf, torch.amax)

    def fewest(self, weight: Tensor) -> Tensor:
        """Smallest sum of weights on a path."""
        return self._extreme(weight, torch.inf, torch.amin)

    def mean(self, weight: Tensor) -> Tensor:
        """Mean over the paths of the sum of weights."""
        total = self._sums(weight * self.count)
        return self.at_output(total) / self.at_output(self.count).clamp(min=1)

    def walked(self, weight: Tensor) -> Tensor:
        """Expected sum of weights on a walk back from the output, every edge in equally likely."""
        value = torch.zeros_like(weight)
        for node in range(1, self.places):
            earlier = (self.edges[:, :node, node] * value[:, :node]).sum(dim=1)
            value[:, node] = earlier / self.indegree[:, node].clamp(min=1) + weight[:, node]
        return self.at_output(value)

    def _sums(self, own: Tensor, start: float = 0.0) -> Tensor:
        """Every node's own value and those of the nodes that feed it. **Shape** (B, N)."""
        value = own.clone()
        value[:, 0] += start
        for node in range(1, self.places):
            value[:, node] += (self.edges[:, :node, node] * value[:, :node]).sum(dim=1)
        return value

    def _extreme(self, weight: Tensor, worst: float, choose: Callable[..., Tensor]) -> Tensor:
        best = torch.full_like(weight, worst)
        best[:, 0] = 0.0
        for node in range(1, self.places):
            joined = self.edges[:, :node, node] > 0
            candidates = torch.where(joined, best[:, :node], worst)
            best[:, node] = choose(candidates, dim=1) + weight[:, node]
        found = self.at_output(best)
        return torch.where(self.batch.num_nodes > 0, found, torch.zeros_like(found))
