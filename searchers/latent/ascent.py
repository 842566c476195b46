"""Steps uphill in a latent space, by the gradients of what heads predict there.

NGAE (Li, Liu, Liu, Wang 2020, arXiv:2006.10310) takes them without a bound from each start alone;
here all starts are one batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

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

    **Shape** (B, G) → (B, G).

    NOTE: the Hessian of a small network is nearly singular; take float64.
    """
    hessian = torch.func.vmap(torch.func.hessian(lambda point: function(point[None])[0]))(z)
    return z + rate * torch.linalg.solve(hessian.detach(), gradient(function, z))
