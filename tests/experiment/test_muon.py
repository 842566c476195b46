"""Orthogonalised momentum: against singular value decompositions, and step by step."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from experiment.muon import POLYNOMIALS, SIDE, Muon, blocks_of, orthogonalise


def matrices(spectrum: list[float], rows: int, columns: int) -> Tensor:
    """Three matrices with these singular values. **Shape** (3, rows, columns)."""
    generator = torch.Generator().manual_seed(1)
    left = torch.linalg.qr(torch.randn(3, rows, rows, generator=generator)).Q
    right = torch.linalg.qr(torch.randn(3, columns, rows, generator=generator)).Q
    return left @ torch.diag(torch.tensor(spectrum)) @ right.mT


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("columns", [8, 20])
def test_singular_values_become_one_and_directions_stay(scale: float, columns: int) -> None:
    given = matrices([1.0, 0.9, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03], 8, columns)
    left, _, right = torch.linalg.svd(given, full_matrices=False)
    factor = orthogonalise(scale * given)
    inner = left.mT @ factor @ right.mT  # diagonal: what became of every singular value
    values = inner.diagonal(dim1=1, dim2=2)
    assert (inner - torch.diag_embed(values)).abs().max() < 1e-3
    assert ((values > 0.65) & (values < 1.35)).all()


def test_the_polynomials_are_what_the_module_says_of_them() -> None:
    largest = np.linspace(0.0, 1.0, 10_001)
    for first, third, fifth in POLYNOMIALS:
        largest = first * largest + third * largest**3 + fifth * largest**5
    inside = np.linspace(0.0, 1.0, 10_001) >= 0.02
    assert np.abs(largest[inside] - 1).max() < 0.35
    assert largest.min() >= 0
    assert largest.max() < 1.6


def test_a_block_without_gradient_stays_zero() -> None:
    assert not orthogonalise(torch.zeros(2, 3, 5)).any()


@pytest.mark.parametrize("shape", [(3, 5), (128, 128), (129, 40), (375, 250), (306, 362)])
def test_blocks_cover_a_matrix_once_and_are_no_larger_than_they_may(
    shape: tuple[int, int],
) -> None:
    matrix = torch.zeros(shape)
    blocks = blocks_of(matrix, SIDE)
    assert max(max(block.shape) for block in blocks) <= SIDE
    for block in blocks:
        block += 1
    assert (matrix == 1).all()


def test_a_gru_is_cut_at_its_gates() -> None:
    cell = nn.GRUCell(SIDE, SIDE)
    gates = blocks_of(cell.weight_ih.detach(), SIDE)
    assert all(
        torch.equal(a, b) for a, b in zip(gates, cell.weight_ih.detach().chunk(3), strict=True)
    )


def test_steps_follow_nesterov_momentum_and_decoupled_decay() -> None:
    generator = torch.Generator().manual_seed(1)
    weight = nn.Parameter(torch.randn(6, 4, generator=generator))
    optimiser = Muon([weight], 0.1, momentum=0.9, weight_decay=0.5)
    expected, momentum = weight.detach().clone(), torch.zeros(6, 4)
    for _ in range(3):
        gradient = torch.randn(6, 4, generator=generator)
        momentum = 0.9 * momentum + 0.1 * gradient
        ahead = 0.1 * gradient + 0.9 * momentum
        factor = orthogonalise(ahead.T[None])[0].T
        expected = (1 - 0.1 * 0.5) * expected - 0.1 * 0.2 * 6**0.5 * factor
        weight.grad = gradient.clone()
        optimiser.step()
        torch.testing.assert_close(weight.detach(), expected)


def test_matrices_of_one_shape_are_stepped_as_if_alone() -> None:
    generator = torch.Generator().manual_seed(1)
    together = [nn.Parameter(torch.randn(200, 30, generator=generator)) for _ in range(3)]
    alone = [nn.Parameter(weight.detach().clone()) for weight in together]
    optimisers = [Muon(together, 0.1), *(Muon([weight], 0.1) for weight in alone)]
    for a, b in zip(together, alone, strict=True):
        a.grad = torch.randn(200, 30, generator=generator)
        b.grad = a.grad.clone()
    for optimiser in optimisers:
        optimiser.step()
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a.detach(), b.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_computes_in_the_type_of_the_weights(dtype: torch.dtype) -> None:
    weight = nn.Parameter(torch.randn(8, 8, dtype=dtype))
    weight.grad = torch.randn(8, 8, dtype=dtype)
    optimiser = Muon([weight], 0.1)
    optimiser.step()
    assert weight.dtype == dtype
    assert {value.dtype for value in optimiser.state[weight].values()} == {dtype}


def test_a_restored_state_takes_the_same_steps() -> None:
    generator = torch.Generator().manual_seed(1)
    first = nn.Parameter(torch.randn(5, 7, generator=generator))
    first.grad = torch.randn(5, 7, generator=generator)
    before = Muon([first], 0.1)
    before.step()
    second = nn.Parameter(first.detach().clone())
    after = Muon([second], 0.3)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    for weight, optimiser in ((first, before), (second, after)):
        weight.grad = torch.ones(5, 7)
        optimiser.step()
    assert torch.equal(first, second)
