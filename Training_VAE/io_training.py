"""One training with input–output information, from settings to evaluated weights.

Suchopárová and Neruda (2022) train arch2vec's autoencoder in turns: on an unlabelled batch by its
own loss, on a labelled one by the same loss and the error of what it predicts of networks and
images. Two optimisers with moments of their own share it, one over the autoencoder, one over
everything. The reference model is a copy of the autoencoder from the same start that is trained on
the same batches by its own loss alone.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from experiment.checkpoint import save_checkpoint
from experiment.config import part_of
from experiment.environment import computing_line
from experiment.files import write_json
from experiment.loop import TrainingLoop
from experiment.optimisation import Optimisation, Optimisers, make_optimisers
from experiment.run import RunFolder
from experiment.schema import Stage
from models.arch2vec import Arch2vec
from models.checkpoints import checkpoint_path
from models.io_models import ERRORS, IO_MODELS, IOModel
from Training_VAE.arch2vec_measures import PRIOR_POINTS, accuracies, prior_measures
from Training_VAE.data import Architectures
from Training_VAE.evaluation import Protocol, evaluate
from Training_VAE.io_batches import Batch, Mixture
from Training_VAE.io_data import TRAIN, IOData
from Training_VAE.io_measures import baseline_errors, compared, errors_of, losses, mean_target
from Training_VAE.reporting import report_evaluation, report_io_epoch, report_parts, report_start
from Training_VAE.settings import IOSettings

CURVE_POINTS = 1_000
"""Prior points that are decoded after every epoch; the final evaluation decodes ten times more."""

CURVE_GRAPHS = 5_000
"""Held-out architectures that are decoded after every epoch at most; in the end all are."""

ORIGINAL, REFERENCE = "orig", "reference"
"""Folders below a run's, with the autoencoder alone and with the reference model."""


class Trained(nn.Module):
    """What is trained together: the model, and the reference beside it, where there is one."""

    def __init__(self, model: IOModel, reference: Arch2vec | None) -> None:
        super().__init__()
        self.model = model
        self.reference = reference

    @property
    def autoencoders(self) -> dict[str, Arch2vec]:
        """The model's and the reference, by the names of their folders."""
        named = {ORIGINAL: self.model.vae_model}
        return named if self.reference is None else {**named, REFERENCE: self.reference}


class Turns(Optimisers):
    """Optimisers of which those of a batch's kind take a step, each with its own clipping.

    Args:
        trained: what they fit.
        settings: of each.
    """

    def __init__(self, trained: Trained, settings: Optimisation) -> None:
        self.autoencoder = make_optimisers(trained.model.vae_model, settings)
        self.everything = make_optimisers(trained.model, settings)
        self.reference = [
            make_optimisers(each, settings) for each in (trained.reference,) if each is not None
        ]
        every = [self.autoencoder, self.everything, *self.reference]
        super().__init__([part for each in every for part in each.parts], trained)
        self.turn = every

    def take(self, labelled: bool) -> None:
        """Choose those that fit a batch of a kind; the reference is fitted to both."""
        self.turn = [self.everything if labelled else self.autoencoder, *self.reference]

    def clip(self, norm: float) -> None:
        """Clip the gradient of each module that is fitted by itself."""
        for each in self.turn:
            each.clip(norm)

    def step(self) -> None:
        """Move the parameters of the batch's kind."""
        for each in self.turn:
            each.step()


