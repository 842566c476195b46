"""Shared by the tests of searches: a space with a known optimum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from searchers.domain import Candidates


class Formula:
    """An estimator whose accuracy is a formula of the cell; whatever ``answers`` says instead.

    A 3×3 convolution is worth most, then an edge, then a 1×1 convolution: the best cell is known.
    """

    def __init__(self, space: SearchSpace, **answers: Any) -> None:
        self.space = space
        self.answers = answers
        self.asked: list[str] = []

    def value(self, graph: ArchitectureGraph) -> float:
        kinds = graph.types
        worth = 3 * kinds.count(3) + kinds.count(2) - kinds.count(4) + 0.5 * len(graph.edges)
        return 0.5 + worth / 100

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        for graph in architectures:
            name = self.space.hash(graph)
            self.asked.append(name)
            number = len(self.asked)
            answer: dict[str, Any] = {"validation": self.value(graph), "cost_seconds": 2.0}
            for key, given in self.answers.items():
                answer[key] = given(number, graph) if callable(given) else given
            status = answer.pop("status", "ok")
            if status != "ok":
                answer = {"reason": "it was so decided"}
            yield Measurement(graph, name, status, **answer)


@pytest.fixture(scope="session")
def formula() -> type[Formula]:
    return Formula


@pytest.fixture(scope="session")
def cells() -> Candidates:
    """The 2,532 cells of DIGITS101."""
    space = get_space("DIGITS101")
    return Candidates(space, GraphBatch.cat(space.enumerate()))


@pytest.fixture(scope="session")
def few(cells: Candidates) -> Candidates:
    """Twenty of them."""
    rows = torch.arange(0, 2_500, 125)
    return Candidates(cells.space, cells.graphs[rows])
