"""Splits of molecules: random as in print, and by scaffold."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from datasets.molecules.smiles import UnreadableSmilesError
from datasets.molecules.splits import random_split, scaffold_split, split_molecules
from experiment.errors import InputError

pytest.importorskip("rdkit.Chem")

RINGS = ["c1ccccc1", "C1CC1", "C1CCC1", "c1ccncc1", "c1ccc2ccccc2c1", "C1CCOC1", "c1ccsc1"]
SMILES = [f"{'C' * length}{ring}" for ring in RINGS for length in range(1, 9)] + ["C" * 5] * 44


def parts(split: object) -> list[np.ndarray]:
    return [getattr(split, name) for name in ("train", "validation", "test")]


def test_a_random_split_is_the_permutation_of_its_seed() -> None:
    split = random_split(105, 3)
    order = np.random.RandomState(3).permutation(105)
    assert [len(part) for part in parts(split)] == [84, 10, 11]
    assert np.array_equal(np.concatenate(parts(split)), order)


@pytest.mark.parametrize("kind", ["random", "scaffold"])
def test_every_molecule_is_in_one_part_and_the_seed_decides(kind: str) -> None:
    splits = [split_molecules(SMILES, kind, seed) for seed in (0, 0, 1)]  # type: ignore[arg-type]
    for split in splits:
        assert sorted(np.concatenate(parts(split))) == list(range(100))
    first, again, other = (np.concatenate(parts(split)) for split in splits)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(5))
def test_no_scaffold_is_in_two_parts(seed: int) -> None:
    scaffolds = [f"scaffold {k % 40 if k < 150 else 40}" for k in range(200)]
    split = scaffold_split(scaffolds, seed)
    found = [{scaffolds[row] for row in part} for part in parts(split)]
    assert not found[0] & found[1]
    assert not found[0] & found[2]
    assert not found[1] & found[2]
    assert "scaffold 40" in found[0]  # the largest is trained on
    assert [len(part) for part in parts(split)] == pytest.approx([160, 20, 20], abs=4)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([27, 1, 1, 1], [27, 2, 1]),  # all but one would validate
        ([8, 1, 1], [8, 1, 1]),  # a small one that is drawn first would be trained on
        ([20, 15, 14, 1], [35, 1, 14]),  # none but the training part has room for the third
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_no_part_stays_empty_where_another_has_scaffolds_to_give(
    sizes: list[int], expected: list[int], seed: int
) -> None:
    scaffolds = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    split = scaffold_split(scaffolds, seed)
    assert sorted(np.concatenate(parts(split))) == list(range(sum(sizes)))
    found = [{scaffolds[row] for row in part} for part in parts(split)]
    assert not found[0] & found[1] | found[0] & found[2] | found[1] & found[2]
    assert [len(part) for part in parts(split)] == expected


def test_splits_of_a_seed_stay_the_same() -> None:
    split = scaffold_split([*"aaaaaabbbbccdefghijk"], 3)
    assert [part.tolist() for part in parts(split)] == [
        [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 14, 13, 18, 15],
        [16, 12],
        [17, 19],
    ]


def test_side_chains_and_stereo_change_no_scaffold() -> None:
    from datasets.molecules.by_rdkit import scaffold

    assert scaffold("CCc1ccccc1") == scaffold("Oc1ccccc1Cl") == "c1ccccc1"
    assert scaffold("C[C@H]1CCCO1") == scaffold("C[C@@H]1CCCO1")
    assert scaffold("CCCC") == ""


@pytest.mark.parametrize("text", ["CN(C)(C)(C)C", "C1CC"])
def test_what_has_no_scaffold_is_named(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """RDKit reads less than pysmiles does, which notices no impossible valence."""
    with pytest.raises(UnreadableSmilesError, match=f"no scaffold of {re.escape(repr(text))} "):
        split_molecules([*SMILES, text], "scaffold")
    assert capfd.readouterr().err == ""


def test_splits_that_cannot_be_made_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no split of molecules is called 'stratified'"):
        split_molecules(SMILES, "stratified")  # type: ignore[arg-type]
    few = "expected at least 2, 1 and 1: give at least 10 molecules$"
    with pytest.raises(InputError, match=f"9 to train on, 0 for validation and 0 .* {few}"):
        scaffold_split(["one"] * 9, 0)
    with pytest.raises(InputError, match=f"a split of molecules has 7 to train on, 0 .* {few}"):
        random_split(9, 0)
    random_split(10, 0)
    other = "give molecules of more scaffolds, or take a random split$"
    with pytest.raises(InputError, match=f"50 to train on, 0 for validation and 0 .* {other}"):
        scaffold_split(["one"] * 50, 0)
    monkeypatch.setitem(sys.modules, "rdkit", None)
    monkeypatch.setitem(sys.modules, "rdkit.Chem.Scaffolds", None)
    with pytest.raises(InputError, match="a scaffold split needs rdkit, which is not installed"):
        split_molecules(SMILES, "scaffold")
