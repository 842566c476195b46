"""Steps uphill: on quadratic functions, whose gradients and Hessians are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchers.latent.ascent import (
    Ascent,
    ascend,
    ascend_by_newton,
    gradient,
    gradient_step,
    objective_of,
    published_newton_step,
)

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


def test_ascents_are_so_many_steps() -> None:
    z = starts()
    torch.testing.assert_close(ascend(hill, z, Ascent(0.3, 200)), CENTRE.expand(5, 3))
    away = ascend_by_newton(hill, z, Ascent(0.1, 3))
    torch.testing.assert_close(away - CENTRE, 1.1**3 * (z - CENTRE))


def test_newton_stays_where_it_has_no_direction() -> None:
    """At the top the gradient is zero; on a slope without curvature the Hessian is singular."""
    z = torch.cat([CENTRE[None], starts()])
    assert torch.equal(ascend_by_newton(hill, z, Ascent(0.1, 3))[0], CENTRE)
    assert torch.equal(ascend_by_newton(lambda z: z.sum(1), z, Ascent(0.1, 3)), z)


def test_complexities_weigh_lambda() -> None:
    heads = {"accuracy": nn.Flatten(0), "complexity": nn.Sequential(nn.Flatten(0), nn.Tanh())}
    z = starts()[:, :1]
    torch.testing.assert_close(objective_of(heads, 0.5)(z), z[:, 0] - 0.5 * z[:, 0].tanh())
    torch.testing.assert_close(objective_of({"accuracy": heads["accuracy"]})(z), z[:, 0])
