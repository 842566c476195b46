"""What a training with input–output information is judged by: errors by part, and their baseline.

The baseline predicts the mean target of the training part for every pair, as Suchopárová and Neruda
(2022) do. Intervals are bootstrapped over networks and images, both drawn anew with replacement:
pairs that share one or the other are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from models.io_models import ERRORS, IOModel
from Training_VAE.io_batches import Pairs

RESAMPLES = 1_000
"""Bootstrap samples of an interval."""
CONFIDENCE = 0.95


@torch.no_grad()
def errors_of(model: IOModel, pairs: Pairs, error: str) -> Tensor:
    """Distance of output and target of every pair, the mean over the K numbers.

    Args:
        model: in evaluation mode.
        pairs: with their targets.
        error: one of :data:`models.io_models.ERRORS`.

    Returns:
        **Shape** (A, I), float32.
    """
    latents = model.encode_all(pairs.graphs).mean
    found, row = [], 0
    for outputs in model.outputs_of_all(latents, *pairs.inputs):
        targets = pairs.targets[row : row + len(outputs)]
        found.append(distances(outputs, targets, error))
        row += len(outputs)
    return torch.cat(found)


def mean_target(pairs: Pairs) -> Tensor:
    """What the baseline predicts. **Shape** (K,)."""
    return pairs.targets.mean((0, 1))


def baseline_errors(mean: Tensor, pairs: Pairs, error: str) -> Tensor:
    """Distance of the mean target and the target of every pair. **Shape** (A, I), float32."""
    return torch.stack([distances(mean.expand_as(each), each, error) for each in pairs.targets])


def distances(outputs: Tensor, targets: Tensor, error: str) -> Tensor:
    """**Shape** (…, K) each → (…)."""
    return ERRORS[error](outputs, targets, reduction="none").mean(-1)


def resampled_means(errors: Tensor, seed: int) -> np.ndarray:
    """Means over networks and images drawn with replacement; the same draws for the same shape.

    Args:
        errors: **shape** (A, I).
        seed: of the draws.

    Returns:
        **Shape** (:data:`RESAMPLES`,).
    """
    generator = np.random.default_rng(seed)
    networks, images = (
        generator.multinomial(size, np.full(size, 1 / size), RESAMPLES) / size
        for size in errors.shape
    )
    return ((networks @ errors.cpu().double().numpy()) * images).sum(1)


def interval(samples: np.ndarray) -> list[float]:
    """The middle :data:`CONFIDENCE` of bootstrap samples, both ends."""
    rest = (1 - CONFIDENCE) / 2
    return [float(end) for end in np.quantile(samples, [rest, 1 - rest])]


def compared(errors: Tensor, baseline: Tensor, seed: int) -> dict[str, float | list[float]]:
    """The model's mean error, the baseline's, and the first as a share of the second.

    **Shape** (A, I) each.

    Returns:
        ``loss``, ``baseline``, ``ratio``, and the ends of the interval of each
        (``<name>_interval``).
    """
    ours, theirs = resampled_means(errors, seed), resampled_means(baseline, seed)
    loss, base = float(errors.double().mean()), float(baseline.double().mean())
    return {
        "loss": loss,
        "loss_interval": interval(ours),
        "baseline": base,
        "baseline_interval": interval(theirs),
        "ratio": loss / base,
        "ratio_interval": interval(ours / theirs),
    }


def losses(model: IOModel, parts: Mapping[str, Pairs], error: str) -> dict[str, float]:
    """The mean error in every part, by its name; see :func:`errors_of`."""
    return {name: float(errors_of(model, pairs, error).mean()) for name, pairs in parts.items()}
