"""The network of an ENAS macro architecture.

Pham et al., *Efficient Neural Architecture Search via Parameter Sharing*, ICML 2018, and the code
published with it as D-VAE uses it (``_fixed_layer`` of ``general_child.py``): a stem, a chain of
layers with skip connections, two reductions of every output on the way, and a classifier.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_image, check_sizes
from models.networks.layers import BatchNorm, Convolution, ReLUConvBN

PUBLISHED_BATCH_NORM = BatchNorm(momentum=0.1, epsilon=1e-5)
KERNELS = {2: 3, 3: 3, 4: 5, 5: 5}
"""Type id → kernel of the convolutions. The fixed network has none that is separable."""
AVERAGE_POOL, MAX_POOL = 6, 7
"""The other type ids."""
REDUCTIONS = 2
LEAST_LAYERS = 3
"""With fewer the first reduction would come before the first layer."""
AUXILIARY_CHANNELS = (128, 768)
"""Widths of the auxiliary head's convolutions (``micro_child.py``)."""


class ENASNetwork(nn.Module):
    """Stem, layers, classifier; for the training, an auxiliary head.

    A layer's operation works on the output before it. In every layer but the first, the chosen
    earlier outputs and the operation's are joined and brought back to the layer's width. After
    layers ⌊L/3⌋−1 and 2⌊L/3⌋−1 (counted from 0) every output so far is halved, and the width
    doubles.

    **Shape**: (B, ``in_channels``, H, W) → (B, ``num_classes``); H and W are halved twice.

    Args:
        architecture: L + 2 nodes; types 2 conv3, 3 sep3, 4 conv5, 5 sep5, 6 avg3, 7 max3.
        num_classes: classes.
        in_channels: channels of the images.
        filters: channels of the stem; 96 and 256 were published.
        keep_probability: share of the features that the classifier sees in training.
        auxiliary: whether there is a second classifier, for :meth:`forward_with_auxiliary`.
        batch_norm: momentum and epsilon.

    Raises:
        ModelError: no macro architecture of at least 3 layers, a size below 1, or no probability.
    """

    def __init__(
        self,
        architecture: ArchitectureGraph,
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        filters: int = 96,
        keep_probability: float = 0.5,
        auxiliary: bool = False,
        batch_norm: BatchNorm = PUBLISHED_BATCH_NORM,
    ) -> None:
        super().__init__()
        check_architecture(architecture)
        check_sizes(
            "an ENAS network", num_classes=num_classes, in_channels=in_channels, filters=filters
        )
        if not 0 < keep_probability <= 1:
            raise ModelError(
                f"keep_probability is {keep_probability}, expected more than 0 and at most 1"
            )
        count = architecture.num_nodes - 2
        edges = set(architecture.edges)
        self.stem = nn.Sequential(
            Convolution(in_channels, filters, 3, padding=1), batch_norm(filters)
        )
        self.steps = nn.Sequential()
        width = filters
        for layer, kind in enumerate(architecture.types[1:-1]):
            skips = [source for source in range(layer) if (source, layer + 1) in edges]
            self.steps.append(Layer(kind, skips, layer, width, batch_norm))
            if layer in (count // 3 - 1, 2 * (count // 3) - 1):
                self.steps.append(Halving(layer + 2, width, batch_norm))
                width *= 2
        self.auxiliary_layer = 2 * (count // 3)  # the first on the smallest images
        self.auxiliary = AuxiliaryHead(width, num_classes, batch_norm) if auxiliary else None
        self.dropout = nn.Dropout(1 - keep_probability)
        self.classifier = nn.Linear(width, num_classes, bias=False)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        return self._classify(self._outputs(images)[-1])

    def forward_with_auxiliary(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the classes, and those of the auxiliary head.

        ENAS adds 0.4 times the loss of the second to that of the first. **Shape**: (B, C) each.

        Raises:
            ModelError: the network was built without an auxiliary head.
        """
        if self.auxiliary is None:
            raise ModelError(
                "the network has no auxiliary head: build it with auxiliary=True, or call it "
                "for its own scores alone"
            )
        outputs = self._outputs(images)
        return self._classify(outputs[-1]), self.auxiliary(outputs[self.auxiliary_layer + 1])

    def all_scores(self, images: Tensor) -> tuple[Tensor, ...]:
        """Scores of the classes, and those of the auxiliary head, if there is one.

        **Shape**: (B, C) each.
        """
        return (self(images),) if self.auxiliary is None else self.forward_with_auxiliary(images)

    def _outputs(self, images: Tensor) -> list[Tensor]:
        """Outputs of the stem and of every layer, all as small as the last one's."""
        check_image(images.shape[2], images.shape[3], REDUCTIONS)
        return self.steps([self.stem(images)])

    def _classify(self, features: Tensor) -> Tensor:
        return self.classifier(self.dropout(features.mean(dim=(2, 3))))


class Layer(nn.Module):
    """One layer.

    **Shape**: list of outputs so far, the stem's first, (B, ``channels``, H, W) each → the same
    and one more.

    Args:
        kind: type id of the operation.
        skips: places of the earlier outputs that are joined in.
        number: of the layer, from 0; the first has nothing to join.
        channels: of everything that comes in and goes out.
        batch_norm: momentum and epsilon.
    """

    def __init__(
        self, kind: int, skips: list[int], number: int, channels: int, batch_norm: BatchNorm
    ) -> None:
        super().__init__()
        self.skips = skips
        self.operation = _operation(kind, channels, batch_norm)
        joined = (len(skips) + 1) * channels
        self.join = ReLUConvBN(joined, channels, 1, batch_norm) if number else nn.Identity()

    def forward(self, outputs: list[Tensor]) -> list[Tensor]:
        """The outputs so far, and the layer's."""
        chosen = [outputs[place] for place in self.skips]
        return [*outputs, self.join(torch.cat([*chosen, self.operation(outputs[-1])], dim=1))]


class Halving(nn.Module):
    """A factorised reduction of every output so far, also of those that no later layer reads.

    **Shape**: list of ``count`` outputs, (B, ``channels``, H, W) each → as many,
    (B, 2·``channels``, ⌈H/2⌉, ⌈W/2⌉) each.
    """

    def __init__(self, count: int, channels: int, batch_norm: BatchNorm) -> None:
        super().__init__()
        self.reductions = nn.ModuleList(
            FactorisedReduction(channels, 2 * channels, batch_norm) for _ in range(count)
        )

    def forward(self, outputs: list[Tensor]) -> list[Tensor]:
        """The halved outputs."""
        return [reduce(x) for reduce, x in zip(self.reductions, outputs, strict=True)]


class FactorisedReduction(nn.Module):
    """Halves the image: half of the channels see its even rows and columns, half the odd ones.

    Behind an odd height or width stand zeros.

    **Shape**: (B, ``inputs``, H, W) → (B, ``outputs``, ⌈H/2⌉, ⌈W/2⌉), ``outputs`` being even.
    """

    def __init__(self, inputs: int, outputs: int, batch_norm: BatchNorm) -> None:
        super().__init__()
        self.even = Convolution(inputs, outputs // 2, 1, stride=2)
        self.odd = Convolution(inputs, outputs // 2, 1, stride=2)
        self.batch_norm = batch_norm(outputs)

    def forward(self, images: Tensor) -> Tensor:
        """The halved images."""
        shifted = F.pad(images, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.batch_norm(torch.cat([self.even(images), self.odd(shifted)], dim=1))


class AuxiliaryHead(nn.Module):
    """A second classifier, on the first layer after the last reduction.

    That of ENAS's networks of cells (``micro_child.py``); published macro networks take the flag
    for it, and leave it without effect. Its pooling window is 5×5, or the whole image where that
    is smaller. Its second convolution is 2×2, the size of what is left of 32×32 images.

    **Shape**: (B, ``inputs``, H, W) → (B, ``num_classes``).
    """

    def __init__(self, inputs: int, num_classes: int, batch_norm: BatchNorm) -> None:
        super().__init__()
        narrow, wide = AUXILIARY_CHANNELS
        self.features = nn.Sequential(
            Convolution(inputs, narrow, 1),
            batch_norm(narrow),
            nn.ReLU(inplace=True),
            nn.ZeroPad2d((0, 1, 0, 1)),  # as TensorFlow's "SAME" does for an even kernel
            Convolution(narrow, wide, 2),
            batch_norm(wide),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Linear(wide, num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        window = (min(5, images.shape[2]), min(5, images.shape[3]))
        pooled = F.avg_pool2d(F.relu(images), window, stride=3)
        return self.classifier(self.features(pooled).mean(dim=(2, 3)))


def check_architecture(architecture: ArchitectureGraph) -> None:
    """Make sure that a network can be built of ``architecture``.

    Raises:
        ModelError: too few layers, an unknown operation, or other edges than a macro
            architecture may have.
    """
    types = architecture.types
    last = len(types) - 1
    if len(types) < LEAST_LAYERS + 2 or (types[0], types[-1]) != (INPUT, OUTPUT):
        raise ModelError(
            f"node types {types} are no ENAS network: expected the input ({INPUT}), at least "
            f"{LEAST_LAYERS} layers, and the output ({OUTPUT})"
        )
    for node, kind in enumerate(types[1:-1], start=1):
        if not min(KERNELS) <= kind <= MAX_POOL:
            raise ModelError(
                f"node {node} has type {kind}, which is no ENAS operation: expected 2 (conv3), "
                "3 (sep3), 4 (conv5), 5 (sep5), 6 (avg3) or 7 (max3)"
            )
    edges = set(architecture.edges)
    for node in range(last):
        if (node, node + 1) not in edges:
            raise ModelError(
                f"the edge {node}→{node + 1} is missing: every layer of an ENAS network follows "
                "the one before it"
            )
    surplus = [source for source, target in architecture.edges if target == last]
    if len(surplus) > 1:
        raise ModelError(
            f"node {surplus[0]} feeds the output: of an ENAS network only the last layer does"
        )


def _operation(kind: int, channels: int, batch_norm: BatchNorm) -> nn.Module:
    if kind == AVERAGE_POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    if kind == MAX_POOL:
        return nn.MaxPool2d(3, stride=1, padding=1)
    return nn.Sequential(
        ReLUConvBN(channels, channels, 1, batch_norm),
        ReLUConvBN(channels, channels, KERNELS[kind], batch_norm),
    )


def _initialise(network: nn.Module) -> None:
    """Draw all weights as ENAS does, after He et al. (2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
