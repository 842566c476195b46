"""Networks of MPNN are trained on molecules like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets import get_space
from datasets.fixed_network import FixedNetwork
from datasets.molecules import MoleculeSource
from estimators import FromScratch, MoleculeRecipe, MoleculeTask
from estimators.networks import (
    Design,
    GINEDesign,
    MPNNBaselineDesign,
    MPNNDesign,
    PublishedMPNNDesign,
)
from estimators.tasks import molecules

pytest.importorskip("rdkit", reason="RDKit is not installed")

SPACE = get_space("MPNN")
RECIPE = MoleculeRecipe(5, 8, 0.01, "adam", "cosine", 0.0, gradient_clip=5.0, patience=5)
TEXT = (
    "gat,2 sum,gru,1 8,elu sym-gat,2 mean,mlp,2 8,tanh const,1 sum,gru,1 16,elu sum_atoms 0:3 3:9"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> MoleculeSource:
    """Chains with ends, and what is linear in their atoms."""
    path = tmp_path_factory.mktemp("molecules") / "chains.csv"
    ends = ("", "O", "N", "F", "C#N", "Cl")
    texts = [f"{start}{'C' * n}{end}" for n in range(1, 9) for start in ends[:4] for end in ends]
    rows = (f"{text},{sum(map(str.isupper, text))}" for text in texts)
    path.write_text("\n".join(["smiles,value", *rows]))
    return MoleculeSource("chains", (str(path),), ("value",), "eV", metric="mae")


@pytest.mark.parametrize("design", [MPNNDesign(), PublishedMPNNDesign(most_atoms=12, dropout=0.0)])
def test_an_architecture_learns(source: MoleculeSource, design: Design) -> None:
    graph = SPACE.parse(TEXT)
    estimator = FromScratch(SPACE, MoleculeTask(source), design, RECIPE)
    (found,) = estimator.measure([graph])
    assert found.ok
    targets = MoleculeTask(source).prepare(RECIPE, "cpu").split.data.targets
    assert found.test is not None
    assert found.test < 0.2 * np.abs(targets - targets.mean()).mean()


def test_the_baseline_learns(source: MoleculeSource) -> None:
    space = FixedNetwork("MPNN_baseline")
    estimator = FromScratch(space, MoleculeTask(source), MPNNBaselineDesign(), RECIPE)
    (found,) = estimator.measure([space.member])
    assert found.ok
    assert found.parameters == 56_737


def test_a_molecule_of_too_many_atoms_is_a_failed_measurement(source: MoleculeSource) -> None:
    graph = SPACE.parse(TEXT.replace("sum_atoms", "flatten"))
    design = MPNNDesign(most_atoms=4)
    (found,) = FromScratch(SPACE, MoleculeTask(source), design, RECIPE).measure([graph])
    assert not found.ok
    assert "atoms, the network has places for 4" in found.reason


@pytest.mark.parametrize("name", ["MPNN", "published", "MPNN_baseline", "GINE"])
def test_molecules_without_bonds_are_trained_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["C", "O", "N", "F", "[Na+].[Cl-]", "S", "[He]", "P", "Cl", "Br", "[K+].[F-]", "[Ne]"]
    path = tmp_path / "atoms.csv"
    path.write_text("\n".join(["smiles,value", *(f"{t},{k % 5}" for k, t in enumerate(texts))]))
    source = MoleculeSource("atoms", (str(path),), ("value",), None)
    # Each is a batch of its own, and one atom, as the last batch of a part may be.
    monkeypatch.setattr(molecules, "EVALUATION_BATCH", 1)
    space = SPACE if name in ("MPNN", "published") else FixedNetwork(name)
    designs = {
        "MPNN": MPNNDesign(),
        "published": PublishedMPNNDesign(most_atoms=2),
        "MPNN_baseline": MPNNBaselineDesign(),
        "GINE": GINEDesign(),
    }
    recipe = replace(RECIPE, epochs=2, batch_size=4)
    member = SPACE.parse(TEXT) if space is SPACE else FixedNetwork.member
    (found,) = FromScratch(space, MoleculeTask(source), designs[name], recipe).measure([member])
    assert found.ok, found.reason
    assert found.validation is not None
    assert found.test is not None
    assert np.isfinite([found.validation, found.test]).all()
