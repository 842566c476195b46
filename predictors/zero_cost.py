"""Scores of a network at initialisation, without any training.

- NASWOT: Mellor et al. 2021, *Neural Architecture Search without Training* (arXiv:2006.04647).
- synflow: Tanaka et al. 2020, *Pruning neural networks without any data* (arXiv:2006.05467),
  summed over a network by Abdelfattah et al. 2021, *Zero-Cost Proxies for Lightweight NAS*
  (arXiv:2101.08134), whose code also settles what the papers leave open.
- gradient norm: Abdelfattah et al. 2021.
- SNIP: Lee et al. 2019, *SNIP: Single-shot network pruning based on connection sensitivity*
  (arXiv:1810.02340), summed over a network by Abdelfattah et al. 2021.

Each function leaves the network as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from experiment.errors import InputError

SCORES = ("naswot", "synflow", "gradient_norm")
"""Those that are features, in the order of :func:`all_scores`."""


def naswot(network: nn.Module, images: Tensor) -> float:
    """Logarithm of the determinant of the kernel of the images' ReLU codes.

    An image's code has a bit for every number that a ``nn.ReLU`` gives out: whether it is above 0.
    The kernel of two images is how many bits of their codes agree. Batch norms use the batch's
    statistics.

    Args:
        network: with at least one ``nn.ReLU`` that its forward pass goes through.
        images: **shape** (B, C, H, W).

    Returns:
        0 or more, for the entries are whole numbers; −∞ where the codes do not tell the images
        apart and the determinant is 0.

    Raises:
        InputError: the forward pass goes through no ``nn.ReLU``.
    """
    with torch.no_grad(), _batch_statistics(network), _relu_codes(network) as codes:
        network(images)
    return _log_determinant(codes)


def synflow(network: nn.Module, shape: tuple[int, int, int]) -> float:
    """Logarithm of Σ |w · ∂L/∂w| over the weights w of all layers that have matrices of them.

    L is the sum of what the network gives for one image of ones when all parameters are replaced
    by their absolute values and batch norms are left out. Computed in double precision: single
    precision overflows in deep networks.

    Args:
        network: on the CPU, or on another device with double precision.
        shape: channels, height and width of an image.

    Returns:
        −∞ where no path of weights leads through the network.
    """
    parameters = {name: each.detach().abs().double() for name, each in network.named_parameters()}
    weights = [parameters[f"{name}.weight"].requires_grad_() for name, _ in _weighted(network)]
    buffers = {name: _doubled(each) for name, each in network.named_buffers()}
    ones = torch.ones(1, *shape, dtype=torch.float64, device=weights[0].device)
    with _evaluation(network), _without_batch_norm(network):
        output = torch.func.functional_call(network, {**parameters, **buffers}, (ones,))
    gradients = torch.autograd.grad(output.sum(), weights, allow_unused=True)
    parts = zip(weights, gradients, strict=True)
    # Nothing is negative in such a network, nor are its gradients.
    flows = [(weight * each).sum() for weight, each in parts if each is not None]
    return float(torch.stack(flows).detach().sum().log()) if flows else -torch.inf


def gradient_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum of the Euclidean norms of the gradients of the cross entropy, one norm a layer.

    The layers are those whose ``weight`` has two dimensions or more, such as convolutions and dense
    ones, and their gradients those of the weights without the biases. Batch norms use the batch's
    statistics.

    Args:
        network: gives the scores of the classes.
        images: **shape** (B, C, H, W).
        labels: classes. **Shape** (B,), int64.
    """
    return gradient_scores(network, images, labels)[0]


