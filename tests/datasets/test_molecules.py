"""Molecules: features of atoms and bonds, both readers, tables with faults."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.molecules import MOLECULES, MoleculeSource, get_molecules, smiles
from datasets.molecules.atom_counts import AtomCountFit
from datasets.molecules.graphs import MoleculeGraphs
from datasets.molecules.molecule import (
    HYBRIDISATIONS,
    SYMBOLS,
    Molecule,
    atom_features,
    bond_features,
    pair_features,
)
from datasets.molecules.smiles import LACKING, UnreadableSmilesError, get_reader
from datasets.molecules.sources import SHIFTED
from experiment.errors import InputError

Chem = pytest.importorskip("rdkit.Chem")
read, read_plainly = get_reader("rdkit"), get_reader("pysmiles")

ACETANILIDE = "CC(=O)Nc1ccccc1"
SOME = (
    *(ACETANILIDE, "C", "[Na+].[Cl-]", "C1CC1C#N", "C[N+](=O)[O-]", "c1ccc2ccccc2c1", "[CH3]"),
    *("CS(=O)(=O)Cl", "C1CC2CCC1CC2", "c1ccc(cc1)-c1ccccc1", "FC(F)(F)Br", "CC=CC=C", "[Xe]"),
    *("O=C1NC(=O)c2ccccc12", "CCCCCCCCCCC", "FS(F)(F)(F)(F)F", "OP(O)(O)=O", "[2H]C", "[H][H]"),
)


def one_of(value: object, known: list[object]) -> list[float]:
    """DeepChem's one-hot: what is not known is the last."""
    value = value if value in known else known[-1]
    return [float(value == each) for each in known]


def atoms_by_deepchem(text: str) -> np.ndarray:
    """The 75 features one after the other, written from the reference's list."""
    rows = []
    for atom in Chem.MolFromSmiles(text).GetAtoms():
        row = one_of(atom.GetSymbol(), [*SYMBOLS, "other"])
        row += one_of(atom.GetDegree(), list(range(11)))
        row += one_of(atom.GetNumImplicitHs(), list(range(7)))
        row += [atom.GetFormalCharge(), atom.GetNumRadicalElectrons()]
        row += one_of(str(atom.GetHybridization()), list(HYBRIDISATIONS))
        row += [float(atom.GetIsAromatic())]
        rows.append(row + one_of(atom.GetTotalNumHs(), list(range(5))))
    return np.array(rows, dtype=np.float32)


def pairs_by_deepchem(text: str) -> np.ndarray:
    """The 14 features of each pair, distances by RDKit's own matrix."""
    molecule = Chem.MolFromSmiles(text)
    distances = Chem.GetDistanceMatrix(molecule)
    rings = [set(ring) for ring in molecule.GetRingInfo().AtomRings()]
    count = molecule.GetNumAtoms()
    features = np.zeros((count, count, 14), dtype=np.float32)
    kinds = [Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE]
    kinds.append(Chem.BondType.AROMATIC)
    for i in range(count):
        for j in range(count):
            bond = molecule.GetBondBetweenAtoms(i, j) if i != j else None
            if bond is not None:
                features[i, j, :4] = [bond.GetBondType() == kind for kind in kinds]
                features[i, j, 4:6] = bond.GetIsConjugated(), bond.IsInRing()
            features[i, j, 6] = i != j and any({i, j} <= ring for ring in rings)
            for distance in range(1, 8):
                features[i, j, 6 + distance] = distances[i, j] == distance
    return features


def test_shapes_of_the_reference_molecule() -> None:
    molecule = read(ACETANILIDE)
    assert atom_features(molecule.atoms).shape == (10, 75)
    assert pair_features(molecule).shape == (10, 10, 14)
    assert [part.shape for part in bond_features(molecule)] == [(2, 20), (20, 14)]
    assert molecule.formula == {"C": 8, "H": 9, "N": 1, "O": 1}


@pytest.mark.parametrize("text", SOME)
def test_features_are_those_of_the_reference(text: str) -> None:
    molecule = read(text)
    assert np.array_equal(atom_features(molecule.atoms), atoms_by_deepchem(text))
    pairs = pair_features(molecule)
    assert np.array_equal(pairs, pairs_by_deepchem(text))
    (first, second), described = bond_features(molecule)
    assert np.array_equal(described, pairs[first, second])
    assert set(zip(first, second, strict=True)) == set(zip(second, first, strict=True))
    bonds = Chem.MolFromSmiles(text).GetBonds()
    expected = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds]
    assert list(zip(first, second, strict=True))[::2] == expected


