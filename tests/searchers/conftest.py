"""The fixtures of searches."""

from __future__ import annotations

import pytest

from predictors import trees
from predictors.processes import candidates
from predictors.processes.hyperparameters import LBFGS, Adam
from searchers.latent import acquisition, methods, surrogates
from tests.formula import cells, few, formula

__all__ = ["cells", "cheap_models", "few", "formula"]


@pytest.fixture
def cheap_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit every searcher's model in few steps, and the trees to five labels.

    What a search promises of resuming, batches and failures holds however good its model is.
    """
    monkeypatch.setattr(candidates, "OPTIMISER", Adam(12))
    monkeypatch.setattr(surrogates, "OPTIMISER", LBFGS(5))
    for name, value in {"STARTS": 4, "STEPS": 5, "RAW": 128}.items():
        monkeypatch.setattr(acquisition, name, value)
    monkeypatch.setattr(methods, "SPANNING", 256)
    monkeypatch.setattr(methods, "DECODINGS", 10)
    monkeypatch.setattr(trees.BoostedTrees, "least_labels", 5)
    for name, value in {"max_iter": 10, "min_samples_leaf": 1}.items():
        monkeypatch.setitem(trees.SETTINGS, name, value)
