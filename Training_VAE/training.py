"""One training of a graph VAE, from settings to evaluated weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from experiment.checkpoint import save_checkpoint
from experiment.environment import computing_line
from experiment.files import sha256
from experiment.loop import Examples, TrainingLoop
from experiment.run import RunFolder
from experiment.schema import Stage
from models import Embedding, Sizes, WithHeads, build_model
from models.checkpoints import checkpoint_path, read_state_dict, split_heads, stored_state
from models.heads import parts_of
from models.state_dicts import State, begin_at, load_weights
from Training_VAE.data import Architectures, epoch_examples, epoch_graphs
from Training_VAE.evaluation import Protocol, evaluate, greedy_reconstruction
from Training_VAE.head_targets import HeadTargets, joint_losses, judge
from Training_VAE.reporting import report_epoch, report_evaluation, report_heads, report_start
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
    heads: HeadTargets | None = None,
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
        heads: what heads are trained on, together with the model; ``None``: it has none.
        start: checkpoint to begin at; default fresh weights. Heads that it has are begun at, too.
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
    settings = settings.resolved(device)
    sizes = settings.sizes(architectures.space, model_name)
    config = {
        "stage": Stage.EMBEDDING,
        "name": name,
        "model": model_name,
        "space": architectures.space.name,
        "sizes": dataclasses.asdict(sizes),
        "settings": dataclasses.asdict(settings),
        "split": architectures.split.fingerprint,
        **({} if heads is None else heads.record()),
        **({} if start is None else {"start_sha256": sha256(start)}),
    }
    torch.manual_seed(seed)
    trained = fresh(model_name, sizes, heads, device)
    model, own_heads = parts_of(trained)
    if start is not None:
        begin(trained, read_state_dict(start, device))
    model.compute_dtype = settings.compute_dtype(device)
    if compiled:
        model.compile_networks()
    run = RunFolder.start(folder, config, seed, resume, device)
    print(computing_line(dataclasses.asdict(settings), device), flush=True)
    architectures.split.save(run.path / "split.json")

    def loss(batch: Any, generator: torch.Generator) -> Mapping[str, Tensor]:
        trained.train(settings.trains_in_train_mode(loop.epoch))
        objective = settings.objective_at(loop.share_done)
        if isinstance(trained, WithHeads) and heads is not None:
            return joint_losses(trained, batch, objective, heads.weights, generator)
        parts = model.loss(batch, objective, generator)
        return {
            "loss": parts.total,
            "reconstruction": parts.reconstruction,
            "divergence": parts.divergence,
        }

    loop = TrainingLoop(
        trained,
        settings.optimisation,
        epochs_of(architectures, settings, heads, seed, device),
        loss,
        seed,
        run.checkpoints / "last.pt",
    )
    if resume:
        loop.resume()
        run.truncate_after("epoch", loop.epoch)
    test_rows = architectures.test_rows

    def judged(rows: np.ndarray) -> dict[str, Any]:
        if heads is None:
            return {}
        return {"heads": judge(model, own_heads, heads, architectures, rows)}

    curve_graphs = architectures.test[:CURVE_GRAPHS].to(device)
    report_start(model_name, settings, len(loop.examples(0)), loop.epoch, device)

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        trained.eval()
        exact = greedy_reconstruction(model, curve_graphs)
        entry = {"epoch": epoch, **means, "exact": exact, **judged(test_rows[:CURVE_GRAPHS])}
        if epoch % save_interval == 0 or epoch == settings.epochs:
            save_checkpoint(checkpoint_path(run.path, epoch), stored_state(trained))
        run.log(entry)
        report_epoch(entry, settings.epochs)

    loop.run(after_epoch)
    trained.eval()
    print(f"evaluating on {len(architectures.split.test):,} held-out graphs", flush=True)
    protocol = dataclasses.replace(protocol, noise_scale=settings.noise_scale)
    result = {
        "epochs": settings.epochs,
        "training_seconds": loop.seconds,
        "precision": str(model.compute_dtype).removeprefix("torch."),
        **evaluate(model, architectures, protocol, seed),
        **judged(test_rows),
    }
    run.save_result(result)
    report_evaluation(result)
    report_heads(result.get("heads", {}))
    return model


def fresh(
    model_name: str, sizes: Sizes, heads: HeadTargets | None, device: torch.device
) -> Embedding | WithHeads:
    """A model with its heads, if it has any; their weights are drawn after the model's."""
    model = build_model(model_name, sizes)
    trained = model if heads is None else heads.on(model)
    return trained.to(device)


def epochs_of(
    architectures: Architectures,
    settings: TrainingSettings,
    heads: HeadTargets | None,
    seed: int,
    device: torch.device,
) -> Callable[[int], Examples]:
    """The training graphs of every epoch, with targets where there are heads."""
    if heads is None:
        return epoch_graphs(architectures, settings, seed, device)
    labelled = heads.examples(architectures, settings.limit)
    return epoch_examples(labelled, settings, seed, device)


def begin(model: Embedding | WithHeads, state: State) -> None:
    """Give a fresh model the weights of a checkpoint, and its heads those that are in it.

    Raises:
        ModelError: another name or a shape differs.
    """
    embedding, heads = parts_of(model)
    if not heads:
        begin_at(embedding, state)
        return
    own, stored = split_heads(state)
    begin_at(embedding, own)
    for name in heads.keys() & stored.keys():
        load_weights(heads[name], stored[name])
