"""Kinds of nodes: what may be decided at a node of a space of decisions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from datasets.spaces.notation import excerpt
from experiment.checks import shown
from experiment.errors import InputError

_OPTION = re.compile(r"[^\s,:;\"'\[\]{}()]+")


@dataclass(frozen=True)
class Kind:
    """What may stand at a node: one type for each combination of its decisions.

    Nodes of one kind share their types. Without decisions a kind is a constant: one type of the
    kind's name. The last decision varies fastest in the order of the types.

    Attributes:
        name: of the kind.
        decisions: name → options, words without blanks, commas, colons and brackets.
    """

    name: str
    decisions: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.decisions, Mapping):
            raise InputError(
                f"a kind of nodes is made of {shown(self.name)} and {shown(self.decisions)}, "
                "expected a name and a dictionary of decisions"
            )
        for name, options in [("the name", (self.name,)), *self.decisions.items()]:
            wrong = [
                one for one in options if not isinstance(one, str) or not _OPTION.fullmatch(one)
            ]
            if isinstance(options, str) or not options or wrong or len(set(options)) < len(options):
                raise InputError(
                    f"{name} of the kind {excerpt(self.name)} has the options "
                    f"{excerpt(str(options))}, expected different words without blanks, commas, "
                    "colons and brackets"
                )

    @property
    def types(self) -> list[str]:
        """The name of each type: its options, joined by commas."""
        if not self.decisions:
            return [self.name]
        return [",".join(options) for options in product(*self.decisions.values())]


@dataclass(frozen=True)
class Decision:
    """One decision of a space.

    Attributes:
        name: of the decision and its node (``heads_1``), ``edge_0_3``, or ``into_3``.
        options: at a node; 0 and 1 for an optional edge; sources for a group of alternatives.
    """

    name: str
    options: tuple[str | int, ...]
