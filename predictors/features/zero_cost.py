"""Scores of the architectures' networks at initialisation as features.

A network takes some thirty milliseconds, so what was scored once is kept in a file beside the
compact tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmarks.sources import table_folders, writable_table_folder
from datasets.graph import ArchitectureGraph
from datasets.images import get_images
from datasets.space import SearchSpace
from experiment.errors import InputError
from experiment.files import atomic_path
from experiment.paths import data_root
from experiment.progress import progress
from predictors.features.features import Features
from predictors.small_networks import small_networks
from predictors.zero_cost import SCORES, all_scores

IMAGES = 32
"""Of the digits' training part, the first so many."""
MANY = 200
"""Fewer new scores are computed sooner than they are worth a file."""
KEY_BYTES = 16


class ZeroCost(Features):
    """Logarithms of 1 + the ReLU codes' determinant (NASWOT), synflow and the gradients' norm.

    What is scored is a small network (:mod:`predictors.small_networks`) that sees some handwritten
    digits, which come with scikit-learn, once for all architectures with the same
    representative. A cell that computes nothing has the score 0.

    Args:
        space: of a family in :data:`~predictors.small_networks.SMALL_NETWORKS`.
        seeds: of the initialisations; scores are the means over them.

    Attributes:
        networks: how the architectures' networks are built.
        images: what the networks see. **Shape** (B, 1, 8, 8), float32.
        labels: their classes. **Shape** (B,), int64.

    Raises:
        InputError: no network is known for the space, or scikit-learn is absent.
    """

    name = "zero_cost"
    ard = True
    extrapolates = True

    def __init__(self, space: SearchSpace, seeds: Sequence[int] = (0,)) -> None:
        super().__init__(space)
        self.networks = small_networks(space)
        self.seeds = tuple(seeds)
        self.digits = get_images("digits")
        part = self.digits.train
        mean, std = self.digits.mean[:, None, None], self.digits.std[:, None, None]
        self.images = (part.images[:IMAGES] - mean) / std
        self.labels = part.labels[:IMAGES]
        self._known: dict[bytes, np.ndarray] | None = None

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The scores. **Shape** (B, 3), float64."""
        cells, place = self._representatives(batch.to("cpu"))
        keys = [_key(cell) for cell in cells]
        new = {
            key: cell
            for key, cell in zip(keys, cells, strict=True)
            if cell is not None and key not in self.known
        }
        self._score(new)
        nothing = np.zeros(len(SCORES))
        rows = [self.known[key] if cell else nothing for key, cell in zip(keys, cells, strict=True)]
        return np.array(rows, dtype=np.float64).reshape(-1, len(SCORES))[place]

    def score(self, cell: ArchitectureGraph) -> np.ndarray:
        """Scores of one representative, computed. **Shape** (3,), float64."""
        return np.mean([self._scores_of(cell, seed) for seed in self.seeds], axis=0)

    @property
    def known(self) -> dict[bytes, np.ndarray]:
        """Scores so far by the names of the representatives, those of earlier processes too."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def _representatives(
        self, batch: GraphBatch
    ) -> tuple[list[ArchitectureGraph | None], np.ndarray]:
        """Representatives of the different graphs, and which of them each graph has, (B,)."""
        numbers = [batch.num_nodes[:, None], batch.types, batch.adjacency.flatten(1)]
        rows = torch.cat([part.to(torch.int16) for part in numbers], dim=1).numpy()
        _, first, place = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        cells = [self.networks.representative(batch.graph(int(row))) for row in first]
        return cells, place.reshape(-1)

    def _score(self, cells: dict[bytes, ArchitectureGraph]) -> None:
        """Score some representatives; what is done when the user interrupts is kept."""
        new: dict[bytes, np.ndarray] = {}
        try:
            for key, cell in progress(cells.items(), "zero-cost scores", "networks"):
                new[key] = self.score(cell)
        finally:
            self.known.update(new)
            if len(new) >= MANY:
                with suppress(InputError):  # a full disk: the scores are here all the same
                    self._write()

    def _scores_of(self, cell: ArchitectureGraph, seed: int) -> np.ndarray:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self.networks.build(cell, self.digits.in_channels, self.digits.num_classes)
        naswot, synflow, norm = all_scores(network, self.images, self.labels)
        return np.array([np.logaddexp(0, naswot), np.logaddexp(0, synflow), np.log1p(norm)])

    def _file_name(self) -> str:
        """Tells scores of these settings from others, such as those of another PyTorch."""
        settings = (self.networks.sizes, self.seeds, IMAGES, self.digits.fingerprint())
        digest = hashlib.sha256(repr((settings, torch.__version__)).encode()).hexdigest()
        return f"zero_cost.{self.networks.name}.{digest[:32]}.npz"

    def _read(self) -> dict[bytes, np.ndarray]:
        known: dict[bytes, np.ndarray] = {}
        for folder in table_folders(data_root()):
            known |= _read(folder / self._file_name())
        return known

    def _write(self) -> None:
        """Keep what is known, and what other processes have kept in the meantime."""
        path = writable_table_folder(data_root()) / self._file_name()
        together = _read(path) | self.known
        with atomic_path(path) as partial:
            keys = np.frombuffer(b"".join(together), dtype=np.uint8).reshape(-1, KEY_BYTES)
            np.savez(partial, hash=keys, scores=np.array(list(together.values())))


def _key(cell: ArchitectureGraph | None) -> bytes:
    """A name of a representative that no other has; of none, an empty one."""
    if cell is None:
        return b""
    text = repr((cell.types, cell.edges))
    return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()


def _read(path: Path) -> dict[bytes, np.ndarray]:
    """What the file holds; nothing where there is none, or none that was written here."""
    try:
        with np.load(path, allow_pickle=False) as content:
            keys, scores = content["hash"], content["scores"]
    # Damaged bytes make the reader fail in any way there is; the scores are then made again.
    except Exception:
        return {}
    if keys.dtype != np.uint8 or keys.shape != (len(scores), KEY_BYTES):
        return {}
    if scores.shape != (len(keys), len(SCORES)) or not np.isfinite(scores).all():
        return {}
    return {key.tobytes(): row for key, row in zip(keys, scores.astype(np.float64), strict=True)}
