"""A trained graph VAE as a predictor: its encoder and an accuracy head, fine-tuned on labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from datasets.batch import GraphBatch, as_batch
from datasets.space import SearchSpace
from experiment.errors import InputError
from experiment.files import read_json, write_json
from experiment.progress import progress
from models import Embedding, WithHeads
from models.heads import ACCURACY
from predictors.fine_tuning import TARGET_SCALES, AsMeasured, FineTuning, FineTuningRun
from predictors.predictor import Architectures, Predictor
from predictors.regressor import Scale, check_targets
from predictors.trained_vae import check_vae

LEAST_LABELS = 10
TARGETS_FILE = "targets.json"
"""Beside the weights of a head: what values its targets were made of."""


class FineTuned(Predictor):
    """Several heads, each fine-tuned without one part of the labels, and averaged.

    The residuals of a head on its held-out part give the width of the intervals (cross-validation+,
    Barber et al. 2021, arXiv:1905.02928). The mean of several heads has a smaller error than each,
    so the coverage of the intervals is slightly above its nominal value.

    Args:
        space: the search space.
        vae: trained on it; it stays as it is.
        settings: of each training; default the preset ``default``.
        scale: what the targets are; default that of the settings.
        folds: parts of the labels, and so heads.
        seed: of the parts, the heads, order and noise.
        shown: whether a terminal shows the progress.

    Raises:
        InputError: the VAE is another space's.
    """

    def __init__(
        self,
        space: SearchSpace,
        vae: Embedding,
        settings: FineTuning | None = None,
        *,
        scale: type[Scale] | None = None,
        folds: int = 5,
        seed: int = 0,
        shown: bool = True,
    ) -> None:
        settings = settings or FineTuning.preset("default", space.name)
        super().__init__(scale or TARGET_SCALES[settings.targets], seed)
        check_vae(vae, space)
        self.space = space
        self.vae = vae
        self.settings = settings
        self.folds = folds
        self.shown = shown
        self.least_labels = max(LEAST_LABELS, folds)
        self.heads: list[WithHeads] = []

    def checked(self, architectures: Architectures) -> tuple[GraphBatch, int]:
        """The architectures as a batch of the space's node types, and how many they are."""
        batch = as_batch(architectures, self.space)
        return batch, len(batch)

    def learn(
        self, architectures: Architectures, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Train the heads, each on all parts but one."""
        graphs = as_batch(architectures)
        parts = np.random.default_rng(self.seed).permutation(len(targets)) % self.folds
        held_out = np.empty(len(targets))
        heads = []
        for part in progress(range(self.folds), "fine-tuning", "heads", shown=self.shown):
            rest, left_out = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
            run = FineTuningRun(
                self.vae,
                graphs[torch.from_numpy(rest)],
                {ACCURACY: targets[rest]},
                self.settings,
                seed=self.seed * self.folds + part,
                shown=False,
            )
            heads.append(run.train())
            held_out[left_out] = head_outputs(heads[-1], graphs[torch.from_numpy(left_out)])
        self.heads = heads
        self._std = float(np.sqrt(np.mean((held_out - targets) ** 2)))
        return held_out, np.full(len(targets), self._std)

    def scores(self, architectures: Architectures) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the heads, and a constant std. **Shape** (B,) each."""
        graphs = as_batch(architectures)
        mean = np.mean([head_outputs(head, graphs) for head in self.heads], axis=0)
        return mean, np.full(len(mean), self._std)


def head_outputs(model: WithHeads, batch: GraphBatch, head: str = ACCURACY) -> np.ndarray:
    """What a head predicts of any number of graphs, on the scale of its targets. **Shape** (B,).

    Raises:
        ModelError: there is no head of that name.
    """
    found = model.predict_all(batch.to(model.embedding.device), head)
    return found.double().cpu().numpy()


def save_scale(folder: Path, targets: str, values: np.ndarray) -> None:
    """Write beside a head's weights what its targets are, for :func:`read_scale`.

    Args:
        folder: of the weights.
        targets: name of the scale, as in ``TARGET_SCALES``.
        values: of the labelled architectures. **Shape** (n,).
    """
    write_json(folder / TARGETS_FILE, {"targets": targets, "values": values})


def read_scale(folder: Path) -> Scale:
    """The scale whose ``back`` makes values of the predictions of a head in ``folder``.

    Published weights have none: they predict the values themselves.

    Raises:
        InputError: the file beside the weights is damaged.
    """
    path = folder / TARGETS_FILE
    if not path.exists():
        return AsMeasured(np.empty(0))
    content = read_json(path)
    try:
        return TARGET_SCALES[content["targets"]](check_targets(content["values"], 2))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} does not tell what the head's targets are: train the head again"
        ) from error
