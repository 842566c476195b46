"""The fixtures of searches."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

import pytest

from predictors import trees
from predictors.processes import candidates
from predictors.processes.hyperparameters import LBFGS, Adam
from searchers.embedded import dngo, reinforce, vectors
from searchers.latent import acquisition, methods, surrogates
from tests.formula import cells, few, formula

__all__ = ["cells", "cheap_models", "few", "formula"]

DECLARED = tomllib.loads(
    """
objective = "-val_loss"
loss = "mse"
metrics = ["rmse", "r2"]
budget = {evaluations = 5}
fidelity = {epochs = 1}
search = {name = "evolution", population = 3, tournament = 2, seed = 1}
top_k = {k = 2, repeats = 2}
[task]
data = "chains"
file = "chains.csv"
labels = "size"
[space]
name = "GINE"
[hyperparameters]
epochs = 2
batch_size = 8
layers = 1
hidden = {choices = [4, 8]}
learning_rate = {low = 1e-3, high = 1e-1, log = true}
[callbacks]
early_stopping = {patience = 3}
checkpoints = true
log = false
"""
)

VECTORS = functools.cache(vectors.embedding_vectors)
LATENTS = functools.cache(methods.trained_latents)
"""Both by domain and weights, read and encoded once for all tests; nothing in them changes."""


@pytest.fixture
def cheap_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit every searcher's model in few steps, and the trees to five labels; encode once.

    What a search promises of resuming, batches and failures holds however good its model is.
    """
    monkeypatch.setattr(candidates, "OPTIMISER", Adam(4))
    monkeypatch.setattr(surrogates, "OPTIMISER", LBFGS(2))
    for name, value in {"STARTS": 4, "STEPS": 2, "FINAL_STEPS": 2, "RAW": 64}.items():
        monkeypatch.setattr(acquisition, name, value)
    monkeypatch.setattr(methods, "SPANNING", 128)
    monkeypatch.setattr(methods, "DECODINGS", 10)
    monkeypatch.setattr(methods, "trained_latents", LATENTS)
    for module in (dngo, reinforce):
        monkeypatch.setattr(module, "embedding_vectors", VECTORS)
    monkeypatch.setattr(trees.BoostedTrees, "least_labels", 5)
    for name, value in {"max_iter": 5, "min_samples_leaf": 1}.items():
        monkeypatch.setitem(trees.SETTINGS, name, value)


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Any]:
    """The tables of a problem on chains of atoms that it writes."""
    place = tmp_path / "chains.csv"
    smiles = [f"{first}{'C' * n}{last}" for first in "ONF" for n in range(1, 9) for last in "OS"]
    lines = [f"{one},{len(one) + one.count('O')}" for one in smiles]
    place.write_text("smiles,size\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return {**DECLARED, "task": {**DECLARED["task"], "file": str(place)}}
