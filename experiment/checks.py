"""Checks of arguments that many functions take: whole numbers, seeds, random generators."""

from __future__ import annotations

import operator
import os
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from experiment.errors import InputError

LARGEST = 2**63 - 1
"""Of the whole numbers that PyTorch takes: for sizes, and as a seed."""
LARGEST_OF_32_BITS = 2**32 - 1
"""Of the seeds that NumPy's ``RandomState`` takes."""
LONGEST = 60
"""Characters of a value that a message shows."""


def shown(value: object) -> str:
    """What a value is, for a message: its type, and its beginning where that says something.

    ``a str ('|nor_conv…')``, ``an array of shape (3, 3)``, ``a dict``.
    """
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    if (shape := getattr(value, "shape", None)) is not None and not callable(shape):
        return f"{article} {kind} of shape {tuple(shape)}"
    if isinstance(value, str | bytes | int | float | complex | np.generic):
        text = repr(value)
        return f"{article} {kind} ({text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'})"
    if isinstance(value, list | tuple | set | dict):
        return f"{article} {kind} of {len(value)}"
    return f"{article} {kind}"


def whole_number(
    value: SupportsIndex | Any, what: str, least: int | None = 0, most: int | None = None
) -> int:
    """``value`` as an ``int``.

    Args:
        value: an ``int``, or a NumPy or PyTorch scalar of a whole number.
        what: name of the argument, for the message.
        least: smallest that is allowed; ``None`` for any.
        most: largest that is allowed; ``None`` for any.

    Raises:
        InputError: it is no whole number (truth values are none), or beyond these.
    """
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except (TypeError, ValueError):
        raise InputError(f"{what} is {shown(value)}, expected a whole number") from None
    if least is not None and number < least:
        raise InputError(f"{what} is {number}, expected at least {least}")
    if most is not None and number > most:
        raise InputError(f"{what} is {number}, expected at most {most}")
    return number


def truth_value(value: Any, what: str) -> bool:
    """``value`` as a ``bool``.

    Raises:
        InputError: it is something else, such as the word ``"no"``, which would count as true.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{what} is {shown(value)}, expected True or False")
    return bool(value)


def as_path(value: str | Path | None, what: str) -> Path | None:
    """``value`` as a path; ``None`` stays.

    Raises:
        InputError: it is no path, or an empty one.
    """
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise InputError(f"{what} is {shown(value)}, expected the path of a folder")
    return Path(value)


def random_generator(generator: object, what: str = "generator") -> np.random.Generator:
    """``generator``, a NumPy generator.

    Raises:
        InputError: it is something else, such as a seed.
    """
    if not isinstance(generator, np.random.Generator):
        raise InputError(
            f"{what} is {shown(generator)}, expected a generator of NumPy: give "
            "numpy.random.default_rng(seed)"
        )
    return generator


def numbers(values: Any, what: str, dimensions: int = 1) -> np.ndarray:
    """``values`` as an array of float64; NaN and infinities are numbers here.

    Args:
        values: numbers in lists, an array, or a tensor.
        what: what they are, for the message.
        dimensions: 1 for **shape** (n,), 2 for (n, m).

    Raises:
        InputError: they are no numbers, or have another shape.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"the {what} are {shown(values)}, expected numbers") from None
    if array.ndim != dimensions:
        expected = "(n,)" if dimensions == 1 else "(n, m)"
        raise InputError(f"the {what} have shape {array.shape}, expected {expected}")
    return array


def equally_many(**columns: Any) -> None:
    """Refuse columns of different lengths.

    Raises:
        InputError: they differ; the message has the name and the length of each.
    """
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(
            f"{len(column)} {name.replace('_', ' ')}" for name, column in columns.items()
        )
        raise InputError(f"{lengths} do not fit together: expected equally many")
