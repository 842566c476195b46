"""NGAE's complexity of ENAS networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from models import ModelError, ngae_complexity

WEIGHTS = {0: 10, 1: 10, 2: 26, 3: 26, 4: 1, 5: 1}
"""By the operations of a row."""


def by_row(row: list[int], layers: int) -> int:
    total, place = 48 * 48, 0  # the output
    for layer in range(layers):
        bits = row[place + 1 : place + 1 + layer]
        total += 48 * WEIGHTS[row[place]] * (1 + sum(bits))
        place += 1 + layer
    return total


def test_it_is_counted_by_rows() -> None:
    for name, layers in (("ENAS", 6), ("ENAS12", 12)):
        space = get_space(name)
        graphs = space.sample(30, np.random.default_rng(0))
        rows = [space.to_row(graph) for graph in graphs]  # type: ignore[attr-defined]
        wanted = [by_row(list(row), layers) for row in rows]
        assert ngae_complexity(GraphBatch.from_graphs(graphs)).tolist() == wanted
        assert ngae_complexity(GraphBatch.from_graphs(graphs, 20)).tolist() == wanted


def test_the_largest_possible() -> None:
    space = get_space("ENAS")
    row = [2, *(each for layer in range(1, 6) for each in (2, *[1] * layer))]
    graph = space.rows_to_batch(np.array([row]))  # type: ignore[attr-defined]
    assert ngae_complexity(graph).tolist() == [28_512]


def test_other_spaces_are_refused() -> None:
    types = torch.tensor([[1, 8, 0]])
    batch = GraphBatch(types, torch.zeros(1, 3, 3, dtype=torch.bool), torch.tensor([3]))
    with pytest.raises(ModelError, match="type 8, ENAS has 0 to 7"):
        ngae_complexity(batch)
    assert ngae_complexity(batch[:0]).tolist() == []