class IOTraining:
    """The model, its loss and its optimisers.

    Args:
        data: what is trained on.
        settings: everything that decides the numbers.
        seed: of weights, order and noise.
        device: where to train.
        checkpoint: where the loop's state is kept.
    """

    def __init__(
        self,
        data: IOData,
        settings: IOSettings,
        seed: int,
        device: torch.device,
        checkpoint: Path | None,
    ) -> None:
        self.settings = settings
        cls = IO_MODELS[settings.model]
        self.error = settings.error or cls.error
        space = data.architectures.space
        torch.manual_seed(seed)
        model = cls(
            part_of(
                settings,
                cls.sizes_type,
                num_types=len(space.types),
                max_nodes=space.max_nodes,
                **data.sizes(settings),
            )
        )
        reference = copy.deepcopy(model.vae_model) if settings.use_ref else None
        self.trained = Trained(model, reference).to(device)
        self.optimisers = Turns(self.trained, settings.optimisation)
        graphs = data.unlabelled.train
        if settings.limit is not None:
            graphs = graphs[: settings.limit]
        self.batches = Mixture(
            data.parts[TRAIN].to(device),
            graphs.padded(space.max_nodes).to(device),
            settings,
            seed,
        )
        self.loop = TrainingLoop(
            self.trained,
            settings.optimisation,
            self.batches,
            self.loss,
            seed,
            checkpoint,
            unit="examples",
            optimisers=self.optimisers,
        )

    @property
    def model(self) -> IOModel:
        """What predicts."""
        return self.trained.model

    def loss(self, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """The losses of a batch; the model and the reference share no weight."""
        self.optimisers.take(batch.targets is not None)
        objective = self.settings.objective_at(self.loop.share_done)
        latent = self.model.encode(batch.graphs)
        z = latent.sample(objective.noise_scale, generator)
        vae = self.model.vae_model.loss_at(z, latent, batch.graphs, objective).total
        total = vae
        parts = {"vae_loss": vae}
        if batch.targets is not None:
            error = ERRORS[self.error](self.model.outputs(z, *batch.inputs), batch.targets)
            total = self.settings.loss_vae_weight * vae + error
            parts["train"] = error
        if self.trained.reference is not None:
            reference = self.trained.reference.loss(batch.graphs, objective, generator).total
            parts["reference_loss"] = reference
            total = total + reference
        return {"loss": total, **parts}


def vae_measures(
    vae: Arch2vec, unlabelled: Architectures, seed: int, points: int, graphs: int | None = None
) -> dict[str, Any]:
    """The measures of arch2vec's published code, on architectures that no batch has had.

    Args:
        vae: in evaluation mode.
        unlabelled: what it was trained on, and what was held out.
        seed: of the prior points.
        points: how many of these.
        graphs: how many held-out architectures; ``None``: all.
    """
    device = vae.device
    generator = torch.Generator(device).manual_seed(seed)
    measures = accuracies(vae, unlabelled.test[:graphs].to(device))
    encoded = unlabelled.train[: Protocol.latent_graphs].to(device)
    return {**measures, **prior_measures(vae, unlabelled.space, encoded, generator, points)}


def train_io(
    *,
    name: str,
    settings: IOSettings,
    data: IOData,
    record: Mapping[str, Any],
    folder: Path,
    device: torch.device,
    seed: int,
    save_interval: int,
    protocol: Protocol,
    resume: bool = False,
) -> IOModel:
    """Train a model, log its curves, write its checkpoints and evaluate it.

    Args:
        name: the run's name, for its records.
        settings: everything that decides the numbers.
        data: what is trained on, and what is held out.
        record: what the run's configuration says besides, of the IO set.
        folder: the run's folder; checkpoints of epochs lie at its top, those of the autoencoder
            alone and of the reference in ``orig`` and ``reference`` below it.
        device: where to train.
        seed: of weights, order and noise.
        save_interval: epochs between checkpoints; the last epoch always has one.
        protocol: of the final evaluation of the autoencoder.
        resume: whether to resume the run in ``folder``.

    Returns:
        The trained model, in evaluation mode.

    Raises:
        InputError: the folder holds another run, its checkpoint is another device's, or the loss
            is no longer finite.
    """
    settings = dataclasses.replace(settings, precision="float32")
    training = IOTraining(data, settings, seed, device, folder / "checkpoints" / "last.pt")
    config = {
        "stage": Stage.EMBEDDING,
        "name": name,
        "model": settings.model,
        "space": data.architectures.space.name,
        "sizes": dataclasses.asdict(training.model.sizes),
        "settings": dataclasses.asdict(settings),
        "split": data.architectures.split.fingerprint,
        **record,
    }
    run = RunFolder.start(folder, config, seed, resume, device)
    print(computing_line(dataclasses.asdict(settings), device), flush=True)
    loop = training.loop
    if resume:
        loop.resume()
        run.truncate_after("epoch", loop.epoch)
    report_start(settings.model, settings, len(loop.examples(0)), loop.epoch, device, loop.unit)
    held_out = {part: pairs.to(device) for part, pairs in data.held_out.items()}

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        training.trained.eval()
        means["train"] /= training.batches(epoch - 1).labelled_share
        entry: dict[str, Any] = {
            "epoch": epoch,
            **means,
            **losses(training.model, held_out, training.error),
        }
        for of, vae in training.trained.autoencoders.items():
            entry[of] = vae_measures(vae, data.unlabelled, seed, CURVE_POINTS, CURVE_GRAPHS)
        if epoch % save_interval == 0 or epoch == settings.epochs:
            save_weights(run, training.trained, epoch)
        run.log(entry)
        report_io_epoch(entry, settings.epochs)

    loop.run(after_epoch)
    training.trained.eval()
    result = {
        "epochs": settings.epochs,
        "training_seconds": loop.seconds,
        "precision": "float32",
        "parts": compared_parts(training, data, seed, device),
        **evaluate(training.model.vae_model, data.unlabelled, protocol, seed),
    }
    if training.trained.reference is not None:
        result[REFERENCE] = vae_measures(
            training.trained.reference, data.unlabelled, seed, PRIOR_POINTS
        )
    run.save_result(result)
    report_parts(result["parts"])
    report_evaluation(result)
    return training.model


def compared_parts(
    training: IOTraining, data: IOData, seed: int, device: torch.device
) -> dict[str, Any]:
    """The error in every part beside the baseline's, see :func:`Training_VAE.io_measures.compared`.

    Args:
        training: that has ended.
        data: that it was made with.
        seed: of the intervals.
        device: of the model.
    """
    mean = mean_target(data.parts[TRAIN]).to(device)
    found = {}
    for name, pairs in data.parts.items():
        pairs = pairs.to(device)
        errors = errors_of(training.model, pairs, training.error)
        found[name] = compared(errors, baseline_errors(mean, pairs, training.error), seed)
    return found


def save_weights(run: RunFolder, trained: Trained, epoch: int) -> None:
    """Write the weights of an epoch: the model's, and each autoencoder's in a folder of its own.

    Beside an autoencoder lies a ``config.json``, by which it is known where it is named.
    """
    model = trained.model
    stored = {"model_state": model.state_dict(), "model_kwargs": model.model_kwargs}
    save_checkpoint(checkpoint_path(run.path, epoch), stored)
    for name, vae in trained.autoencoders.items():
        folder = run.path / name
        folder.mkdir(exist_ok=True)
        sizes = dataclasses.asdict(vae.sizes)
        write_json(folder / "config.json", {**run.config, "model": vae.name, "sizes": sizes})
        save_checkpoint(checkpoint_path(folder, epoch), vae.state_dict())
