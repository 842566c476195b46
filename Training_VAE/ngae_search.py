"""NGAE's search: from starts in the latent space up the gradients of the heads, then decoded.

Li, Liu, Liu, Wang 2020, arXiv:2006.10310. Decodings are sampled, as published, by a decoder that
may only build members of the space.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from experiment.errors import InputError
from experiment.files import atomic_path, plain
from models import Embedding
from models.dvae_heads import COMPLEXITY
from models.heads import ACCURACY
from searchers.latent.ascent import (
    PUBLISHED_ASCENTS,
    Ascent,
    ascend,
    ascend_by_newton,
    objective_of,
)
from Training_VAE.data import Architectures
from Training_VAE.head_targets import HeadTargets
from Training_VAE.trained import TrainedVAE

MEASURED = "measured"
"""What a found architecture's accuracy is called where it is known, beside what is predicted."""


@dataclass(frozen=True)
class LatentSearch:
    """Which search it is.

    Attributes:
        optimizer: how steps are made, by NGAE's names.
        strategy: where they start: at ``random`` points of N(0, 1), or at the means of the
            architectures with the highest accuracies (``optimal``), or of those in ``starts``.
        samples: k: random points, or highest *distinct* accuracies, each of which several
            architectures may have.
        trade_off: λ, what complexities weigh against accuracies; published is 1. Newton's steps
            go by the accuracy alone.
        rate: what a step is multiplied by; ``None``: the published number.
        steps: how many there are at most; ``None``: the published number.
        starts: architectures to start at instead, members of the space in the training's data.
    """

    optimizer: Literal["sgd", "Newton"] = "sgd"
    strategy: Literal["random", "optimal"] = "optimal"
    samples: int = 10
    trade_off: float = 1.0
    rate: float | None = None
    steps: int | None = None
    starts: tuple[ArchitectureGraph, ...] = ()

    @property
    def ascent(self) -> Ascent:
        """Its steps."""
        published = PUBLISHED_ASCENTS[self.optimizer, self.strategy]
        return Ascent(self.rate or published.rate, self.steps or published.steps)


@dataclass(frozen=True)
class Starts:
    """Points that a search starts at.

    Attributes:
        z: **shape** (S, G).
        hashes: of the architectures whose means they are; ``None`` for random points.
    """

    z: Tensor
    hashes: list[str | None]


def find_starts(
    search: LatentSearch,
    trained: TrainedVAE,
    architectures: Architectures,
    targets: HeadTargets,
    generator: torch.Generator,
) -> Starts:
    """The starts of a search.

    Raises:
        InputError: fewer than ``samples`` distinct accuracies are known, or a given start is not in
            the training's data.
        ArchitectureError: a given start is no member of the space.
    """
    model = trained.model
    if search.starts:
        return starts_at(rows_of(search.starts, architectures), architectures, model)
    if search.strategy == "random":
        shape = (search.samples, model.latent_width)
        z = torch.randn(shape, generator=generator, device=model.device)
        return Starts(z, [None] * search.samples)
    accuracies = targets.values[ACCURACY][targets.known]
    highest = np.unique(accuracies)[::-1][: search.samples]
    if len(highest) < search.samples:
        raise InputError(
            f"{search.samples} distinct accuracies are to start from, and {len(highest)} are "
            "known: give a smaller --search_samples"
        )
    rows = np.sort(targets.known[np.isin(accuracies, highest)])
    return starts_at(rows, architectures, model)


def starts_at(rows: np.ndarray, architectures: Architectures, model: Embedding) -> Starts:
    """The means of some architectures. **Shape** rows (S,)."""
    graphs = architectures.graphs[torch.from_numpy(rows)].to(model.device)
    return Starts(model.encode_all(graphs).flat, architectures.hashes[rows].tolist())


