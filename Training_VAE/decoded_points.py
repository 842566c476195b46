"""What a graph VAE decodes at given points of its latent space, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from datasets.graph import ArchitectureGraph
from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from experiment.files import plain
from models import Embedding
from Training_VAE.interpolation import decode_most_frequent
from Training_VAE.measured import find_measured


@dataclass(frozen=True)
class DecodedPoints:
    """The architectures at S points, decoded with the masks of the space.

    Attributes:
        graphs: S of them.
        hashes: their hashes.
        latents: the points. **Shape** (S, G).
        values: measured validation values, NaN where they are not known. **Shape** (S,).
        objective: what the values are.
    """

    graphs: list[ArchitectureGraph]
    hashes: list[str]
    latents: torch.Tensor
    values: np.ndarray
    objective: Objective = ACCURACY

    @classmethod
    def of(
        cls,
        model: Embedding,
        space: SearchSpace,
        latents: torch.Tensor,
        data_root: Path | None,
        sampled: int | None,
        seed: int,
    ) -> DecodedPoints:
        """Decode greedily, or as the most frequent of ``sampled`` decodings drawn by ``seed``."""
        if sampled:
            generator = torch.Generator(model.device).manual_seed(seed)
            decoded = decode_most_frequent(model, latents, space, sampled, generator)
        else:
            decoded = model.decode_greedily(latents, space.legality())
        hashes = space.hashes(decoded).tolist()
        measured = find_measured(space.name, data_root)
        values = measured.look_up(hashes) if measured else np.full(len(hashes), np.nan)
        objective = measured.objective if measured else ACCURACY
        return cls(list(decoded), hashes, latents, values, objective)

    def records(
        self, space: SearchSpace, places: Iterable[Mapping[str, object]]
    ) -> Iterator[dict[str, object]]:
        """An object of an architecture file for every point, with what says its place."""
        for row, (graph, place) in enumerate(zip(self.graphs, places, strict=True)):
            record = {
                **space.to_record(graph),
                "hash": self.hashes[row],
                **place,
                "latent": self.latents[row].tolist(),
            }
            if not np.isnan(self.values[row]):
                record["validation"] = float(self.values[row])
                record["objective"] = plain(self.objective)
            yield record

    def labels(self, rows: Sequence[int]) -> list[str] | None:
        """The values of some points as words; ``None`` where none of them is known."""
        known = [self.values[row] for row in rows]
        words = ["" if np.isnan(value) else self.objective.text(value) for value in known]
        return words if any(words) else None

    @property
    def measured(self) -> str:
        """What the values are, in words."""
        return self.objective.quantity + self.objective.where
