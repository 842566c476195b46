"""Layers that the networks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@dataclass(frozen=True)
class BatchNorm:
    """How batch statistics are kept.

    Attributes:
        momentum: share of the newest batch in the running statistics (PyTorch's sense: one less
            TensorFlow's).
        epsilon: added to the variance.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    def __call__(self, channels: int) -> nn.BatchNorm2d:
        """The layer for so many channels."""
        return nn.BatchNorm2d(channels, eps=self.epsilon, momentum=self.momentum)


class Convolution(nn.Conv2d):
    """A convolution without bias. A 1×1 convolution with a stride reads only the pixels it needs.

    PyTorch 2.13's kernel (oneDNN) for 1×1 convolutions with stride 2 of fewer than 8 channels,
    channels last, writes beyond its memory in the backward pass on processors that have AVX2 and
    no AVX-512: a crash, or other numbers each time. The same convolution with stride 1 of every
    second row and column has no such kernel, and gives the same numbers on every processor.

    **Shape**: (B, ``inputs``, H, W) → (B, ``outputs``, ⌊(H + 2·``padding`` − ``kernel``) /
    ``stride``⌋ + 1, the same of W).

    Args:
        inputs: channels of the images.
        outputs: channels of the result.
        kernel: height and width of the kernel, in pixels.
        stride: pixels from one place of the kernel to the next.
        padding: rows and columns of zeros on every side.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        self.step = stride if kernel == 1 and padding == 0 else 1
        super().__init__(
            inputs, outputs, kernel, stride=stride // self.step, padding=padding, bias=False
        )

    def forward(self, images: Tensor) -> Tensor:
        """The convolved images."""
        if self.step > 1:
            images = images[:, :, :: self.step, :: self.step]
        return super().forward(images)

    def extra_repr(self) -> str:
        """Sizes, as PyTorch prints them, and the step of a 1×1 convolution."""
        shown = super().extra_repr()
        return f"{shown}, step={self.step}" if self.step > 1 else shown


class ConvBNReLU(nn.Sequential):
    """Convolution, batch norm, ReLU; the image keeps its size.

    **Shape**: (B, ``inputs``, H, W) → (B, ``outputs``, H, W).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, batch_norm: BatchNorm) -> None:
        super().__init__(
            Convolution(inputs, outputs, kernel, padding=kernel // 2),
            batch_norm(outputs),
            nn.ReLU(inplace=True),
        )


class ReLUConvBN(nn.Sequential):
    """ReLU, convolution, batch norm; an image keeps its size, or is halved by ``stride`` 2.

    **Shape**: (B, ``inputs``, H, W) → (B, ``outputs``, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, batch_norm: BatchNorm, stride: int = 1
    ) -> None:
        super().__init__(
            nn.ReLU(),  # not in place: others may read what comes in
            Convolution(inputs, outputs, kernel, stride=stride, padding=kernel // 2),
            batch_norm(outputs),
        )


class Classifier(nn.Module):
    """Mean over the image, then a score for each class. **Shape**: (B, C, H, W) → (B, classes)."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.dense = nn.Linear(channels, num_classes)

    def pooled(self, images: Tensor) -> Tensor:
        """Means over the images. **Shape**: (B, C, H, W) → (B, C)."""
        return images.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        return self.dense(self.pooled(images))


@runtime_checkable
class ClassifiedFeatures(Protocol):
    """A network that is feature maps and a :class:`Classifier` of their means.

    Attributes:
        classifier: of the feature maps.
    """

    classifier: Classifier

    def feature_maps(self, images: Tensor) -> Tensor:
        """What the classifier is given. **Shape**: images (B, C, H, W) → (B, F, H', W')."""
        ...


TRUNCATION = 0.87962566103423978
"""Standard deviation of a standard normal distribution that is cut off at ±2."""


def initialise(network: nn.Module) -> None:
    """Draw the weights as NAS-Bench-101 does, by TensorFlow's initialisers.

    Convolutions: normal with variance 1 / fan-in, cut off at two standard deviations
    (``variance_scaling_initializer``). Dense layers: uniform (Glorot & Bengio 2010), no bias.
    On the meta device, where weights have no values, this does nothing.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            std = (module.weight[0].numel() ** -0.5) / TRUNCATION
            nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)


def initialise_by_fan_out(network: nn.Module) -> None:
    """Draw the weights as NASBench-PyTorch does, whose networks info-NAS trained.

    Convolutions: normal with variance 2 / (k²·channels out) (He et al. 2015). Dense layers: normal
    with standard deviation 0.01, no bias.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            outputs = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            nn.init.normal_(module.weight, std=(2 / outputs) ** 0.5)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
