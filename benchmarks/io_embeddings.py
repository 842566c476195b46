"""The embeddings of ``io_curves.py`` that predictions and searches compare, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.io_curves import VARIANTS
from experiment.errors import InputError
from models.checkpoints import checkpoint_path
from Training_VAE.io_training import ORIGINAL, REFERENCE

EPOCHS = (10, 30)
"""After which embeddings are taken."""
SEEDS = 5
"""Trainings of a variant. Repetition r takes the embedding of seed 1 + r mod 5, on NB101 mod 2."""


@dataclass(frozen=True)
class Trained:
    """An embedding of a training.

    Attributes:
        variant: of the training, a key of :data:`~benchmarks.io_curves.VARIANTS`.
        part: folder below that of the run; empty: the model with the information itself.
        epoch: after which.
        seeds: trainings.
    """

    variant: str
    part: str
    epoch: int
    seeds: int = SEEDS

    def weights(self, runs: Path, repetition: int) -> Path:
        """Where the weights of a repetition lie.

        Raises:
            InputError: they were not trained.
        """
        seed = 1 + repetition % self.seeds
        folder = runs / self.variant.replace(" ", "_") / f"seed_{seed}"
        found = [checkpoint_path(run / self.part, self.epoch) for run in folder.glob("io_*")]
        if len(found) != 1 or not found[0].is_file():
            raise InputError(
                f"{str(folder)!r} has no weights of epoch {self.epoch}: train them by "
                f"python benchmarks/io_curves.py train --variants '{self.variant}'"
            )
        return found[0]


def of_variants(dense: str, accuracy: str, *others: str, seeds: int = SEEDS) -> dict[str, Trained]:
    """The embeddings of the paper from some variants, after each of :data:`EPOCHS`.

    Args:
        dense: variant whose model predicts features.
        accuracy: variant whose model predicts accuracies.
        others: further variants that predict something of images.
        seeds: trainings of each.
    """
    parts = {
        "orig": (dense, ORIGINAL),
        "dense": (dense, ""),
        "accuracy": (accuracy, ""),
        "accuracy, orig": (accuracy, ORIGINAL),
        "arch2vec, same batches": (dense, REFERENCE),
        **{variant: (variant, "") for variant in others},
    }
    return {
        f"{name}, epoch {epoch}": Trained(variant, part, epoch, seeds)
        for name, (variant, part) in parts.items()
        for epoch in EPOCHS
    }


EMBEDDINGS: Mapping[str, Mapping[str, Trained]] = {
    "DIGITS101": of_variants("published", "accuracy", "similarities"),
    "NB101": of_variants("NB101", "accuracy NB101", seeds=2),
}
"""Space → name → embedding."""
assert all(each.variant in VARIANTS for named in EMBEDDINGS.values() for each in named.values())


def looks(names: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Colour of each row, the same after all epochs, and whether it is the last of them."""
    families = dict.fromkeys(name.rpartition(", epoch")[0] or name for name in names)
    colours = {family: f"C{number % 10}" for number, family in enumerate(families)}
    return {
        name: (
            colours[name.rpartition(", epoch")[0] or name],
            not name.endswith(f", epoch {EPOCHS[0]}"),
        )
        for name in names
    }


def chosen_rows(asked: Sequence[str] | None, there: Sequence[str]) -> Sequence[str]:
    """The rows that are asked for, by default all.

    Raises:
        InputError: one of them is unknown.
    """
    unknown = [name for name in asked or () if name not in there]
    if unknown:
        raise InputError(f"no row is called {unknown[0]!r}: choose of {'; '.join(there)}")
    return asked or there
