"""A small network whose hidden units are the basis functions of DNGO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Of Adam, its defaults everywhere."""


@dataclass(frozen=True)
class NetworkSettings:
    """Settings of the network and its training; the defaults are the published ones.

    Attributes:
        units: hidden units Q.
        epochs: passes over the labels.
        batch: labels a step; an incomplete batch is dropped, and of fewer labels all are one batch.
        learning_rate: of Adam.
    """

    units: int = 128
    epochs: int = 100
    batch: int = 10
    learning_rate: float = 1e-2


@dataclass(frozen=True)
class TanhNetwork:
    """``D → Q tanh → 1``, without its last layer, which only its training needs.

    Attributes:
        weight: **shape** (Q, D), float64.
        bias: **shape** (Q,), float64.
    """

    weight: np.ndarray
    bias: np.ndarray

    def basis(self, inputs: Tensor) -> Tensor:
        """The hidden units. **Shape** (n, D) → (n, Q), in the type of the inputs."""
        weight, bias = (torch.from_numpy(each).to(inputs) for each in (self.weight, self.bias))
        hidden = torch.addmm(bias, inputs, weight.T)
        np.tanh(hidden.numpy(), out=hidden.numpy())  # in a quarter of PyTorch's time
        return hidden


def fit_networks(
    inputs: np.ndarray,
    targets: np.ndarray,
    settings: NetworkSettings,
    generators: Sequence[np.random.Generator],
) -> list[TanhNetwork]:
    """Fit the networks of several runs at once, each by its own mean squared error.

    The gradient is written out: at ten labels a step, automatic differentiation takes ten times as
    long as the products themselves. What one run gives does not depend on the others.

    Args:
        inputs: of each run. **Shape** (R, n, D), float64, standardised.
        targets: **shape** (R, n), float64.
        settings: of the networks and their training.
        generators: of each run's first weights and the order of its labels.
    """
    runs, count, width = inputs.shape
    units = settings.units
    parameters = np.stack([_first_weights(width, units, each) for each in generators])
    weight, bias, last, constant = _split(parameters, width, units)
    gradient = np.empty_like(parameters)
    by_weight, by_bias, by_last, by_constant = _split(gradient, width, units)
    adam = _Adam(parameters, gradient, settings.learning_rate)
    size = min(settings.batch, count)
    for _ in range(settings.epochs):
        order = np.stack([each.permutation(count) for each in generators])
        shuffled = np.take_along_axis(inputs, order[:, :, None], axis=1)
        wanted = np.take_along_axis(targets, order, axis=1)
        for start in range(0, count - size + 1, size):
            batch = shuffled[:, start : start + size]
            hidden = np.tanh(batch @ weight.transpose(0, 2, 1) + bias)
            predicted = hidden @ last.transpose(0, 2, 1) + constant
            errors = 2 / size * (predicted - wanted[:, start : start + size, None])
            back = errors * last
            back *= 1 - hidden * hidden
            np.matmul(back.transpose(0, 2, 1), batch, out=by_weight)
            back.sum(1, keepdims=True, out=by_bias)
            np.matmul(errors.transpose(0, 2, 1), hidden, out=by_last)
            errors.sum(1, keepdims=True, out=by_constant)
            adam.step()
    return [TanhNetwork(weight[run], bias[run, 0]) for run in range(runs)]


def _first_weights(width: int, units: int, generator: np.random.Generator) -> np.ndarray:
    """Weights and biases of both layers, uniform as those of PyTorch's ``nn.Linear``."""
    first = generator.uniform(-1, 1, units * width + units) / np.sqrt(width)
    second = generator.uniform(-1, 1, units + 1) / np.sqrt(units)
    return np.concatenate([first, second])


def _split(
    parameters: np.ndarray, width: int, units: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Views of every run's parameters.

    Weight (R, Q, D) and bias (R, 1, Q) of the hidden layer, weight (R, 1, Q) and bias (R, 1, 1)
    after it.
    """
    runs = len(parameters)
    ends = np.cumsum([units * width, units, units])
    weight, *others = np.split(parameters, ends, axis=1)
    bias, last, constant = (each.reshape(runs, 1, -1) for each in others)
    return weight.reshape(runs, units, width), bias, last, constant


class _Adam:
    """Adam (Kingma & Ba 2015) on one array, in place.

    PyTorch's products that add, as numpy would pass twice over arrays that do not fit in a cache.
    """

    def __init__(self, parameters: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        self._parameters, self._gradient = map(torch.from_numpy, (parameters, gradient))
        self._rate = rate
        self._mean, self._square, self._size = (torch.zeros_like(self._gradient) for _ in range(3))
        self._steps = 0

    def step(self) -> None:
        """Move against the gradient."""
        self._steps += 1
        first, second = BETAS
        self._mean.lerp_(self._gradient, 1 - first)
        self._square.mul_(second).addcmul_(self._gradient, self._gradient, value=1 - second)
        torch.sqrt(self._square, out=self._size)
        # both corrections of the bias, in the factors
        correction = (1 - second**self._steps) ** 0.5
        self._size.add_(EPSILON * correction)
        rate = self._rate * correction / (1 - first**self._steps)
        self._parameters.addcdiv_(self._mean, self._size, value=-rate)
