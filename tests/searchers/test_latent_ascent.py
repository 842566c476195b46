"""Steps uphill: on quadratic functions, whose gradients and Hessians are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchers.latent.ascent import gradient, gradient_step, published_newton_step

CENTRE = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
CURVES = torch.tensor([[2.0, 0.3, 0.0], [0.3, 1.0, -0.2], [0.0, -0.2, 3.0]], dtype=torch.float64)


def hill(z: Tensor) -> Tensor:
    """The highest at the centre."""
    away = z - CENTRE
    return -0.5 * ((away @ CURVES) * away).sum(1)


def starts() -> Tensor:
    return torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_gradients() -> None:
    z = starts()
    torch.testing.assert_close(gradient(hill, z), -(z - CENTRE) @ CURVES)
    for _ in range(200):
        z = gradient_step(hill, z, 0.3)
    torch.testing.assert_close(z, CENTRE.expand(5, 3))
    assert not z.requires_grad


def test_newton_leads_away_from_a_maximum() -> None:
    z = starts()
    torch.testing.assert_close(published_newton_step(hill, z, 0.1) - CENTRE, 1.1 * (z - CENTRE))


def test_starts_are_independent_and_weights_are_left_alone() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double()
    z = starts()
    for step in (gradient_step, published_newton_step):
        together = step(network, z, 0.1)
        alone = torch.cat([step(network, each[None], 0.1) for each in z])
        torch.testing.assert_close(together, alone)
        assert not together.requires_grad
    assert all(each.grad is None for each in network.parameters())
