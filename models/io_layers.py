"""Layers of the models of info-NAS, under the published keys."""

from __future__ import annotations

from torch import Tensor, nn


class LatentLayer(nn.Module):
    """``relu(Linear(flattened latents))``; attribute names are the published keys."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.process_z = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs), nn.ReLU())

    def forward(self, z: Tensor) -> Tensor:
        """**Shape** (B, N, D) → (B, Z)."""
        return self.process_z(z)

    def before_relu(self, z: Tensor) -> Tensor:
        """**Shape** (B, N, D) → (B, Z)."""
        return self.process_z[:2](z)


class ConvBlock(nn.Module):
    """Convolution without bias, batch norm, relu; attribute names are the published keys.

    The padding keeps height and width where the stride is 1.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.conv_bn_relu = nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """**Shape** (B, C, height, width) → (B, C', height', width')."""
        return self.conv_bn_relu(images)


def conv_list(width: int, steps: int, convs: int) -> nn.Sequential:
    """``steps`` times: ``convs`` − 1 convolutions of equal width, one of stride 2 that doubles."""
    layers: list[ConvBlock] = []
    for _ in range(steps):
        layers += [ConvBlock(width, width) for _ in range(convs - 1)]
        layers.append(ConvBlock(width, 2 * width, stride=2))
        width *= 2
    return nn.Sequential(*layers)
