"""What a searcher receives of a measurement: a value to maximise, or a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from datasets.objective import ACCURACY, Objective
from estimators.measurement import Measurement
from searchers.limits import Limit


@dataclass(frozen=True)
class SearcherView:
    """Maps a measurement to what a searcher receives of it; a searcher always maximises.

    Attributes:
        objective: what is optimised; values change their sign where it is minimised.
        limit: that architectures have to keep; those beyond it are failures. ``None`` for none.
    """

    objective: Objective = ACCURACY
    limit: Limit | None = None

    def __call__(self, measurement: Measurement) -> Measurement:
        """What the searcher receives of ``measurement``."""
        seen = measurement if self.limit is None else self.limit(measurement)
        if self.objective.maximise or seen.validation is None:
            return seen
        return replace(seen, validation=-seen.validation)
