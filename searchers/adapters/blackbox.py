"""Tables as a blackbox of Syne Tune, for its schedulers and its simulator.

Salinas et al., *Syne Tune: A Library for Large Scale Hyperparameter Tuning and Reproducible
Research*, AutoML 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.benchmark import Benchmark
from datasets.space import SearchSpace
from experiment.errors import InputError
from searchers.adapters.optional import not_installed
from searchers.adapters.parameters import parameters_of
from searchers.adapters.tables import BudgetTables

if TYPE_CHECKING:
    from syne_tune.blackbox_repository.blackbox import Blackbox

FIDELITY = "epochs"


def syne_tune_space(space: SearchSpace) -> dict[str, Any]:
    """The parameters of a space as Syne Tune's schedulers take them.

    Raises:
        InputError: Syne Tune is not installed, or no parameters describe the space.
    """
    try:
        from syne_tune.config_space import choice, randint
    except ImportError as error:
        raise not_installed(error, "a space of Syne Tune", "syne-tune") from error
    return {
        name: randint(choices[0], choices[-1])
        if isinstance(choices, range)
        else choice(list(choices))
        for name, choices in parameters_of(space).choices.items()
    }


def table_blackbox(tables: Mapping[int, Benchmark]) -> Blackbox:
    """A blackbox that looks configurations up.

    Its fidelity is called ``epochs``, its objectives are the metrics that all tables have. The
    simulator of Syne Tune takes ``elapsed_time_attr="training_seconds"``, where they have that.

    Args:
        tables: number of epochs → table, as :func:`datasets.fidelity_tables` gives them; one is
            enough.

    Raises:
        InputError: Syne Tune is not installed, or huggingface_hub, which its blackboxes import; or
            the tables do not suit.
    """
    return _blackbox_class()(BudgetTables(tables))


def _blackbox_class() -> Any:
    """The subclass of a class that can only be imported where Syne Tune is installed."""
    try:
        from syne_tune.blackbox_repository.blackbox import Blackbox
        from syne_tune.config_space import choice
    except ImportError as error:
        raise not_installed(error, "a blackbox", "syne-tune", "huggingface_hub") from error

    class TableBlackbox(Blackbox):
        def __init__(self, tables: BudgetTables) -> None:
            fidelities = {FIDELITY: choice(list(tables.tables))}
            space = syne_tune_space(tables.parameters.space)
            super().__init__(space, fidelities, tables.metrics)
            self.tables = tables

        @property
        def fidelity_values(self) -> np.ndarray:
            return np.array(list(self.tables.tables))

        def _check_keys(self, config: Any, fidelity: Any) -> None:
            self.tables.parameters.check(config)
            asked = fidelity.get(FIDELITY) if isinstance(fidelity, Mapping) else fidelity
            if fidelity is not None and asked not in self.tables.tables:
                raise InputError(
                    f"the fidelity is {fidelity!r}, expected {FIDELITY}: "
                    f"{' or '.join(map(str, self.tables.tables))}"
                )

        def _objective_function(
            self, configuration: Any, fidelity: Any = None, seed: int | None = None
        ) -> dict[str, float] | np.ndarray:
            values = self.tables.values(configuration, seed)
            if fidelity is None:
                return values
            place = list(self.tables.tables).index(fidelity[FIDELITY])
            return dict(zip(self.objectives_names, values[place].tolist(), strict=True))

    return TableBlackbox
