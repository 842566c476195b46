"""Measuring by a Python function of the user's own."""

from __future__ import annotations

import functools
import importlib
import math
import operator
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from traceback import format_exception
from typing import Any

from datasets.convert import form_of, write
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from experiment.errors import InputError, sentence


@dataclass(frozen=True)
class OwnFunction:
    """An :class:`~estimators.measurement.Estimator` that calls a function.

    What the function raises, and what it returns that is no finite number, is a failed measurement
    with its reason, and with the traceback of what was raised. ``KeyboardInterrupt`` passes.

    Attributes:
        space: the search space.
        function: gives the value of an architecture, a finite number in any unit.
        form: what it is given: ``None`` for an :class:`~datasets.graph.ArchitectureGraph`, or a
            name of ``space.forms()``: ``official`` for the notation, ``index`` on NB201.

    Raises:
        InputError: the function cannot be called, or the space writes no such form.
    """

    space: SearchSpace
    function: Callable[[Any], Any]
    form: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InputError(
                f"the objective is {self.function!r}, expected a function of an architecture "
                "that returns a number"
            )
        if self.form is not None and form_of(self.space, self.form).write is None:
            raise InputError(
                f"the form {self.form!r} of {self.space.name} is only read: a function cannot be "
                "given it; choose another"
            )

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture, in their order."""
        for architecture in architectures:
            try:
                hash = self.space.hash(architecture)
            except ArchitectureError as error:
                yield Measurement(architecture, "", "failed", str(error))
                continue
            yield self._call(architecture, hash)

    def _call(self, architecture: ArchitectureGraph, name: str) -> Measurement:
        try:
            form, given = self.form, architecture
            returned = self.function(given if form is None else write(self.space, form, given))
            value = finite_number(returned)
        # SystemExit too: a training script that ends itself must not end the search.
        except (Exception, SystemExit) as error:
            reason = f"it raised {type(error).__name__}: {sentence(error)}"
            lines = "".join(format_exception(error))
            return Measurement(architecture, name, "failed", reason, traceback=lines)
        if value is None:
            reason = f"it returned {_shown(returned)}; expected a finite number"
            return Measurement(architecture, name, "failed", reason)
        return Measurement(architecture, name, "ok", validation=value)


def finite_number(value: Any) -> float | None:
    """A number as Python, NumPy or PyTorch have it, or an array of a single one, as a float.

    Returns:
        ``None`` for everything else, truth values, text, NaN and the infinities among it.
    """
    single = value
    if getattr(value, "size", None) == 1 or (hasattr(value, "numel") and value.numel() == 1):
        single = value.item()
    if isinstance(single, bool | str | bytes) or not hasattr(single, "__float__"):
        return None
    try:
        number = float(single)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def load_function(text: str) -> Callable[[Any], Any]:
    """The function that ``module:function`` names; the current folder is looked into as well.

    Raises:
        InputError: the text has another form, the module cannot be imported, or it has no such
            function.
    """
    module_name, _, attribute = text.partition(":")
    if not module_name or not attribute:
        raise InputError(f"{text!r} names no function: expected MODULE:FUNCTION, my_module:score")
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise InputError(f"{module_name!r} cannot be imported: {sentence(error)}") from error
        raise InputError(
            f"there is no module {module_name!r}: it is looked for in {folder!r} and where Python "
            "finds packages; go to its folder, or set PYTHONPATH"
        ) from error
    except (Exception, SystemExit) as error:  # the user's own file may do anything
        reason = f"{type(error).__name__}: {sentence(error)}"
        raise InputError(f"{module_name!r} cannot be imported: {reason}") from error
    try:
        function = operator.attrgetter(attribute)(module)
    except AttributeError as error:
        raise InputError(
            f"{module_name!r} ({getattr(module, '__file__', None) or 'built in'}) has no "
            f"{attribute!r}: name a function that is in it"
        ) from error
    if not callable(function):
        raise InputError(f"{text!r} is {_shown(function)}, expected a function of an architecture")
    return function


def function_name(function: object, unnamed: str = "objective") -> str:
    """What a function or a class is called; ``unnamed`` where it has no name of its own."""
    inner = function.func if isinstance(function, functools.partial) else function
    name = getattr(inner, "__name__", type(inner).__name__)
    return unnamed if name == "<lambda>" else str(name)


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}…"
