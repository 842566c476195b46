"""How smooth a latent space is: what changes in the decodings when a latent changes.

``docs/protocols.md`` defines every quantity.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.edit_distance import edit_distances
from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from experiment.errors import InputError
from models import Embedding
from Training_VAE.interpolation import great_circle, line
from Training_VAE.measured import Measured

SHORTEST_STEP = 0.01
"""The shortest random step, as a share of the typical distance; the longest is 1."""


@dataclass(frozen=True, slots=True)
class Change:
    """How decodings differ over latent steps of one kind and length; means over the walks.

    Attributes:
        walk: ``line``, ``great_circle``, ``random_step``, or ``ends`` for two encoded
            architectures.
        step: on lines and circles how many points lie between begin and end of a step, both
            counted as one; of random steps the number of the length, from 1.
        latent_distance: Euclidean length of the steps.
        relative_distance: that over the typical distance of two encoded architectures.
        changes: steps that were measured.
        edit_distance: between the masked decodings at both ends of a step.
        edit_distance_error: its standard error over the walks.
        unchanged: share of the steps over which the architecture stays the same.
        valid: share of valid architectures among the unmasked decodings at the steps' ends.
        known: share of the steps with a known validation value at both ends.
        accuracy_change: mean absolute difference of these values, of any metric (accuracies
            are fractions), over those; NaN where there are none.
        accuracy_change_error: its standard error over the walks.
        rank_change: the same for the rank, the share of the space that is worse.
    """

    walk: str
    step: int
    latent_distance: float
    relative_distance: float
    changes: int
    edit_distance: float
    edit_distance_error: float
    unchanged: float
    valid: float
    known: float
    accuracy_change: float
    accuracy_change_error: float
    rank_change: float


@dataclass(frozen=True, slots=True)
class WalkSummary:
    """All walks of one kind together.

    Attributes:
        walk: as in :class:`Change`.
        walks: how many.
        points: latents on each.
        valid: share of valid architectures among all unmasked decodings.
        distinct: different architectures on a walk, up to isomorphism; mean over the walks.
        known: share of the masked decodings with a known validation value.
    """

    walk: str
    walks: int
    points: int
    valid: float
    distinct: float
    known: float


@dataclass(frozen=True, slots=True)
class Smoothness:
    """The result for one model.

    Attributes:
        model: name of the model.
        space: name of its search space.
        epoch: of the checkpoint.
        pairs: pairs of encoded architectures.
        steps: points on a line or circle; lengths of random steps.
        seed: of pairs and directions.
        typical_distance: median Euclidean distance of the latents of a pair.
        walks: a summary of each kind of walk.
        changes: the curves.
        objective: what was measured.
    """

    model: str
    space: str
    epoch: int
    pairs: int
    steps: int
    seed: int
    typical_distance: float
    walks: tuple[WalkSummary, ...]
    changes: tuple[Change, ...]
    objective: Objective = ACCURACY

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Smoothness:
        """Back from what ``experiment.files.plain`` made of a result.

        Raises:
            InputError: it is no such result.
        """
        try:
            given = dict(content)
            given["walks"] = tuple(WalkSummary(**walk) for walk in given["walks"])
            given["changes"] = tuple(_read_change(change) for change in given["changes"])
            given["objective"] = Objective.read(given)
            return cls(**given)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this is no result of the smoothness command: {error}") from error


def measure(
    model: Embedding,
    space: SearchSpace,
    graphs: GraphBatch,
    measured: Measured | None,
    *,
    epoch: int,
    pairs: int,
    steps: int,
    seed: int,
) -> Smoothness:
    """Measure along lines, great circles and random steps; the same seed gives the same result.

    Args:
        model: the trained VAE.
        space: its search space.
        graphs: held-out architectures, from which ``pairs`` pairs are drawn without repetition.
        measured: what is known of validation values.
        epoch: of the checkpoint, for the record.
        pairs: number of lines, of circles, and of architectures that random steps start from.
        steps: points on a line or circle, and lengths of random steps.
        seed: of pairs and directions.

    Raises:
        InputError: too few architectures or steps, or an encoder that tells none apart.
    """
    if steps < 3:
        raise InputError(f"smoothness is measured with 3 steps at least, {steps} were requested")
    if pairs < 1 or 2 * pairs > len(graphs):
        raise InputError(
            f"{pairs} pairs were requested, {len(graphs)} held-out architectures make up to "
            f"{len(graphs) // 2}"
        )
    rows = np.random.default_rng(seed).choice(len(graphs), 2 * pairs, replace=False)
    chosen = graphs[torch.from_numpy(rows)].to(model.device)
    start, end = model.encode_all(chosen).flat.split(pairs)
    typical = float((end - start).norm(dim=1).median())
    if not typical > 0:
        raise InputError(
            f"the typical distance of two latents is {typical}: these weights do not tell "
            "architectures apart, and no step has a length relative to it; train them longer"
        )
    generator = torch.Generator(model.device).manual_seed(seed)
    directions = torch.randn(start.shape, generator=generator, device=model.device)
    latents = {
        "line": line(start, end, steps).points,
        "great_circle": great_circle(start, end, steps).points,
        "random_step": random_steps(start, directions, typical, steps),
    }
    decoded = {
        walk: DecodedWalks.of(walk, model, space, points, measured)
        for walk, points in latents.items()
    }
    changes = [
        change
        for walks in decoded.values()
        for change in (
            walks.by_length(typical)
            if walks.walk == "random_step"
            else walks.by_separation(typical)
        )
    ]
    ends = dataclasses.replace(decoded["line"], walk="ends")
    changes.append(ends.change(1, np.array([0]), np.array([steps - 1]), typical))
    return Smoothness(
        model=model.name,
        space=space.name,
        epoch=epoch,
        pairs=pairs,
        steps=steps,
        seed=seed,
        typical_distance=typical,
        walks=tuple(walks.summary() for walks in decoded.values()),
        changes=tuple(changes),
        objective=measured.objective if measured else ACCURACY,
    )


def random_steps(start: Tensor, directions: Tensor, longest: float, steps: int) -> Tensor:
    """Each latent, then steps from it of growing length, all in the latent's own direction.

    Lengths grow in equal proportions from ``SHORTEST_STEP`` · ``longest`` to ``longest``.

    **Shape**: start and directions (P, G) → (P, 1 + steps, G).
    """
    lengths = torch.from_numpy(np.geomspace(SHORTEST_STEP, 1.0, steps) * longest)
    lengths = torch.cat([torch.zeros(1), lengths.float()]).to(start.device)
    unit = directions / directions.norm(dim=1, keepdim=True)
    return start[:, None] + lengths[:, None] * unit[:, None]


@dataclass(frozen=True)
class DecodedWalks:
    """The decodings along P walks of S points.

    Attributes:
        walk: kind of the walks.
        latents: **shape** (P, S, G).
        graphs: masked greedy decodings, walk by walk: P·S graphs on the CPU.
        hashes: their hashes. **Shape** (P, S).
        valid: whether the unmasked greedy decodings are members. **Shape** (P, S), bool.
        values: validation values, NaN where not known. **Shape** (P, S).
        ranks: shares of the space that are worse. **Shape** (P, S).
    """

    walk: str
    latents: np.ndarray
    graphs: GraphBatch
    hashes: np.ndarray
    valid: np.ndarray
    values: np.ndarray
    ranks: np.ndarray

    @classmethod
    def of(
        cls,
        walk: str,
        model: Embedding,
        space: SearchSpace,
        latents: Tensor,
        measured: Measured | None,
    ) -> DecodedWalks:
        """Decode walks, with masks and without, and look up what was measured."""
        shape = latents.shape[:2]
        flat = latents.flatten(0, 1)
        valid = space.legal(model.decode_greedily(flat).to("cpu"))
        graphs = model.decode_greedily(flat, space.legality()).to("cpu")
        hashes = space.hashes(graphs)
        known = measured.look_up(hashes) if measured else np.full(len(hashes), np.nan)
        ranks = measured.ranks(known) if measured else known
        return cls(
            walk,
            latents.cpu().double().numpy(),
            graphs,
            hashes.reshape(shape),
            valid.reshape(shape),
            known.reshape(shape),
            ranks.reshape(shape),
        )

    def summary(self) -> WalkSummary:
        """All walks together."""
        walks, points = self.hashes.shape
        return WalkSummary(
            self.walk,
            walks,
            points,
            valid=float(self.valid.mean()),
            distinct=float(np.mean([len(set(hashes)) for hashes in self.hashes.tolist()])),
            known=float((~np.isnan(self.values)).mean()),
        )

    def by_separation(self, typical: float) -> Iterator[Change]:
        """Changes between points 1, 2, 4, … apart, up to half of the walk."""
        points = self.hashes.shape[1]
        apart = 1
        while apart <= max(1, (points - 1) // 2):
            begin = np.arange(points - apart)
            yield self.change(apart, begin, begin + apart, typical)
            apart *= 2

    def by_length(self, typical: float) -> Iterator[Change]:
        """Changes from the first point to each of the others."""
        for point in range(1, self.hashes.shape[1]):
            yield self.change(point, np.array([0]), np.array([point]), typical)

    def change(self, step: int, begin: np.ndarray, end: np.ndarray, typical: float) -> Change:
        """Changes from points ``begin`` to points ``end`` of every walk. **Shape** (K,) each."""
        walks, points = self.hashes.shape
        first = np.arange(walks)[:, None] * points
        rows = [torch.from_numpy((first + places).ravel()) for places in (begin, end)]
        edits = edit_distances(self.graphs[rows[0]], self.graphs[rows[1]]).reshape(walks, -1)
        distances = np.linalg.norm(self.latents[:, end] - self.latents[:, begin], axis=-1)
        value = np.abs(self.values[:, end] - self.values[:, begin])
        rank = np.abs(self.ranks[:, end] - self.ranks[:, begin])
        return Change(
            walk=self.walk,
            step=step,
            latent_distance=float(distances.mean()),
            relative_distance=float(distances.mean()) / typical,
            changes=edits.size,
            edit_distance=float(edits.mean()),
            edit_distance_error=_standard_error(edits.astype(float)),
            unchanged=float((edits == 0).mean()),
            valid=float(self.valid[:, end].mean()),
            known=float((~np.isnan(value)).mean()),
            accuracy_change=_mean(value),
            accuracy_change_error=_standard_error(value),
            rank_change=_mean(rank),
        )


def _read_change(content: Mapping[str, Any]) -> Change:
    """A change from JSON, which has no word for NaN."""
    numbers: dict[str, Any] = {
        name: float("nan") if value is None else float(value)
        for name, value in content.items()
        if name != "walk"
    }
    return Change(walk=str(content["walk"]), **numbers)


def _mean(values: np.ndarray) -> float:
    """Mean of the numbers that are known, NaN without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _standard_error(values: np.ndarray) -> float:
    """Standard error of the mean over walks, **shape** (P, K); a walk counts by its own mean."""
    means = np.array([_mean(walk) for walk in values])
    means = means[~np.isnan(means)]
    return float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")
