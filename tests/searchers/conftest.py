"""The fixtures of searches."""

from tests.formula import cells, few, formula

__all__ = ["cells", "few", "formula"]
