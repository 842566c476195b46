"""Search spaces and benchmarks for the searchers of other packages: ``docs/adapters.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from searchers.adapters.blackbox import syne_tune_space, table_blackbox
    from searchers.adapters.config_space import configuration_space
    from searchers.adapters.function import ConfigurationFunction
    from searchers.adapters.parameters import (
        PARAMETERS,
        Parameters,
        decided,
        operations_and_edges,
        parameters_of,
    )
    from searchers.adapters.study import StudyObjective, suggest
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "blackbox": ["syne_tune_space", "table_blackbox"],
            "config_space": ["configuration_space"],
            "function": ["ConfigurationFunction"],
            "parameters": [
                "PARAMETERS",
                "Parameters",
                "decided",
                "operations_and_edges",
                "parameters_of",
            ],
            "study": ["StudyObjective", "suggest"],
        },
    )
