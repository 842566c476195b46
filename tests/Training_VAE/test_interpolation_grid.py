from __future__ import annotations

import pytest
import torch

from experiment.errors import InputError
from Training_VAE.interpolation_grid import grid_around


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_grid_is_square_and_flat_around_its_centre() -> None:
    centre = torch.randn(12, generator=seeded(0))
    directions, points, steps = grid_around(centre, 9, 0.05, seeded(1))
    assert points.shape == (9, 9, 12)
    assert steps == [*range(-4, 5)]
    assert torch.equal(points[4, 4], centre)
    unit = torch.eye(2, dtype=torch.float64)
    assert torch.allclose(directions @ directions.T, unit, atol=1e-12)
    for axis, direction in ((1, directions[0]), (0, directions[1])):
        moves = points.double().diff(dim=axis)
        assert torch.allclose(moves, (0.05 * direction).expand_as(moves), atol=1e-6)


def test_the_plane_of_a_grid_is_drawn_by_the_generator() -> None:
    centre = torch.zeros(6)
    first, again, other = (grid_around(centre, 3, 1.0, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.points, again.points)
    assert not torch.allclose(first.directions, other.directions, atol=1e-2)


@pytest.mark.parametrize("size", [-3, 0, 1, 4, 27])
def test_a_grid_has_a_centre_and_can_be_read(size: int) -> None:
    with pytest.raises(InputError, match=rf"grid of {size} points .* odd number from 3 to 25"):
        grid_around(torch.zeros(6), size, 1.0, seeded(1))


def test_a_line_has_no_grid() -> None:
    with pytest.raises(InputError, match="no two orthogonal directions"):
        grid_around(torch.zeros(1), 3, 1.0, seeded(1))
