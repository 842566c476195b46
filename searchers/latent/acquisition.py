"""BoTorch's acquisitions, maximised in a box of points or among some rows.

An :class:`Acquisition` chooses a batch. Greedy ones choose sequentially: a kriging believer or a
constant liar conditions on a fantasised value of what was chosen (Ginsbourger, Le Riche & Carraro
2010, *Kriging is well-suited to parallelize optimization*), and Monte Carlo ones integrate over it
(Wilson, Hutter & Deisenroth 2018, arXiv:1805.10196). Expected improvements are those of
Ament et al. 2023 (arXiv:2310.20708), whose logarithm has a gradient also where hardly any
improvement is expected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from predictors.processes.conditioning import ConditionedGP
from searchers.latent.standardised import Box

if TYPE_CHECKING:
    from botorch.acquisition import AcquisitionFunction
    from botorch.sampling.normal import SobolQMCNormalSampler

# BoTorch is imported where it is used: it takes a second, and every command lists the searchers.

STARTS, STEPS = 16, 25
"""Starting points of the optimisation, at least two per requested point, and most steps of each."""
FINAL_STARTS, FINAL_STEPS = 2, 8
"""The same of the optimisation of each point, with those chosen before as pending."""
RAW = 1024
"""Points of a box that are evaluated to choose the starting points, at least."""
AROUND, REACH = 0.5, 0.2
"""Share of them drawn around the best known rows, and how far, in parts of the box's edges."""
PARENTS = 10
"""Best known rows that points are drawn around."""
MC_SAMPLES = 64
"""Samples of a Monte Carlo acquisition."""

Draw = Callable[[Box, int, torch.Generator], Tensor]
"""Draws points of a box: ``Box.uniform`` or ``Box.normal``."""


class Acquisition(ABC):
    """Chooses what to measure."""

    @abstractmethod
    def in_box(self, model: ConditionedGP, box: Box, n: int, generator: torch.Generator) -> Tensor:
        """``n`` points of a box. **Shape** (n, G)."""

    def promising(
        self, model: ConditionedGP, box: Box, n: int, generator: torch.Generator
    ) -> Tensor:
        """``n`` or more points to choose among once they are decoded. **Shape** (B, G)."""
        return self.in_box(model, box, n, generator)

    @abstractmethod
    def among(
        self, model: ConditionedGP, rows: Tensor, n: int, generator: torch.Generator
    ) -> list[int]:
        """The best ``n`` of some rows, or all where there are fewer; their positions.

        **Shape** (B, F).
        """


class Greedy(Acquisition):
    """Chooses one after the other.

    Args:
        draw: how points of a box are drawn, of which the best are starting points.
    """

    def __init__(self, draw: Draw = Box.uniform) -> None:
        self.draw = draw

    @abstractmethod
    def value(self, model: ConditionedGP, chosen: Tensor | None, seed: int) -> AcquisitionFunction:
        """What is maximised once some rows are chosen. **Shape** (k, F)."""

    def after(self, model: ConditionedGP, row: Tensor) -> ConditionedGP:
        """What is taken as known once a row is chosen. **Shape** (F,)."""
        return model

    def in_box(self, model: ConditionedGP, box: Box, n: int, generator: torch.Generator) -> Tensor:
        """Optimise from the best of many points, then choose one point after the other."""
        points = self.promising(model, box, 2 * n, generator)
        seed = _seed(generator)
        chosen: list[Tensor] = []
        for _ in range(n):
            pending = torch.stack(chosen) if chosen else None
            starts = self._best(model, pending, points, FINAL_STARTS, seed)
            value = self.value(model, pending, seed)
            reached = optimise_from(value, starts, box, FINAL_STEPS)
            chosen.append(reached[int(_values(value, reached).argmax())])
            model = self.after(model, chosen[-1])
        return torch.stack(chosen)

    def promising(
        self, model: ConditionedGP, box: Box, n: int, generator: torch.Generator
    ) -> Tensor:
        """The best of many points, and the local optima that are reached from them.

        Many optimisations reach one optimum, which decodes to one architecture.
        """
        climbs, seed = max(STARTS, n), _seed(generator)
        points = starting_points(model, box, max(RAW, 4 * climbs), generator, self.draw)
        starts = self._best(model, None, points, climbs, seed)
        return torch.cat([optimise_from(self.value(model, None, seed), starts, box, STEPS), starts])

    def among(
        self, model: ConditionedGP, rows: Tensor, n: int, generator: torch.Generator
    ) -> list[int]:
        """Take the highest value, again and again."""
        seed = _seed(generator)
        left = list(range(len(rows)))
        chosen: list[int] = []
        while left and len(chosen) < n:
            pending = rows[chosen] if chosen else None
            values = _values(self.value(model, pending, seed), rows[left])
            chosen.append(left.pop(int(values.argmax())))
            model = self.after(model, rows[chosen[-1]])
        return chosen

    def _best(
        self, model: ConditionedGP, chosen: Tensor | None, points: Tensor, n: int, seed: int
    ) -> Tensor:
        """The ``n`` points of the highest value. **Shape** (B, G) → (n, G)."""
        values = _values(self.value(model, chosen, seed), points)
        return points[values.argsort(descending=True)[:n]]


