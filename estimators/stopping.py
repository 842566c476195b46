"""When a training ends early: after some epochs without a better validation."""

from __future__ import annotations

from dataclasses import dataclass

from datasets.objective import Objective


@dataclass
class BestEpoch:
    """The epoch that validated best so far.

    Attributes:
        objective: what validation is a value of.
        patience: epochs without a better one after which a training ends; ``None``: it does not.
        epoch: the number of the best one, from 1 on; 0 before the first.
        value: its validation.
    """

    objective: Objective
    patience: int | None
    epoch: int = 0
    value: float | None = None

    def improves(self, epoch: int, value: float | None) -> bool:
        """Take note of the next epoch, and say whether it is the best; without a value it is."""
        better = value is None or self.value is None or self.objective.better(value, self.value)
        if better:
            self.epoch, self.value = epoch, value
        return better

    def is_over(self, epoch: int) -> bool:
        """Whether a training ends after this epoch, because the best one is too long ago."""
        return self.patience is not None and epoch - self.epoch >= self.patience
