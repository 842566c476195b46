"""What is kept of a VAE that was fine-tuned with an accuracy head, when its weights are shipped."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets import get_benchmark, get_space
from datasets.labels import LabelledSet
from experiment.environment import git_state
from experiment.errors import InputError
from experiment.files import read_json
from models.checkpoints import checkpoint_path, load_with_heads
from predictors.fine_tuned import TARGETS_FILE, head_outputs, read_scale, save_scale
from predictors.quality import Quality
from Training_VAE.shipping import FinishedRun

QUANTILES = 100
"""Quantiles of the labels that are kept in place of the labels: what a head says is turned into an
accuracy by interpolating between them. More would only copy measured values."""


def stage_scale(run: FinishedRun, folder: Path) -> None:
    """Write beside staged weights what their head's targets are.

    Raises:
        InputError: the run has no such file.
    """
    content = read_json(run.path / TARGETS_FILE)
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    save_scale(folder, content["targets"], np.quantile(content["values"], places).round(6))


def labels_of(run: FinishedRun, data_root: Path | None) -> tuple[LabelledSet, LabelledSet]:
    """The labels of a fine-tuning and its held-out set.

    Raises:
        InputError: the data of the training is not at hand, or is another.
    """
    config = run.config
    benchmark = get_benchmark(config["space"], data_root)
    known = LabelledSet.of(benchmark, [config["metric"]])
    labels, held_out = known.draw_beside_held_out(config["sample_amount"], config["seed"])
    if labels.fingerprint != config["labels"]:
        raise InputError(
            f"{benchmark.description} does not hold the labels that {str(run.path)!r} learnt from: "
            "name the data root of the training by --data_root"
        )
    return labels, held_out


def measured_surrogate(
    run: FinishedRun,
    folder: Path,
    epoch: int,
    notes: list[str],
    data_root: Path | None,
    device: torch.device,
) -> dict[str, Any]:
    """The manifest's entry for staged weights, with how well they predict held-out architectures.

    Raises:
        InputError: the data of the training is not at hand, or is another.
        ModelError: the weights cannot be read.
    """
    labels, held_out = labels_of(run, data_root)
    space = get_space(run.config["space"])
    model = load_with_heads(folder, epoch, space.max_nodes).to(device)
    predicted = read_scale(folder).back(head_outputs(model, held_out.graphs))
    quality = {name: Quality.of(predicted, truth) for name, truth in held_out.truths().items()}
    for name, each in quality.items():
        print(f"{name} accuracy of held-out architectures: {each}")
    code = git_state()
    return {
        **run.stored(checkpoint_path(folder, epoch), epoch, model),
        "start_sha256": run.config["start_sha256"],
        "data": {
            "source": labels.benchmark.description,
            "metric": labels.label.name,
            "labels": len(labels),
            "labels_sha256": labels.fingerprint,
            "held_out": len(held_out),
        },
        "metrics": {
            "precision": "float32",
            "commit": code["commit"],
            "uncommitted_changes": code["dirty"],
            "held_out": {name: dataclasses.asdict(each) for name, each in quality.items()},
        },
        "notes": notes,
    }
