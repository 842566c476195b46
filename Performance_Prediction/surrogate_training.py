"""One fine-tuning, from a trained VAE to a judged surrogate on disk."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from datasets.labels import LabelledSet
from datasets.source_record import source_entries
from datasets.space import SearchSpace
from experiment.checkpoint import save_checkpoint
from experiment.errors import InputError
from experiment.files import sha256
from experiment.run import RunFolder
from experiment.schema import Stage
from models import Embedding, WithHeads, load_vae
from models.checkpoints import checkpoint_path, find_folder, latest_epoch, stored_state
from models.heads import ACCURACY, embedding_name, surrogate_name
from predictors.fine_tuned import head_outputs, save_scale
from predictors.fine_tuning import TARGET_SCALES, FineTuning, FineTuningRun
from predictors.quality import Quality
from predictors.trained_vae import check_vae

CURVE_GRAPHS = 500
"""Held-out architectures that are predicted after every epoch, for the curve."""


@dataclass(frozen=True)
class Start:
    """Weights of a VAE that a fine-tuning begins at.

    Attributes:
        vae: the model.
        space: the search space.
        path: the checkpoint.
    """

    vae: Embedding
    space: SearchSpace
    path: Path


def load_start(model: str, space: SearchSpace, folder: Path | None, epoch: int | None) -> Start:
    """The VAE that a surrogate begins at, without a head where its checkpoint has one.

    Args:
        model: name of the surrogate, ``SVGE_acc`` and the like.
        space: the search space.
        folder: of the weights, or its name; default ``<VAE>_<SPACE>``.
        epoch: of the checkpoint; default the last one.

    Raises:
        InputError: the weights are another model's or another space's.
        ModelError: there are no such weights, or they cannot be read.
    """
    wanted = embedding_name(model)
    folder = find_folder(folder or f"{wanted}_{space.name}")
    epoch = latest_epoch(folder) if epoch is None else epoch
    vae = load_vae(folder, epoch, space.max_nodes)
    if vae.name != wanted:
        raise InputError(
            f"the weights in {str(folder)!r} are {vae.name}'s, {model} begins at {wanted}'s: "
            f"name another folder by --path_state_dict, or --model {surrogate_name(vae.name)}"
        )
    check_vae(vae, space)
    return Start(vae, space, checkpoint_path(folder, epoch))


def train(
    *,
    name: str,
    settings: FineTuning,
    start: Start,
    labelled: LabelledSet,
    held_out: LabelledSet,
    folder: Path,
    device: torch.device,
    seed: int,
    save_interval: int,
    resume: bool = False,
) -> WithHeads:
    """Fine-tune, log the curve, write checkpoints, and judge by the held-out architectures.

    Args:
        name: the run's name, for its records.
        settings: everything that decides the numbers.
        start: what to begin at.
        labelled: the labelled set.
        held_out: what to be judged by, in a random order.
        folder: the run's folder; checkpoints of epochs lie at its top.
        device: where to train.
        seed: of the head's weights, of order and noise.
        save_interval: epochs between checkpoints; the last epoch always has one.
        resume: whether to resume the run in ``folder``.

    Returns:
        The trained model, in evaluation mode.

    Raises:
        InputError: the folder holds another run, or the loss is no longer finite.
    """
    config = {
        "stage": Stage.FINE_TUNING,
        "name": name,
        "model": surrogate_name(start.vae.name),
        "space": start.space.name,
        "sizes": dataclasses.asdict(start.vae.sizes),
        "settings": dataclasses.asdict(settings),
        "metric": labelled.label.name,
        "objective": labelled.label,
        "sample_amount": len(labelled),
        "labels": labelled.fingerprint,
        "start_sha256": sha256(start.path),
        "sources": source_entries([labelled.benchmark]),
    }
    values = labelled.labels
    scale = TARGET_SCALES[settings.targets](values)
    run = RunFolder.start(folder, config, seed, resume, device)
    save_scale(run.path, settings.targets, values)
    checkpoint = run.checkpoints / "last.pt"
    targets = {ACCURACY: scale(values)}
    tuning = FineTuningRun(
        start.vae.to(device), labelled.graphs, targets, settings, seed, checkpoint
    )
    loop = tuning.loop
    if resume:
        loop.resume()
        run.truncate_after("epoch", loop.epoch)
    shown = held_out[np.arange(min(CURVE_GRAPHS, len(held_out)))]
    curve_graphs, curve_truth = shown.graphs, shown.labels

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        head = tuning.head()
        predicted = scale.back(head_outputs(head, curve_graphs))
        tau = Quality.of(predicted, curve_truth).kendall_tau
        if epoch % save_interval == 0 or epoch == settings.epochs:
            save_checkpoint(checkpoint_path(run.path, epoch), stored_state(head))
        run.log({"epoch": epoch, **means, "held_out_kendall_tau": tau})
        print(
            f"epoch {epoch:>3}/{settings.epochs}  loss {means['loss']:.4f}  "
            f"τ {tau:.3f} on {len(curve_truth)} held-out architectures  "
            f"{means['graphs_per_second']:.0f} graphs/s",
            flush=True,
        )

    model = tuning.train(after_epoch)
    predicted = scale.back(head_outputs(model, held_out.graphs))
    quality = {name: Quality.of(predicted, truth) for name, truth in held_out.truths().items()}
    run.save_result(
        {
            "epochs": settings.epochs,
            "labels": len(values),
            "learnt": labelled.label.name,
            "training_seconds": loop.seconds,
            "held_out": quality,
        }
    )
    for metric, each in quality.items():
        print(f"{metric}{labelled.label.where} of held-out architectures: {each}")
    return model
