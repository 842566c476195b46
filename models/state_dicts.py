"""Weights by their names: the sizes that they tell, and how they get into a model."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.errors import ModelError

State = Mapping[str, Tensor]
"""Weights by name, as ``torch.nn.Module.state_dict`` gives them."""


def matrix_shape(state: State, name: str) -> tuple[int, int]:
    """Rows and columns of a weight.

    Raises:
        ModelError: it is missing or no matrix.
    """
    if name not in state:
        raise ModelError(f"the checkpoint lacks {name}, a weight that determines its sizes")
    if state[name].ndim != 2:
        raise ModelError(
            f"weight {name} has shape {tuple(state[name].shape)}, expected a matrix: "
            "the checkpoint is of another model"
        )
    rows, columns = state[name].shape
    return rows, columns


def load_weights(model: nn.Module, state: State) -> None:
    """Put a state dict into a model of the same sizes, as float32.

    Raises:
        ModelError: names, shapes or kinds of numbers differ, or a number is not finite; the message
            names the first weight of which this is so.
    """
    own = model.state_dict()
    for key, value in own.items():
        if key not in state:
            raise ModelError(
                f"the checkpoint has no weight {key}: it is of another model, or incomplete"
            )
        if state[key].shape != value.shape:
            raise ModelError(
                f"weight {key} has shape {tuple(state[key].shape)}, this model needs "
                f"{tuple(value.shape)}: the checkpoint is of another search space or width"
            )
    surplus = sorted(set(state) - set(own))
    if surplus:
        raise ModelError(f"the checkpoint has a weight {surplus[0]} that this model lacks")
    model.load_state_dict({key: _as_stored(key, state[key], value) for key, value in own.items()})


def begin_at(model: nn.Module, state: State) -> None:
    """Give a fresh model the weights of a checkpoint, as the start of a training.

    Weights that the checkpoint lacks may be such that are zero at first and so add nothing:
    ``SVGE_degrees`` can begin at SVGE's weights, and is then the same function.

    Raises:
        ModelError: another name or a shape differs.
    """
    neutral = {key: value for key, value in model.state_dict().items() if not value.any()}
    load_weights(model, {**neutral, **state})


def _as_stored(key: str, value: Tensor, own: Tensor) -> Tensor:
    """Numbers as float32; counts, such as those of a batch norm, as they are."""
    is_number = own.is_floating_point()
    wanted = value.is_floating_point() if is_number else value.dtype == own.dtype
    if not wanted or value.layout != torch.strided:
        found = value.dtype if value.layout == torch.strided else value.layout
        raise ModelError(
            f"weight {key} is stored as {found}, expected a dense tensor of "
            f"{'floating-point numbers' if is_number else own.dtype}"
        )
    if not is_number:
        return value
    if not torch.isfinite(numbers := value.float()).all():
        raise ModelError(
            f"weight {key} has a value that is not finite: its training diverged, or the file is "
            "damaged"
        )
    return numbers
