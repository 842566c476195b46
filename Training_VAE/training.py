"""One training of a graph VAE, from settings to evaluated weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from experiment.checkpoint import save_checkpoint
from experiment.environment import computing_line
from experiment.files import sha256
from experiment.loop import TrainingLoop
from experiment.run import RunFolder
from experiment.schema import Stage
from models import Embedding, build_model
from models.checkpoints import checkpoint_path, read_state_dict
from models.state_dicts import begin_at
from Training_VAE.data import Architectures, epoch_graphs
from Training_VAE.evaluation import Protocol, evaluate, greedy_reconstruction
from Training_VAE.reporting import report_epoch, report_evaluation, report_start
from Training_VAE.settings import TrainingSettings

CURVE_GRAPHS = 500
"""Held-out graphs on which every epoch's reconstruction is measured, for the curve."""


def train(
    *,
    name: str,
    model_name: str,
    settings: TrainingSettings,
    architectures: Architectures,
    folder: Path,
    device: torch.device,
    seed: int,
    save_interval: int,
    protocol: Protocol,
    start: Path | None = None,
    compiled: bool = False,
    resume: bool = False,
) -> Embedding:
    """Train a model, log its curve, write its checkpoints and evaluate it.

    Args:
        name: the run's name, for its records.
        model_name: one of ``models.MODELS``.
        settings: everything that decides the numbers; the precision ``auto`` is recorded as what
            it means on ``device``.
        architectures: what to train on and what is held out.
        folder: the run's folder; checkpoints of epochs lie at its top.
        device: where to train.
        seed: of weights, order and noise.
        save_interval: epochs between checkpoints; the last epoch always has one.
        protocol: of the final evaluation; its noise scale is that of the settings.
        start: checkpoint to begin at; default fresh weights.
        compiled: whether the model's networks are compiled; on a CPU that gained nothing.
        resume: whether to resume the run in ``folder``.

    Returns:
        The trained model, in evaluation mode.

    Raises:
        InputError: the folder holds another run, its checkpoint is another device's, or the loss
            is no longer finite.
        ModelError: the checkpoint to begin at is absent, damaged, or of another model, or the model
            has nothing to compile.
    """
    space = architectures.space
    settings = settings.resolved(device)
    sizes = settings.sizes(space, model_name)
    config = {
        "stage": Stage.EMBEDDING,
        "name": name,
        "model": model_name,
        "space": space.name,
        "sizes": dataclasses.asdict(sizes),
        "settings": dataclasses.asdict(settings),
        "split": architectures.split.fingerprint,
    }
    if start is not None:
        state = read_state_dict(start, device)
        config["start_sha256"] = sha256(start)
    run = RunFolder.start(folder, config, seed, resume, device)
    print(computing_line(dataclasses.asdict(settings), device), flush=True)
    architectures.split.save(run.path / "split.json")
    torch.manual_seed(seed)
    model = build_model(model_name, sizes).to(device)
    if start is not None:
        begin_at(model, state)
    model.compute_dtype = settings.compute_dtype(device)
    if compiled:
        model.compile_networks()

    def loss(batch: GraphBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        model.train(settings.trains_in_train_mode(loop.epoch))
        parts = model.loss(batch, settings.objective_at(loop.share_done), generator)
        return {
            "loss": parts.total,
            "reconstruction": parts.reconstruction,
            "divergence": parts.divergence,
        }

    loop = TrainingLoop(
        model,
        settings.optimisation,
        epoch_graphs(architectures, settings, seed, device),
        loss,
        seed,
        run.checkpoints / "last.pt",
    )
    if resume:
        loop.resume()
        run.truncate_after("epoch", loop.epoch)
    curve_graphs = architectures.test[:CURVE_GRAPHS].to(device)
    report_start(model_name, settings, len(loop.examples(0)), loop.epoch, device)

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        model.eval()
        exact = greedy_reconstruction(model, curve_graphs)
        entry = {"epoch": epoch, **means, "exact": exact}
        if epoch % save_interval == 0 or epoch == settings.epochs:
            save_checkpoint(checkpoint_path(run.path, epoch), model.state_dict())
        run.log(entry)
        report_epoch(entry, settings.epochs)

    loop.run(after_epoch)
    print(f"evaluating on {len(architectures.split.test):,} held-out graphs", flush=True)
    protocol = dataclasses.replace(protocol, noise_scale=settings.noise_scale)
    result = {
        "epochs": settings.epochs,
        "training_seconds": loop.seconds,
        "precision": str(model.compute_dtype).removeprefix("torch."),
        **evaluate(model, architectures, protocol, seed),
    }
    run.save_result(result)
    report_evaluation(result)
    return model
