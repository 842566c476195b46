"""What candidates are ranked by: a fine-tuned accuracy head, or a predictor fitted on a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.labels import SURROGATE_LABELS, LabelledSet
from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from experiment.errors import InputError
from experiment.files import read_json
from experiment.progress import progress
from models import ModelError
from models.checkpoints import find_folder, latest_epoch, load_with_heads
from predictors.defaults import defaults_of
from predictors.features.background import background_tables, of_dataset
from predictors.fine_tuned import head_outputs, read_scale
from predictors.methods import make_predictor, resolve_method
from predictors.trained_vae import check_vae

ANY_SIZE = ("statistics", "walks", "neighbourhoods")
"""Features where the default is the raw encoding, which has no places for more nodes."""

Prediction = tuple[np.ndarray, np.ndarray | None]
"""Mean and, where it is known, std of the value of each architecture. **Shape** (B,)."""


@dataclass(frozen=True)
class RankingModel:
    """Predicts an objective of architectures of any size.

    Attributes:
        predict: the predictions of a batch.
        settings: how it came about, for the run's configuration.
        objective: what it predicts.
        tables: the benchmarks that it was fitted on, those in its features too.
    """

    predict: Callable[[GraphBatch], Prediction]
    settings: dict[str, Any]
    objective: Objective = ACCURACY
    tables: tuple[Benchmark, ...] = ()

    def best_first(self, graphs: GraphBatch) -> np.ndarray:
        """Rows of a batch, the best predicted first; equal ones keep their order."""
        return np.argsort(-self.objective.sign * self.predict(graphs)[0], kind="stable")


def fine_tuned(
    model_name: str,
    space: SearchSpace,
    folder: Path | None,
    epoch: int | None,
    device: torch.device,
) -> RankingModel:
    """The accuracy head of a VAE that was fine-tuned with it.

    Args:
        model_name: ``SVGE_acc`` and the like.
        space: that it was trained on.
        folder: of its checkpoints; default ``<MODEL>_<SPACE>`` in ``state_dicts/`` or ``runs/``.
        epoch: which checkpoint; default the last one.
        device: where to compute.

    Raises:
        InputError: there is none, or it is another model's or another space's.
        ModelError: the checkpoint cannot be read, or predicts no accuracy.
    """
    wanted = folder or f"{model_name}_{space.name}"
    try:
        found = find_folder(wanted)
    except ModelError as error:
        raise InputError(
            f"there is no fine-tuned surrogate {str(wanted)!r}: make one by python "
            f"Performance_Prediction/train_surrogate_model.py --model {model_name} "
            f"--data_search_space {space.name}, or rank by --predictor default, which needs none"
        ) from error
    epoch = epoch or latest_epoch(found)
    model = load_with_heads(found, epoch, space.max_nodes).to(device)
    if model.name != model_name:
        raise InputError(
            f"the weights in {str(found)!r} are {model.name}'s, expected {model_name}'s: name "
            "another folder by --path_state_dict, or its own --model"
        )
    check_vae(model.embedding, space)

    scale = read_scale(found)
    config = found / "config.json"  # shipped and published weights have none: accuracies
    objective = Objective.read(read_json(config)) if config.is_file() else ACCURACY

    def predict(batch: GraphBatch) -> Prediction:
        return scale.back(head_outputs(model, batch)), None

    settings = {"model": model_name, "folder": found.name, "checkpoint": epoch}
    return RankingModel(predict, settings, objective)


def fitted(
    benchmark: Benchmark,
    method: str | None,
    features: Sequence[str] | None,
    labels: int | None,
    seed: int,
    weights: Path | None = None,
    objective: Objective = ACCURACY,
) -> RankingModel:
    """A predictor fitted on measured architectures, drawn at random.

    Args:
        benchmark: what was measured.
        method: name of a method; ``None`` for what the suite takes beyond measured architectures.
        features: names of what describes an architecture; ``None`` for the method's own, or
            :data:`ANY_SIZE` where these are a raw encoding.
        labels: how many measured architectures to learn from; default: :func:`usual_amount`.
        seed: of the draw and of the method.
        weights: folder of a trained VAE, where its latents are among the features.
        objective: the metric that it is fitted to.

    Raises:
        InputError: no such method or features, or fewer architectures were measured.
    """
    space = benchmark.space
    known = LabelledSet.of(benchmark, [objective.name])
    labelled, _ = known.draw(usual_amount(len(known)) if labels is None else labels, seed)
    name, described_by = resolve_method(defaults_of(space).beyond, method, features, objective)
    if features is None and "one_hot" in described_by:
        described_by = ANY_SIZE
    described_by = of_dataset(described_by, benchmark.dataset)
    predictor = make_predictor(space, name, described_by or None, seed=seed, weights=weights)
    with progress(None, f"fitting to {len(labelled):,} labels"):
        predictor.fit(labelled.graphs, labelled.labels)
    settings = {
        "predictor": name,
        "features": described_by,
        "weights": None if weights is None else weights.name,
        "labels": len(labelled),
    }
    tables = (benchmark, *background_tables(described_by, space))
    return RankingModel(predictor.predict, settings, objective, tables)


def usual_amount(known: int) -> int:
    """How many of the known labels a predictor is fitted to: all of a small benchmark."""
    return known if known < 3 * SURROGATE_LABELS else SURROGATE_LABELS
