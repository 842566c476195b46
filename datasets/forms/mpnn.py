"""The form of DeepHyper: ``arch_seq``, as its ``results.csv`` and its evaluators have it."""

from __future__ import annotations

from datasets.forms.form import Form, listed
from datasets.spaces.mpnn import MPNN


def forms(space: MPNN) -> dict[str, Form]:
    """Name → form, beyond those that every space has."""
    return {
        "arch_seq": Form(
            "DeepHyper's list of variables: cell and skip connections of each layer, the gather",
            lambda value: space.from_sequence(listed(value, None, "numbers")),
            space.sequence,
        ),
    }
