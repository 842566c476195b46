"""Nodes of a skeleton that can take each other's places."""

from __future__ import annotations

import numpy as np

from datasets.spaces.skeleton import Skeleton
from experiment.errors import InputError

MOST_EXCHANGES = 5_040
"""Orders of the nodes that are tried to find out what is isomorphic: those of seven alike."""


def exchanges(skeleton: Skeleton) -> list[tuple[int, ...]]:
    """All ways but the identity in which two members can be isomorphic.

    Each is the new place of every node. An isomorphism takes a node to a place that may hold its
    type, and required edges to edges that are allowed, in both directions; only those can be one.

    Raises:
        InputError: there are more than :data:`MOST_EXCHANGES`.
    """
    types = skeleton.types.astype(int)
    alike = types @ types.T > 0  # (N, N): whether two places may hold one type
    required, allowed = skeleton.required, skeleton.allowed
    found: list[tuple[int, ...]] = []

    def extend(places: tuple[int, ...]) -> None:
        node = len(places)
        if node == len(required):
            found.append(places)
            if len(found) > MOST_EXCHANGES:
                raise InputError(
                    f"the nodes can take each other's places in more than {MOST_EXCHANGES:,} ways, "
                    "which makes isomorphic architectures hard to tell: give some of them kinds of "
                    "their own"
                )
            return
        for place in np.flatnonzero(alike[node]).tolist():
            if place not in places and _fits(places, place):
                extend((*places, place))

    def _fits(places: tuple[int, ...], place: int) -> bool:
        node, taken = len(places), list(places)
        return not (
            (required[:node, node] & ~allowed[taken, place]).any()
            or (required[taken, place] & ~allowed[:node, node]).any()
            or required[place, taken].any()
        )

    extend(())
    return found[1:]  # the identity comes first
