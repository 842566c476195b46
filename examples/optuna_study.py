"""Search the cells of DIGITS101 by Optuna, whose default is a tree-structured Parzen estimator.

    python -m pip install optuna
    python examples/optuna_study.py

needs no data: the table comes with the project. docs/adapters.md has other spaces and packages.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import optuna

from datasets import get_benchmark
from searchers.adapters import StudyObjective

if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    objective = StudyObjective(get_benchmark("DIGITS101"))
    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(direction=objective.direction, sampler=sampler)
    study.optimize(objective, n_trials=60)

    best = study.best_trial
    infeasible = sum(trial.state.name == "PRUNED" for trial in study.trials)
    print(f"validation {best.value:.2%}, test {best.user_attrs['test']:.2%}, trial {best.number}")
    print(best.user_attrs["notation"])
    print(f"{infeasible} of {len(study.trials)} trials described no cell")
