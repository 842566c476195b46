"""An objective for Optuna's studies.

Akiba et al., *Optuna: A Next-generation Hyperparameter Optimization Framework*, KDD 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from datasets.benchmark import Benchmark
from datasets.objective import Objective
from estimators.measurement import Estimator, Measurement
from experiment.errors import InputError
from searchers.adapters.function import ConfigurationFunction, figures
from searchers.adapters.optional import not_installed
from searchers.adapters.parameters import Parameters

if TYPE_CHECKING:
    import optuna


class StudyObjective:
    """A function of an Optuna trial that measures the architecture of its parameters.

    A trial keeps as user attributes the ``hash`` and the ``notation`` of the architecture and every
    other number that is known of it (``test``, ``training_seconds``, …). What has no value, because
    it is no architecture of the space, not in the table, or failed, is a pruned trial with the
    attribute ``reason``.

    Args:
        source: a benchmark or an estimator, see
            :class:`~searchers.adapters.function.ConfigurationFunction`.
        objective: what is optimised; default: the table's validation metric, or an accuracy.

    Raises:
        InputError: Optuna is not installed, or the source does not suit.
    """

    def __init__(self, source: Benchmark | Estimator, objective: Objective | None = None) -> None:
        try:
            from optuna import TrialPruned
        except ImportError as error:
            raise not_installed(error, "an Optuna study", "optuna") from error
        self._pruned = TrialPruned
        self.function = ConfigurationFunction(source, objective)

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """What ``optuna.create_study(direction=…)`` is given."""
        return "maximize" if self.function.objective.maximise else "minimize"

    def __call__(self, trial: optuna.Trial) -> float:
        """The value of a trial.

        Raises:
            InputError: the study has another direction.
            TrialPruned: the architecture has no value.
        """
        self._check_direction(trial)
        measurement = self.function.measure(suggest(trial, self.function.parameters))
        for name, value in self._attributes(measurement).items():
            trial.set_user_attr(name, value)
        if measurement.validation is None:
            raise self._pruned(measurement.reason)
        return float(measurement.validation)

    def _check_direction(self, trial: optuna.Trial) -> None:
        study = getattr(trial, "study", None)  # an optuna.trial.FixedTrial has none
        directions = [] if study is None else [one.name.lower() for one in study.directions]
        if directions not in ([], [self.direction]):
            raise InputError(
                f"the study's direction is {', '.join(directions)}, but of "
                f"{self.function.objective.name} {self.direction} is wanted: "
                "optuna.create_study(direction=objective.direction)"
            )

    def _attributes(self, measurement: Measurement) -> dict[str, str | float]:
        if measurement.validation is None:
            return {"reason": measurement.reason}
        numbers = figures(measurement)
        del numbers["validation"]
        notation = self.function.parameters.space.format(measurement.architecture)
        return {"hash": measurement.hash, "notation": notation, **numbers}


def suggest(trial: optuna.Trial, parameters: Parameters) -> dict[str, Any]:
    """A configuration, each parameter suggested by a trial."""
    return {
        name: trial.suggest_int(name, choices[0], choices[-1])
        if isinstance(choices, range)
        else trial.suggest_categorical(name, choices)
        for name, choices in parameters.choices.items()
    }
