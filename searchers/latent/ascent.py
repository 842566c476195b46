"""Steps uphill in a latent space, by the gradients of what heads predict there.

NGAE (Li, Liu, Liu, Wang 2020, arXiv:2006.10310) takes them without a bound from each start alone;
here all starts are one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.dvae_heads import COMPLEXITY
from models.heads import ACCURACY

Function = Callable[[Tensor], Tensor]
"""From latents (B, G) to one number each (B,), each by its own latent alone."""


def gradient(function: Function, z: Tensor) -> Tensor:
    """Of the function at each latent. **Shape** (B, G) → (B, G)."""
    z = z.detach().requires_grad_()
    (found,) = torch.autograd.grad(function(z).sum(), z)
    return found


def gradient_step(function: Function, z: Tensor, rate: float) -> Tensor:
    """``z + rate · ∇f(z)``. **Shape** (B, G) → (B, G)."""
    return z + rate * gradient(function, z)


def published_newton_step(function: Function, z: Tensor, rate: float) -> Tensor:
    """``z + rate · (∇²f)⁻¹ ∇f``, the published sign: at a maximum it leads away from it.

    **Shape** (B, G) → (B, G); not finite where the Hessian is singular.

    NOTE: the Hessian of a small network is nearly singular; take float64.
    """
    hessian = torch.func.vmap(torch.func.hessian(lambda point: function(point[None])[0]))(z)
    solution, singular = torch.linalg.solve_ex(hessian.detach(), gradient(function, z))
    return z + rate * solution.masked_fill((singular > 0)[:, None], torch.nan)


def objective_of(heads: Mapping[str, nn.Module], trade_off: float = 1.0) -> Function:
    """What NGAE goes up: the accuracy less λ times the complexity, where that is predicted.

    Args:
        heads: by name.
        trade_off: λ; 1 is published.
    """

    def value(z: Tensor) -> Tensor:
        gain = heads[ACCURACY](z)
        return gain - trade_off * heads[COMPLEXITY](z) if COMPLEXITY in heads else gain

    return value


@dataclass(frozen=True)
class Ascent:
    """How a search in the latent space goes up.

    Attributes:
        rate: what a step is multiplied by.
        steps: how many there are at most.
    """

    rate: float
    steps: int


PUBLISHED_ASCENTS: dict[tuple[str, str], Ascent] = {
    ("sgd", "random"): Ascent(10.0, 100),
    ("sgd", "optimal"): Ascent(1000.0, 100),
    ("Newton", "random"): Ascent(0.01, 20),
    ("Newton", "optimal"): Ascent(0.01, 20),
}
"""NGAE's, by its names of the steps and of the starts.

NOTE: steps of 10 and 1,000 leave the region of the data at once, and the heads saturate there.
"""


def ascend(function: Function, z: Tensor, ascent: Ascent) -> Tensor:
    """Steps by the gradient. **Shape** (B, G) → (B, G)."""
    for _ in range(ascent.steps):
        z = gradient_step(function, z, ascent.rate)
    return z


def walk(
    function: Function, z: Tensor, inside: Callable[[Tensor], Tensor], steps: int, stride: float
) -> Tensor:
    """The points of walks uphill by steps of one length. **Shape** (S, G) → (S · steps, G).

    Args:
        function: is gone up.
        z: where the walks start.
        inside: moves points into the region that is not left.
        steps: of each walk.
        stride: length of a step.
    """
    way = []
    for _ in range(steps):
        slope = gradient(function, z)
        z = inside(z + stride * slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-12))
        way.append(z)
    return torch.cat(way)


def ascend_by_newton(function: Function, z: Tensor, ascent: Ascent) -> Tensor:
    """NGAE's steps by Newton's method. **Shape** (B, G) → (B, G).

    A point stays where its gradient is zero or its Hessian is singular.
    """
    for _ in range(ascent.steps):
        moved = published_newton_step(function, z, ascent.rate)
        moves = gradient(function, z).any(1) & moved.isfinite().all(1)
        z = torch.where(moves[:, None], moved, z)
    return z
