"""DARTS, first order: weights of all options, trained by gradients beside the shared weights.

Liu, Simonyan and Yang, *DARTS: Differentiable Architecture Search*, ICLR 2019 (arXiv:1806.09055),
on graph networks as in AutoGL-light.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from estimators.supernet_training import OneShotRecipe, resume_with_bar
from experiment.errors import InputError
from experiment.loop import TrainingLoop
from experiment.optimisation import make_optimisers
from models.supernets.supernet import Supernet
from searchers.shared_weights.choosing import ChoosingWeights, as_choosing, check_warmup

SPREAD = 1e-3
"""Standard deviation of the first α: near zero, so that all options weigh alike."""


@dataclass(frozen=True)
class DARTSRecipe(OneShotRecipe):
    """How shared weights and the weights of the options are trained.

    ``DARTSRecipe.load("darts")`` is ours, ``DARTSRecipe.load("darts", "published")`` AutoGL's. An
    epoch has ``paths`` steps, each with all options.

    Attributes:
        warmup_epochs: first epochs, in which α stay as they are.
        choice_rate: learning rate of Adam for α.
        choice_decay: weight decay of α.
        choice_momentum: β₁ of Adam for α.
    """

    warmup_epochs: int = 0
    choice_rate: float = 3e-4
    choice_decay: float = 1e-3
    choice_momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size != 1:
            raise InputError(f"batch_size is {self.batch_size}, expected 1: a step has all options")
        check_warmup(self.warmup_epochs, self.epochs)
        if not self.choice_rate > 0 or self.choice_decay < 0 or not 0 <= self.choice_momentum < 1:
            raise InputError(
                f"choice_rate, choice_decay and choice_momentum are {self.choice_rate}, "
                f"{self.choice_decay} and {self.choice_momentum}, expected a positive number, one "
                "of at least 0, and one from 0 to below 1"
            )


class Alphas(nn.Module):
    """Options weigh ``softmax(α)`` at each place; the state dict holds the optimiser, too.

    Args:
        options: how many each place has.
        recipe: how α are trained.
    """

    def __init__(self, options: Sequence[int], recipe: DARTSRecipe) -> None:
        super().__init__()
        self.alphas = nn.ParameterList(SPREAD * torch.randn(count) for count in options)
        self._optimiser = torch.optim.Adam(
            self.alphas,
            lr=recipe.choice_rate,
            betas=(recipe.choice_momentum, 0.999),
            weight_decay=recipe.choice_decay,
        )

    def forward(self) -> list[Tensor]:
        """The weights of the options. **Shape** (options,) for each place."""
        return [alpha.softmax(0) for alpha in self.alphas]

    def step(self, loss: Tensor) -> None:
        """Move α alone down the gradient of a loss."""
        alphas = list(self.alphas)
        gradients = torch.autograd.grad(loss, alphas, allow_unused=True)
        for alpha, gradient in zip(alphas, gradients, strict=True):
            alpha.grad = gradient
        self._optimiser.step()

    def get_extra_state(self) -> dict[str, Any]:
        """What the state dict has beside α."""
        return self._optimiser.state_dict()

    def set_extra_state(self, state: Any) -> None:
        """Continue from there."""
        self._optimiser.load_state_dict(state)


class DARTSWeights(ChoosingWeights):
    """Shared weights and α in turns: α on the validation nodes, then the weights on the others.

    The first choice is the architecture of the largest α at each place.
    """

    recipe: DARTSRecipe

    def chooser(self, supernet: Supernet) -> nn.Module:
        """α near zero."""
        return Alphas(supernet.options, self.recipe)

    def choose(self, supernet: Supernet, alphas: Alphas) -> None:
        """One step of α."""
        alphas.step(self.loss(supernet, alphas(), "validation"))

    def loss(self, supernet: Supernet, weights: Sequence[Tensor], part: str) -> Tensor:
        """Cross entropy of weighted options on the nodes of a part."""
        nodes, places = self.task.nodes, self.task.nodes.parts[part]
        scores = supernet(nodes.features, nodes.edges, weights, places)
        return nn.functional.cross_entropy(scores, nodes.labels[places])

    def paths(self, chooser: nn.Module, seed: int) -> Iterator[Sequence[int]]:
        """The largest α at each place, then the others by the product of the weights."""
        return paths_by_weight([weights.tolist() for weights in cast(Alphas, chooser)()])

    def train(self, whole: nn.Module, checkpoint: Path | None) -> None:
        """Steps of α and weights in turns; killed, it resumes to the bit."""
        supernet, recipe = as_choosing(whole).supernet, self.recipe
        alphas = cast(Alphas, as_choosing(whole).chooser)

        def step(epochs: list[int], generator: torch.Generator) -> dict[str, Tensor]:
            if epochs[0] >= recipe.warmup_epochs:
                self.choose(supernet, alphas)
            weights = [each.detach() for each in alphas()]
            return {"loss": self.loss(supernet, weights, "train")}

        loop = TrainingLoop(
            whole,
            recipe.optimisation,
            lambda epoch: [epoch] * recipe.paths,
            step,
            self.training.work.seed,
            checkpoint,
            unit="steps",
            shown=False,
            optimisers=make_optimisers(supernet, recipe.optimisation),
        )
        resume_with_bar(loop)


def paths_by_weight(weights: Sequence[Sequence[float]]) -> Iterator[tuple[int, ...]]:
    """All paths, those with the largest product of the weights of their options first.

    Args:
        weights: of the options of each place, not negative.
    """
    order = [sorted(range(len(each)), key=lambda k, each=each: -each[k]) for each in weights]  # type: ignore[misc]

    def cost(ranks: tuple[int, ...]) -> float:
        chosen = zip(weights, order, ranks, strict=True)
        taken = (each[ranked[rank]] for each, ranked, rank in chosen)
        # A softmax may be so sharp that it gives exactly zero.
        return -sum(math.log(weight) if weight else -math.inf for weight in taken)

    first = (0,) * len(weights)
    heap, seen = [(cost(first), first)], {first}
    while heap:
        _, ranks = heapq.heappop(heap)
        yield tuple(ranked[rank] for ranked, rank in zip(order, ranks, strict=True))
        for place, rank in enumerate(ranks):
            following = (*ranks[:place], rank + 1, *ranks[place + 1 :])
            if rank + 1 < len(order[place]) and following not in seen:
                seen.add(following)
                heapq.heappush(heap, (cost(following), following))
