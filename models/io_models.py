"""The models of info-NAS: arch2vec that also predicts what a network computes.

Suchopárová, Neruda, *Graph Embedding for Neural Architecture Search with Input-Output
Information*, AutoML-Conf Workshop 2022; code gabrielasuchopar/info-nas, under whose keys the
weights are. The latents of all nodes of an architecture are reduced to a short vector. From it and
an image, :class:`IODense` and :class:`IOConcat` predict the features that the trained network
computes of the image; :class:`IOAccuracy` predicts the network's accuracy from the vector alone.
The prediction is trained together with the autoencoder (``docs/io_information.md``).

Each is an embedding: it encodes and decodes as its autoencoder does. Its short vector
(:meth:`models.Embedding.graph_vector`) is the published "dense", the one of its autoencoder is the
published "orig".
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.arch2vec import ARCH2VECS
from models.embedding import Sizes
from models.errors import ModelError
from models.factors import Factors
from models.io_layers import ConvBlock, LatentLayer, conv_list
from models.io_sizes import (
    VAE,
    AccuracySizes,
    ConcatSizes,
    DenseSizes,
    ImageSizes,
    IOSizes,
    common_sizes,
    image_sizes,
    kernel_of,
    largest_graph,
    linear_places,
)
from models.latent import Latent
from models.loss import LossParts, Objective
from models.one_shot import OneShot
from models.state_dicts import State, matrix_shape

PAIRS = 8_192
"""Pairs of an architecture and an image whose outputs are computed at a time."""

ERRORS: Mapping[str, Callable[..., Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "huber": F.huber_loss,
}
"""Distances of outputs and targets: means over a batch and its K numbers."""


def repeated(rows: Tensor, times: int) -> Tensor:
    """The rows one after the other, so many times. **Shape** (I, …) → (I · times, …)."""
    return rows.expand(times, *rows.shape).flatten(0, 1)


class IOModel(OneShot):
    """What the three models share: the autoencoder, and the layer that reduces its latents.

    Attributes:
        vae_model: the autoencoder, which is an embedding of its own.
        sees_images: whether :meth:`outputs` takes images beside the latents.
        error: published distance of outputs and targets, one of :data:`ERRORS`.
        options: sizes that no weight tells, by their names in a checkpoint's ``model_kwargs``.
    """

    sizes: IOSizes
    sizes_type = IOSizes
    sees_images: ClassVar[bool] = True
    error: ClassVar[str] = "l1"
    options: ClassVar[Mapping[str, str]] = {}

    def __init__(self, sizes: Sizes) -> None:
        if not isinstance(sizes, self.sizes_type):
            raise ModelError(
                f"{self.name} is made of {self.sizes_type.__name__}, not of {type(sizes).__name__}"
            )
        super().__init__(sizes)
        self.vae_model = ARCH2VECS[sizes.vae](sizes.autoencoder)
        self.latent_shape = self.vae_model.latent_shape
        self.process_z = LatentLayer(self.latent_width, sizes.z_hidden)

    # Weights.

    @classmethod
    def max_nodes_of(cls, state: State) -> int | None:
        """Latents of so many nodes are what the short vector is made of."""
        return largest_graph(state)

    @property
    def model_kwargs(self) -> dict[str, Any]:
        """What a checkpoint has to say beside the weights, see :attr:`options`."""
        return {key: getattr(self.sizes, name) for key, name in self.options.items()}

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Take the :attr:`options` from ``model_kwargs``; the others are told by the weights.

        Raises:
            ModelError: one has a value that it cannot have.
        """
        known = {name: options[key] for key, name in self.options.items() if key in options}
        self.sizes = replace(self.sizes, **known)

    # The autoencoder.

    def encode(self, batch: GraphBatch) -> Latent:
        """That of the autoencoder. **Shape** (B, N, D) each.

        Raises:
            ModelError: as the autoencoder's.
        """
        return self.vae_model.encode(batch)

    def loss_of(
        self,
        latent: Latent,
        batch: GraphBatch,
        objective: Objective,
        generator: torch.Generator | None = None,
    ) -> LossParts:
        """That of the autoencoder: nothing is predicted."""
        return self.vae_model.loss_of(latent, batch, objective, generator)

    def factors(self, z: Tensor) -> Factors:
        """Those of the autoencoder. **Shape** z (B, F)."""
        return self.vae_model.factors(z)

    def graph_vector(self, latent: Latent) -> Tensor:
        """The published "dense": the short vector before its relu. **Shape** (B, Z)."""
        return self.process_z.before_relu(latent.mean)

    # Predictions.

    @abstractmethod
    def outputs(self, z: Tensor, *inputs: Tensor) -> Tensor:
        """What is predicted.

        Args:
            z: latents, **shape** (B, N, D).
            inputs: where :attr:`sees_images`, an image for each, **shape** (B, C, height, width).

        Returns:
            **Shape** (B, K).
        """

    @abstractmethod
    def outputs_of_all(self, z: Tensor, *inputs: Tensor) -> Iterator[Tensor]:
        """Outputs of every architecture for every image, some architectures at a time.

        Args:
            z: latents, **shape** (A, N, D).
            inputs: where :attr:`sees_images`, the images, **shape** (I, C, height, width).

        Returns:
            **Shape** (a, I, K) each, in the order of z; I is 1 where no images are seen.
        """