class Lie(Enum):
    """What a constant liar writes down for a row that was chosen and is not yet measured."""

    LOWEST = "lowest"
    MEAN = "mean"
    HIGHEST = "highest"

    def about(self, expected: Tensor) -> float:
        """The value, of those that are expected of the known rows. **Shape** (n,)."""
        if self is Lie.LOWEST:
            return float(expected.min())
        return float(expected.mean() if self is Lie.MEAN else expected.max())


class ExpectedImprovement(Greedy):
    """Logarithm of the expected improvement; for what was chosen the expected value is written.

    That is the kriging believer; with one point at a time it is plain expected improvement.
    """

    def value(self, model: ConditionedGP, chosen: Tensor | None, seed: int) -> AcquisitionFunction:
        """Improvement on the highest mean."""
        from botorch.acquisition import LogExpectedImprovement

        from predictors.processes.botorch_model import ProcessModel

        return LogExpectedImprovement(ProcessModel(model), model.best)

    def after(self, model: ConditionedGP, row: Tensor) -> ConditionedGP:
        """Believe what is expected."""
        return model.fantasize_mean([row])


class ConstantLiar(ExpectedImprovement):
    """Expected improvement; for what was chosen a constant is written.

    Args:
        lie: which one; the lowest makes the points keep most apart.
        draw: as of :class:`Greedy`.
    """

    def __init__(self, lie: Lie = Lie.LOWEST, draw: Draw = Box.uniform) -> None:
        super().__init__(draw)
        self.lie = lie

    def after(self, model: ConditionedGP, row: Tensor) -> ConditionedGP:
        """Believe the lie."""
        return model.condition_on(row, self.lie.about(model.mean(model.known)))


class JointExpectedImprovement(Greedy):
    """Logarithm of the improvement that all chosen rows together make expect, by Monte Carlo."""

    def value(self, model: ConditionedGP, chosen: Tensor | None, seed: int) -> AcquisitionFunction:
        """The joint improvement on the highest mean."""
        from botorch.acquisition.logei import qLogExpectedImprovement

        from predictors.processes.botorch_model import ProcessModel

        return qLogExpectedImprovement(
            ProcessModel(model), model.best, _sampler(seed), X_pending=chosen
        )


class NoisyExpectedImprovement(Greedy):
    """Like :class:`JointExpectedImprovement`, over what the known rows may truly have.

    Letham et al. 2019, arXiv:1706.07094: with noisy values the best known row is uncertain.
    """

    def value(self, model: ConditionedGP, chosen: Tensor | None, seed: int) -> AcquisitionFunction:
        """The joint improvement on those known rows that may be the best."""
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement

        from predictors.processes.botorch_model import ProcessModel

        mean, variance = model.mean_and_variance(model.known)
        optimistic = (mean + 2 * variance.sqrt()).argsort(descending=True)[: 2 * PARENTS]
        return qLogNoisyExpectedImprovement(
            ProcessModel(model),
            model.known[optimistic],
            _sampler(seed),
            X_pending=chosen,
            prune_baseline=False,
            cache_root=False,
        )