def test_hydrogens_can_be_atoms() -> None:
    from datasets.molecules.by_rdkit import read_molecule

    for text in ("CO", "[H]C([H])([H])O[H]"):
        with_hydrogens = read_molecule(text, hydrogens=True)
        assert len(with_hydrogens.atoms) == 6
        assert with_hydrogens.formula == read(text).formula == {"C": 1, "O": 1, "H": 4}
        assert len(read(text).atoms) == 2


KNOWN_TO_BOTH = [*range(44 + 11), 62, *range(70, 75)]
"""Columns of element, degree, charge, and hydrogens; column 69 is aromatic."""


DIFFERENT = {"[2H]C", "C1CC2CCC1CC2"}
"""An isotope, and a bridge: three rings to RDKit, two to a basis of cycles."""


@pytest.mark.parametrize("text", [each for each in SOME if each not in DIFFERENT])
def test_the_plain_reader_agrees_on_what_it_knows(text: str) -> None:
    molecule, plain = read(text), read_plainly(text)
    features, others = atom_features(molecule.atoms), atom_features(plain.atoms)
    assert np.array_equal(features[:, KNOWN_TO_BOTH], others[:, KNOWN_TO_BOTH])
    assert not others[:, 63:69].any()  # radicals and hybridisation
    kinds = [0, 1, 2, 3, 5, *range(6, 14)]
    pairs, other_pairs = pair_features(molecule), pair_features(plain)
    assert np.array_equal(pairs[..., kinds], other_pairs[..., kinds])
    assert not other_pairs[..., 4].any()  # conjugated
    assert molecule.formula == plain.formula


@pytest.mark.parametrize("text", ["C1CC", "xx", "", "CN(C)(C)(C)C", "c1cccc1"])
def test_what_is_no_molecule_is_refused_with_a_reason(
    text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnreadableSmilesError, match=r"SMILES|no atoms|valence|kekulize"):
        read(text)
    assert capfd.readouterr().err == ""  # RDKit would print lines of its own
    if text != "CN(C)(C)(C)C":
        with pytest.raises(UnreadableSmilesError, match=r"no SMILES|no atoms"):
            read_plainly(text)


RADICALS = (
    *("[CH3]", "[O]", "[K]", "[Si]", "[He]", "[H]", "C[CH]C", "[NH2]", "[C]", "[2H]", "[K][CH3]"),
    *("C[O].[H]", "[Fe]", "[O]c1ccccc1"),
)


@pytest.mark.parametrize("text", RADICALS)
def test_the_plain_reader_reads_radicals_and_lone_atoms(text: str) -> None:
    molecule, plain = read(text), read_plainly(text)
    features, others = atom_features(molecule.atoms), atom_features(plain.atoms)
    assert np.array_equal(features[:, KNOWN_TO_BOTH], others[:, KNOWN_TO_BOTH])
    assert len(molecule.bonds) == len(plain.bonds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("C(C)(C)(C)(C)C", "an atom C has more bonds than its valence$"),
        ("[CH5]", "an atom C has more bonds than its valence$"),
        ("[Xx]", r"no SMILES \(there is no element Xx\)$"),
        ("Cc", r"no SMILES \(the aromatic atom c is in no ring\)$"),
        ("C1CCC1[nH]", r"no SMILES \(the aromatic atom \[nH\] is in no ring"),
        ("C[CH3]1", "no SMILES$"),
    ],
)
def test_the_plain_reader_says_what_is_wrong_with_an_atom(text: str, reason: str) -> None:
    with pytest.raises(UnreadableSmilesError, match=f"^{reason}"):
        read_plainly(text)


HALF = (
    *("C(", "not a molecule", "CC☃", "C)C", ">>", ".", "C=", "=C", "CC.", ".C", "C..C", "C()C"),
    *(
        "C((C))C",
        "C(=)C",
        "(C)C",
        "C(C=)C",
        "C(C.)C",
        "C/",
        "C-",
        "C=(C)C",
        "C1(1)CC1",
        "C%12CC",
        "C１CC１",
    ),
)


@pytest.mark.parametrize("text", HALF)
def test_both_readers_refuse_what_is_half_a_smiles(text: str) -> None:
    for reader in (read, read_plainly):
        with pytest.raises(UnreadableSmilesError, match=r"no SMILES|no atoms"):
            reader(text)


def test_a_name_may_follow_a_smiles() -> None:
    assert len(read("CCO ethanol").atoms) == len(read_plainly("CCO ethanol").atoms) == 3


def test_a_batch_is_that_of_pytorch_geometric() -> None:
    from torch_geometric.data import Batch

    graphs = MoleculeGraphs.of([read(text) for text in SOME])
    rows = torch.tensor([3, 1, 0, 1, len(SOME) - 1])
    batch = graphs.take(rows)
    every = graphs.to_pyg()
    expected = Batch.from_data_list([every[row] for row in rows])
    assert len(batch) == 5
    for name in ("x", "edge_index", "edge_attr", "batch"):
        assert torch.equal(getattr(batch, name), expected[name])
    assert graphs.take(torch.tensor([1])).edge_index.shape == (2, 0)  # methane has no bonds


