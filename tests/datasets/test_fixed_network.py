"""The space of one network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from datasets import testing
from datasets.fixed_network import FixedNetwork
from datasets.graph import ArchitectureError, ArchitectureGraph

SPACE = FixedNetwork("GINE")


@pytest.mark.parametrize(
    "check",
    [
        testing.check_types,
        testing.check_notation,
        testing.check_bad_notation,
        testing.check_conversions,
        testing.check_hash,
        testing.check_enumeration,
        testing.check_pickling,
        testing.check_masks_build_members,
    ],
    ids=lambda check: check.__name__,
)
def test_it_keeps_the_promises_of_a_space(check: object) -> None:
    check(SPACE)  # type: ignore[operator]


def test_it_has_one_member() -> None:
    assert SPACE.parse("GINE") == SPACE.parse('{"arch": "GINE"}') == SPACE.member
    assert SPACE.sample(2, np.random.default_rng(0)) == [SPACE.member] * 2
    assert SPACE.neighbours(SPACE.member) == []
    for text in ("GIN", "[1]"):
        with pytest.raises(ArchitectureError):
            SPACE.parse(text)
    with pytest.raises(ArchitectureError, match="GINE is one network, expected an input"):
        SPACE.check(ArchitectureGraph((1, 1, 0), ((0, 1), (1, 2))))
    assert torch.equal(
        SPACE.legality_mask(reverse=True).allowed_types(torch.zeros(2, 1), torch.zeros(2, 1, 1)),
        torch.tensor([[False, True]] * 2),
    )
