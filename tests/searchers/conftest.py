"""The fixtures of searches."""

from __future__ import annotations

import functools

import pytest

from predictors import trees
from predictors.processes import candidates
from predictors.processes.hyperparameters import LBFGS, Adam
from searchers.embedded import dngo, reinforce, vectors
from searchers.latent import acquisition, methods, surrogates
from tests.formula import cells, few, formula

__all__ = ["cells", "cheap_models", "few", "formula"]


@pytest.fixture
def cheap_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit every searcher's model in few steps, and the trees to five labels; encode once.

    What a search promises of resuming, batches and failures holds however good its model is.
    """
    monkeypatch.setattr(candidates, "OPTIMISER", Adam(12))
    monkeypatch.setattr(surrogates, "OPTIMISER", LBFGS(5))
    for name, value in {"STARTS": 4, "STEPS": 5, "RAW": 128}.items():
        monkeypatch.setattr(acquisition, name, value)
    monkeypatch.setattr(methods, "SPANNING", 256)
    monkeypatch.setattr(methods, "DECODINGS", 10)
    once = functools.cache(vectors.embedding_vectors)
    for module in (dngo, reinforce):
        monkeypatch.setattr(module, "embedding_vectors", once)
    monkeypatch.setattr(trees.BoostedTrees, "least_labels", 5)
    for name, value in {"max_iter": 10, "min_samples_leaf": 1}.items():
        monkeypatch.setitem(trees.SETTINGS, name, value)
