"""Paths through a latent space, and the architectures along them.

Great circles as in Zhang et al., *D-VAE: A Variational Autoencoder for Directed Acyclic Graphs*,
NeurIPS 2019, section 5; spherical interpolation between two points: White, *Sampling Generative
Networks*, arXiv:1609.04468. The circles are those around the origin, the mean of the prior.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from experiment.errors import InputError
from models import Embedding
from models.decodings import modal

_COLLINEAR = 1e-6
"""Sine of the angle below which two latents count as lying on one line through the origin."""


class Paths(NamedTuple):
    """P paths of S points each.

    ``positions`` (P, S) from 0 to 1 along each path, ``points`` (P, S, G).
    """

    positions: Tensor
    points: Tensor


def line(start: Tensor, end: Tensor, steps: int) -> Paths:
    """Straight lines, both ends included. **Shape** (P, G) each → S = ``steps`` points.

    Raises:
        InputError: fewer than 2 steps, or latents that do not fit together.
    """
    _check_ends(start, end, steps, 2)
    positions = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device)
    points = torch.lerp(start[:, None], end[:, None], positions[:, None])
    return Paths(positions.expand(len(start), steps), points)


def great_circle(start: Tensor, end: Tensor, steps: int) -> Paths:
    """Circles around the origin from ``start`` through ``end`` and on, back to ``start``.

    Both latents are among the points, and so is ``start`` again as the last. Between them the
    points are evenly spaced, on either arc by itself. Where the latents differ in norm, the
    radius goes from one to the other in proportion to the angle, on both arcs.

    **Shape** (P, G) each → S = ``steps`` points; a position is a share of the full angle.

    Raises:
        InputError: fewer than 3 steps, latents that do not fit together, or two latents on one
            line through the origin, where the great circle is not unique.
    """
    _check_ends(start, end, steps, 3)
    start, end = start.double(), end.double()
    radius, end_radius = start.norm(dim=1, keepdim=True), end.norm(dim=1, keepdim=True)
    along = start / radius.clamp(min=torch.finfo(radius.dtype).tiny)
    cosine = (end * along).sum(1, keepdim=True)
    across = end - cosine * along
    sine = across.norm(dim=1, keepdim=True)
    if ((sine <= _COLLINEAR * end_radius) | (radius == 0)).any():
        raise InputError(
            "two latents lie on one line through the origin, and no great circle is "
            "unique: take other architectures, or a straight line"
        )
    angle = torch.atan2(sine, cosine)  # (P, 1), 0 to π
    intervals = steps - 1
    until = (intervals * angle / math.tau).round().clamp(1, intervals - 1)  # place of ``end``
    place = torch.arange(steps, device=start.device)
    there = (place / until).clamp(max=1)  # (P, S), share of the arc from start to end
    back = ((place - until) / (intervals - until)).clamp(min=0)
    angles = there * angle + back * (math.tau - angle)
    radii = radius + (there - back) * (end_radius - radius)
    return _around(along, across / sine, angles, radii)


def circle_through(start: Tensor, steps: int, generator: torch.Generator) -> Paths:
    """Circles around the origin from ``start`` in a random direction, back to ``start``.

    Args:
        start: **shape** (P, G).
        steps: evenly spaced points S, ``start`` being the first and the last of them.
        generator: draws the directions, on the device of ``start``.

    Raises:
        InputError: fewer than 2 steps, a latent at the origin, or a latent width of 1.
    """
    _check_ends(start, start, steps, 2)
    if start.shape[1] < 2 or (start == 0).all(1).any():
        raise InputError(
            "no great circle goes through the origin, or through a latent of width 1: "
            "take another architecture"
        )
    noise = torch.randn(start.shape, generator=generator, device=start.device).double()
    start = start.double()
    radius = start.norm(dim=1, keepdim=True)
    along = start / radius
    across = noise - (noise * along).sum(1, keepdim=True) * along
    across = across / across.norm(dim=1, keepdim=True)
    angles = torch.linspace(0, math.tau, steps, dtype=torch.float64, device=start.device)
    shape = (len(start), steps)
    return _around(along, across, angles.expand(shape), radius.expand(shape))


def _around(along: Tensor, across: Tensor, angles: Tensor, radii: Tensor) -> Paths:
    """Points at given angles. **Shape** (P, G), (P, G), (P, S), (P, S); all float64."""
    points = radii[..., None] * (
        angles.cos()[..., None] * along[:, None] + angles.sin()[..., None] * across[:, None]
    )
    return Paths((angles / math.tau).float(), points.float())


def _check_ends(start: Tensor, end: Tensor, steps: int, least: int) -> None:
    if steps < least:
        raise InputError(f"such a path takes {least} points at least, {steps} were requested")
    if start.ndim != 2 or start.shape != end.shape:
        raise InputError(
            f"latents of shape {tuple(start.shape)} and {tuple(end.shape)} are no ends of paths: "
            "expected (P, G) twice"
        )


def decode_most_frequent(
    model: Embedding, z: Tensor, space: SearchSpace, draws: int, generator: torch.Generator
) -> GraphBatch:
    """The architecture that most of a number of sampled decodings of each latent agree on.

    Decodings are members of the space and are counted up to isomorphism; of equally frequent
    ones the first by name is taken.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        space: the search space.
        draws: sampled decodings of each latent.
        generator: on the model's device.
    """
    legality = space.legality()
    decodings = model.decode_many(z, draws, legality, generator)
    return modal(decodings, legality).graphs.to(z.device)


def runs(names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last place of every stretch of equal names."""
    for _, group in groupby(range(len(names)), key=names.__getitem__):
        places = list(group)
        yield places[0], places[-1]