class ImageModel(IOModel):
    """What the two models that see images share."""

    sizes: ImageSizes
    sizes_type = ImageSizes
    options: ClassVar[Mapping[str, str]] = {"activation": "activation"}

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        own = self.sizes
        self.conv_list = conv_list(own.start_channels, own.n_steps, own.n_convs)
        self.image_width = own.start_channels * 2**own.n_steps

    def outputs(self, z: Tensor, *inputs: Tensor) -> Tensor:
        """**Shape** (B, N, D), (B, C, height, width) → (B, K).

        Raises:
            ModelError: the images have another number of channels.
        """
        (images,) = inputs
        return self.activated(self.join(self.process_z(z), self.prepare(images)))

    @torch.no_grad()
    def outputs_of_all(self, z: Tensor, *inputs: Tensor) -> Iterator[Tensor]:
        """**Shape** (A, N, D), (I, C, height, width) → (a, I, K) each.

        Raises:
            ModelError: as :meth:`outputs`.
        """
        (images,) = inputs
        short, prepared = self.process_z(z), self.prepare(images)
        for chosen in short.split(max(1, PAIRS // max(1, len(images)))):
            pairs = chosen.repeat_interleave(len(images), 0), repeated(prepared, len(chosen))
            yield self.activated(self.join(*pairs)).view(len(chosen), len(images), -1)

    def prepare(self, images: Tensor) -> Tensor:
        """What is computed of an image alone; here nothing. **Shape** (I, C, height, width).

        Raises:
            ModelError: they are no images, or have another number of channels.
        """
        channels = self.sizes.in_channels
        if images.ndim != 4 or images.shape[1] != channels:
            raise ModelError(
                f"images of shape {tuple(images.shape)} do not fit {self.name}: expected "
                f"(B, {channels}, height, width)"
            )
        return images

    @abstractmethod
    def join(self, short: Tensor, prepared: Tensor) -> Tensor:
        """Outputs before the activation.

        **Shape** (B, Z), and of :meth:`prepare` a row for each → (B, K).
        """

    def activated(self, outputs: Tensor) -> Tensor:
        """What follows the last layer. **Shape** (B, K), unchanged."""
        return outputs.sigmoid() if self.sizes.activation == "sigmoid" else outputs


class IODense(ImageModel):
    """Image and architecture meet behind the convolutions, in linear layers."""

    name = "io_dense"
    sizes: DenseSizes
    sizes_type = DenseSizes
    options: ClassVar[Mapping[str, str]] = {"activation": "activation", "dropout": "dense_dropout"}

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        own = self.sizes
        width = own.dense_size
        self.first_conv = ConvBlock(own.in_channels, own.start_channels)
        self.concat_dense = nn.Linear(own.z_hidden + self.image_width, width)
        layers: list[nn.Module] = []
        for outputs in [width] * (own.n_dense - 1) + [own.out_channels]:
            layers.append(nn.ReLU())
            if own.dense_dropout is not None:
                layers.append(nn.Dropout(own.dense_dropout))
            layers.append(nn.Linear(width, outputs))
        self.dense_list = nn.Sequential(*layers)

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether image and architecture meet in a linear layer."""
        return f"{VAE}eps" in state and "concat_dense.weight" in state

    @classmethod
    def sizes_of(cls, state: State, max_nodes: int) -> DenseSizes:
        """Sizes as the weights tell them; where there is dropout, its share is taken as 0.5.

        Raises:
            ModelError: a weight that tells a size is missing, or does not fit another.
        """
        places = linear_places(state, "dense_list")
        if not places:
            raise ModelError("the checkpoint lacks dense_list, whose last layer makes the outputs")
        out, _ = matrix_shape(state, f"dense_list.{places[-1]}.weight")
        dense_size, _ = matrix_shape(state, "concat_dense.weight")
        return DenseSizes(
            **common_sizes(state, max_nodes),
            **image_sizes(state, "first_conv", 0),
            out_channels=out,
            dense_size=dense_size,
            n_dense=len(places),
            dense_dropout=0.5 if places[0] == 2 else None,
        )

    def set_options(self, options: Mapping[str, Any]) -> None:
        """Activation, and the share that is dropped where there is dropout."""
        dropped = [layer for layer in self.dense_list if isinstance(layer, nn.Dropout)]
        if not dropped:
            options = {**options, "dropout": None}
        super().set_options(options)
        for layer in dropped:
            layer.p = self.sizes.dense_dropout or 0.0

    def prepare(self, images: Tensor) -> Tensor:
        """Means over the last feature map. **Shape** (I, C, height, width) → (I, W).

        Raises:
            ModelError: as of :class:`ImageModel`.
        """
        return self.conv_list(self.first_conv(super().prepare(images))).mean((2, 3))

    def join(self, short: Tensor, prepared: Tensor) -> Tensor:
        """**Shape** (B, Z), (B, W) → (B, K)."""
        return self.dense_list(self.concat_dense(torch.cat([short, prepared], 1)))


class IOConcat(ImageModel):
    """The short vector enters the convolutions, as channels of equal values beside the image's."""

    name = "io_concat"
    sizes: ConcatSizes
    sizes_type = ConcatSizes

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        own = self.sizes
        kernel = 3 if own.use_3x3_for_z else 1
        self.concat_conv = ConvBlock(own.in_channels + own.z_hidden, own.start_channels, kernel)
        self.last_layer = nn.Linear(self.image_width, own.out_channels)

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether image and architecture meet in a convolution."""
        return f"{VAE}eps" in state and "last_layer.weight" in state

    @classmethod
    def sizes_of(cls, state: State, max_nodes: int) -> ConcatSizes:
        """Sizes as the weights tell them.

        Raises:
            ModelError: a weight that tells a size is missing, or does not fit another.
        """
        common = common_sizes(state, max_nodes)
        out, _ = matrix_shape(state, "last_layer.weight")
        return ConcatSizes(
            **common,
            **image_sizes(state, "concat_conv", common["z_hidden"]),
            out_channels=out,
            use_3x3_for_z=kernel_of(state, "concat_conv") == 3,
        )

    def join(self, short: Tensor, prepared: Tensor) -> Tensor:
        """**Shape** (B, Z), (B, C, height, width) → (B, K)."""
        tiles = short[:, :, None, None].expand(-1, -1, *prepared.shape[2:])
        maps = self.conv_list(self.concat_conv(torch.cat([prepared, tiles], 1)))
        return self.last_layer(maps.mean((2, 3)))


class IOAccuracy(IOModel):
    """From the short vector to the accuracy of the network, without any image."""

    name = "io_accuracy"
    sizes: AccuracySizes
    sizes_type = AccuracySizes
    sees_images = False
    error: ClassVar[str] = "mse"
    options: ClassVar[Mapping[str, str]] = {"is_log_accuracy": "is_log_accuracy"}

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.first_dense = nn.Linear(self.sizes.z_hidden, self.sizes.n_hidden)
        self.dense_list = nn.Sequential(nn.ReLU(), nn.Linear(self.sizes.n_hidden, 1))

    @classmethod
    def recognises(cls, state: State) -> bool:
        """Whether no image enters."""
        return f"{VAE}eps" in state and "first_dense.weight" in state

    @classmethod
    def sizes_of(cls, state: State, max_nodes: int) -> AccuracySizes:
        """Sizes as the weights tell them.

        Raises:
            ModelError: a weight that tells a size is missing, or does not fit another.
        """
        n_hidden, _ = matrix_shape(state, "first_dense.weight")
        return AccuracySizes(**common_sizes(state, max_nodes), n_hidden=n_hidden)

    def outputs(self, z: Tensor, *inputs: Tensor) -> Tensor:
        """**Shape** (B, N, D) → (B, 1)."""
        outputs: Tensor = self.dense_list(self.first_dense(self.process_z(z)))
        return outputs if self.sizes.is_log_accuracy else outputs.sigmoid()

    @torch.no_grad()
    def outputs_of_all(self, z: Tensor, *inputs: Tensor) -> Iterator[Tensor]:
        """**Shape** (A, N, D) → (A, 1, 1), once."""
        yield self.outputs(z)[:, None]


IO_MODELS: dict[str, type[IOModel]] = {
    model.name: model for model in (IODense, IOConcat, IOAccuracy)
}
"""These models by the names that users type."""
