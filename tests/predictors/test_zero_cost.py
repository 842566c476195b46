"""Scores at initialisation: known values, and slow computations of the same thing."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datasets import get_space
from experiment.errors import InputError
from models.networks.nb101 import NB101Network
from models.networks.nb201 import NB201Network
from predictors.zero_cost import (
    SCORES,
    all_scores,
    gradient_norm,
    gradient_scores,
    naswot,
    snip,
    synflow,
)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(6, 2, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def labels() -> Tensor:
    return torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture(scope="module", params=["NB101", "NB201"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    """A small network of a random cell, with batch norms that are not as at initialisation."""
    torch.manual_seed(2)
    (cell,) = get_space(request.param).sample(1, np.random.default_rng(5))
    made: nn.Module
    if request.param == "NB101":
        made = NB101Network(cell, num_classes=3, in_channels=2, stem_channels=8, cells=1)
    else:
        made = NB201Network(cell, num_classes=3, in_channels=2, channels=4, cells=1)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.normal_(module.bias)
            module.running_mean = torch.randn_like(module.bias)
    return made


def columns(*weights: float) -> nn.Sequential:
    """Dense layers of one number each, one after the other."""
    layers = [nn.Linear(1, 1, bias=False) for _ in weights]
    for layer, weight in zip(layers, weights, strict=True):
        nn.init.constant_(layer.weight, weight)
    return nn.Sequential(nn.Flatten(), *layers)


def test_naswot_of_codes_that_are_known() -> None:
    """Codes 10 and 11 agree in one of two bits: the determinant of [[2, 1], [1, 2]] is 3."""
    pixels = torch.tensor([[1.0, -1.0], [1.0, 1.0]]).reshape(2, 1, 1, 2)
    assert naswot(nn.Sequential(nn.ReLU()), pixels) == pytest.approx(math.log(3))
    assert naswot(nn.Sequential(nn.ReLU(), nn.ReLU()), pixels) > math.log(3)


def test_naswot_is_that_of_bits_compared_one_by_one(network: nn.Module, images: Tensor) -> None:
    slow = copy.deepcopy(network).train()
    codes: list[list[bool]] = [[] for _ in images]

    def compare(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        for code, image in zip(codes, given[0], strict=True):
            code.extend(value > 0 for value in image.flatten().tolist())

    for module in slow.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(compare)
    slow(images)
    kernel = [
        [sum(a == b for a, b in zip(one, two, strict=True)) for two in codes] for one in codes
    ]
    expected = float(np.log(np.linalg.eigvalsh(np.array(kernel, dtype=float))).sum())
    assert naswot(network, images) == pytest.approx(expected, rel=1e-9)


def test_equal_images_have_no_determinant(network: nn.Module, images: Tensor) -> None:
    assert naswot(network, images[[0, 1, 2, 0]]) == -math.inf
    assert math.isfinite(naswot(network, images[:3]))


def test_naswot_needs_activations_that_are_modules(images: Tensor) -> None:
    with pytest.raises(InputError, match=r"no nn\.ReLU module"):
        naswot(nn.Conv2d(2, 3, 1), images)


def test_synflow_is_conserved_from_layer_to_layer() -> None:
    """Tanaka et al. 2020: each layer's part is what comes out, here |−2 · 3 · 0.5| = 3."""
    assert synflow(columns(-2.0, 3.0, 0.5), (1, 1, 1)) == pytest.approx(math.log(3 * 3))
    assert synflow(columns(1e20, 1e20, 1e20), (1, 1, 1)) == pytest.approx(math.log(3e60))
    assert synflow(columns(2.0, 0.0), (1, 1, 1)) == -math.inf


