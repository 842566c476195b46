"""Sizes of the models of info-NAS; the defaults are the published ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from torch import Tensor

from models.arch2vec import ARCH2VECS, Arch2vec, GINSizes
from models.errors import ModelError
from models.state_dicts import State, matrix_shape

Activation = Literal["linear", "sigmoid"]
"""What follows the last layer."""

VAE = "vae_model."
"""What the keys of the autoencoder's weights begin with."""

LATENT_LAYER = "process_z.process_z.1.weight"
"""The layer from all latents of an architecture to its short vector."""

CONVOLUTION = "conv_bn_relu.0.weight"
"""Within a convolution's block: the weight of the convolution itself."""


@dataclass(frozen=True)
class IOSizes(GINSizes):
    """Sizes of what all three models have.

    Attributes:
        vae: which arch2vec the autoencoder is; the published one is ``arch2vec``.
        z_hidden: width of the vector that an architecture's latents are reduced to.
    """

    vae: str = "arch2vec"
    z_hidden: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vae not in ARCH2VECS:
            raise ModelError(
                f"the autoencoder is {self.vae!r}, expected one of {', '.join(ARCH2VECS)}"
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and (not isinstance(value, int) or value < 1):
                raise ModelError(
                    f"the size {field.name} of a model is {value!r}, expected a whole number "
                    "from 1 on"
                )

    @property
    def autoencoder(self) -> GINSizes:
        """The part of the sizes that the autoencoder has."""
        return GINSizes(**{field.name: getattr(self, field.name) for field in fields(GINSizes)})


@dataclass(frozen=True)
class ImageSizes(IOSizes):
    """Sizes of a model that sees images.

    Attributes:
        in_channels: of an image.
        start_channels: of the first convolution.
        n_steps: how often the channels are doubled, and height and width halved.
        n_convs: convolutions a step; the last one doubles.
        out_channels: numbers that are predicted for an architecture and an image. 513 are 512
            features and the constant 1.
        activation: after the last layer.
    """

    in_channels: int = 3
    start_channels: int = 128
    n_steps: int = 2
    n_convs: int = 2
    out_channels: int = 513
    activation: Activation = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in get_args(Activation):
            raise ModelError(
                f"the activation is {self.activation!r}, expected one of "
                f"{', '.join(get_args(Activation))}"
            )


@dataclass(frozen=True)
class DenseSizes(ImageSizes):
    """Sizes of :class:`models.io_models.IODense`.

    Attributes:
        dense_size: width of the linear layers.
        n_dense: linear layers after the first one.
        dense_dropout: share that is dropped before each of them in training; ``None``: there is
            no such layer.
    """

    dense_size: int = 512
    n_dense: int = 2
    dense_dropout: float | None = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        rate = self.dense_dropout
        if rate is not None and not (isinstance(rate, int | float) and 0 <= rate < 1):
            raise ModelError(f"the dropout is {rate!r}, expected a share from 0 to below 1")


@dataclass(frozen=True)
class ConcatSizes(ImageSizes):
    """Sizes of :class:`models.io_models.IOConcat`.

    Attributes:
        use_3x3_for_z: whether the first convolution is 3×3 in place of 1×1.
    """

    use_3x3_for_z: bool = False


@dataclass(frozen=True)
class AccuracySizes(IOSizes):
    """Sizes of :class:`models.io_models.IOAccuracy`.

    Attributes:
        n_hidden: width of the hidden layer.
        is_log_accuracy: whether the output is a logarithm: no sigmoid follows.
    """

    n_hidden: int = 512
    is_log_accuracy: bool = False


# Sizes as the weights tell them.


def vae_state(state: State) -> dict[str, Tensor]:
    """The weights of the autoencoder under the names that it has by itself."""
    return {key.removeprefix(VAE): value for key, value in state.items() if key.startswith(VAE)}


def common_sizes(state: State, max_nodes: int) -> dict[str, Any]:
    """What a state dict tells of :class:`IOSizes`.

    Raises:
        ModelError: a weight that tells a size is missing, or does not fit another.
    """
    inner = vae_state(state)
    name, model = _autoencoder(inner)
    sizes = model.sizes_of(inner, max_nodes)
    z_hidden, inputs = matrix_shape(state, LATENT_LAYER)
    if inputs != sizes.max_nodes * sizes.graph_width:
        raise ModelError(
            f"weight {LATENT_LAYER} takes {inputs} numbers, the latents of "
            f"{sizes.max_nodes} nodes are {sizes.max_nodes * sizes.graph_width}: the checkpoint is "
            "of another search space"
        )
    own = {field.name: getattr(sizes, field.name) for field in fields(sizes)}
    return {**own, "vae": name, "z_hidden": z_hidden}


def largest_graph(state: State) -> int:
    """Nodes of the largest architecture: the latents of so many are what the layer takes.

    Raises:
        ModelError: a weight that tells it is missing, or does not fit another.
    """
    width, _ = matrix_shape(state, f"{VAE}{_autoencoder(vae_state(state))[1].heads[0]}.weight")
    _, inputs = matrix_shape(state, LATENT_LAYER)
    if not width or inputs % width:
        raise ModelError(
            f"weight {LATENT_LAYER} takes {inputs} numbers, which are no latents of {width} each"
        )
    return inputs // width


def image_sizes(state: State, first: str, extra_channels: int) -> dict[str, Any]:
    """What a state dict tells of :class:`ImageSizes`, but for the outputs.

    Args:
        state: the weights.
        first: key of the first block.
        extra_channels: channels that it takes beside the image's.

    Raises:
        ModelError: a weight that tells a size is missing, or the convolutions are no equal steps.
    """
    start, inputs, _ = _convolution(state, f"{first}.{CONVOLUTION}")
    layers = len({key.split(".")[1] for key in state if key.startswith("conv_list.")})
    widths = [
        _convolution(state, f"conv_list.{layer}.{CONVOLUTION}")[:2] for layer in range(layers)
    ]
    steps = sum(outputs == 2 * width for outputs, width in widths)
    if not steps or layers % steps:
        raise ModelError(
            f"the checkpoint has {layers} convolutions of which {steps} double the channels: "
            "expected equally many in each step, the last of which doubles"
        )
    return {
        "in_channels": inputs - extra_channels,
        "start_channels": start,
        "n_steps": steps,
        "n_convs": layers // steps,
    }


def linear_places(state: State, prefix: str) -> list[int]:
    """Places of the linear layers in a list of layers, ascending."""
    pattern = re.compile(rf"{re.escape(prefix)}\.(\d+)\.weight$")
    return sorted(int(match[1]) for key in state if (match := pattern.match(key)))


def kernel_of(state: State, name: str) -> int:
    """Height of a convolution's kernel.

    Raises:
        ModelError: it is missing or no convolution.
    """
    return _convolution(state, f"{name}.{CONVOLUTION}")[2]


def _convolution(state: State, name: str) -> tuple[int, int, int]:
    """Channels out, channels in, and the height of the kernel."""
    if name not in state:
        raise ModelError(f"the checkpoint lacks {name}, a weight that determines its sizes")
    if state[name].ndim != 4:
        raise ModelError(
            f"weight {name} has shape {tuple(state[name].shape)}, expected a convolution's: "
            "the checkpoint is of another model"
        )
    outputs, inputs, height, _ = state[name].shape
    return outputs, inputs, height


def _autoencoder(state: State) -> tuple[str, type[Arch2vec]]:
    """Name and class of the autoencoder."""
    for name, model in ARCH2VECS.items():
        if model.recognises(state):
            return name, model
    raise ModelError(
        f"the weights that begin with {VAE!r} are those of none of {', '.join(ARCH2VECS)}"
    )
