"""What arch2vec's published searches did on a small table, compared with what ours do.

``search.json`` holds a table, a policy and noise for REINFORCE, and data with a fitted network for
DNGO. Everything is compared in float64, rows of the table exactly.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from experiment.errors import InputError
from experiment.files import read_json
from searchers.embedded.dngo import DNGOModel, published_improvement
from searchers.embedded.network import TanhNetwork
from searchers.embedded.policy import PUBLISHED_POLICY, Policy, PolicySettings, Trainer, Walk
from searchers.embedded.regression import (
    BayesianLinearRegression,
    Spectrum,
    evidence_of_theta,
    published_evidence,
)
from searchers.embedded.traces import EmbeddedTable, walk_table
from searchers.embedded.vectors import mean_and_std
from Training_VAE.comparison import Comparer, Comparison

TOLERANCE = 1e-9
"""Largest relative difference in float64."""


def compare(path: Path) -> list[Comparison]:
    """Every expected quantity of ``search.json``.

    Raises:
        InputError: the file is absent, broken, or lacks a part.
    """
    content = read_json(path)
    try:
        return [*_reinforce(content["reinforce"], path), *_dngo(content["dngo"], path)]
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{str(path)!r} cannot be read ({reason}): expected reinforce with a table, a policy "
            "and noise, and dngo with data and a network"
        ) from error


def _reinforce(given: dict[str, Any], path: Path) -> list[Comparison]:
    """The walk of a given policy by given noise, and its updates."""
    vectors, noise = _tensor(given["features"]), _tensor(given["noise"])
    validation, test, seconds = (
        np.array(given[key]) for key in ("valid_accuracy", "test_accuracy", "seconds")
    )
    table = EmbeddedTable(vectors, validation, test, seconds)
    settings = PolicySettings(
        hidden=int(given["hidden"]),
        episode=int(given["episode_length"]),
        credit=PUBLISHED_POLICY.credit,
        scaling=PUBLISHED_POLICY.scaling,
    )
    policy = Policy(vectors.shape[1], settings.hidden).double()
    policy.load_state_dict({key: _tensor(value) for key, value in given["policy"].items()})
    walk, trainer = Walk(vectors, settings.episode), Trainer(policy, settings)
    walk.visit(int(given["initial_index"]))
    trace = walk_table(table, walk, trainer, noise, float(given["budget_seconds"]))
    comparer = Comparer(path, given["expected"], TOLERANCE, " (reinforce)")
    comparer.exact(trace.chosen.tolist(), "chosen")
    comparer.add(torch.cat([each.actions for each in trainer.updates]), "actions")
    comparer.add(torch.cat([each.log_probabilities for each in trainer.updates]), "log_probs")
    comparer.add(_tensor([each.loss for each in trainer.updates]), "losses")
    comparer.add(torch.from_numpy(trace.regret_validation), "regret_validation")
    comparer.add(torch.from_numpy(trace.regret_test), "regret_test")
    comparer.add(torch.from_numpy(trace.runtime), "runtime")
    comparer.add(policy.fc.bias.detach(), "policy_bias_after")
    return comparer.found


def _dngo(given: dict[str, Any], path: Path) -> list[Comparison]:
    """The surrogate of a given network, α and β, and what it is fitted by."""
    inputs, tests = _tensor(given["inputs"]), _tensor(given["test_inputs"])
    targets = np.array(given["targets"])
    first = (given["network"][key] for key in ("fc1.weight", "fc1.bias"))
    network = TanhNetwork(*(np.array(each) for each in first))
    mean, std = mean_and_std(inputs)
    basis = network.basis((inputs - mean) / std)
    regression = BayesianLinearRegression.condition(
        basis.numpy(), targets, float(given["alpha"]), float(given["beta"])
    )
    predicted, variance = DNGOModel(mean, std, network, regression).predict(tests)
    acquisition = published_improvement(predicted, variance.sqrt(), 0.95, np.random.default_rng())
    comparer = Comparer(path, given["expected"], TOLERANCE, " (dngo)")
    comparer.add(basis, "basis")
    comparer.add(predicted, "mean")
    comparer.add(variance, "variance")
    comparer.add(acquisition, "acquisition_at_0.95")
    spectrum = Spectrum.of(basis.numpy(), targets)
    for number, theta in enumerate(given["thetas"]):
        at = ("log_marginal_likelihood_of_theta", number)
        ours = evidence_of_theta(published_evidence, spectrum, np.array(theta))
        if comparer.expected(*at) == "-inf":
            comparer.exact("-inf" if ours == -math.inf else ours, *at)
        else:
            comparer.add(ours, *at)
    return comparer.found


def _tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
