"""Search for the best architecture by any objective, from Python: :func:`search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchers.own_objective import Evaluation, SearchResult, search

__all__ = ["Evaluation", "SearchResult", "search"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and nothing before: a search needs PyTorch and BoTorch."""
    if name in __all__:
        from searchers import own_objective

        return getattr(own_objective, name)
    raise AttributeError(f"module 'searchers' has no attribute {name!r}")
