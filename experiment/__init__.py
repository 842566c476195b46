"""How any run is configured, seeded, saved, resumed, logged and shown.

``docs/api.md`` says what each name is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from experiment.engine import Engine, InThisProcess, Processes, WorkerDiedError
    from experiment.environment import describe_environment
    from experiment.errors import InputError
    from experiment.loop import TrainingLoop
    from experiment.optimisation import Optimisation, Optimisers
    from experiment.paths import REPOSITORY_ROOT, check_datasets_package, data_root
    from experiment.ray_engine import RayEngine
    from experiment.run import RunFolder
    from experiment.seeding import seed_everything
    from experiment.simulated_engine import Simulated
    from experiment.threads import available_cores, use_threads
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "engine": ["Engine", "InThisProcess", "Processes", "WorkerDiedError"],
            "environment": ["describe_environment"],
            "errors": ["InputError"],
            "loop": ["TrainingLoop"],
            "optimisation": ["Optimisation", "Optimisers"],
            "paths": ["REPOSITORY_ROOT", "check_datasets_package", "data_root"],
            "ray_engine": ["RayEngine"],
            "run": ["RunFolder"],
            "seeding": ["seed_everything"],
            "simulated_engine": ["Simulated"],
            "threads": ["available_cores", "use_threads"],
        },
    )
