"""Several learners as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiment.errors import InputError
from predictors.regressor import Inputs, Learner


class Ensemble(Learner[Inputs]):
    """The mean of several learners, of regressors as well as of predictors.

    Members are averaged on the scale of the targets, where all of them have a standard deviation of
    about 1. Its residuals are those of held-out labels, which give the width of its intervals.

    Args:
        members: learners of one kind of inputs, all with the same scale.

    Raises:
        InputError: there are none, or their scales differ.
    """

    def __init__(self, members: Sequence[Learner[Inputs]]) -> None:
        scales = {member.make_scale for member in members}
        if len(scales) != 1:
            raise InputError(
                f"an ensemble needs members of one scale, got {len(members)} members "
                f"of {len(scales)} scales"
            )
        super().__init__(scales.pop())
        self.members = list(members)
        self.least_labels = max(member.least_labels for member in members)

    def checked(self, inputs: Inputs) -> tuple[Inputs, int]:
        """As the first member checks them: all take the same."""
        return self.members[0].checked(inputs)

    def learn(self, inputs: Inputs, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fit every member."""
        return _mean([member.learn(inputs, targets) for member in self.members])

    def scores(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Means over the members. **Shape** (B,) each."""
        return _mean([member.scores(inputs) for member in self.members])


def _mean(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the means, mean of the standard deviations."""
    means, stds = zip(*pairs, strict=True)
    return np.mean(means, axis=0), np.mean(stds, axis=0)
