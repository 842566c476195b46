"""What heads are trained on beside a VAE: accuracies, complexities, and descriptors.

Accuracy and complexity are the heads of NGAE (Li, Liu, Liu, Wang 2020, arXiv:2006.10310). A
complexity is known for every architecture; an architecture without a measured accuracy takes part
without that term of the loss. A descriptor is a feature of architectures that needs no accuracy
either, such as the costs of their networks; each of its numbers has a linear head of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.pruning import prune_batch
from datasets.source_record import source_entries
from datasets.space import SearchSpace
from experiment.config import load_preset, resolve
from experiment.errors import InputError
from experiment.files import read_json
from experiment.run import SOURCES
from models import Embedding, Objective, WithHeads, ngae_complexity
from models.dvae_heads import COMPLEXITY
from models.heads import ACCURACY, Head, head_type
from predictors.features import describe, make_features
from predictors.features.costs import cost_formula
from predictors.fine_tuning import Labelled
from predictors.quality import Quality
from Training_VAE.data import Architectures
from Training_VAE.measured import Measured
from Training_VAE.settings import (
    LEAST_LABELS,
    SECTIONS,
    NGAESettings,
    TrainingSettings,
    section_of,
)
from Training_VAE.trained import TrainedVAE

NGAE_HEADS = (ACCURACY, COMPLEXITY)
"""Heads that are no descriptors'."""

PROXIES: Mapping[str, Callable[[GraphBatch], Tensor]] = {"enas_macro": ngae_complexity}
"""Family of spaces → NGAE's complexity of its architectures, which is known without a network."""


@dataclass(frozen=True)
class Linear:
    """Targets in proportion to values: ``(value − low) / span``."""

    low: float = 0.0
    span: float = 1.0

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The targets of some values. **Shape** as given."""
        return (values - self.low) / self.span

    def back(self, targets: np.ndarray) -> np.ndarray:
        """The value of a target. **Shape** as given."""
        return self.low + self.span * targets


@dataclass(frozen=True)
class HeadTargets:
    """The values of every architecture, and how targets are made of them.

    Attributes:
        values: by the name of the head; NaN where it is unknown. **Shape** (rows,) each.
        scales: from values to targets, by the training graphs.
        labelled: training rows whose accuracy is used. **Shape** (L,).
        known: rows whose accuracy a search may start from: all that are measured, or with the
            setting ``labels`` those of ``labelled``. **Shape** (M,).
        weights: of all losses, by name.
        sources: what a run records of the measured numbers.
        published: whether complexities are compared as published, too: see :func:`judge`.
    """

    values: dict[str, np.ndarray]
    scales: dict[str, Linear]
    labelled: np.ndarray
    known: np.ndarray
    weights: dict[str, float]
    sources: list[dict[str, Any]]
    published: bool

    @classmethod
    def of(
        cls,
        heads: Sequence[str],
        architectures: Architectures,
        settings: TrainingSettings,
        data_root: Path | None,
    ) -> HeadTargets:
        """The targets of some heads, and of those for the descriptors of the settings.

        Args:
            heads: names of heads of NGAE, which its settings describe.
            architectures: what is trained on.
            settings: of the training.
            data_root: where measured accuracies are.

        Raises:
            InputError: accuracies are not at hand, complexities are not known, or either are
                constant among the training graphs, too few, or do not fit the settings.
        """
        if settings.fresh_graphs:
            raise InputError(
                "fresh_graphs draws architectures without measured accuracies or descriptors: "
                "leave it out to train heads"
            )
        rows = architectures.train_rows[: settings.limit]
        values, used = {}, {}
        benchmarks: list[Benchmark] = []
        labelled = known = rows[:0]
        for name in heads:
            assert isinstance(settings, NGAESettings)
            if name == ACCURACY:
                benchmarks = [get_benchmark(architectures.space.name, data_root)]
                values[name] = Measured.of(benchmarks[0]).look_up(architectures.hashes)
                used[name] = labelled = _labelled(rows, values[name], settings.labels)
                measured = np.flatnonzero(~np.isnan(values[name]))
                known = measured if settings.labels is None else labelled
            else:
                values[name] = complexities(
                    architectures.space, architectures.graphs, settings.complexity
                )
                used[name] = rows
        described = descriptor_values(settings.descriptors, architectures, rows)
        kind = settings.targets if isinstance(settings, NGAESettings) else "range"
        return cls(
            values | described,
            {name: _scale(name, values[name][used[name]], kind) for name in heads}
            | {name: _scale(name, column[rows], "range") for name, column in described.items()},
            labelled,
            known,
            settings.head_weights(heads)
            | dict.fromkeys(described, settings.descriptor_weight / max(1, len(described))),
            source_entries(benchmarks),
            kind == "published",
        )

    def record(self) -> dict[str, Any]:
        """What a run's configuration says of them: the scales, and the measured numbers."""
        scales = {name: asdict(scale) for name, scale in self.scales.items()}
        return {"heads": scales, SOURCES: self.sources}

    def targets(self, rows: np.ndarray) -> Tensor:
        """What the heads are trained on, a column for each. **Shape** (rows,) → (rows, K)."""
        columns = []
        for name, scale in self.scales.items():
            column = scale(self.values[name][rows])
            if name == ACCURACY:
                column = np.where(np.isin(rows, self.labelled), column, np.nan)
            columns.append(column)
        return torch.from_numpy(np.stack(columns, 1)).float()

    def examples(self, architectures: Architectures, limit: int | None) -> Labelled:
        """The training graphs with their targets."""
        rows = architectures.train_rows[:limit]
        return Labelled(architectures.graphs[torch.from_numpy(rows)], self.targets(rows))

    def on(self, vae: Embedding) -> WithHeads:
        """A VAE with new heads for all targets; those for descriptors are linear."""
        own = head_type(vae)
        return WithHeads(
            vae,
            {
                name: own.fresh_for(vae) if name in NGAE_HEADS else Head((vae.latent_width, 1))
                for name in self.scales
            },
        )


