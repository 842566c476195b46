"""What a search says while it runs: each kind of trouble once, on standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from datasets.objective import Objective
from datasets.space import SearchSpace
from searchers.history import Step
from searchers.loop import Asked


@dataclass
class UnitCheck:
    """A :class:`~searchers.loop.Listener` that says once that a value misfits its unit.

    The search continues: its values may be costly, and their order is right in any unit.

    Attributes:
        objective: has the unit.
        said: whether it was said.
    """

    objective: Objective
    said: bool = False

    def asked(self, batch: Asked) -> None:
        """Nothing was measured yet."""

    def measured(self, step: Step) -> None:
        """Check a value."""
        misfit = self.objective.misfit(step.measurement.validation)
        if misfit and not self.said:
            print(misfit, file=sys.stderr, flush=True)
            self.said = True


@dataclass
class FirstFailure:
    """A :class:`~searchers.loop.Listener` that says which architecture failed first, and why.

    The search continues, and counts the others.

    Attributes:
        space: writes the architecture.
        log: file that keeps tracebacks; ``None``: nothing is written.
        said: whether it was said.
    """

    space: SearchSpace
    log: Path | None
    said: bool = False

    def asked(self, batch: Asked) -> None:
        """Nothing was measured yet."""

    def measured(self, step: Step) -> None:
        """Report a failure, if it is the first."""
        failed = step.measurement
        if self.said or failed.status != "failed":
            return
        self.said = True
        kept = f"; the traceback is in {self.log}" if self.log and failed.traceback else ""
        print(
            f"query {step.query} failed, {self.space.format(failed.architecture)}: "
            f"{failed.reason}{kept}",
            file=sys.stderr,
            flush=True,
        )
