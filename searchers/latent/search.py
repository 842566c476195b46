"""Searches over the latent space of a trained VAE."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from experiment.errors import InputError
from predictors.processes.conditioning import ConditionedGP
from predictors.regressor import NormalScores, Scale
from searchers.domain import Domain
from searchers.latent.acquisition import Acquisition, ExpectedImprovement
from searchers.latent.ascent import walk
from searchers.latent.decoding import Decoded
from searchers.latent.space import LatentSpace
from searchers.latent.standardised import Box
from searchers.latent.surrogates import FittedSurrogate, LatentSurrogate, SurrogateInputs
from searchers.latent.trust_region import Region, WholeBox
from searchers.searcher import Observation, Searcher

ATTEMPTS = 3
"""Times that points are chosen anew, where too few of them decode to new architectures."""


@dataclass(frozen=True)
class ModelState:
    """What a search over the latent space proposes by.

    Attributes:
        fitted: the surrogate.
        scale: leads from values to its targets.
        points: of the architectures that have a value. **Shape** (n, G).
        targets: their values on the surrogate's scale. **Shape** (n,).
        pending: points of the architectures that are being measured. **Shape** (k, G).
        seed: of what is drawn next.
    """

    fitted: FittedSurrogate
    scale: Scale
    points: Tensor
    targets: Tensor
    pending: Tensor
    seed: int


class Common(TypedDict, total=False):
    """The arguments by name of every :class:`LatentSearcher`, which says what they are."""

    surrogate: LatentSurrogate | None
    scale: type[Scale]
    seed: int
    initial: int


class LatentSearcher(Searcher):
    """A searcher with a surrogate on points of a latent space.

    Args:
        domain: the candidate set.
        latents: the latent space, of the domain's search space.
        surrogate: is fitted to points; default an exact Gaussian process.
        scale: the targets: the ranks of the values, or the values.
        seed: of everything that is drawn.
        initial: random architectures to begin with.

    Attributes:
        state: what the last proposals were made with; ``None`` before the first.

    Raises:
        InputError: the latent space is of another search space.
    """

    def __init__(
        self,
        domain: Domain,
        latents: LatentSpace,
        *,
        surrogate: LatentSurrogate | None = None,
        scale: type[Scale] = NormalScores,
        seed: int = 0,
        initial: int = 10,
    ) -> None:
        super().__init__(domain, seed, initial)
        if latents.space.name != domain.space.name:
            raise InputError(
                f"the latent space is of {latents.space.name}, the search of {domain.space.name}: "
                "take a model that was trained on the space that is searched"
            )
        self.latents = latents
        self.surrogate = surrogate or LatentSurrogate(domain.space)
        self.scale = scale
        self.state: ModelState | None = None

    def propose(self, n: int, generator: np.random.Generator) -> Iterable[ArchitectureGraph]:
        """Fit the surrogate to all observations and maximise the acquisition.

        Nothing is proposed while all values are equal.
        """
        self.state = self._model_state(int(generator.integers(2**31)))
        return () if self.state is None else self.propose_from_model(self.state, n, generator)

    def recommend(self) -> Observation | None:
        """The observation with the highest posterior mean.

        With noisy values it is a better choice than the highest observation.
        """
        state = self._model_state(self.seed)
        if state is None:
            return None
        known = self._known()
        rows = state.fitted.whole.known[: len(known)]  # what is pending comes after
        return known[int(state.fitted.whole.mean(rows).argmax())]

    @abstractmethod
    def propose_from_model(
        self, state: ModelState, n: int, generator: np.random.Generator
    ) -> list[ArchitectureGraph]:
        """Members of the domain that were not proposed, the best first."""

    def decode_unseen(
        self, points: Tensor, generator: np.random.Generator, but: Iterable[str] = ()
    ) -> Decoded:
        """Decodings of points that are in the domain, not proposed before and not in ``but``.

        **Shape** (B, G).
        """
        taken = set(but)
        decoded = self.latents.decode(points, generator)
        kept = decoded.only(lambda hash: hash not in taken and self.new(hash))
        self.dropped += len(points) - int((kept.rank == 0).sum())
        return kept

    def _model_state(self, seed: int) -> ModelState | None:
        """The fitted surrogate and its data; ``None`` while all values are equal."""
        known = self._known()
        values = np.array([each.value for each in known])
        if len(values) < 2 or (values == values[0]).all():
            return None
        # All are encoded together, and no encoding is kept, so that a resumed search computes
        # the same numbers.
        batch = GraphBatch.from_graphs([each.architecture for each in known], self.space.max_nodes)
        points = self.latents.encode(batch)
        scale = self.scale(values)
        targets = torch.from_numpy(scale(values))
        fitted = self._fit(self.surrogate.inputs(points, batch), values, targets, seed)
        waiting = GraphBatch.from_graphs(self.pending, self.space.max_nodes)
        whole, on_latents = fitted.whole, fitted.on_latents
        pending = self.latents.encode(waiting) if self.pending else points[:0]
        if self.pending:
            rows = fitted.rows(self.surrogate.inputs(pending, waiting))
            same = whole is on_latents
            whole = whole.fantasize_mean(rows)
            on_latents = whole if same else on_latents.fantasize_mean(pending)
        fitted = FittedSurrogate(whole, on_latents, fitted.joined)
        return ModelState(fitted, scale, points, targets, pending, seed)

    def _fit(
        self, inputs: SurrogateInputs, values: np.ndarray, targets: Tensor, seed: int
    ) -> FittedSurrogate:
        """The surrogate, given all values and the targets made of them. **Shape** (n,) each."""
        return self.surrogate.fit(inputs, targets, seed)

    def _known(self) -> list[Observation]:
        """The observations that the surrogate is fitted to."""
        return [each for each in self.succeeded if np.isfinite(each.value or 0.0)]


class Choice(Protocol):
    """Chooses the points that are decoded and which of the new architectures are proposed."""

    def points(
        self,
        acquisition: Acquisition,
        model: ConditionedGP,
        box: Box,
        n: int,
        generator: torch.Generator,
    ) -> Tensor:
        """The points that are decoded to propose ``n`` architectures. **Shape** (B, G)."""
        ...

    def order(
        self,
        found: Decoded,
        search: LatentSearcher,
        state: ModelState,
        acquisition: Acquisition,
        n: int,
    ) -> list[int]:
        """Positions in ``found``, the best first."""
        ...


@dataclass(frozen=True)
class FirstChoices:
    """First decodings, in the order of the points."""

    def points(
        self,
        acquisition: Acquisition,
        model: ConditionedGP,
        box: Box,
        n: int,
        generator: torch.Generator,
    ) -> Tensor:
        """One point per architecture, chosen with those before as pending."""
        return acquisition.in_box(model, box, n, generator)

    def order(
        self,
        found: Decoded,
        search: LatentSearcher,
        state: ModelState,
        acquisition: Acquisition,
        n: int,
    ) -> list[int]:
        """As they were found."""
        return list(range(len(found)))


@dataclass(frozen=True)
class Reencoded:
    """Encodes the decoded architectures again and ranks them by the acquisition.

    The latent of an architecture differs from the point that it was decoded from, and features
    beside the latents are defined for architectures only.
    """

    def points(
        self,
        acquisition: Acquisition,
        model: ConditionedGP,
        box: Box,
        n: int,
        generator: torch.Generator,
    ) -> Tensor:
        """All local optima of the acquisition."""
        return acquisition.promising(model, box, 2 * n, generator)

    def order(
        self,
        found: Decoded,
        search: LatentSearcher,
        state: ModelState,
        acquisition: Acquisition,
        n: int,
    ) -> list[int]:
        """The best by the acquisition, each with those before as pending."""
        points = search.latents.encode(found.graphs)
        rows = state.fitted.rows(search.surrogate.inputs(points, found.graphs))
        generator = torch.Generator().manual_seed(state.seed)
        return acquisition.among(state.fitted.whole, rows, n, generator)


class LatentBO(LatentSearcher):
    """Bayesian optimisation over a latent space.

    Args:
        domain: the candidate set.
        latents: the latent space, with the decoder.
        acquisition: is maximised; default expected improvement.
        region: that it is maximised in; default the box of all latents.
        choice: which of the decoded architectures are proposed.
        common: the other arguments of :class:`LatentSearcher`.
    """

    def __init__(
        self,
        domain: Domain,
        latents: LatentSpace,
        *,
        acquisition: Acquisition | None = None,
        region: Region | None = None,
        choice: Choice | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(domain, latents, **common)
        self.acquisition = acquisition or ExpectedImprovement()
        self.region = region or WholeBox()
        self.choice = choice or Reencoded()

    def propose_from_model(
        self, state: ModelState, n: int, generator: np.random.Generator
    ) -> list[ArchitectureGraph]:
        """Choose points and decode them, until enough new architectures are found."""
        box = self.region(
            self.latents.box,
            state.points,
            state.targets,
            min(self.initial, len(state.targets)),
        )
        model = state.fitted.on_latents
        source = torch.Generator().manual_seed(state.seed)
        found: list[ArchitectureGraph] = []
        hashes: list[str] = []
        for _ in range(ATTEMPTS):
            missing = n - len(found)
            points = self.choice.points(self.acquisition, model, box, missing, source)
            new = self.decode_unseen(points, generator, hashes)
            if len(new):
                order = self.choice.order(new, self, state, self.acquisition, missing)
                found += [new.graphs.graph(row) for row in order[:missing]]
                hashes += new.hashes[order[:missing]].tolist()
            if len(found) >= n:
                break
            model = model.fantasize_mean(points)  # so that the next points are elsewhere
        return found


class GradientAscent(LatentSearcher):
    """Gradient ascent on the predictions of a surrogate, from the points of the best observations.

    As in neural architecture optimisation (Luo et al. 2018, arXiv:1808.07233), with the mean of
    the surrogate as the predictor. All points on the way are decoded. The new architectures with
    the highest predictions at their own latents are proposed.

    Args:
        domain: the candidate set.
        latents: the latent space, with the decoder.
        starts: walks.
        steps: of each walk.
        stride: length of a step, in standard deviations of a coordinate.
        common: the other arguments of :class:`LatentSearcher`.
    """

    def __init__(
        self,
        domain: Domain,
        latents: LatentSpace,
        *,
        starts: int = 10,
        steps: int = 8,
        stride: float = 0.5,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(domain, latents, **common)
        self.starts = starts
        self.steps = steps
        self.stride = stride

    def propose_from_model(
        self, state: ModelState, n: int, generator: np.random.Generator
    ) -> list[ArchitectureGraph]:
        """Walk, decode, and order by the predictions."""
        count = max(self.starts, -(-n // self.steps))
        best = state.targets.argsort(descending=True)[:count]
        new = self.decode_unseen(self.walk(state, state.points[best]), generator)
        if not len(new):
            return []
        points = self.latents.encode(new.graphs)
        rows = state.fitted.rows(self.surrogate.inputs(points, new.graphs))
        order = state.fitted.whole.mean(rows).argsort(descending=True)
        return [new.graphs.graph(row) for row in order[:n].tolist()]

    def walk(self, state: ModelState, points: Tensor) -> Tensor:
        """The points on the ways up. **Shape** (S, G) → (S · steps, G)."""
        return walk(
            state.fitted.on_latents.mean, points, self.latents.box.clip, self.steps, self.stride
        )