class HighestMean(Greedy):
    """The posterior mean, without regard to uncertainty.

    Args:
        draw: as of :class:`Greedy`.
    """

    def value(self, model: ConditionedGP, chosen: Tensor | None, seed: int) -> AcquisitionFunction:
        """The mean."""
        from botorch.acquisition import PosteriorMean

        from predictors.processes.botorch_model import ProcessModel

        return PosteriorMean(ProcessModel(model))


class BestDrawn(Acquisition):
    """The points of the highest mean among those that are drawn, without optimisation.

    Args:
        draw: how points are drawn.
        drawn: draws per requested point.
    """

    def __init__(self, draw: Draw = Box.uniform, drawn: int = 200) -> None:
        self.draw = draw
        self.drawn = drawn

    def in_box(self, model: ConditionedGP, box: Box, n: int, generator: torch.Generator) -> Tensor:
        """Draw, and take the best."""
        points = self.draw(box, n * self.drawn, generator)
        return points[self.among(model, points, n, generator)]

    @torch.no_grad()
    def among(
        self, model: ConditionedGP, rows: Tensor, n: int, generator: torch.Generator
    ) -> list[int]:
        """The highest means."""
        return model.mean(rows).argsort(descending=True)[:n].tolist()


class ThompsonSampling(Acquisition):
    """The best rows of functions drawn from the process, each of another one.

    Thompson 1933; in a box the functions are drawn at many points of it (Kandasamy et al. 2018).

    Args:
        points: points of a box at which the functions are drawn.
        draw: as of :class:`Greedy`.
    """

    def __init__(self, points: int = 1000, draw: Draw = Box.uniform) -> None:
        self.points = points
        self.draw = draw

    def in_box(self, model: ConditionedGP, box: Box, n: int, generator: torch.Generator) -> Tensor:
        """Draw functions at random points of the box."""
        points = starting_points(model, box, max(self.points, 2 * n), generator, self.draw)
        return points[self.among(model, points, n, generator)]

    @torch.no_grad()
    def among(
        self, model: ConditionedGP, rows: Tensor, n: int, generator: torch.Generator
    ) -> list[int]:
        """Draw functions at all rows; each takes its best that none before it took."""
        from linear_operator.utils.cholesky import psd_safe_cholesky

        mean, covariance = model.joint(rows)
        noise = torch.randn(n, len(rows), generator=generator, dtype=rows.dtype)
        samples = mean + noise @ psd_safe_cholesky(covariance).T
        chosen: list[int] = []
        for sample in samples:
            if len(chosen) == len(rows):
                break
            sample[chosen] = -torch.inf
            chosen.append(int(sample.argmax()))
        return chosen


@torch.no_grad()
def starting_points(
    model: ConditionedGP, box: Box, n: int, generator: torch.Generator, draw: Draw
) -> Tensor:
    """Points of a box: some drawn anywhere, some around the best known rows. **Shape** (n, G).

    In a box of 56 coordinates points drawn anywhere are far from every known row.
    """
    around = int(AROUND * n)
    means = model.mean(model.known)
    parents = model.known[means.argsort(descending=True)[:PARENTS]]
    drawn = torch.randn(around, len(box.lower), generator=generator, dtype=torch.float64)
    parent = parents[torch.randint(len(parents), (around,), generator=generator)]
    near = box.clip(parent + REACH * (box.upper - box.lower) * drawn / 2)
    return torch.cat([draw(box, n - around, generator), near])


def optimise_from(value: AcquisitionFunction, starts: Tensor, box: Box, steps: int) -> Tensor:
    """Local optima that are reached from some points. **Shape** (S, G) → (S, G)."""
    from botorch.generation.gen import gen_candidates_scipy

    points, _ = gen_candidates_scipy(
        starts[:, None],
        value,
        lower_bounds=box.lower,
        upper_bounds=box.upper,
        options={"maxiter": steps},
    )
    return points[:, 0].detach()


@torch.no_grad()
def _values(value: AcquisitionFunction, rows: Tensor) -> Tensor:
    """An acquisition at each row by itself. **Shape** (B, F) → (B,)."""
    return torch.cat([value(part[:, None]) for part in rows.split(RAW)])


def _sampler(seed: int) -> SobolQMCNormalSampler:
    from botorch.sampling.normal import SobolQMCNormalSampler

    return SobolQMCNormalSampler(torch.Size([MC_SAMPLES]), seed=seed)


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**31, (1,), generator=generator))
