"""How far numbers are from those that another implementation gave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from experiment.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """One quantity.

    Attributes:
        name: of the quantity.
        difference: relative to the largest magnitude of the expected one.
        tolerance: the largest difference that passes.
    """

    name: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether it is within the tolerance."""
        return self.difference <= self.tolerance


def relative_difference(ours: Tensor, expected: Tensor) -> float:
    """``max |ours − expected| / max |expected|``. **Shape** any, the same twice, not empty."""
    scale = expected.abs().max()
    return float((ours - expected).abs().max() / torch.where(scale > 0, scale, 1.0))


class Comparer:
    """Collects comparisons with the expected outputs of a file.

    Args:
        path: of the file, for messages.
        outputs: the expected numbers, nested by name and index.
        tolerance: largest relative difference.
        ending: of the names of the comparisons.

    Attributes:
        found: the comparisons.
    """

    def __init__(
        self, path: Path, outputs: dict[str, Any], tolerance: float, ending: str = ""
    ) -> None:
        self.path = path
        self.outputs = outputs
        self.tolerance = tolerance
        self.ending = ending
        self.found: list[Comparison] = []

    def add(self, ours: Tensor | float, *keys: str | int, tolerance: float | None = None) -> None:
        """Compare ours with the expected output at ``keys``.

        Raises:
            InputError: there is none, or it has another shape.
        """
        name = ".".join(map(str, keys))
        value = torch.as_tensor(ours, dtype=torch.float64)
        part = self.expected(*keys)
        try:
            wanted = torch.tensor(part, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"expected.{name} in {str(self.path)!r} is no array of numbers"
            ) from error
        if wanted.shape != value.shape:
            raise InputError(
                f"expected.{name} in {str(self.path)!r} has the shape {tuple(wanted.shape)}, ours "
                f"has {tuple(value.shape)}"
            )
        difference = relative_difference(value, wanted)
        allowed = self.tolerance if tolerance is None else tolerance
        self.found.append(Comparison(f"{name}{self.ending}", difference, allowed))

    def exact(self, ours: object, *keys: str | int) -> None:
        """Compare something that is equal or not.

        Raises:
            InputError: there is no such expected output.
        """
        name = ".".join(map(str, keys))
        equal = ours == self.expected(*keys)
        self.found.append(Comparison(f"{name}{self.ending}", 0.0 if equal else 1.0, 0.0))

    def expected(self, *keys: str | int) -> Any:
        """A part of the expected outputs.

        Raises:
            InputError: there is none.
        """
        part: Any = self.outputs
        for key in keys:
            try:
                part = part[key]
            except (KeyError, IndexError, TypeError):
                where = ".".join(map(str, keys))
                raise InputError(f"{str(self.path)!r} lacks expected.{where}") from None
        return part
