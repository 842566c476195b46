"""The complexity that NGAE predicts and searches by: a proxy for an ENAS network's parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from models.errors import ModelError

CHANNELS = 48
"""What every weight of an operation is multiplied with."""

WEIGHTS = (48, 48, 10, 10, 26, 26, 1, 1)
"""Weights of an operation, by node type: output, input, conv3, sep3, conv5, sep5, avg3, max3.

An output counts as one that maps all channels to all; an input has no edges into it, unless a
decoder without a mask put a second one into a graph.
"""


def ngae_complexity(batch: GraphBatch) -> Tensor:
    """``Σ_v 48 · k_v · indegree(v)`` of every graph: NGAE's proxy, not divided by anything.

    Li, Liu, Liu, Wang 2020, arXiv:2006.10310. The published targets are these numbers, divided by
    the largest of a split. True parameters are ``models.enas_costs``'s.

    Args:
        batch: macro architectures of ENAS. **Shape** → (B,), int64.

    Raises:
        ModelError: a node has a type that ENAS does not have.
    """
    if len(batch) and int(batch.types.max()) >= len(WEIGHTS):
        raise ModelError(
            f"a graph has a node of type {int(batch.types.max())}, ENAS has 0 to "
            f"{len(WEIGHTS) - 1}: the complexity of NGAE is defined for ENAS alone"
        )
    weights = torch.tensor(WEIGHTS, device=batch.types.device)[batch.types]
    return CHANNELS * (weights * batch.adjacency.sum(1)).sum(1)
