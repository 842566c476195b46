"""When two of NAS-Bench-Graph's architectures are the same, and the key of each.

Qin et al., *NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search*, NeurIPS 2022. Four
operations form a tree: ``link[i]`` says what operation i + 1 takes, 0 for the input or the number
of an earlier operation; those that nobody takes are joined to the output. The benchmark counts
architectures as one that differ by the order of their nodes, or by skip connections that change
nothing but the number of operations in a row.

A skip connection *stays* where it is if nobody takes its output, something else takes the same
input, and an operation other than a skip connection is above it: then it brings what is above it
to the output, beside its siblings. Any other is *lifted*: its children take its input, and it
moves to the front of a chain between the input and everything else. That gives the classes of the
official code (``architecture.py``, its ``move_skip_op``) for all 157,464 pairs of a link and
operations.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from numbers import Integral

from datasets.graph import ArchitectureError
from datasets.spaces.notation import excerpt

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
"""In the official order: the place is the digit of a key."""
SKIP = OPERATIONS.index("skip")
NODES = 4
PATTERNS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
"""The trees up to the order of their nodes, in the official order: the place begins a key."""

Numbers = tuple[int, ...]
"""Of four nodes: a link; the numbers of their operations; or the order that they are put into."""


def links() -> list[Numbers]:
    """The 24 links: each node takes the input or an earlier node."""
    return list(product(*(range(node + 1) for node in range(NODES))))


def reordered(link: Numbers, order: Numbers) -> Numbers:
    """The link when node ``order[i]`` comes i-th; larger than i at i where its input is later."""
    place = {0: 0} | {node + 1: i + 1 for i, node in enumerate(order)}
    return tuple(place[link[node]] for node in order)


@cache
def relinked(link: Numbers) -> tuple[tuple[Numbers, Numbers], ...]:
    """The links in which one node takes something else, each with the order of nodes that it needs.

    A node may take any that does not depend on it, a later one as well: then another order.
    """
    changed = [
        (*link[:node], taken, *link[node + 1 :])
        for node, taken in product(range(NODES), range(NODES + 1))
        if taken != link[node]
    ]
    orders_of_each = ((one, _possible_order(one)) for one in changed)
    return tuple((reordered(one, order), order) for one, order in orders_of_each if order)


def _possible_order(link: Numbers) -> Numbers | None:
    """The first order in which each node takes the input or an earlier node; none for a loop."""
    for order in permutations(range(NODES)):
        if all(taken <= place for place, taken in enumerate(reordered(link, order))):
            return order
    return None


@cache
def orders(link: Numbers) -> tuple[tuple[int, Numbers], ...]:
    """The orders of the nodes that make a pattern of a link, with the number of the pattern.

    The official code's own choice among them comes first.
    """
    found = [
        (PATTERNS.index(new), order)
        for order in permutations(range(NODES))
        if (new := reordered(link, order)) in PATTERNS
    ]
    return tuple(sorted(found, key=lambda one: one[1][::-1], reverse=True))


@cache
def lifted(link: Numbers, skips: tuple[bool, ...]) -> tuple[Numbers, Numbers]:
    """The link after all skip connections that do not stay are lifted, and the order of nodes.

    Args:
        link: what each node takes.
        skips: which nodes are skip connections.
    """
    order = tuple(range(NODES))
    for node in range(NODES):  # those that were lifted stand before it
        if skips[order[node]] and not _stays(link, tuple(skips[one] for one in order), node):
            link = _lift(link, node)
            order = (order[node], *order[:node], *order[node + 1 :])
    return link, order


def _stays(link: Numbers, skips: tuple[bool, ...], node: int) -> bool:
    """Whether a skip connection is a leaf with a sibling below another operation."""
    leaf = node + 1 not in link
    sibling = link.count(link[node]) > 1
    above = link[node]
    while above and skips[above - 1]:
        above = link[above - 1]
    return leaf and sibling and above > 0


def _lift(link: Numbers, node: int) -> Numbers:
    """Cut a node out, and put it between the input and all others, as the first node."""
    others = [
        link[node] if taken == node + 1 else taken for i, taken in enumerate(link) if i != node
    ]
    return (0, *(taken + 1 if taken <= node else taken for taken in others))


def canonical_key(link: Numbers, operations: Numbers) -> int:
    """The official key: the smallest of all orders of the normalised tree.

    It is the number of the pattern, then a digit for each operation, in decimal notation.
    """
    link, order = lifted(link, tuple(one == SKIP for one in operations))
    operations = tuple(operations[node] for node in order)
    return min(
        _number((pattern, *(operations[node] for node in order))) for pattern, order in orders(link)
    )


@cache
def is_normalised(link: Numbers, skips: tuple[bool, ...]) -> bool:
    """Whether lifting leaves the tree as it is, but for the order of its nodes."""
    new, order = lifted(link, skips)
    return _shape(link, skips) == _shape(new, tuple(skips[node] for node in order))


def _shape(link: Numbers, skips: tuple[bool, ...]) -> tuple[int, tuple[bool, ...]]:
    """The same for all orders of a tree with skip connections."""
    return min((pattern, tuple(skips[i] for i in order)) for pattern, order in orders(link))


def _number(digits: Numbers) -> int:
    return int("".join(map(str, digits)))


def from_key(key: int) -> tuple[Numbers, Numbers]:
    """Link and numbers of the operations that a key spells.

    Raises:
        ArchitectureError: it has more than five digits, or a digit 9.
    """
    if not _is_whole(key) or not 0 <= key < 10 ** (NODES + 1):
        raise ArchitectureError(
            f"{excerpt(str(key))} is no key of NAS-Bench-Graph: expected a whole number of at most "
            "five digits"
        )
    digits = [int(digit) for digit in str(key).zfill(NODES + 1)]
    if 9 in digits:
        raise ArchitectureError(
            f"key {key} has a digit 9: the first of five digits is one of 9 patterns, the others "
            "are operations, and both are numbered from 0 to 8"
        )
    return PATTERNS[digits[0]], tuple(digits[1:])


def check_link(link: object) -> Numbers:
    """``link``, what each of four nodes takes.

    Raises:
        ArchitectureError: it is none.
    """
    expected = "expected four numbers, each 0 (the input) or the number of an earlier node"
    if not isinstance(link, list | tuple) or len(link) != NODES:
        raise ArchitectureError(f"the link is {excerpt(str(link))}: {expected}")
    for node, taken in enumerate(link):
        if not _is_whole(taken) or not 0 <= taken <= node:
            raise ArchitectureError(
                f"the link {excerpt(str(list(link)))} has {excerpt(str(taken))} for node "
                f"{node + 1}: {expected}"
            )
    return tuple(map(int, link))


def _is_whole(number: object) -> bool:
    """Whether it is a whole number, NumPy's included; truth values are none."""
    return isinstance(number, Integral) and not isinstance(number, bool)


def check_operations(operations: object) -> Numbers:
    """The numbers of four named operations.

    Raises:
        ArchitectureError: there are not four, or one is unknown.
    """
    if not isinstance(operations, list | tuple) or len(operations) != NODES:
        raise ArchitectureError(
            f"the operations are {excerpt(str(operations))}: expected four of "
            f"{', '.join(OPERATIONS)}"
        )
    for name in operations:
        if not isinstance(name, str) or name not in OPERATIONS:
            raise ArchitectureError(
                f"operation {excerpt(str(name))} is unknown: expected one of "
                f"{', '.join(OPERATIONS)}"
            )
    return tuple(map(OPERATIONS.index, operations))
