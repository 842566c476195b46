"""The comparison of arch2vec's settings: how a candidate is read, and which weights it fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.tuning import arch2vec_settings
from datasets import get_space
from datasets.splits import split_rows
from experiment.errors import InputError
from models.arch2vec import Arch2vecMasked
from Training_VAE.data import Architectures
from Training_VAE.settings import load_settings


def test_a_candidate_is_a_preset_and_what_differs() -> None:
    found = arch2vec_settings.arch2vec_settings(
        "info_nas model=arch2vec_masked beta=0.5 standard_prior", "NB101"
    )
    changes = {"model": "arch2vec_masked", "beta": 0.5}
    assert found == load_settings("info_nas", "NB101", changes, "arch2vec")
    for wrong in ("default betta=1", "default beta=high", "no_preset"):
        with pytest.raises(InputError):
            arch2vec_settings.arch2vec_settings(wrong, "NB201")


@pytest.mark.parametrize("fits_prior", [True, False])
def test_a_standard_prior_is_not_fitted(fits_prior: bool) -> None:
    space = get_space("NB201")
    graphs = space.sample_batch(60, np.random.default_rng(0))
    hashes = space.hashes(graphs)
    architectures = Architectures(space, graphs, hashes, split_rows(hashes, 0))
    candidate = "default epochs=1 node_width=8 graph_width=4 rounds=1"
    settings = arch2vec_settings.arch2vec_settings(candidate, "NB201")
    model, _ = arch2vec_settings.train(settings, architectures, 0, fits_prior)
    assert isinstance(model, Arch2vecMasked)
    assert bool(torch.count_nonzero(model.prior_mean)) == fits_prior
