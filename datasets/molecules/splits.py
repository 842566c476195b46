"""Splits of molecules into training, validation and test parts, by seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasets.molecules.by_rdkit import scaffold
from experiment.checks import LARGEST_OF_32_BITS, whole_number
from experiment.errors import InputError

SplitName = Literal["random", "scaffold"]
TRAIN_SHARE, VALIDATION_SHARE = 0.8, 0.1
"""The rest is the test part, as in MoleculeNet."""
FEWEST = 10
"""Molecules from which on no part of a random split is empty."""


@dataclass(frozen=True, slots=True, eq=False)
class MoleculeSplit:
    """Numbers of molecules, each in exactly one part. **Shape** (n,), int64, each.

    Attributes:
        train: what is trained on.
        validation: what networks are chosen by.
        test: what is reported.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        counts = len(self.train), len(self.validation), len(self.test)
        if counts[0] < 2 or not counts[1] or not counts[2]:
            few = sum(counts) < FEWEST
            raise InputError(
                f"a split of molecules has {counts[0]} to train on, {counts[1]} for validation and "
                f"{counts[2]} for the test, expected at least 2, 1 and 1: "
                + (
                    f"give at least {FEWEST} molecules"
                    if few
                    else "give molecules of more scaffolds, or take a random split"
                )
            )


def split_molecules(smiles: Sequence[str], kind: SplitName, seed: int = 0) -> MoleculeSplit:
    """Split molecules 80 to 10 to 10.

    Args:
        smiles: of the molecules; a random split takes their number alone.
        kind: ``random``, or ``scaffold``: molecules of one Bemis–Murcko scaffold are in one part.
        seed: of the order.

    Raises:
        InputError: there is no such kind, a part would be empty, or a scaffold needs RDKit.
    """
    seed = whole_number(seed, "seed of the split", most=LARGEST_OF_32_BITS)
    if kind == "random":
        return random_split(len(smiles), seed)
    if kind == "scaffold":
        return scaffold_split([scaffold(text) for text in smiles], seed)
    raise InputError(f"no split of molecules is called {kind!r}: choose random or scaffold")


def random_split(count: int, seed: int) -> MoleculeSplit:
    """The first 80 % of ``RandomState(seed).permutation(count)``, the next 10 %, the rest."""
    order = np.random.RandomState(seed).permutation(count)
    train, validation = int(TRAIN_SHARE * count), int(VALIDATION_SHARE * count)
    return MoleculeSplit(
        order[:train], order[train : train + validation], order[train + validation :]
    )


def scaffold_split(scaffolds: Sequence[str], seed: int) -> MoleculeSplit:
    """A split in which no scaffold is in two parts.

    The scaffolds come in an order drawn by the seed, those with more molecules than half of the
    test part before the others. Each goes into the first part that has room for all of it:
    training, validation, test; into the training part, if none has. A part for which nothing is
    left then receives a scaffold of another part.

    Args:
        scaffolds: of each molecule. Molecules without rings share the empty one.
        seed: of the order.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(scaffolds):
        groups[name].append(number)
    count = len(scaffolds)
    room = [int(TRAIN_SHARE * count), int(VALIDATION_SHARE * count)]
    room.append(count - sum(room))
    drawn = list(groups.values())
    drawn = [drawn[number] for number in np.random.RandomState(seed).permutation(len(drawn))]
    parts: tuple[list[list[int]], ...] = ([], [], [])
    for group in sorted(drawn, key=lambda group: len(group) <= room[2] / 2):
        fitting = (k for k in range(3) if sum(map(len, parts[k])) + len(group) <= room[k])
        parts[next(fitting, 0)].append(group)
    train, validation, test = parts
    for empty, other in ((validation, test), (test, validation)):
        donor = other if len(other) > 1 else train
        if not empty and len(donor) > 1:
            smallest = min(range(len(donor)), key=lambda k: len(donor[k]))
            empty.append(donor.pop(smallest))
    rows = ([row for group in part for row in group] for part in parts)
    return MoleculeSplit(*(np.array(part, dtype=np.int64) for part in rows))
