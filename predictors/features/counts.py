"""Counts of labelled pieces of an architecture: paths, walks, neighbourhoods."""

from __future__ import annotations

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from experiment.errors import InputError
from predictors.features.features import (
    Features,
    active_subgraph,
    operation_masks,
    operation_types,
)

MOST_PATHS = 5_000
"""Sequences of operations in the largest space that paths are counted in."""


class PathCounts(Features):
    """How often each sequence of operations stands on a path from the input to the output.

    White et al. 2021, *BANANAS* (arXiv:1910.11858) note whether a path is there; here it is
    counted. NB101 has 364 sequences of up to five operations, NB201 85 of up to three. Longer
    paths, which only architectures beyond the space have, are not counted.

    Raises:
        InputError: the space has too many sequences (ENAS).
    """

    name = "paths"

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        self._kinds = len(operation_types(space))
        longest = 3 if "none" in space.types else space.max_nodes - 2
        if sum(self._kinds**length for length in range(longest + 1)) > MOST_PATHS:
            raise InputError(
                f"{space.name} has more than {MOST_PATHS:,} sequences of operations: "
                "describe its architectures by other features than paths"
            )
        self._longest = longest

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The counts, shorter sequences first. **Shape** (B, F), float64."""
        graphs = active_subgraph(batch.to("cpu"), self.space)
        masks = operation_masks(graphs, self.space)
        size, places = graphs.types.shape
        last = graphs.num_nodes - 1
        edges = graphs.adjacency.double()
        # For each length: sequences on the paths up to and with each node. (B, N, kinds**length)
        ending = [torch.zeros(size, places, self._kinds**k).double() for k in self._lengths()]
        ending[0][:, 0] = 1.0
        columns = [torch.zeros(size, self._kinds**k).double() for k in self._lengths()]
        for node in range(1, places):
            is_last = (last == node)[:, None]
            for length in self._lengths():
                arriving = torch.einsum(
                    "bi,bis->bs", edges[:, :node, node], ending[length][:, :node]
                )
                columns[length] += torch.where(is_last, arriving, 0.0)
                if length < self._longest:
                    extended = arriving[:, :, None] * masks[:, node, None, :]
                    ending[length + 1][:, node] = extended.flatten(1)
        return torch.cat(columns, dim=1).numpy()

    def _lengths(self) -> range:
        return range(self._longest + 1)


class WalkCounts(Features):
    """Logarithm of 1 + how often each labelled edge, and each pair of joined edges, occurs."""

    name = "walks"

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The counts. **Shape** (B, T² + T³), float64."""
        graphs = active_subgraph(batch.to("cpu"), self.space)
        kinds = torch.arange(len(self.space.types))
        labels = (graphs.types[:, :, None] == kinds).double() * graphs.node_mask()[:, :, None]
        edges = graphs.adjacency.double()
        after = edges @ labels  # (B, N, T): labels of the nodes that a node feeds
        pairs = torch.einsum("bia,bit->bat", labels, after)
        before = torch.einsum("bij,bia->bja", edges, labels)
        triples = torch.einsum("bja,bjt,bjc->batc", before, labels, after)
        return torch.cat([pairs.flatten(1), triples.flatten(1)], dim=1).log1p().numpy()


class NeighbourhoodCounts(Features):
    """Counts of the Weisfeiler–Lehman labels of three rounds, thrown into a fixed number of bins.

    Shervashidze et al. 2011 (JMLR 12); a node's label is renewed from its own, those before it
    and those after it.
    """

    name = "neighbourhoods"
    rounds = 3
    bins = 256

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The counts. **Shape** (B, (rounds + 1) · bins), float64."""
        graphs = active_subgraph(batch.to("cpu"), self.space)
        real = graphs.node_mask()
        edges = graphs.adjacency.long()
        labels = _mix(graphs.types + 1)
        counts = []
        for number in range(self.rounds + 1):
            bins = torch.remainder(labels, self.bins)
            found = torch.zeros(len(graphs), self.bins).double()
            counts.append(found.scatter_add_(1, bins, real.double()))
            if number < self.rounds:
                before = (edges * labels[:, :, None]).sum(dim=1)
                after = (edges * labels[:, None, :]).sum(dim=2)
                labels = _mix(labels * 3 + _mix(before + 1) * 5 + _mix(after + 2) * 7)
        return torch.cat(counts, dim=1).numpy()


class OneHot(Features):
    """Type of every place, and every edge, as they stand: the raw encoding.

    It has a place for each node of the space's largest architectures, and none beyond.
    """

    name = "one_hot"
    ard = True
    extrapolates = True

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """Zeros and ones. **Shape** (B, N · T + N · (N − 1) / 2), float64.

        Raises:
            InputError: an architecture is larger than those of the space.
        """
        largest = int(batch.num_nodes.max()) if len(batch) else 0
        if largest > self.space.max_nodes:
            raise InputError(
                f"an architecture has {largest} nodes, the one-hot encoding of {self.space.name} "
                f"has places for {self.space.max_nodes}: describe larger ones by features of any "
                "size, such as statistics, walks and neighbourhoods"
            )
        graphs = batch.to("cpu").padded(self.space.max_nodes)
        kinds = torch.arange(len(self.space.types))
        types = (graphs.types[:, :, None] == kinds) & graphs.node_mask()[:, :, None]
        source, target = torch.triu_indices(graphs.max_nodes, graphs.max_nodes, offset=1)
        edges = graphs.adjacency[:, source, target]
        return torch.cat([types.flatten(1), edges], dim=1).double().numpy()


class PairwiseOneHot(Features):
    """Products of every two entries of :class:`OneHot` that are not always the same."""

    name = "one_hot_pairs"

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """Zeros and ones. **Shape** (B, F), float64."""
        single = OneHot(self.space)(batch)
        first, second = np.triu_indices(single.shape[1])
        return single[:, first] * single[:, second]


def _mix(numbers: torch.Tensor) -> torch.Tensor:
    """Scatter whole numbers (the finaliser of SplitMix64, Steele et al. 2014), 0 or more."""
    mixed = numbers
    for multiplier, shift in ((-4658895280553007687, 30), (-7723592293110705685, 27)):
        mixed = (mixed ^ (mixed >> shift)) * multiplier
    return (mixed ^ (mixed >> 31)) & (2**62 - 1)
