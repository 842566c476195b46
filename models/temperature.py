"""How sure a decoder is of its decisions: the temperature of its distributions."""

from __future__ import annotations

import copy
import math
from typing import TypeVar

import torch

from models.errors import ModelError
from models.sequential import Sequential

Model = TypeVar("Model", bound=Sequential)


def tempered(model: Model, temperature: float) -> Model:
    """A copy of a model that decides every next type and edge at another temperature.

    A decision of probability p then has one proportional to p^(1 / temperature): above 1 the rare
    becomes more frequent, below 1 it becomes rarer, and the most probable value stays what it is,
    and with it each direction's greedy decoding. All logits are divided by the temperature; they
    come out of two affine layers, so that dividing these layers' weights is the same, for every
    way of decoding.

    Args:
        model: the graph VAE; it stays as it is.
        temperature: positive; 1 leaves the distributions as they are.

    Raises:
        ModelError: the temperature is not a positive number.
    """
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ModelError(f"a temperature is a positive number, {temperature} is none")
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for layer in copied.generator.output_layers:
            for parameter in layer.parameters():
                parameter.div_(temperature)
    return copied
