"""Domains of searches: a finite candidate set, or all architectures of a search space."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from datasets.batch import GraphBatch, as_batch
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace, as_space
from experiment.checks import shown
from experiment.errors import InputError
from predictors.features import describe, make_features
from predictors.regressor import FeatureMatrix


class Domain(Protocol):
    """The architectures that a search is about.

    Attributes:
        space: the search space that they are of.
    """

    space: SearchSpace

    def holds(self, hash: str) -> bool:
        """Whether the architecture with this hash is in the domain."""
        ...

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """Draw ``n`` of them, with repetition."""
        ...

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """Those that are one edit away from a member of the space."""
        ...


class Candidates:
    """A list of architectures, such as the rows of a table.

    Args:
        space: the search space.
        graphs: canonical graphs. Of isomorphic ones the first counts.
        hashes: the space's hash of each; default: they are computed. **Shape** (B,), strings.

    Attributes:
        graphs: each architecture once.
        hashes: of each. **Shape** (B,).

    Raises:
        ArchitectureError: something is no architecture of the space.
        InputError: there are none, or another number of hashes.
    """

    def __init__(
        self, space: SearchSpace, graphs: GraphBatch, hashes: np.ndarray | None = None
    ) -> None:
        graphs = as_batch(graphs, as_space(space))
        given = space.hashes(graphs) if hashes is None else np.asarray(hashes)
        if given.shape != (len(graphs),):
            raise InputError(
                f"{len(graphs)} candidates and hashes of shape {given.shape} were given: give one "
                "hash for each, or none to have them computed"
            )
        if not len(given):
            raise InputError("a search needs candidates: the list holds no architecture")
        first = np.sort(np.unique(given, return_index=True)[1])
        self.space = space
        self.graphs = graphs if len(first) == len(given) else graphs[torch.from_numpy(first)]
        self.hashes = given[first]
        self._described: dict[str, FeatureMatrix] = {}

    def describe(self, features: Sequence[str]) -> list[FeatureMatrix]:
        """All of them by some features, each computed once.

        Args:
            features: keys of ``predictors.features.FEATURES``.

        Raises:
            InputError: unknown features, or some that do not suit the space.
        """
        for name in features:
            if name not in self._described:
                one = make_features(name, self.space)
                self._described[name] = FeatureMatrix(describe(one, self.graphs), one.ard)
        return [self._described[name] for name in features]

    def __len__(self) -> int:
        return len(self.hashes)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Hash → row."""
        return dict(zip(self.hashes.tolist(), range(len(self)), strict=True))

    def holds(self, hash: str) -> bool:
        """Whether it is in the list."""
        return hash in self.row_of

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """Draw uniformly."""
        return [self.graphs.graph(int(row)) for row in generator.integers(len(self), size=n)]

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """The space's neighbours that are in the list."""
        near = self.space.neighbours(graph)
        if not near:
            return []
        given = self.space.hashes(GraphBatch.from_graphs(near, self.space.max_nodes))
        return [each for each, hash in zip(near, given.tolist(), strict=True) if self.holds(hash)]


class WholeSpace:
    """Every architecture of a space.

    Args:
        space: the search space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = as_space(space)

    def holds(self, hash: str) -> bool:
        """Always: a hash comes from a member."""
        return True

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """Draw as the space does."""
        return self.space.sample(n, generator)

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """All of the space's neighbours."""
        return self.space.neighbours(graph)


def as_domain(domain: object) -> Domain:
    """``domain``, after a check that it is one.

    Raises:
        InputError: it is something else, such as a search space.
    """
    parts = ("space", "holds", "sample", "neighbours")
    if isinstance(domain, SearchSpace) or not all(hasattr(domain, part) for part in parts):
        raise InputError(
            f"the domain of a search is {shown(domain)}, expected Candidates(space, graphs) or "
            "WholeSpace(space)"
        )
    return domain  # type: ignore[return-value]


def as_candidates(domain: Domain) -> Candidates:
    """``domain``, after a check that it is a finite candidate set.

    Raises:
        InputError: it is something else, such as a whole space.
    """
    if not isinstance(domain, Candidates):
        raise InputError(
            f"this search evaluates every candidate, and the domain is all of "
            f"{as_domain(domain).space.name}: give Candidates, or choose a method such as evolution"
        )
    return domain
