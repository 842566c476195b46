"""REINFORCE over the vectors of an embedding, as a searcher."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datasets.graph import ArchitectureGraph
from estimators.measurement import Measurement
from searchers.candidate_bo import CandidateSearcher
from searchers.domain import Domain
from searchers.embedded.policy import Policy, PolicySettings, Trainer, Update, Walk
from searchers.embedded.vectors import check_vectors, embedding_vectors

NOISE = 1
"""Sets the seeds of the actions apart from those of the random architectures."""


class Reinforce(CandidateSearcher):
    """A policy walks through the candidates and is updated after each episode.

    It starts at the first architecture that is measured. Within a batch, the next state is the
    vector of an architecture that is not measured yet; an episode is learnt from as soon as all of
    it is measured, so batches whose size divides an episode's change nothing.

    Args:
        domain: the candidate set.
        vectors: of the candidates. **Shape** (B, D).
        settings: of the policy; :data:`~searchers.embedded.policy.PUBLISHED_POLICY` are those of
            the published code.
        seed: of everything that is drawn.
        initial: random architectures to begin with; published is 1.

    Raises:
        InputError: the domain is no finite candidate set, or the vectors do not fit it.
    """

    def __init__(
        self,
        domain: Domain,
        vectors: Tensor,
        settings: PolicySettings | None = None,
        *,
        seed: int = 0,
        initial: int = 10,
    ) -> None:
        super().__init__(domain, seed, initial)
        settings = settings or PolicySettings()
        scaled = settings.scaling(check_vectors(vectors, len(self.candidates)).float())
        self.policy = Policy.seeded(scaled.shape[1], settings.hidden, self.seed)
        self._walk = Walk(scaled, settings.episode)
        self._trainer = Trainer(self.policy, settings)

    @property
    def updates(self) -> list[Update]:
        """What was learnt, an episode each."""
        return self._trainer.updates

    def informed(self) -> bool:
        """Always: the policy moves on after failed measurements as well."""
        return True

    def choose(self, n: int, generator: np.random.Generator) -> list[int]:
        """Rows of the next ``n`` steps, or of as many as there are candidates left."""
        walk, rows = self._walk.copy(), []
        for _ in range(min(n, int(self.open_rows().sum()))):
            step = walk.next_step(self.policy, self._noise(walk))
            walk.take(step)
            rows.append(step.row)
        return rows

    def expect(
        self, architectures: Iterable[ArchitectureGraph], fidelities: Sequence[int] = ()
    ) -> None:
        """Follow the walk to what is being measured: a search that resumes has no other record.

        Raises:
            ArchitectureError: something is no architecture, or no member of the space.
        """
        before = set(self._asked)
        super().expect(architectures, fidelities)
        for hash in list(self._asked):
            row = self.candidates.row_of.get(hash)
            if hash not in before and row is not None:
                self._follow(row)

    def tell(self, measurements: Sequence[Measurement]) -> None:
        """Receive rewards; an episode that they complete updates the policy.

        Raises:
            ArchitectureError: one that was not proposed is no member of the space.
            InputError: something is no measurement. None was received then.
        """
        count = len(self.observations)
        super().tell(measurements)
        for each in self.observations[count:]:
            row = self.candidates.row_of.get(each.hash)
            if row is not None:
                self._walk.visit(row)
                self._trainer.receive(row, each.value)

    def _follow(self, row: int) -> None:
        """Take the step that leads to a row, if the policy's does; else only visit it."""
        if self._walk.place is not None:
            step = self._walk.next_step(self.policy, self._noise(self._walk))
            if step.row == row:
                self._walk.take(step)
                self._trainer.add(step)
                return
        self._walk.visit(row)

    def _noise(self, walk: Walk) -> Tensor:
        """Action − mean of the next step, the same whenever it is asked for. **Shape** (D,)."""
        generator = np.random.default_rng([self.seed, walk.steps, NOISE])
        width = walk.unvisited.vectors.shape[1]
        return torch.from_numpy(generator.standard_normal(width, dtype=np.float32))


def reinforce(
    domain: Domain, seed: int = 0, initial: int = 10, weights: str | Path | None = None
) -> Reinforce:
    """REINFORCE over the vectors of a trained embedding, see :func:`embedding_vectors`."""
    return Reinforce(domain, embedding_vectors(domain, weights), seed=seed, initial=initial)
