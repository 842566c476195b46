"""No library or stage tells spaces apart by name or class: what differs is a table of families."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets import get_space
from datasets.registry import SPACES
from experiment.paths import REPOSITORY_ROOT

ROOMS = (
    *("models", "predictors", "estimators", "searchers", "experiment", "analysis"),
    *("Training_VAE", "Performance_Prediction", "Extrapolation_Ability", "Bayesian_Optimization"),
)
"""All but ``datasets/``, where spaces are at home."""
FAMILIES = {get_space(name).family for name in SPACES}
NAME = re.compile(
    r"(ENAS|NB101|NB201|DIGITS101|NAS_BENCH_GRAPH|MPNN|SINGLE_PATH|GASSO|GRAPHNAS_(MICRO|MACRO)|AUTOATTEND(_POOL1)?|"
    r"nb\d+_cell|enas_macro|nas_bench_graph|mpnn|single_path|gasso|graphnas_(micro|macro)|autoattend(_pool1)?)\d*"
)
CLASSES = {
    *("ENAS", "NB101", "NB201", "Digits101", "NASBenchGraph", "MPNN", "DecisionSpace"),
    *("NodeChain", "SinglePath", "GASSO", "GraphNASMicro", "GraphNASMacro", "AutoAttend"),
}
NAMED = {
    # Tables of families, in which what was chosen for a benchmark has a line of its own.
    "predictors/defaults.py": {"DIGITS101", "ENAS", "ENAS12"},
    "searchers/defaults.py": {"DIGITS101", "ENAS"},
    "estimators/networks.py": {"DIGITS101"},
    "Training_VAE/latents.py": {"ENAS"},
    # Defaults of the published commands, and names of published data.
    "Training_VAE/training_command.py": {"ENAS", "NB101"},
    "Training_VAE/train_ngae.py": {"ENAS", "NB101"},
    # Of one benchmark: the digits, what was learnt from them, checks on them, and file names.
    "estimators/digits101.py": {"DIGITS101"},
    "predictors/features/background.py": {"DIGITS101"},
    "predictors/small_networks.py": {"NB101", "NB201"},
    "searchers/testing.py": {"DIGITS101"},
    # Published commands of one space each.
    "Bayesian_Optimization/bo.py": {"ENAS"},
    "Bayesian_Optimization/bo_nb101.py": {"NB101"},
    "Bayesian_Optimization/bo_nb201.py": {"NB201"},
}
"""File → names of spaces that it may hold."""


def flag_values(tree: ast.AST) -> set[int]:
    """The constants that are defaults and choices of flags."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
            for keyword in node.keywords:
                if keyword.arg in ("default", "choices"):
                    found |= {id(part) for part in ast.walk(keyword.value)}
    return found


def keys(tree: ast.AST) -> set[int]:
    """The constants that are keys of tables, where they are made and where they are read."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            found |= {id(key) for key in node.keys}
        elif isinstance(node, ast.Subscript):
            found.add(id(node.slice))
    return found


def broken(source: str, named: set[str]) -> Iterator[str]:
    """What a file knows of spaces and should not, a line each."""
    tree = ast.parse(source)
    flags, table = flag_values(tree), keys(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if text in FAMILIES:
                if id(node) not in table:
                    yield f"{node.lineno}: the family {text!r} is no key of a table"
            elif NAME.fullmatch(text) and text not in named and id(node) not in flags:
                yield f"{node.lineno}: names the space {text!r}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            if CLASSES & {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}:
                yield f"{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
            texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            if any(isinstance(text, str) and NAME.search(text) for text in texts):
                yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_know_spaces_by_their_families(room: str) -> None:
    found = []
    for path in sorted((REPOSITORY_ROOT / room).rglob("*.py")):
        place = path.relative_to(REPOSITORY_ROOT).as_posix()
        lines = broken(path.read_text(encoding="utf-8"), NAMED.get(place, set()))
        found += [f"{place}:{line}" for line in lines]
    assert not found, "\n".join(found)


def test_names_that_are_allowed_are_there() -> None:
    """A file that no longer names its space loses its line above."""
    for place, names in NAMED.items():
        source = Path(REPOSITORY_ROOT / place).read_text(encoding="utf-8")
        assert all(f'"{name}"' in source for name in names), place


@pytest.mark.parametrize(
    "source",
    [
        'SPACES = ("NB101", "Mine")',
        'if space.name == "ENAS12": pass',
        'if space.family == "nb101_cell": pass',
        "isinstance(space, (ENAS, Mine))",
        'isinstance(get_space("x"), Digits101)',
        r're.fullmatch(r"(ENAS)(\d+)", name)',
        'describe(f"{prefix}", default="NB201")',
        '{"NB101": 8}[space.name]',
    ],
)
def test_the_rule_can_be_broken(source: str) -> None:
    assert list(broken(source, set()))


@pytest.mark.parametrize(
    "source",
    [
        '"""NB101"""\nflags.add_argument("--space", default="NB101", choices=["NB101", "NB201"])',
        'DESIGNS = {"nb101_cell": Design}\nDESIGNS["nb201_cell"]',
        'raise InputError("cells of NB101 alone")',
        "isinstance(space, SearchSpace)",
    ],
)
def test_what_the_rule_allows(source: str) -> None:
    assert not list(broken(source, {"NB101"}))
