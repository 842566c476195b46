"""Networks of one's own space of decisions: what flows where, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from datasets import DecisionSpace, Kind
from models import DecisionNetwork, ModelError

SCALE = Kind("scale", {"by": ("2", "3"), "plus": ("0", "1")})
SPACE = DecisionSpace(
    "SCALES",
    [SCALE, Kind("same"), Kind("join", {"how": ("first", "sum")})],
    [(0, 1), (1, 2), (3, 4)],
    optional=[(0, 3)],
    alternatives=[[(1, 3), (2, 3)]],
)


class Affine(nn.Module):
    """x → by · x + plus."""

    def __init__(self, by: str, plus: str) -> None:
        super().__init__()
        self.by, self.plus = int(by), int(plus)

    def forward(self, x: Tensor) -> Tensor:
        return self.by * x + self.plus


class Join(nn.Module):
    """The value of the first node before it, or the sum of all."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, *values: Tensor) -> Tensor:
        return values[0] if self.how == "first" else torch.stack(values).sum(dim=0)


class Minus(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return -x


MODULES: dict[str, Callable[..., nn.Module]] = {
    "scale": Affine,
    "same": nn.Identity,
    "join": Join,
    "output": Minus,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2,0 first 1:3", -10.0),
        ("3,1 first 2:3", -16.0),
        ("3,1 sum 0:3 2:3", -21.0),
        ("3,1 first 0:3 1:3", -5.0),  # of several nodes the one of the lowest number is first
    ],
)
def test_values_flow_along_the_edges(text: str, expected: float) -> None:
    network = DecisionNetwork(SPACE, SPACE.parse(text), MODULES)
    assert network(torch.tensor([5.0])).item() == expected


def test_nodes_of_one_kind_have_weights_of_their_own() -> None:
    dense = Kind("dense", {"width": ("1", "2")})
    space = DecisionSpace("TWO", [dense, dense], [(0, 1), (1, 2), (2, 3)])
    modules: dict[str, Callable[..., nn.Module]] = {
        "dense": lambda width: nn.LazyLinear(int(width)),
        "output": lambda: nn.LazyLinear(1),
    }
    network = DecisionNetwork(space, space.parse("2 2"), modules)
    network(torch.ones(1, 2))
    assert sum(each.numel() for each in network.parameters()) == 6 + 6 + 3


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({}, "no module is given for 'scale', 'same', 'join', 'output' of SCALES"),
        ({**MODULES, "scael": Affine}, "SCALES has no kind 'scael', the nearest is 'scale'"),
        ({name: MODULES[name] for name in ("scale", "same", "join")}, "for 'output' of SCALES"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    modules: dict[str, Callable[..., nn.Module]], message: str
) -> None:
    with pytest.raises(ModelError, match=re.escape(message)):
        DecisionNetwork(SPACE, SPACE.parse("2,0 first 1:3"), modules)


def test_a_kind_that_is_called_as_the_last_node_is_refused() -> None:
    space = DecisionSpace("ENDS", [Kind("output", {"width": ("1", "2")})], [(0, 1), (1, 2)])
    with pytest.raises(ModelError, match="a kind of ENDS is called 'output', which is the last"):
        DecisionNetwork(space, space.parse("1"), MODULES)


def test_an_architecture_of_another_space_is_refused() -> None:
    dense = Kind("dense", {"width": ("1", "2")})
    other = DecisionSpace("TWO", [dense, dense], [(0, 1), (1, 2), (2, 3)])
    with pytest.raises(ModelError, match="none of SCALES: it has 4 nodes, all have 5"):
        DecisionNetwork(SPACE, other.parse("1 1"), MODULES)
