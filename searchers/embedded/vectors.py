"""The vectors of candidates in an embedding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from experiment.checks import shown
from experiment.errors import InputError
from experiment.progress import progress
from predictors.trained_vae import load_trained_vae
from searchers.candidate_bo import as_candidates
from searchers.domain import Domain

CHUNK = 4_096
"""Architectures that are encoded at a time; latents of all nodes would be large together."""
Scaling = Callable[[Tensor], Tensor]
"""From the vectors of an embedding to those that are searched. **Shape** (B, D) → (B, D)."""


@torch.no_grad()
def embedding_vectors(domain: Domain, weights: str | Path | None = None) -> Tensor:
    """One vector for each candidate, from a trained embedding.

    Args:
        domain: the candidate set.
        weights: folder or name of the embedding; default: the shipped one of the domain's space.

    Returns:
        What :meth:`models.Embedding.graph_vector` makes of each, float32. **Shape** (B, D).

    Raises:
        InputError: the domain is no finite candidate set, or the weights are of another space.
        ModelError: there are no such weights, or they cannot be read.
    """
    candidates = as_candidates(domain)
    model = load_trained_vae(candidates.space, weights)
    parts = []
    with progress(len(candidates), "encoding", "architectures") as bar:
        for start in range(0, len(candidates), CHUNK):
            graphs = candidates.graphs[start : start + CHUNK].to(model.device)
            parts.append(model.graph_vector(model.encode_all(graphs)).float().cpu())
            bar.advance(len(graphs))
    return torch.cat(parts)


def check_vectors(vectors: Tensor, count: int) -> Tensor:
    """``vectors``, after a check that there is a finite one for each of ``count`` candidates.

    Raises:
        InputError: they have another shape or type, or a value is not finite.
    """
    if not isinstance(vectors, Tensor) or not vectors.is_floating_point() or vectors.ndim != 2:
        raise InputError(
            f"the vectors of the candidates are {shown(vectors)}, expected a tensor of numbers of "
            f"shape ({count}, D): a row for each candidate, as Embedding.graph_vector gives it"
        )
    if len(vectors) != count or vectors.shape[1] < 1:
        raise InputError(
            f"the vectors of the candidates have the shape {tuple(vectors.shape)}, expected "
            f"({count}, D): a row for each candidate"
        )
    if not torch.isfinite(vectors).all():
        raise InputError("a vector of a candidate has a value that is not finite")
    return vectors


def unscaled(vectors: Tensor) -> Tensor:
    """The vectors themselves. **Shape** (B, D)."""
    return vectors


def standardised(vectors: Tensor) -> Tensor:
    """Each coordinate in standard deviations from its mean. **Shape** (B, D)."""
    mean, std = mean_and_std(vectors)
    return (vectors - mean) / std


def mean_and_std(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each coordinate; 1 where it is the same everywhere.

    **Shape** (B, D) → (D,) twice.
    """
    mean = vectors.mean(0)
    std = (vectors - mean).square().mean(0).sqrt()
    return mean, torch.where(std > 0, std, torch.ones_like(std))