def table(tmp_path: Path, text: str) -> MoleculeSource:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    return MoleculeSource("mine", (str(path),), ("value",), "eV")


def test_rows_without_label_or_molecule_are_left_out_counted_and_named(tmp_path: Path) -> None:
    lines = ["smiles,value", "CC,1", "C1CC,2", "CO,", "CCO,nan", "xx,3", "C,-1e3"]
    with pytest.warns(UserWarning, match="4 of 6 rows of mine are left out: line 3 "):
        data = get_molecules(table(tmp_path, "\n".join(lines)))
    assert data.smiles == ("CC", "C")
    assert data.targets.tolist() == [1, -1000]
    assert [one.line for one in data.left_out] == [3, 4, 5, 6]
    (note,) = data.notes
    assert "line 3 ('C1CC'): no SMILES; line" in note
    assert note.endswith("line 4 ('CO'): no value; line 5 ('CCO'): no value; and 1 more")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smiles,value\nCC,high", "line 2 of .* has the value 'high', expected a number"),
        ("smiles,value\nCC,inf", "has the value 'inf', expected a number"),
        ("smiles,energy\nCC,1", "no column 'value': its columns are smiles, energy"),
        ("mol,value\nCC,1", "no column 'smiles'"),
        ("smiles,value\nxx,1", "no row of .* has both a readable SMILES and a label"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        get_molecules(table(tmp_path, text))


def test_names_and_files_that_are_absent_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no molecules are called 'qm77': did you mean 'qm7'"):
        get_molecules("qm77")
    with pytest.raises(InputError, match=r"no molecules/esol.csv and no .*docs/molecules.md"):
        get_molecules("esol", tmp_path)
    with pytest.raises(InputError, match="no reader of SMILES is called 'openbabel'"):
        get_molecules("esol", tmp_path, reader="openbabel")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the metric is 'accuracy', expected mae or rmse"):
        MoleculeSource("mine", ("mine.csv",), ("value",), None, metric="accuracy")  # type: ignore[arg-type]


def test_without_rdkit_the_plain_reader_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smiles, "find_spec", lambda name: name != "rdkit" or None)
    with pytest.warns(UserWarning, match="by pysmiles, not by rdkit: .* scaffold splits need"):
        data = get_molecules(table(tmp_path, "smiles,value\nCC,1"))
    assert data.notes == [LACKING]
    with pytest.raises(InputError, match="rdkit is not installed: pip install rdkit"):
        get_molecules(table(tmp_path, "smiles,value\nCC,1"), reader="rdkit")


def test_atom_counts_recover_a_sum_over_atoms() -> None:
    molecules = [read(text) for text in ("C", "CC", "CO", "CCO", "OO", "O", "CCCC", "OCCO")]
    value = {"C": -38.0, "H": -0.5, "O": -75.0}
    sums = np.array([sum(value[e] * n for e, n in each.formula.items()) + 3 for each in molecules])
    fit = AtomCountFit.fit(molecules[:6], sums[:6])
    assert fit.predict(molecules) == pytest.approx(sums)
    assert fit.predict([Molecule((), (), ())])[0] == pytest.approx(fit.coefficients[-1])
    assert np.isfinite(fit.predict([read("CF")])).all()  # fluorine was not in the fit


SIZES = {"qm7": 7_074, "qm7_published": 6_830, "esol": 1_128, "freesolv": 642, "lipo": 4_200}


@pytest.mark.parametrize("name", ["esol", "freesolv"])
def test_published_tables_are_read_whole(name: str, data_root: Path) -> None:
    data = get_molecules(name, data_root)
    assert set(SIZES) == set(MOLECULES)
    assert (len(data), data.left_out, data.notes) == (SIZES[name], (), [])
    assert len(data.graphs.x) == sum(len(each.atoms) for each in data.molecules)


@pytest.mark.parametrize(("name", "notes"), [("qm7", []), ("qm7_published", [SHIFTED])])
def test_labels_of_the_common_qm7_fit_its_molecules_at_first_only(
    name: str, notes: list[str], data_root: Path
) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        data = get_molecules(name, data_root)
    assert [str(one.message) for one in said] == data.notes == notes
    assert (len(data), data.left_out) == (SIZES[name], ())
    fit = AtomCountFit.fit(data.molecules[:4_000], data.targets[:4_000])
    errors = np.abs(fit.predict(data.molecules) - data.targets)
    assert errors[4_000:5_460].mean() < 25
    later = errors[5_500:].mean()
    assert later > 100 if notes else later < 30
