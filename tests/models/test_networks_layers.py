"""Layers that the networks share."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.networks.layers import Convolution


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 1)])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(1, 2, 0), (1, 3, 0), (1, 1, 0), (3, 2, 1), (1, 2, 1)]
)
def test_a_convolution_is_pytorchs(
    kernel: int, stride: int, padding: int, size: tuple[int, int]
) -> None:
    ours = Convolution(4, 6, kernel, stride=stride, padding=padding).double()
    theirs = nn.Conv2d(4, 6, kernel, stride=stride, padding=padding, bias=False).double()
    theirs.load_state_dict(ours.state_dict())
    values = torch.randn(3, 4, *size, dtype=torch.float64)
    inputs = [values.clone().requires_grad_() for _ in range(2)]
    outputs = [layer(each) for layer, each in zip((ours, theirs), inputs, strict=True)]
    torch.testing.assert_close(*outputs)
    for output in outputs:
        output.square().sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
