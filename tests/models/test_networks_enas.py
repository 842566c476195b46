"""The network of an ENAS macro architecture, against the published rules written out again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from datasets.spaces.enas import ENAS, macro_architecture
from models.errors import ModelError
from models.networks.enas import ENASNetwork, Layer

SIX = "0 3 1 5 0 0 2 1 1 0 4 0 0 1 1 1 0 1 1 0 1"


def images(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def published(numbers: list[int], layers: int, weights: Iterator[Tensor], x: Tensor) -> Tensor:
    """Scores in training, without dropout: ``_model`` and ``_fixed_layer`` of ENAS.

    The weights come in the order in which that code creates its variables.
    """

    def conv(x: Tensor, stride: int = 1) -> Tensor:
        kernel = next(weights)
        return F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def norm(x: Tensor) -> Tensor:
        scale, offset = next(weights), next(weights)
        return F.batch_norm(x, None, None, scale, offset, training=True)

    row = iter(numbers)
    outputs = [norm(conv(x))]
    for layer in range(layers):
        operation, skips = next(row), [next(row) for _ in range(layer)]
        x = outputs[-1]
        if operation < 4:
            x = norm(conv(x.relu()))
            x = norm(conv(x.relu()))
        elif operation == 4:
            x = F.avg_pool2d(x, 3, 1, 1) / F.avg_pool2d(torch.ones_like(x), 3, 1, 1)
        else:
            x = F.max_pool2d(x, 3, 1, 1)
        if layer:
            kept = [output for output, bit in zip(outputs, skips, strict=False) if bit]
            x = norm(conv(torch.cat([*kept, x], dim=1).relu()))
        outputs.append(x)
        if layer in (layers // 3 - 1, 2 * (layers // 3) - 1):
            outputs = [
                norm(torch.cat([conv(x[:, :, ::2, ::2]), conv(x[:, :, 1::2, 1::2])], dim=1))
                for x in outputs
            ]
    return outputs[-1].mean(dim=(2, 3)) @ next(weights).t()


@pytest.mark.parametrize("layers", [3, 4, 5, 6, 12, 16])
def test_scores_are_those_of_the_published_rules(layers: int) -> None:
    space = ENAS(layers)
    for graph in space.sample(3, np.random.default_rng(layers)):
        torch.manual_seed(0)
        network = ENASNetwork(graph, filters=4, num_classes=5, keep_probability=1)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):  # offsets that are distinguished
                nn.init.normal_(module.bias)
        weights = iter(list(network.parameters()))
        inputs = images(3, 3, 8, 8)
        expected = published(space.to_row(graph), layers, weights, inputs)
        assert torch.allclose(network(inputs), expected, rtol=1e-3, atol=1e-4)
        assert next(weights, None) is None


def test_the_name_separable_is_history() -> None:
    """Operations 0 and 1, and 2 and 3, are the same in a fixed network."""
    count = []
    for operation in range(6):
        with torch.device("meta"):
            network = ENASNetwork(macro_architecture(f"{operation} 0 0 0 0 0"), filters=8)
        count.append(sum(weight.numel() for weight in network.parameters()))
    assert count[0] == count[1] < count[2] == count[3]
    assert count[4] == count[5] == count[0] - (8 * 8 + 9 * 8 * 8 + 2 * 2 * 8)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 8), (9, 13), (32, 32), (64, 64)])
def test_shapes_with_an_auxiliary_head(height: int, width: int) -> None:
    network = ENASNetwork(
        macro_architecture(SIX), filters=3, num_classes=7, in_channels=1, auxiliary=True
    )
    network.eval()
    inputs = images(2, 1, height, width)
    scores, auxiliary = network.forward_with_auxiliary(inputs)
    assert scores.shape == auxiliary.shape == (2, 7)
    assert torch.equal(scores, network(inputs))


@pytest.mark.parametrize(("layers", "above"), [(3, 2), (6, 4), (12, 8)])
def test_auxiliary_head_sees_the_first_layer_after_the_reductions(layers: int, above: int) -> None:
    """Its loss reaches that layer, and none after it."""
    graph = ENAS(layers).parse(" ".join("0" + " 1" * layer for layer in range(layers)))
    network = ENASNetwork(graph, filters=2, auxiliary=True)
    network.forward_with_auxiliary(images(2, 3, 8, 8))[1].sum().backward()
    steps = [step for step in network.steps if isinstance(step, Layer)]
    reached = [any(weight.grad is not None for weight in step.parameters()) for step in steps]
    assert reached == [True] * (above + 1) + [False] * (layers - above - 1)
    assert network.auxiliary is not None
    assert all(weight.grad is not None for weight in network.auxiliary.parameters())


def test_dropout_is_for_training_only() -> None:
    network = ENASNetwork(macro_architecture(SIX), filters=4, keep_probability=0.5)
    inputs = images(4, 3, 8, 8)
    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    assert torch.equal(network(inputs), network(inputs))


def test_weights_begin_as_he_drew_them() -> None:
    torch.manual_seed(0)
    network = ENASNetwork(macro_architecture(SIX), filters=32)
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels >= 32:
            fan_in = module.weight[0].numel()
            assert module.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.1)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (ENAS(2).parse("0 0 1"), "at least 3 layers"),
        (ArchitectureGraph((1, 2, 8, 2, 0), ((0, 1), (1, 2), (2, 3), (3, 4))), "node 2 has type 8"),
        (ArchitectureGraph((1, 2, 2, 2, 0), ((0, 1), (0, 2), (2, 3), (3, 4))), "1→2 is missing"),
        (
            ArchitectureGraph((1, 2, 2, 2, 0), ((0, 1), (1, 2), (1, 4), (2, 3), (3, 4))),
            "node 1 feeds the output",
        ),
    ],
)
def test_no_macro_architecture(graph: ArchitectureGraph, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ENASNetwork(graph)


def test_arguments_that_do_not_fit() -> None:
    graph = macro_architecture(SIX)
    for name in ("num_classes", "in_channels", "filters"):
        with pytest.raises(ModelError, match=f"{name} is 0, an ENAS network needs at least 1"):
            ENASNetwork(graph, **{name: 0})  # type: ignore[arg-type]
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(ModelError, match=f"keep_probability is {share}, expected more than 0"):
            ENASNetwork(graph, keep_probability=share)
    network = ENASNetwork(graph, filters=2)
    with pytest.raises(ModelError, match="no auxiliary head: build it with auxiliary=True"):
        network.forward_with_auxiliary(images(2, 3, 8, 8))
    with pytest.raises(ModelError, match="images of 3×8 pixels cannot be halved 2 times"):
        network(images(2, 3, 3, 8))