def snip(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Σ |w · ∂L/∂w| over the weights w of the layers of :func:`gradient_norm`; L: cross entropy.

    Batch norms use the batch's statistics.

    Args:
        network: gives the scores of the classes.
        images: **shape** (B, C, H, W).
        labels: classes. **Shape** (B,), int64.
    """
    return gradient_scores(network, images, labels)[1]


def gradient_scores(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """:func:`gradient_norm` and :func:`snip`, with one pass for both."""
    with torch.enable_grad(), _batch_statistics(network):
        parts = _gradients(network, network(images), labels)
    norm = sum(each.norm() for _, each in parts)
    return float(norm), float(sum((weight * each).abs().sum() for weight, each in parts))


def all_scores(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float, float]:
    """The three :data:`SCORES` of a network, with one pass fewer than by a call for each.

    Args:
        network: gives the scores of the classes.
        images: **shape** (B, C, H, W).
        labels: classes. **Shape** (B,), int64.

    Raises:
        InputError: the forward pass goes through no ``nn.ReLU``.
    """
    with torch.enable_grad(), _batch_statistics(network):
        with _relu_codes(network) as codes:
            output = network(images)
        norm = _sum_of_norms(network, output, labels)
    _, channels, height, width = images.shape
    return _log_determinant(codes), synflow(network, (channels, height, width)), norm


def _log_determinant(codes: list[Tensor]) -> float:
    """Of the Hamming kernel of codes that come in parts. **Shape** (B, bits) each, bool."""
    if not codes:
        raise InputError(
            "the forward pass went through no nn.ReLU module, so that there are no ReLU codes: "
            "give a network whose activations are modules"
        )
    bits = torch.cat(codes, dim=1).float()  # whole numbers: exact up to 2²⁴ bits
    both = bits @ bits.T
    ones = bits.sum(dim=1)
    agreeing = bits.shape[1] - ones[:, None] - ones + 2 * both
    sign, value = torch.linalg.slogdet(agreeing.double())
    # The determinant of whole numbers is one: below 1 it is 0, up to rounding.
    return float(value) if sign > 0 and value >= 0 else -torch.inf


def _sum_of_norms(network: nn.Module, output: Tensor, labels: Tensor) -> float:
    return float(sum(each.norm() for _, each in _gradients(network, output, labels)))


def _gradients(network: nn.Module, output: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Weights and gradients of the cross entropy, of the layers that the output depends on."""
    weights = [layer.weight for _, layer in _weighted(network)]
    loss = F.cross_entropy(output, labels)
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    parts = zip(weights, gradients, strict=True)
    return [(weight.detach(), each) for weight, each in parts if each is not None]


def _weighted(network: nn.Module) -> list[tuple[str, Any]]:
    """Name and module of every layer with a matrix of weights: no batch norm."""
    found = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(weight := getattr(module, "weight", None), Tensor) and weight.dim() > 1
    ]
    if not found:
        raise InputError("the network has neither a convolution nor a dense layer to score")
    return found


def _doubled(buffer: Tensor) -> Tensor:
    return buffer.double() if buffer.is_floating_point() else buffer


@contextmanager
def _relu_codes(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect which outputs of every ``nn.ReLU`` are above 0. **Shape** (B, numbers) each."""
    codes: list[Tensor] = []

    def collect(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        codes.append((output.detach() > 0).flatten(1))

    rectifiers = [each for each in network.modules() if isinstance(each, nn.ReLU)]
    hooks = [each.register_forward_hook(collect) for each in rectifiers]
    try:
        yield codes
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _without_batch_norm(network: nn.Module) -> Iterator[None]:
    """Batch norms give out what comes in."""
    norms = [each for each in network.modules() if isinstance(each, _BatchNorm)]
    for norm in norms:
        norm.forward = _identity  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward


def _identity(images: Tensor) -> Tensor:
    return images


@contextmanager
def _evaluation(network: nn.Module) -> Iterator[None]:
    """All modules as in evaluation (no dropout); afterwards each as it was."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _batch_statistics(network: nn.Module) -> Iterator[None]:
    """As in evaluation, but that batch norms use the batch's statistics and keep none of them."""
    norms = [each for each in network.modules() if isinstance(each, _BatchNorm)]
    kept = [norm.track_running_stats for norm in norms]
    with _evaluation(network):
        for norm in norms:
            norm.training, norm.track_running_stats = True, False
        try:
            yield
        finally:
            for norm, tracked in zip(norms, kept, strict=True):
                norm.track_running_stats = tracked
