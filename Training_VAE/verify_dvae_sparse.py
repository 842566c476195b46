"""What the published sparse process of D-VAE computed on a small problem, compared with ours.

``expected.json`` holds the problem, a start and a later state of the parameters, and what the
published code computes of them in float64. No checkpoint belongs to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from experiment.errors import InputError
from experiment.files import read_json
from predictors.processes.dvae_sparse import DVAESparseGP
from Training_VAE.comparison import Comparer, Comparison

TOLERANCE = 1e-8
"""Largest relative difference in float64."""

PARAMETERS = {
    "log_lengths": "lls",
    "log_variance": "lsf",
    "inducing": "z",
    "shift": "m",
    "factor": "L",
    "log_noise": "log_noise_variance",
}
"""Our parameters by their published names."""


def compare(path: Path) -> list[Comparison]:
    """Every quantity of ``expected.json``.

    Raises:
        InputError: the file is broken.
    """
    content = read_json(path)
    try:
        points, targets = _tensor(content["X"]), _tensor(content["y"])
        rows = torch.tensor(content["minibatch_rows"])
        batch, labels = points[rows], targets[rows]
        count = int(content["number_of_training_points"])
        given, start = content["parameters"], content["initialisation"]
        process = DVAESparseGP(
            count, **{ours: _parameter(given[name]) for ours, name in PARAMETERS.items()}
        )
        first = DVAESparseGP.start(
            batch,
            labels,
            torch.tensor(start["inducing_rows_of_minibatch"]),
            process.factor,
            count,
        )
        expected = content["expected"]
        tests, chosen = _tensor(expected["test_points"]), _tensor(expected["chosen_points"])
        incumbent = float(expected["incumbent"])
        comparer = Comparer(path, {**expected, "initialisation": start}, TOLERANCE)
        comparer.add(first.log_lengths, "initialisation", "lls")
        _add_energy(comparer, process, batch, labels)
        mean, variance = process.cavity(batch)
        comparer.add(mean, "cavity_mean_on_minibatch")
        comparer.add(variance, "cavity_variance_on_minibatch")
        mean, variance = process.predict(tests)
        comparer.add(mean, "mean")
        comparer.add(variance, "variance_with_noise")
        comparer.add(process.log_improvement(tests, incumbent), "log_ei")
        comparer.add(process.log_improvement(tests, incumbent, chosen), "log_ei_after_chosen")
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{str(path)!r} cannot be read ({reason}): expected X, y, minibatch_rows, "
            "initialisation, parameters, and expected outputs of fitting shapes"
        ) from error
    return comparer.found


def _add_energy(comparer: Comparer, process: DVAESparseGP, batch: Tensor, labels: Tensor) -> None:
    """The energy and its gradient."""
    parameters = process.parameters()
    for each in parameters.values():
        each.requires_grad_()
    energy = process.energy(batch, labels)
    gradients = torch.autograd.grad(energy, list(parameters.values()))
    for each in parameters.values():
        each.requires_grad_(False)
    comparer.add(energy.detach(), "energy")
    for name, gradient in zip(parameters, gradients, strict=True):
        column = gradient[:, None] if name == "shift" else gradient  # published as one column
        comparer.add(column, "energy_gradient", PARAMETERS[name])


def _parameter(value: Any) -> Tensor:
    """A parameter; a column becomes a vector."""
    tensor = _tensor(value)
    return tensor[:, 0] if tensor.ndim == 2 and tensor.shape[1] == 1 else tensor


def _tensor(value: Any) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)
