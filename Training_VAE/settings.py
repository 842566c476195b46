"""Every setting that decides the numbers of a VAE training, in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from datasets.space import SearchSpace
from experiment.config import load_preset, nearest, part_of, resolve
from experiment.errors import InputError
from experiment.optimisation import Optimisation
from experiment.precision import DTYPES, Precision, resolved
from models import MODELS, Objective, Sizes
from models.arch2vec import Arch2vec
from models.dvae import DVAE
from models.dvae_heads import COMPLEXITY
from models.heads import ACCURACY, EMBEDDING

DESCRIPTORS = ["costs", "statistics", "walks", "paths", "zero_cost"]
"""Features that heads may predict in a training: none needs an accuracy or a trained model."""

LEAST_LABELS = 2
"""Fewest known values that a head can be trained on."""


@dataclass(frozen=True)
class TrainingSettings:
    """A flat record of :class:`Sizes`, :class:`Objective` and :class:`Optimisation`, and more.

    Attributes:
        precision: what products are computed in; ``auto`` is bfloat16 where the processor has
            instructions for it, else float32.
        epochs_a_pass: epochs that a pass over the training graphs is divided into, so that the
            curve of a large space has points.
        cells_up_to: leave out architectures with more nodes.
        limit: train on this many of the training graphs only.
        fresh_graphs: draw new members of the space for every epoch, none of them held out,
            instead of repeating the training graphs.
        descriptors: names of features without accuracies (:mod:`predictors.features`) that linear
            heads on the latent learn to predict together with the VAE.
        descriptor_weight: of the mean of their squared errors, in shares of each number's range.
    """

    node_width: int
    graph_width: int
    rounds: int
    beta: float
    alpha: float
    edge_reduction: Literal["mean", "sum"]
    kl_reduction: Literal["mean", "sum", "places"]
    noise_scale: float
    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw", "muon"]
    schedule: Literal["one_cycle", "stable_decay", "plateau", "constant"]
    precision: Precision
    rest_rate: float = 0.25
    warmup: float = 0.3
    weight_decay: float = 0.0
    gradient_clip: float | None = None
    epochs_a_pass: int = 1
    cells_up_to: int | None = None
    limit: int | None = None
    fresh_graphs: bool = False
    descriptors: tuple[str, ...] = ()
    descriptor_weight: float = 1.0

    def __post_init__(self) -> None:
        for name in self.descriptors:
            if name not in DESCRIPTORS:
                raise InputError(f"no descriptor is called {name!r}: {nearest(name, DESCRIPTORS)}")
        if not 0 <= self.descriptor_weight < float("inf"):
            raise InputError(
                f"the setting descriptor_weight is {self.descriptor_weight}, expected 0 or more"
            )
        if self.fresh_graphs and self.cells_up_to is not None:
            raise InputError(
                "fresh_graphs draws from the whole space, of which cells_up_to "
                f"({self.cells_up_to}) leaves a part out: give only one of them"
            )

    @property
    def objective(self) -> Objective:
        """The loss."""
        return part_of(self, Objective)

    @property
    def optimisation(self) -> Optimisation:
        """How weights are fitted."""
        return part_of(self, Optimisation)

    def sizes(self, space: SearchSpace, model: str = "SVGE") -> Sizes:
        """Sizes of a model, by its name, for a space."""
        return part_of(
            self, MODELS[model].sizes_type, num_types=len(space.types), max_nodes=space.max_nodes
        )

    def heads(self, model: str) -> tuple[str, ...]:
        """The heads beside those for descriptors that a model, by its name, is trained with."""
        return ()

    def head_weights(self, heads: Sequence[str]) -> dict[str, float]:
        """Of the losses of the VAE and of some heads of :meth:`heads`, by name."""
        return {EMBEDDING: 1.0}

    def pass_order(self, number: int) -> int:
        """Which order the graphs have in a pass, counted from 0: each has its own."""
        return number

    def trains_in_train_mode(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, draws noise and estimates batch statistics."""
        return True

    def objective_at(self, share_done: float) -> Objective:
        """The loss after a share of all steps."""
        return self.objective

    def compute_dtype(self, device: torch.device) -> torch.dtype:
        """The type products are computed in on ``device``."""
        return DTYPES[resolved(self.precision, device)]

    def resolved(self, device: torch.device) -> TrainingSettings:
        """The same settings, with what ``auto`` means on ``device`` in its place."""
        return dataclasses.replace(self, precision=resolved(self.precision, device))


