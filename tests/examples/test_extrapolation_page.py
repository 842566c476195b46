"""``docs/extrapolation.md``: its commands are those that there are."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from Extrapolation_Ability import (
    digits_experiment,
    eval_extrapolation,
    generate_enas12,
    generate_nb101_8,
)

Blocks = Callable[[str, str], list[str]]

COMMANDS = {
    f"Extrapolation_Ability/{module.__name__.rpartition('.')[2]}.py": module.make_parser
    for module in (digits_experiment, eval_extrapolation, generate_enas12, generate_nb101_8)
}


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    text = "\n".join(blocks("extrapolation.md", "bash")).replace("\\\n", " ")
    asked = [shlex.split(line, comments=True) for line in text.splitlines()]
    asked = [words for words in asked if len(words) > 1 and words[1] in COMMANDS]
    assert {words[1] for words in asked} == set(COMMANDS)
    for python, script, *flags in asked:
        assert python == "python"
        COMMANDS[script]().parse_args(flags)