def targets_of(
    model: str, settings: TrainingSettings, architectures: Architectures, data_root: Path | None
) -> HeadTargets | None:
    """The targets of the heads that a model's settings name; ``None`` where it has none.

    Raises:
        InputError: as :meth:`HeadTargets.of`.
    """
    heads = settings.heads(model)
    if not heads and not settings.descriptors:
        return None
    return HeadTargets.of(heads, architectures, settings, data_root)


def recorded_targets(
    trained: TrainedVAE, architectures: Architectures, data_root: Path | None
) -> HeadTargets:
    """The targets that trained heads had.

    Of weights without the record of a training (published ones) they are the published targets.

    Args:
        trained: the weights; heads of other names than NGAE's, and that are no descriptor's, are
            left out.
        architectures: of its training.
        data_root: where measured accuracies are.

    Raises:
        InputError: as :meth:`HeadTargets.of`, or the record is no training's.
    """
    path = trained.folder / "config.json"
    content = read_json(path) if path.exists() else {}
    recorded = content.get("settings") if isinstance(content, dict) else None
    section = section_of(trained.model.name)
    preset = recorded or load_preset("published", section, trained.space.name)
    try:
        settings = resolve(SECTIONS[section], preset)
    except InputError as error:
        raise InputError(f"{str(path)!r} is not the record of a training: {error}") from error
    own = NGAE_HEADS if isinstance(settings, NGAESettings) else ()
    heads = [name for name in own if name in trained.heads]
    return HeadTargets.of(heads, architectures, settings, data_root)


