"""Forms of ENAS macro architectures.

Files of D-VAE (Zhang et al., NeurIPS 2019) have rows with an accuracy behind them; the scripts
that train a network, and ENAS itself (Pham et al., ICML 2018), take the numbers of a row alone.
"""

from __future__ import annotations

import math
import re
from typing import Any

from datasets.forms.form import Form, listed
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.enas import ENAS, layers_of
from datasets.spaces.notation import excerpt


def forms(space: ENAS) -> dict[str, Form]:
    """Name → form, beyond those that every space has."""
    return {
        "flat": Form(
            "the numbers of a row, as the controller and --fixed_arc write them",
            _from_numbers,
            space.to_row,
            _numbers,
            lambda row: " ".join(map(str, row)),
        ),
        "rows": Form(
            "for each layer its operation, then a bit for each output that may be joined in",
            _from_layers,
            space.to_layers,
        ),
        "line": Form(
            "a line of final_structures6.txt: rows, then an accuracy; it is only read",
            _from_line,
            None,
        ),
    }


def _numbers(text: str) -> Any:
    """The numbers between blanks or commas, as a list."""
    bare = re.sub(r"^\s*[\[(](.*)[\])]\s*$", r"\1", text, flags=re.DOTALL)
    return [int(word) if re.fullmatch("[0-9]", word) else word for word in _words(bare)]


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _from_numbers(value: Any) -> ArchitectureGraph:
    row = listed(value, None, "numbers")
    if any(isinstance(one, list) or "[" in str(one) for one in row):
        raise ArchitectureError("it has a list for each layer, which is the form 'rows'")
    return ENAS(layers_of(len(row))).from_row(row)


def _from_layers(value: Any) -> ArchitectureGraph:
    layers = listed(value, None, "layers")
    return ENAS(max(len(layers), 1)).from_layers(layers)


def _from_line(value: Any) -> ArchitectureGraph:
    layers, accuracy = listed(value, 2, "the rows and an accuracy")
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float):
        raise ArchitectureError(f"the accuracy is {excerpt(str(accuracy))}, expected a number")
    if not (math.isfinite(accuracy) and 0 <= accuracy <= 1):
        raise ArchitectureError(f"the accuracy is {accuracy}, expected a fraction from 0 to 1")
    return _from_layers(layers)
