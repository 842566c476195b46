"""When hyperparameters of a search's processes are fitted anew."""

from __future__ import annotations

GROWTH = 1.05
"""Growth of the labels after which they are. A larger one saves fits, which take most of the time
of a proposal from some hundred labels on; the posterior has all labels in any case."""


def labels_to_fit(labels: int, first: int, growth: float = GROWTH) -> int:
    """How many of the labels, the first ones, hyperparameters are fitted to.

    It follows from how many there are, so that a resumed search fits the same.

    Args:
        labels: that there are.
        first: that they are fitted to first.
        growth: they are fitted anew once the labels have grown by this factor; 1: for each label.
    """
    fitted = min(first, labels)
    while (more := max(fitted + 1, int(growth * fitted))) <= labels:
        fitted = more
    return fitted