def descriptor_values(
    features: Sequence[str], architectures: Architectures, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """What heads for descriptors learn, by the names of the heads. **Shape** (graphs,) each.

    Numbers of a feature that are the same for all training graphs are left out.

    Args:
        features: names of descriptors.
        architectures: what is trained on.
        rows: of its training graphs. **Shape** (n,).

    Raises:
        InputError: there is no such feature, or it is constant, no number or another model's.
    """
    found: dict[str, np.ndarray] = {}
    for feature in features:
        columns = describe(make_features(feature, architectures.space), architectures.graphs)
        if not np.isfinite(columns).all():
            raise InputError(
                f"the feature {feature} has values that are no numbers for some architectures of "
                f"{architectures.space.name}, and no head can learn it: leave it out"
            )
        varying = np.flatnonzero(np.ptp(columns[rows], axis=0) > 0)
        if not len(varying):
            raise InputError(
                f"the feature {feature} is the same for all {len(rows)} training graphs: a head "
                "learns nothing from a constant"
            )
        found |= {f"{feature}_{k}": columns[:, k] for k in varying.tolist()}
    return found


def complexities(space: SearchSpace, graphs: GraphBatch, kind: str) -> np.ndarray:
    """How complex architectures are. **Shape** → (B,), float64.

    Args:
        space: of the architectures.
        graphs: members of it.
        kind: ``proxy`` (:func:`models.ngae_complexity`), or ``parameters`` or ``flops`` of the
            networks that the space's paper trains on CIFAR-10.

    Raises:
        InputError: that is not known for the space.
    """
    if kind == "proxy":
        if space.family not in PROXIES:
            raise InputError(
                f"the complexity of NGAE is defined for ENAS alone, the space is {space.name}: "
                "the setting complexity may be parameters or flops"
            )
        return PROXIES[space.family](graphs.to("cpu")).double().numpy()
    formula = cost_formula(space)
    if formula is None:
        raise InputError(
            f"what networks of {space.name} cost is not known, and so no head can predict it: "
            "train --model DVAE"
        )
    return getattr(formula(prune_batch(graphs.to("cpu"))), kind).double().numpy()


def joint_losses(
    model: WithHeads,
    batch: Labelled,
    objective: Objective,
    weights: Mapping[str, float],
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """NGAE's loss ``VAE + Σ (f − y)²`` of a batch, divided by the number of its graphs.

    The sum is over the architectures whose value is known. Each head's part is in ``error_<name>``.
    """

    def error(predicted: Tensor, targets: Tensor) -> Tensor:
        return (predicted - targets).square().sum() / len(batch)

    found = model.loss(
        batch.graphs, batch.targets, objective, generator, weights=weights, error=error
    )
    assert found.embedding is not None  # its weight is 1
    return {
        "loss": found.total,
        "reconstruction": found.embedding.reconstruction,
        "divergence": found.embedding.divergence,
        **{f"error_{name}": part for name, part in found.errors.items()},
    }


def judge(
    vae: Embedding,
    heads: Mapping[str, nn.Module],
    targets: HeadTargets,
    architectures: Architectures,
    rows: np.ndarray,
) -> dict[str, dict[str, Any]]:
    """Errors of every head on some architectures, in the unit of the values.

    A head for complexity with published targets also has the published error: its targets are
    shares of the largest of *these* architectures, not of the training's, which adds a constant
    factor to what was predicted.

    Args:
        vae: what the heads are on.
        heads: by name.
        targets: that they were trained on.
        architectures: where the rows are from.
        rows: **shape** (B,).
    """
    graphs = architectures.graphs[torch.from_numpy(rows)].to(vae.device)
    flat = vae.encode_all(graphs).flat
    found = {}
    for name, scale in targets.scales.items():
        with torch.no_grad():
            predicted = heads[name](flat).double().cpu().numpy()
        truth = targets.values[name][rows]
        found[name] = asdict(Quality.of(scale.back(predicted), truth))
        if targets.published and name == COMPLEXITY:
            found[name]["published_rmse"] = Quality.of(predicted, truth / truth.max()).rmse
    return found


def _labelled(rows: np.ndarray, values: np.ndarray, labels: int | None) -> np.ndarray:
    """The first training rows with a value, as many as are to be used."""
    known = rows[~np.isnan(values[rows])]
    if len(known) < (wanted := labels or LEAST_LABELS):
        raise InputError(
            f"the accuracy of {len(known)} training graphs is known, expected {wanted} at least"
        )
    return known[:labels]


def _scale(name: str, values: np.ndarray, targets: str) -> Linear:
    """How values become targets, by those that are trained on. **Shape** (n,)."""
    if len(values) < LEAST_LABELS or not np.isfinite(values).all():
        raise InputError(
            f"the {name} of {len(values)} graphs is to be learnt, expected {LEAST_LABELS} finite "
            "numbers at least"
        )
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise InputError(
            f"the {name} of all {len(values)} training graphs is {low:g}: a head learns nothing "
            "from a constant"
        )
    if targets == "range":
        return Linear(low, high - low)
    if name == COMPLEXITY:
        return Linear(span=high)
    if low < 0 or high > 1:
        raise InputError(
            f"values of {name} go from {low:g} to {high:g}, and published targets are shares "
            "from 0 to 1: the setting targets may be range"
        )
    return Linear()
