"""A small network whose hidden units are the basis functions of DNGO."""

from __future__ import annotations

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
        return torch.addmm(bias, inputs, weight.T).tanh_()


def fit_network(
    inputs: np.ndarray,
    targets: np.ndarray,
    settings: NetworkSettings,
    generator: np.random.Generator,
) -> TanhNetwork:
    """Fit the network by the mean squared error.

    The gradient is written out: at ten labels a step, automatic differentiation takes ten times as
    long as the products themselves.

    Args:
        inputs: **shape** (n, D), float64, standardised.
        targets: **shape** (n,), float64.
        settings: of the network and its training.
        generator: of the first weights and the order of the labels.
    """
    count, width = inputs.shape
    units = settings.units
    parameters = _first_weights(width, units, generator)
    weight, bias, last, constant = _split(parameters, width, units)
    gradient = np.empty_like(parameters)
    by_weight, by_bias, by_last, by_constant = _split(gradient, width, units)
    adam = _Adam(parameters, settings.learning_rate)
    size = min(settings.batch, count)
    for _ in range(settings.epochs):
        order = generator.permutation(count)
        for start in range(0, count - size + 1, size):
            rows = order[start : start + size]
            batch = inputs[rows]
            hidden = np.tanh(batch @ weight.T + bias)
            errors = 2 / size * (hidden @ last + constant - targets[rows])
            back = np.outer(errors, last) * (1 - hidden * hidden)
            by_weight[:] = back.T @ batch
            by_bias[:] = back.sum(0)
            by_last[:] = errors @ hidden
            by_constant[:] = errors.sum()
            adam.step(gradient)
    return TanhNetwork(weight, bias)


def _first_weights(width: int, units: int, generator: np.random.Generator) -> np.ndarray:
    """Weights and biases of both layers, uniform as those of PyTorch's ``nn.Linear``."""
    first = generator.uniform(-1, 1, units * width + units) / np.sqrt(width)
    second = generator.uniform(-1, 1, units + 1) / np.sqrt(units)
    return np.concatenate([first, second])


def _split(
    parameters: np.ndarray, width: int, units: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Views: weight (Q, D) and bias (Q,) of the hidden layer, weight (Q,) and bias (1,) after."""
    ends = np.cumsum([units * width, units, units])
    weight, bias, last, constant = np.split(parameters, ends)
    return weight.reshape(units, width), bias, last, constant


class _Adam:
    """Adam (Kingma & Ba 2015) on one vector, in place."""

    def __init__(self, parameters: np.ndarray, rate: float) -> None:
        self._parameters = parameters
        self._rate = rate
        self._mean = np.zeros_like(parameters)
        self._square = np.zeros_like(parameters)
        self._steps = 0

    def step(self, gradient: np.ndarray) -> None:
        """Move against a gradient."""
        self._steps += 1
        first, second = BETAS
        self._mean += (1 - first) * (gradient - self._mean)
        self._square += (1 - second) * (gradient * gradient - self._square)
        size = np.sqrt(self._square / (1 - second**self._steps)) + EPSILON
        self._parameters -= self._rate / (1 - first**self._steps) * self._mean / size
