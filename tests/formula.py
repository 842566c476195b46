"""Shared by the tests of searches: a space with a known optimum."""

from __future__ import annotations

import pytest
import torch

from searchers import testing
from searchers.domain import Candidates
from searchers.testing import Formula


@pytest.fixture(scope="session")
def formula() -> type[Formula]:
    return Formula


@pytest.fixture(scope="session")
def cells() -> Candidates:
    """The 2,532 cells of DIGITS101."""
    return testing.cells()


@pytest.fixture(scope="session")
def few(cells: Candidates) -> Candidates:
    """Twenty of them."""
    rows = torch.arange(0, 2_500, 125)
    return Candidates(cells.space, cells.graphs[rows])
