"""Which architectures info-NAS labels: the split of arch2vec, and a draw from each part.

Both are functions of the hashes and a seed alone. With NAS-Bench-101's 423,624 hashes and seed 1,
the published one, they give the 608 cells that info-NAS trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiment.checks import whole_number
from experiment.errors import InputError

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class NetworkRows:
    """Rows of a table, those to train on and the others, in the order that they were drawn in.

    Attributes:
        train: **Shape** (k,), int64.
        held_out: **Shape** (l,), int64.
    """

    train: np.ndarray
    held_out: np.ndarray


def published_split(hashes: np.ndarray, seed: int = 1) -> NetworkRows:
    """The split of arch2vec: the first nine tenths of the ascending hashes, each part shuffled.

    Args:
        hashes: all different. **Shape** (n,), strings.
        seed: of the two permutations.

    Raises:
        InputError: a hash stands on two rows, or NumPy knows no such seed.
    """
    generator = _generator(seed)
    ascending = np.argsort(hashes, kind="stable")
    if (hashes[ascending][1:] == hashes[ascending][:-1]).any():
        raise InputError("an architecture stands on two rows: merge them before splitting")
    training = len(hashes) * 9 // 10
    return NetworkRows(
        ascending[:training][generator.permutation(training)],
        ascending[training:][generator.permutation(len(hashes) - training)],
    )


def labelled_rows(split: NetworkRows, train: int, held_out: int, seed: int = 1) -> NetworkRows:
    """Draw the networks that are trained, from each part without replacement.

    info-NAS draws one in a hundred and trains the first 608 and 77 of them; those do not depend on
    how many are drawn.

    Args:
        split: of all architectures.
        train: how many of the training ones.
        held_out: how many of the others.
        seed: of the two draws.

    Raises:
        InputError: there are fewer, or a number is none.
    """
    generator = _generator(seed)
    drawn = []
    for rows, count, what in (
        (split.train, train, "training"),
        (split.held_out, held_out, "held-out"),
    ):
        if whole_number(count, f"the number of {what} networks", least=1) > len(rows):
            raise InputError(
                f"{count:,} {what} networks were asked for and the space has {len(rows):,}: "
                "ask for fewer, or choose a larger space"
            )
        drawn.append(rows[generator.choice(len(rows), len(rows), replace=False)[:count]])
    return NetworkRows(*drawn)


def _generator(seed: int) -> np.random.RandomState:
    """NumPy's old generator, which the released code uses."""
    if whole_number(seed, "the seed") > LARGEST_SEED:
        raise InputError(f"the seed is {seed}, expected at most {LARGEST_SEED}")
    return np.random.RandomState(seed)