Arch2vecName = Literal["arch2vec", "arch2vec_masked", "arch2vec_directed"]
"""The models of :mod:`models.arch2vec`."""


@dataclass(frozen=True)
class GINSettings(TrainingSettings):
    """Settings of a training with the autoencoder of arch2vec.

    Attributes:
        mlp_layers: linear layers of each layer's MLP.
        dropout: share of the latent that is dropped in training, before it is decoded.
        kl_warmup: share of the training in which the weight of the divergence rises from 0 to beta.
            Without it a training can end where all architectures share one latent.
    """

    mlp_layers: int = 2
    dropout: float = 0.3
    kl_warmup: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dropout", "kl_warmup"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"the setting {name} is {getattr(self, name)}, expected a share from 0 to 1"
                )

    def objective_at(self, share_done: float) -> Objective:
        """The loss after a share of all steps."""
        if share_done >= self.kl_warmup:
            return self.objective
        risen = share_done / self.kl_warmup
        return dataclasses.replace(self.objective, beta=self.beta * risen)


@dataclass(frozen=True)
class Arch2vecSettings(GINSettings):
    """Settings of an arch2vec training.

    Attributes:
        model: which of the models, see :mod:`models.arch2vec`.
        train_mode_epochs: epochs after which the model stays in evaluation mode: means in place of
            samples, no dropout, batch statistics as they are then. 1 is what the released code of
            arch2vec does, by accident. ``None``: never.
        same_batches: whether every epoch has the batches of the first, as in the released code.
    """

    model: Arch2vecName = "arch2vec_masked"
    train_mode_epochs: int | None = None
    same_batches: bool = False

    def pass_order(self, number: int) -> int:
        """Which order the graphs have in a pass, counted from 0."""
        return 0 if self.same_batches else number

    def trains_in_train_mode(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, draws noise and estimates batch statistics."""
        return self.train_mode_epochs is None or epoch < self.train_mode_epochs


@dataclass(frozen=True)
class IOSettings(GINSettings):
    """Settings of a training with input–output information (:mod:`Training_VAE.train_io`).

    The fields from ``z_hidden`` to ``n_hidden`` are sizes (:mod:`models.io_sizes`); a model takes
    those that it has.

    Attributes:
        model: which of the models, see :mod:`models.io_models`.
        vae: which arch2vec its autoencoder is.
        preprocessing: what targets are made of features by, see :mod:`datasets.io_targets`.
        error: distance of outputs and targets; ``None``: the published one of the model.
        loss_vae_weight: of the autoencoder's loss in a labelled batch; the error has weight 1.
        sampling: order of labelled and unlabelled batches, see
            :data:`Training_VAE.io_batches.SAMPLINGS`.
        block_labelled: labelled batches of a block.
        block_unlabelled: unlabelled batches of a block; ``None``: by ``coefficient``.
        coefficient: with B unlabelled batches an epoch, a block has
            ``⌊coefficient · B / ⌊training networks / batch size⌋⌋`` of them.
        labelled_batches: in an epoch; ``None``: every pair of network and image once.
        unlabelled_batches: in an epoch; ``None``: every graph ``unlabelled_passes`` times.
        unlabelled_passes: over the graphs in an epoch.
        use_ref: whether a plain copy of the autoencoder is trained on the same batches.
        networks: training networks of the set that are used, the first ones; ``None``: all.
        images: seen images that are trained on, the first ones; ``None``: all.
    """

    model: Literal["io_dense", "io_concat", "io_accuracy"] = "io_dense"
    vae: Arch2vecName = "arch2vec"
    z_hidden: int = 16
    start_channels: int = 128
    n_steps: int = 2
    n_convs: int = 2
    activation: Literal["linear", "sigmoid"] = "linear"
    dense_size: int = 512
    n_dense: int = 2
    dense_dropout: float = 0.5
    use_3x3_for_z: bool = False
    n_hidden: int = 512
    preprocessing: str = "code"
    error: Literal["l1", "mse", "huber"] | None = None
    loss_vae_weight: float = 1.0
    sampling: str = "blocks"
    block_labelled: int = 300
    block_unlabelled: int | None = None
    coefficient: float = 0.33
    labelled_batches: int | None = None
    unlabelled_batches: int | None = None
    unlabelled_passes: int = 1
    use_ref: bool = True
    networks: int | None = None
    images: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.descriptors:
            raise InputError(
                "a training with input–output information has no heads for descriptors: leave the "
                "setting descriptors out"
            )
        counts = (
            "block_labelled",
            "labelled_batches",
            "unlabelled_batches",
            "unlabelled_passes",
            "networks",
            "images",
        )
        for name in counts:
            count = getattr(self, name)
            if count is not None and count < 1:
                raise InputError(f"the setting {name} is {count}, expected 1 or more")
        if (self.block_unlabelled or 0) < 0 or self.coefficient < 0 or self.loss_vae_weight < 0:
            raise InputError(
                f"block_unlabelled {self.block_unlabelled}, coefficient {self.coefficient} and "
                f"loss_vae_weight {self.loss_vae_weight} must not be negative"
            )


@dataclass(frozen=True)
class NGAESettings(TrainingSettings):
    """Settings of a training of D-VAE or NGAE (:mod:`Training_VAE.train_ngae`).

    The published losses are sums over a batch, these are means: the ratios of all terms are the
    same.

    Attributes:
        bidirectional: whether the encoder also reads graphs from the output.
        missing_nodes: see :class:`models.Objective`.
        predictor: whether D-VAE has its head, for accuracy; NGAE always has two.
        complexity: what NGAE's second head predicts: its published proxy for ENAS, or the true
            parameters or FLOPs of the networks.
        targets: ``range`` maps the values of the training graphs onto 0 to 1, once. ``published``
            takes accuracies as they are, and complexities as shares of the largest of the graphs.
        accuracy_weight: of the squared error of the accuracy.
        complexity_weight: of that of the complexity.
        labels: accuracies of so many training graphs are used; ``None``: all that are known.
    """

    bidirectional: bool = True
    missing_nodes: Literal["masked", "charged"] = "masked"
    predictor: bool = False
    complexity: Literal["proxy", "parameters", "flops"] = "parameters"
    targets: Literal["published", "range"] = "range"
    accuracy_weight: float = 1.0
    complexity_weight: float = 1.0
    labels: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("accuracy_weight", "complexity_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"the setting {name} is {getattr(self, name)}, expected 0 or more")
        if self.labels is not None and self.labels < LEAST_LABELS:
            raise InputError(
                f"the setting labels is {self.labels}, a head needs {LEAST_LABELS} at least"
            )

    def heads(self, model: str) -> tuple[str, ...]:
        """The heads that a model, by its name, is trained with."""
        return MODELS[model].own_heads or ((ACCURACY,) if self.predictor else ())

    def head_weights(self, heads: Sequence[str]) -> dict[str, float]:
        """Of the losses, by name."""
        own = {ACCURACY: self.accuracy_weight, COMPLEXITY: self.complexity_weight}
        return {EMBEDDING: 1.0, **{name: own[name] for name in heads}}


SECTIONS: dict[str, type[TrainingSettings]] = {
    "training": TrainingSettings,
    "ngae": NGAESettings,
    "arch2vec": Arch2vecSettings,
    "io": IOSettings,
}
"""Tables of a preset, and what they hold."""


def section_of(model: str) -> str:
    """The table of a preset that a model is trained by."""
    sections = {Arch2vec: "arch2vec", DVAE: "ngae"}
    own = (name for kind, name in sections.items() if issubclass(MODELS[model], kind))
    return next(own, "training")


def load_settings(
    config: str, space: str, overrides: dict[str, Any], section: str = "training"
) -> TrainingSettings:
    """Settings of a preset for a space, with what the user gave on top.

    Args:
        config: the preset.
        space: name of the search space.
        overrides: what the user gave; ``None`` is nothing.
        section: the table of the preset, one of :data:`SECTIONS`.

    Raises:
        InputError: an unknown preset or setting, a value of the wrong kind, or settings that
            exclude each other.
    """
    return resolve(SECTIONS[section], load_preset(config, section, space), overrides)
