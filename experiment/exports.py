"""Public names of a package, imported from its modules when they are first used (PEP 562).

``from datasets import get_benchmark`` then loads the modules that benchmarks need and no other. The
``__init__`` of a package lists its names twice: in imports for type checkers, which do not run, and
by module for :func:`exports`. ``tests/test_api.py`` holds that the lists are the same, and that
``docs/api.md`` has a line for each name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

Exports = tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]


def exports(package: str, names: Mapping[str, Sequence[str]]) -> Exports:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    A value is looked up in its module each time: where a module's variable is replaced, the package
    gives the new one.

    Args:
        package: its ``__name__``.
        names: module of the package, without the package's name → public names in it.
    """
    module_of = {name: module for module, each in names.items() for name in each}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    def listed() -> list[str]:
        return sorted(module_of)

    return listed(), get, listed