def rows_of(starts: Sequence[ArchitectureGraph], architectures: Architectures) -> np.ndarray:
    """Where architectures are in a training's data, each once. **Shape** (S,).

    Raises:
        InputError: one of them is not there.
        ArchitectureError: one is no member of the space.
    """
    space = architectures.space
    for start in starts:
        space.check(start)
    hashes = dict.fromkeys(space.hashes(GraphBatch.from_graphs(starts)).tolist())
    row_of = {hash: row for row, hash in enumerate(architectures.hashes.tolist())}
    unknown = [hash for hash in hashes if hash not in row_of]
    if unknown:
        raise InputError(
            f"{len(unknown)} of {len(hashes)} starts, the first with the hash {unknown[0]}, are "
            f"not among the {len(row_of):,} architectures of {space.name} that the training had: "
            "leave them out"
        )
    return np.array([row_of[hash] for hash in hashes])


def climb(search: LatentSearch, heads: Mapping[str, nn.Module], z: Tensor) -> Tensor:
    """Where the steps lead. **Shape** (S, G) → (S, G)."""
    if search.optimizer == "sgd":
        return ascend(objective_of(heads, search.trade_off), z, search.ascent)
    accuracy = copy.deepcopy(heads[ACCURACY]).double()
    return ascend_by_newton(accuracy, z.double(), search.ascent).to(z.dtype)


def find_architectures(
    search: LatentSearch,
    trained: TrainedVAE,
    architectures: Architectures,
    targets: HeadTargets,
    seed: int,
) -> list[dict[str, Any]]:
    """What a search finds, each architecture once, the one with the highest objective first.

    Args:
        search: which one it is.
        trained: the model and its heads.
        architectures: of its training.
        targets: of its training.
        seed: of random starts, and of the decodings.

    Returns:
        An object of an architecture file for each, with its ``hash``; ``<head>_before`` and
        ``<head>_after``, predictions at the start and at the end in the unit of the values; the
        hash of the ``start`` where it is an architecture; and the accuracy where it is known.

    Raises:
        InputError: as :func:`find_starts`.
        ArchitectureError: as there.
    """
    model, space = trained.model, trained.space
    generator = torch.Generator(model.device).manual_seed(seed)
    starts = find_starts(search, trained, architectures, targets, generator)
    ends = climb(search, trained.heads, starts.z)
    decoded = model.decode_sampled(ends, space.legality(), generator).to("cpu")
    graphs = GraphBatch.from_graphs([space.canonical(graph) for graph in decoded])
    hashes = space.hashes(graphs).tolist()
    before, after = (predictions(trained.heads, targets, z) for z in (starts.z, ends))
    with torch.no_grad():
        objective = objective_of(trained.heads, search.trade_off)(ends)
    measured = dict(
        zip(architectures.hashes.tolist(), targets.values[ACCURACY].tolist(), strict=True)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in torch.argsort(objective, descending=True, stable=True).tolist():
        if (hash := hashes[row]) in found:
            continue
        found[hash] = {
            **space.to_record(graphs.graph(row)),
            "hash": hash,
            "start": starts.hashes[row],
            **{f"{name}_before": values[row] for name, values in before.items()},
            **{f"{name}_after": values[row] for name, values in after.items()},
            MEASURED: measured.get(hash),
        }
    return list(found.values())


def predictions(
    heads: Mapping[str, nn.Module], targets: HeadTargets, z: Tensor
) -> dict[str, list[float]]:
    """What heads predict at some points, in the unit of the values. **Shape** z (S, G)."""
    with torch.no_grad():
        return {
            name: scale.back(heads[name](z).double().cpu().numpy()).tolist()
            for name, scale in targets.scales.items()
        }


def write_found(path: Path, found: list[dict[str, Any]]) -> None:
    """Write an architecture file, which the commands that train networks take."""
    lines = [json.dumps(plain(one), ensure_ascii=False, allow_nan=False) for one in found]
    with atomic_path(path) as partial:
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def report_found(found: list[dict[str, Any]], space: SearchSpace, shown: int = 5) -> None:
    """Say how many architectures were found, and show the first."""
    known = sum(one[MEASURED] is not None and one[MEASURED] == one[MEASURED] for one in found)
    print(f"{len(found)} different architectures of {space.name}, {known} of them measured:")
    for one in found[:shown]:
        changes = [
            f"{name} {one[f'{name}_before']:.5g} → {one[f'{name}_after']:.5g}"
            for name in (ACCURACY, COMPLEXITY)
            if f"{name}_before" in one
        ]
        print(f"  {one['hash']}  {', '.join(changes)} (predicted)")
