"""Features of architectures: a row of numbers for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch

from datasets.batch import GraphBatch, as_batch
from datasets.pruning import prune_batch
from datasets.space import SearchSpace

NO_OPERATION = "none"
"""Name of the operation that gives zeros (NB201): what needs it computes nothing."""


class Features(ABC):
    """Extracts features of the architectures of one space.

    A new one is a class here, and a line in ``predictors/features/__init__.py``.

    Args:
        space: the search space.

    Attributes:
        name: as users write it.
        ard: whether a kernel has a length scale for each column (automatic relevance
            determination); otherwise one length scale is shared by all columns.
        extrapolates: whether linear models and graph networks, which predict beyond the labelled
            architectures, read the features where they are part of an ensemble.
    """

    name: str
    ard = False
    extrapolates = False

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def __init_subclass__(cls, **named: Any) -> None:
        """Let every feature extractor refuse other inputs in the same words."""
        super().__init_subclass__(**named)
        if "__call__" in vars(cls):
            cls.__call__ = _of_batches(vars(cls)["__call__"])  # type: ignore[method-assign]

    @abstractmethod
    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The features of a batch, on the CPU. **Shape** (B, F), float64."""


def _of_batches(call: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    @wraps(call)
    def checked(self: Features, batch: GraphBatch) -> np.ndarray:
        return call(self, as_batch(batch, self.space))

    return checked


def active_subgraph(batch: GraphBatch, space: SearchSpace) -> GraphBatch:
    """Every graph without the nodes that have no part in what it computes.

    These are the nodes without a path from the input or to the output, once operations that give
    zeros are taken out. A graph of which nothing is left has 0 nodes.
    """
    if NO_OPERATION not in space.types:
        return prune_batch(batch)
    some = batch.types != space.types.index(NO_OPERATION)
    adjacency = batch.adjacency & some[:, :, None] & some[:, None, :]
    return prune_batch(GraphBatch(batch.types, adjacency, batch.num_nodes))


def operation_types(space: SearchSpace) -> list[int]:
    """Type ids of the operations that compute something."""
    return [kind for kind in range(2, len(space.types)) if space.types[kind] != NO_OPERATION]


def operation_masks(batch: GraphBatch, space: SearchSpace) -> torch.Tensor:
    """Which nodes hold each of the :func:`operation_types`. **Shape** (B, N, O), float64."""
    kinds = torch.tensor(operation_types(space), device=batch.types.device)
    return (batch.types[:, :, None] == kinds).double()