def test_synflow_is_that_of_a_network_that_is_changed(network: nn.Module) -> None:
    slow = copy.deepcopy(network).double()
    for parent in list(slow.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    with torch.no_grad():
        for parameter in slow.parameters():
            parameter.abs_()
    slow(torch.ones(1, 2, 8, 8).double()).sum().backward()
    expected = 0.0
    for module in slow.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.grad is not None:
            expected += (module.weight * module.weight.grad).abs().sum().item()
    assert synflow(network, (2, 8, 8)) == pytest.approx(math.log(expected), rel=1e-9)


def test_gradient_norm_of_a_dense_layer_is_that_of_its_formula(labels: Tensor) -> None:
    """Of softmax regression: the mean of (probabilities − class) · image."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 3)
    pixels = torch.randn(6, 1, 2, 2)
    vectors = pixels.flatten(1)
    with torch.no_grad():
        error = torch.softmax(layer(vectors), dim=1) - F.one_hot(labels, 3)
        expected = float((error.T @ vectors / 6).norm())
    found = gradient_norm(nn.Sequential(nn.Flatten(), layer), pixels, labels)
    assert found == pytest.approx(expected, rel=1e-5)


def test_scores_by_the_loss_are_sums_over_the_layers(
    network: nn.Module, images: Tensor, labels: Tensor
) -> None:
    slow = copy.deepcopy(network).train()
    F.cross_entropy(slow(images), labels).backward()
    norms, saliences = [], []
    for name, parameter in slow.named_parameters():
        if parameter.ndim > 1 and name.endswith("weight") and parameter.grad is not None:
            norms.append(float(parameter.grad.square().sum()) ** 0.5)
            saliences.append(float((parameter.grad.abs() * parameter.detach().abs()).sum()))
    assert len(norms) > 3
    assert gradient_norm(network, images, labels) == pytest.approx(sum(norms), rel=1e-5)
    assert snip(network, images, labels) == pytest.approx(sum(saliences), rel=1e-5)
    both = gradient_norm(network, images, labels), snip(network, images, labels)
    assert gradient_scores(network, images, labels) == pytest.approx(both, rel=1e-6)


def test_layers_of_other_packages_count() -> None:
    """Those of PyTorch Geometric have a matrix, and are no layers of PyTorch."""
    from torch_geometric.nn import GCNConv

    layer = GCNConv(3, 2)
    edges = torch.tensor([[0, 1], [1, 0]])
    features, labels = torch.randn(2, 3), torch.tensor([0, 1])

    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, features: Tensor) -> Tensor:
            return self.layer(features, edges)

    (gradient,) = torch.autograd.grad(
        F.cross_entropy(layer(features, edges), labels), [layer.lin.weight]
    )
    assert gradient_norm(Alone(), features, labels) == pytest.approx(float(gradient.norm()))


@pytest.mark.parametrize("training", [True, False])
def test_a_network_is_left_as_it_was(
    network: nn.Module, images: Tensor, labels: Tensor, training: bool
) -> None:
    scored = copy.deepcopy(network).train(training)
    before = copy.deepcopy(scored.state_dict())
    scored.eval()
    expected = scored(images)
    scored.train(training)
    first = all_scores(scored, images, labels)
    assert all_scores(scored, images, labels) == first
    after = scored.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(module.training == training for module in scored.modules())
    assert all(parameter.grad is None for parameter in scored.parameters())
    scored.eval()
    assert torch.equal(scored(images), expected)  # batch norms work again


def test_all_scores_are_those_of_the_single_functions(
    network: nn.Module, images: Tensor, labels: Tensor
) -> None:
    single = (
        naswot(network, images),
        synflow(network, (2, 8, 8)),
        gradient_norm(network, images, labels),
    )
    assert all_scores(network, images, labels) == pytest.approx(single, rel=1e-6)
    assert len(SCORES) == len(single)


def test_a_network_without_weights_is_refused(images: Tensor, labels: Tensor) -> None:
    message = "neither a convolution nor a dense layer"
    with pytest.raises(InputError, match=message):
        synflow(nn.ReLU(), (2, 8, 8))
    with pytest.raises(InputError, match=message):
        gradient_norm(nn.Sequential(nn.ReLU(), nn.Flatten()), images, labels)
