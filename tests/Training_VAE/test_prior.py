"""Priors: the moments they are fitted to, what scale does to them, and seeds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from experiment.errors import InputError
from Training_VAE.prior import PRIORS


@pytest.fixture(scope="module")
def latents() -> Tensor:
    """Correlated coordinates away from the origin, one of them fixed. **Shape** (500, 4)."""
    generator = torch.Generator().manual_seed(3)
    mixing = torch.tensor([[1.0, 0.8, 0, 0], [0, 0.5, 0, 0], [0, 0, 2.0, 0], [0, 0, 0, 0]])
    return torch.randn(500, 4, generator=generator) @ mixing + torch.tensor([2.0, 0, -1, 5])


def draw(kind: str, latents: Tensor, scale: float = 1.0, n: int = 20_000, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return PRIORS[kind].fit(latents, scale).sample(n, generator)


def test_diagonal_is_the_published_prior_draw_for_draw(latents: Tensor) -> None:
    noise = torch.randn(7, 4, generator=torch.Generator().manual_seed(5))
    published = latents.mean(0) + latents.std(0) * noise
    assert torch.equal(draw("diagonal", latents, n=7, seed=5), published)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_moments_of_the_normal_priors(latents: Tensor, scale: float) -> None:
    centre, covariance = latents.mean(0), torch.cov(latents.T) * scale**2
    full, diagonal = draw("full", latents, scale), draw("diagonal", latents, scale)
    for drawn in (full, diagonal):
        torch.testing.assert_close(drawn.mean(0), centre, atol=0.06 * scale, rtol=0)
        torch.testing.assert_close(drawn.std(0), covariance.diag().sqrt(), atol=1e-5, rtol=0.03)
    tolerance = 0.1 * scale**2
    torch.testing.assert_close(torch.cov(full.T), covariance, atol=tolerance, rtol=0)
    assert covariance[0, 1] > 5 * tolerance
    assert torch.cov(diagonal.T)[0, 1].abs() < tolerance
    standard = draw("standard", latents, scale)
    torch.testing.assert_close(standard.mean(0), torch.zeros(4), atol=0.03 * scale, rtol=0)
    torch.testing.assert_close(standard.std(0), torch.full((4,), scale), atol=0, rtol=0.03)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_box_is_filled_from_corner_to_corner(latents: Tensor, scale: float) -> None:
    low, high = latents.amin(0), latents.amax(0)
    centre, half = (low + high) / 2, (high - low) / 2 * scale
    drawn = draw("box", latents, scale)
    assert (drawn >= centre - half - 1e-5).all()
    assert (drawn <= centre + half + 1e-5).all()
    torch.testing.assert_close(drawn.amin(0), centre - half, atol=0.01 * scale, rtol=0)
    torch.testing.assert_close(drawn.amax(0), centre + half, atol=0.01 * scale, rtol=0)
    torch.testing.assert_close(drawn.mean(0), centre, atol=0.05 * scale, rtol=0)


def test_sphere_has_the_mean_norm_and_the_normal_draws_directions(latents: Tensor) -> None:
    drawn, normal = draw("sphere", latents, 2.0), draw("diagonal", latents)
    radius = 2 * latents.norm(dim=1).mean()
    torch.testing.assert_close(drawn.norm(dim=1), radius.expand(len(drawn)))
    alike = torch.nn.functional.cosine_similarity(drawn, normal)
    torch.testing.assert_close(alike, torch.ones(len(drawn)))


def test_encoded_draws_latents_without_repetition(latents: Tensor) -> None:
    drawn = draw("encoded", latents, n=500)
    assert not torch.equal(drawn, latents)
    assert {tuple(row) for row in drawn.tolist()} == {tuple(row) for row in latents.tolist()}
    stretched = draw("encoded", latents, 3.0, n=500)
    torch.testing.assert_close(stretched.std(0), 3 * latents.std(0))
    with pytest.raises(InputError, match=r"501 different .* there are 500"):
        draw("encoded", latents, n=501)


@pytest.mark.parametrize("kind", list(PRIORS))
def test_points_are_told_by_the_seed(latents: Tensor, kind: str) -> None:
    first = draw(kind, latents, n=50, seed=1)
    assert first.shape == (50, 4)
    assert torch.equal(first, draw(kind, latents, n=50, seed=1))
    assert not torch.equal(first, draw(kind, latents, n=50, seed=2))
