"""Ascent by gradients in a latent space, for the front between a value and a known cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.objective import ACCURACY, Objective
from experiment.errors import InputError
from searchers.domain import Domain
from searchers.front import front
from searchers.known_costs import Costs, log_hypervolume_improvement
from searchers.latent.ascent import Function, walk
from searchers.latent.data_region import DataRegion
from searchers.latent.decoding import Decoded
from searchers.latent.search import Common, LatentSearcher, ModelState
from searchers.latent.space import LatentSpace
from searchers.latent.surrogates import (
    FittedSurrogate,
    LatentSurrogate,
    Prior,
    SeparateSurrogate,
    Sparse,
    SurrogateInputs,
)
from searchers.latent.trade_offs import checked_trade_offs, spread, trade_offs_of
from searchers.refits import GROWTH, labels_to_fit

FEATURES = ("statistics",)
"""What ranks the decoded architectures beside their latents, by default."""
RAW = 512
"""Random architectures of the data of which the best ones are starts. With fewer, walks miss parts
of the space; with more, less of it is left to them."""
BOTH = (ACCURACY, Objective("cost", maximise=False))
"""The value as the searcher maximises it, and the cost."""


class LatentCosts:
    """Costs of architectures, exact, and what points of a latent space are expected to cost.

    Costs are in standard deviations from their mean over the data.

    Args:
        latents: the latent space.
        data: architectures, which need no label: what they cost is known.
        costs: of any architecture of the space.

    Attributes:
        data: the architectures.
        hashes: the space's hash of each.
        region: of the latent space, where the data lie.
        worst: the highest cost of the data.

    Raises:
        InputError: all of the data cost the same.
    """

    def __init__(self, latents: LatentSpace, data: GraphBatch, costs: Costs) -> None:
        found = costs(data)
        if found.min() == found.max():
            raise InputError(f"all costs are {found[0]:g}: there is no front between them")
        self._costs, self._mean, self._std = costs, found.mean(), found.std()
        self._max_nodes = latents.space.max_nodes
        self._by_hash: dict[str, float] = {}
        points, exact = latents.encode(data), self._standardised(found)
        self.data, self.hashes = data, latents.space.hashes(data).tolist()
        self.region = DataRegion.around(points)
        self.worst = float(exact.max())
        surrogate = LatentSurrogate(latents.space, Sparse())
        self._fitted = surrogate.fit(surrogate.inputs(points, data), exact, seed=0)

    def __call__(self, graphs: GraphBatch) -> Tensor:
        """Of architectures, exact. **Shape** (B,), float64."""
        return self._standardised(self._costs(graphs))

    def of(self, architectures: Sequence[tuple[str, ArchitectureGraph]]) -> Tensor:
        """Of architectures with their hashes, each computed once. **Shape** (n,), float64."""
        new = {hash: graph for hash, graph in architectures if hash not in self._by_hash}
        if new:
            found = self(GraphBatch.from_graphs([*new.values()], self._max_nodes))
            self._by_hash.update(zip(new, found.tolist(), strict=True))
        known = [self._by_hash[hash] for hash, _ in architectures]
        return torch.tensor(known, dtype=torch.float64)

    def at(self, points: Tensor) -> Tensor:
        """Of points, by a Gaussian process that is fitted to the data. **Shape** (B, G) → (B,)."""
        return self._fitted.on_latents.mean(points)

    def _standardised(self, costs: np.ndarray) -> Tensor:
        return torch.from_numpy((costs - self._mean) / self._std)


@dataclass(frozen=True)
class Reached:
    """What was measured, and what is expected of the architectures that are being measured.

    Attributes:
        points: in the latent space. **Shape** (n, G).
        values: on the surrogate's scale. **Shape** (n,).
        costs: **shape** (n,).
        worst: value and cost that the hypervolume of the front is counted from.
    """

    points: Tensor
    values: Tensor
    costs: Tensor
    worst: tuple[float, float]

    def front(self) -> tuple[Tensor, Tensor]:
        """Values and costs of the front above the worst value, both ascending."""
        rows = torch.from_numpy(front(self.values.numpy(), self.costs.numpy(), BOTH))
        rows = rows[self.values[rows] > self.worst[0]]
        return self.values[rows], self.costs[rows]

    def with_one(self, point: Tensor, value: Tensor, cost: Tensor) -> Reached:
        """The same with one more architecture. **Shape** (G,), (), ()."""
        return Reached(
            torch.cat([self.points, point[None]]),
            torch.cat([self.values, value[None]]),
            torch.cat([self.costs, cost[None]]),
            (self.worst[0], max(self.worst[1], float(cost))),
        )


class ScalarisedAscent(LatentSearcher):
    """Walks up the gradient of value − λ · cost in a latent space, for a range of λ.

    Neural architecture optimisation by gradients (Luo et al. 2018, arXiv:1808.07233; with a cost
    Li et al. 2020, arXiv:2006.10310), with a surrogate that is conditioned on everything that was
    measured, anew for each proposal. Every proposal has a λ of its own. Its walks start at the
    measured architectures with the highest value − λ · cost, and at the best new ones of a random
    part of the data, and stay where architectures lie
    (:class:`~searchers.latent.data_region.DataRegion`). All points on the way are decoded. The new
    architectures are encoded again, and the one with the largest expected gain in hypervolume is
    proposed, by its exact cost. No weighted sum has its maximum in a dent of the front, so that λ
    directs the walks, and does not choose among their ends.

    The hypervolume is counted from the median value of the random beginning, as
    :class:`~searchers.two_objectives.HypervolumeImprovement` does, and the highest cost.

    Args:
        domain: the candidate set.
        latents: the latent space, with the decoder.
        costs: of any architecture of the space, known before it is measured.
        data: architectures, which need no label: they show where the data lie in the latent space,
            and what costs lie where.
        trade_offs: λ of the proposals in turn, in standard deviations of the value per standard
            deviation of the cost; default: spread over the front of what was measured
            (:func:`~searchers.latent.trade_offs.trade_offs_of`).
        starts: walks of a proposal that start at measured architectures; as many start at others.
        steps: of each walk. With more of them decoding takes longer, and most of what they add is
            decoded from their neighbours too.
        reach: length of a walk, in distances between neighbouring architectures. One that is much
            shorter decodes to where it starts.
        refits: hyperparameters are fitted anew once the labels have grown by this factor; 1: before
            each proposal.
        common: the other arguments of :class:`LatentSearcher`.

    Raises:
        InputError: a λ is below zero, or all costs are equal.
    """

    def __init__(
        self,
        domain: Domain,
        latents: LatentSpace,
        costs: Costs,
        data: GraphBatch,
        *,
        trade_offs: Sequence[float] | None = None,
        starts: int = 10,
        steps: int = 2,
        reach: float = 2.0,
        refits: float = GROWTH,
        **common: Unpack[Common],
    ) -> None:
        if common.get("surrogate") is None:
            common["surrogate"] = SeparateSurrogate(domain.space, features=FEATURES)
        super().__init__(domain, latents, **common)
        self.trade_offs = None if trade_offs is None else checked_trade_offs(trade_offs)
        self.starts = starts
        self.steps = steps
        self.reach = reach
        self.refits = refits
        self._costs_and_data = costs, data
        self._prior: tuple[int, Prior] | None = None

    @cached_property
    def costs(self) -> LatentCosts:
        """Of architectures and points; fitted when it is first used."""
        costs, data = self._costs_and_data
        return LatentCosts(self.latents, data, costs)

    def propose_from_model(
        self, state: ModelState, n: int, generator: np.random.Generator
    ) -> list[ArchitectureGraph]:
        """Walk, decode, and choose by the expected gain in hypervolume."""
        reached = self.reached(state)
        trade_offs = self.next_trade_offs(reached, n)
        new = self.decode_unseen(self.walk(state, reached, trade_offs, generator), generator)
        rows = self.choose(new, state, reached, n) if len(new) else []
        return [new.graphs.graph(row) for row in rows]

    def _fit(
        self, inputs: SurrogateInputs, values: np.ndarray, targets: Tensor, seed: int
    ) -> FittedSurrogate:
        """With hyperparameters that were fitted to all values, or to most of them in order."""
        labels = self._labels(values)
        if self._prior is None or self._prior[0] != labels:
            earlier = torch.from_numpy(self.scale(values[:labels])(values[:labels]))
            prior = self.surrogate.prior(inputs.first(labels), earlier, self.seed)
            self._prior = labels, prior
        return self.surrogate.condition(self._prior[1], inputs, targets, seed)

    def _labels(self, values: np.ndarray) -> int:
        """How many of the values the hyperparameters are fitted to. **Shape** (n,)."""
        labels = labels_to_fit(len(values), self.initial, self.refits)
        return labels if np.ptp(values[:labels]) > 0 else len(values)

    def reached(self, state: ModelState) -> Reached:
        """Values and costs so far; of what is being measured the posterior means."""
        known = [(each.hash, each.architecture) for each in self._known()]
        costs = self.costs.of([*known, *self._pending.items()])
        whole = state.fitted.whole
        expected = whole.mean(whole.known[len(state.targets) :])  # what is pending comes after
        usual = float(state.targets[: self.initial].median())
        return Reached(
            torch.cat([state.points, state.pending]),
            torch.cat([state.targets, expected]),
            costs,
            (usual, max(self.costs.worst, float(costs.max()))),
        )

    def next_trade_offs(self, reached: Reached, n: int) -> Tensor:
        """λ of the next proposals, by their numbers. **Shape** (n,), float64."""
        numbers = range(len(self._asked), len(self._asked) + n)
        if self.trade_offs is not None:
            chosen = [self.trade_offs[number % len(self.trade_offs)] for number in numbers]
        else:
            values, costs = reached.front()
            range_of = trade_offs_of(values.tolist(), costs.tolist())
            chosen = [range_of[int(spread(number) * len(range_of))] for number in numbers]
        return torch.tensor(chosen, dtype=torch.float64)

    def walk(
        self,
        state: ModelState,
        reached: Reached,
        trade_offs: Tensor,
        generator: np.random.Generator,
    ) -> Tensor:
        """The points on the ways up, of all λ. **Shape** (n,) → (≤ n · 2 · starts · steps, G).

        Proposals with the same λ have the same walks, which are taken once.
        """
        trade_offs = trade_offs.unique()
        region = self.costs.region.with_points(reached.points)
        gained = reached.values - trade_offs[:, None] * reached.costs
        best = gained.topk(min(self.starts, len(reached.values))).indices
        starts = torch.cat([reached.points[best], self.promising(state, trade_offs, generator)], 1)
        weights = trade_offs.repeat_interleave(starts.shape[1])
        stride = self.reach * region.radius / self.steps
        objective = self.objective(state, weights)
        return walk(objective, starts.flatten(0, 1), region.clip, self.steps, stride)

    def promising(
        self, state: ModelState, trade_offs: Tensor, generator: np.random.Generator
    ) -> Tensor:
        """For each λ the best of random new ones of the data. **Shape** (n,) → (n, ≤ starts, G)."""
        hashes = self.costs.hashes
        drawn = [row for row in generator.permutation(len(hashes)) if self.new(hashes[row])][:RAW]
        rows = torch.tensor(drawn, dtype=torch.long)
        points, graphs = self.costs.region.points[rows], self.costs.data[rows]
        inputs = state.fitted.rows(self.surrogate.inputs(points, graphs))
        mean, variance = state.fitted.whole.mean_and_variance(inputs)
        bounds = mean + variance.sqrt() - trade_offs[:, None] * self.costs(graphs)
        return points[bounds.topk(min(self.starts, len(rows))).indices]

    def objective(self, state: ModelState, weights: Tensor) -> Function:
        """Upper bound of the value − λ · cost, of points with a λ each. **Shape** (B,).

        The bound is one standard deviation above the mean, so that walks also lead to what is
        uncertain.
        """

        def bound(z: Tensor) -> Tensor:
            mean, variance = state.fitted.on_latents.marginals(z)
            return mean + variance.clamp(min=1e-6).sqrt() - weights * self.costs.at(z)

        return bound

    def choose(self, new: Decoded, state: ModelState, reached: Reached, n: int) -> list[int]:
        """Positions of the ``n`` best in ``new``, each with those before as fantasised values."""
        points, costs = self.latents.encode(new.graphs), self.costs(new.graphs)
        rows = state.fitted.rows(self.surrogate.inputs(points, new.graphs))
        model = state.fitted.whole
        chosen: list[int] = []
        for _ in range(min(n, len(new))):
            mean, variance = model.mean_and_variance(rows)
            std = variance.clamp(min=1e-12).sqrt()
            gain = log_hypervolume_improvement(mean, std, costs, reached.front(), reached.worst)
            gain[chosen] = -torch.inf
            chosen.append(int(gain.argmax()))
            reached = reached.with_one(points[chosen[-1]], mean[chosen[-1]], costs[chosen[-1]])
            model = model.fantasize_mean(rows[chosen[-1:]])
        return chosen
