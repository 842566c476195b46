"""A search as one declaration: task, space, hyper-parameters, objective, budget, and the rest.

The counterpart of DeepHyper's ``NaProblem`` (0.4). A TOML file has the same tables as
:meth:`NASProblem.read` takes; ``docs/problem.md`` explains them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.hyperparameters import Range, Value, read_range
from datasets.objective import Objective
from datasets.space import SearchSpace
from datasets.spaces.configured import ConfiguredSpace
from estimators.by_curve import ByCurve, CurveScore, Score, Watch, chosen_settings
from estimators.networks import Design
from estimators.recipe import Recipe
from experiment.checks import shown
from experiment.config import nearest, resolve
from experiment.engines import EngineChoice
from experiment.errors import InputError
from searchers.declared.objective import figures, misdirection, read_objective
from searchers.declared.parts import (
    OWN,
    Callbacks,
    EarlyStopping,
    Fidelity,
    Method,
    SearchBudget,
    TopK,
)
from searchers.declared.summary import summary_of
from searchers.declared.tables import changed, checked_table, resolved
from searchers.declared.tasks import (
    TaskKind,
    TaskPart,
    design_class,
    kind_of,
    named_space,
    read_task,
)


@dataclass(frozen=True)
class NASProblem:
    """What is searched, how, and for how long; printing it gives a summary.

    Attributes:
        task: what networks are trained on.
        space: of the architectures.
        budget: when the search ends.
        hyperparameters: name → value, or range to search in. They are settings of the recipe or
            sizes of the network; what is not given is as in the task's preset.
        objective: ``-val_loss``, ``val_r2__max``, or a function of the learning curve.
        loss: that networks are trained with; default: the preset's.
        metrics: shown of each evaluation; default: all.
        fidelity: how trainings of the search are shorter.
        callbacks: what is done during the search.
        search: method and seed.
        engine: where trainings are made.
        top_k: what is trained fully after the search.
        data_root: where data are looked for.

    Raises:
        InputError: a part of it makes no sense.
    """

    task: TaskPart
    space: SearchSpace
    budget: SearchBudget
    hyperparameters: Mapping[str, Value | Range] = field(default_factory=dict)
    objective: str | Callable[..., Any] = "-val_loss"
    loss: str | None = None
    metrics: tuple[str, ...] | None = None
    fidelity: Fidelity = field(default_factory=Fidelity)
    callbacks: Callbacks = field(default_factory=Callbacks)
    search: Method = field(default_factory=Method)
    engine: EngineChoice = field(default_factory=EngineChoice)
    top_k: TopK = field(default_factory=TopK)
    data_root: Path | None = None

    @classmethod
    def load(
        cls, path: str | Path, changes: Sequence[str] = (), data_root: Path | None = None
    ) -> NASProblem:
        """The problem of a TOML file.

        Args:
            path: of the file.
            changes: values that win over the file's, such as ``budget.evaluations=10``.
            data_root: where data are looked for.

        Raises:
            InputError: it cannot be read, or makes no sense.
        """
        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise InputError(f"cannot read the problem {str(path)!r}: {error.strerror}") from error
        except ValueError as error:
            raise InputError(f"the problem {str(path)!r} is not a TOML file: {error}") from error
        for change in changes:
            table = changed(table, change)
        return cls.read(table, data_root)

    @classmethod
    def read(cls, table: Mapping[str, Any], data_root: Path | None = None) -> NASProblem:
        """The problem of tables as a TOML file has them.

        Raises:
            InputError: an unknown key, of which the nearest valid one is named, or a wrong value.
        """
        valid = [one.name for one in fields(cls) if one.name != "data_root"] + ["preprocessing"]
        for key in table:
            if key not in valid:
                raise InputError(f"unknown key {key!r} in the problem: {nearest(key, valid)}")
        for key in ("task", "space", "budget"):
            if key not in table:
                raise InputError(f"the problem has no table [{key}]")
        parts: dict[str, Any] = {key: table[key] for key in ("objective", "loss") if key in table}
        if "metrics" in table:
            given = table["metrics"]
            parts["metrics"] = tuple(given) if isinstance(given, list) else given
        for key, kind in _TABLES.items():
            if key in table:
                parts[key] = resolved(kind, key, table[key])
        if "callbacks" in table:
            given = checked_table("callbacks", table["callbacks"])
            if "early_stopping" in given:
                stopping = resolved(
                    EarlyStopping, "callbacks.early_stopping", given["early_stopping"]
                )
                given = {**given, "early_stopping": stopping}
            parts["callbacks"] = resolved(Callbacks, "callbacks", given)
        hyperparameters = {
            name: read_range(name, value) if isinstance(value, Mapping) else value
            for name, value in checked_table(
                "hyperparameters", table.get("hyperparameters", {})
            ).items()
        }
        space = table["space"]
        options = {"name": space} if isinstance(space, str) else checked_table("space", space)
        if "name" not in options:
            raise InputError("the table [space] has no name")
        prepared = checked_table("preprocessing", table.get("preprocessing", {}))
        return cls(
            task=read_task(checked_table("task", table["task"]), prepared),
            space=named_space(**options),
            hyperparameters=hyperparameters,
            data_root=data_root,
            **parts,
        )

    def __post_init__(self) -> None:
        self._check_texts()
        kind = self.kind
        if self.loss is not None and self.loss not in kind.losses:
            raise InputError(
                f"there is no loss {self.loss!r}: {nearest(self.loss, [*kind.losses])}"
            )
        for metric in self.metrics or ():
            if metric not in kind.metrics:
                raise InputError(
                    f"there is no metric {metric!r}: {nearest(metric, [*kind.metrics])}"
                )
        _ = self.scored  # refuses an objective that no metric gives
        self._check_hyperparameters()
        self._check_loss()
        _ = self.start  # refuses what is no candidate
        stopping = self.callbacks.early_stopping
        if stopping and self.monitor not in (known := figures(kind.metrics)):
            near = nearest(self.monitor, list(known))
            raise InputError(f"early stopping looks at {self.monitor!r}, which is unknown: {near}")
        if self.ranges and self.search.name not in OWN:
            raise InputError(
                f"the search {self.search.name!r} is for architectures alone: give "
                f"{', '.join(self.ranges)} fixed values, or choose {', '.join(OWN)}"
            )
        if not 1 <= self.epochs <= self.recipe.epochs:
            raise InputError(
                f"fidelity.epochs is {self.epochs}, expected 1 to the {self.recipe.epochs} of a "
                "whole training"
            )

    @property
    def kind(self) -> TaskKind:
        """What is common to tasks of this kind."""
        return kind_of(self.task)

    @property
    def ranges(self) -> dict[str, Range]:
        """The hyper-parameters that are searched."""
        given = self.hyperparameters.items()
        return {name: value for name, value in given if isinstance(value, Range)}

    @property
    def fixed(self) -> dict[str, Value]:
        """The hyper-parameters that are given, and the loss."""
        given = self.hyperparameters.items()
        values = {name: value for name, value in given if not isinstance(value, Range)}
        named = self.loss is not None and len(self.kind.losses) > 1
        return {**values, **({"loss": self.loss} if named and self.loss else {})}

    @cached_property
    def searched(self) -> SearchSpace:
        """The space of the candidates: architectures, with hyper-parameters where some vary."""
        return ConfiguredSpace(self.space, self.ranges) if self.ranges else self.space

    @cached_property
    def recipe(self) -> Recipe:
        """How a whole training is made, but for the hyper-parameters that are searched."""
        own = {one.name for one in fields(self.kind.recipe)}
        first = {name: each.values[0] for name, each in self.ranges.items()}
        given = {name: value for name, value in {**self.fixed, **first}.items() if name in own}
        return self.task.recipe(self.space, given)

    @cached_property
    def design(self) -> Design:
        """Sizes of the networks, but for those that are searched."""
        own = {one.name for one in fields(design_class(self.space))}
        return self.task.design(self.space, {k: v for k, v in self.fixed.items() if k in own})

    @cached_property
    def start(self) -> list[ArchitectureGraph]:
        """The candidates that are measured first, canonical."""
        found: dict[str, ArchitectureGraph] = {}
        for text in self.search.start:
            try:
                graph = self.searched.canonical(self.searched.parse(text))
            except ArchitectureError as error:
                raise InputError(f"search.start: {error}") from error
            hash = self.searched.hash(graph)
            if hash in found:
                raise InputError(f"search.start has {text!r} twice: give each candidate once")
            found[hash] = graph
        return list(found.values())

    @property
    def epochs(self) -> int:
        """Of a training of the search."""
        return self.recipe.epochs if self.fidelity.epochs is None else self.fidelity.epochs

    @cached_property
    def scored(self) -> tuple[Score, Objective]:
        """The value of a learning curve, and which direction is better."""
        return read_objective(self.objective, self.kind.metrics)

    @property
    def notes(self) -> list[str]:
        """What may be a mistake and is allowed, a sentence each."""
        found = misdirection(self.objective, self.scored[0], self.kind.metrics)
        return [] if found is None else [found]

    @property
    def monitor(self) -> str:
        """The figure of the curve by which the best epoch is told."""
        stopping = self.callbacks.early_stopping
        if stopping is not None and stopping.monitor is not None:
            return stopping.monitor
        return next(f"val_{name}" for name in self.kind.metrics)

    def estimator(self) -> ByCurve:
        """Trains the candidates of the search.

        Raises:
            InputError: the data are absent or damaged, or no network of the space is for them.
        """
        stopping = self.callbacks.early_stopping
        watch = Watch(
            self.monitor,
            figures(self.kind.metrics)[self.monitor],
            None if stopping is None else stopping.patience,
            self.callbacks.checkpoints,
        )
        return ByCurve(
            self.searched,
            self.task.task(self.data_root),
            self.design,
            replace(self.recipe, epochs=self.epochs),
            self.scored[0],
            watch,
            seed=self.search.seed,
        )

    def __str__(self) -> str:
        """A summary, as DeepHyper prints one."""
        return summary_of(self)

    def _check_texts(self) -> None:
        """Refuse names that are none."""
        if not isinstance(self.objective, str) and not callable(self.objective):
            raise InputError(
                f"the objective is {shown(self.objective)}, expected a text, such as -val_loss"
            )
        if not isinstance(self.loss, str | None):
            raise InputError(f"the loss is {shown(self.loss)}, expected a text")
        if self.metrics is not None and not (
            isinstance(self.metrics, tuple) and all(isinstance(one, str) for one in self.metrics)
        ):
            raise InputError(f"the metrics are {shown(self.metrics)}, expected a list of texts")

    def _check_loss(self) -> None:
        """Refuse two losses, and a search among losses by the loss itself."""
        given = self.hyperparameters.get("loss")
        if given is not None and self.loss is not None:
            raise InputError(
                f"the loss is given twice, as loss ({self.loss}) and among the hyperparameters "
                f"({given}): leave one out"
            )
        score, _ = self.scored
        by_loss = isinstance(score, CurveScore) and score.figure in ("loss", "val_loss")
        if isinstance(given, Range) and by_loss:
            other = next(name for name in self.kind.metrics if name != "loss")
            raise InputError(
                f"the loss is searched ({given}), and the objective {self.objective!r} compares "
                f"values of different losses: give a metric that all share, such as "
                f"{'' if self.kind.metrics[other] else '-'}val_{other}"
            )

    def _check_hyperparameters(self) -> None:
        """Refuse unknown names, and values that a recipe or a network refuses."""
        recipe = {one.name for one in fields(self.kind.recipe)}
        known = sorted(recipe | {one.name for one in fields(design_class(self.space))})
        for name in self.hyperparameters:
            if name not in known:
                raise InputError(f"unknown hyper-parameter {name!r}: {nearest(name, known)}")
        _ = self.design  # refuses sizes of the wrong kind
        if "epochs" in self.ranges:
            raise InputError("the epochs are a range, expected a number: fidelity shortens them")
        for name, each in self.ranges.items():
            for value in each.values:
                kind = type(self.recipe) if name in recipe else type(self.design)
                resolve(
                    kind, _as_dict(self.recipe if name in recipe else self.design), {name: value}
                )
                chosen_settings(self.recipe, self.design, {name: value})


_TABLES: dict[str, type] = {
    "fidelity": Fidelity,
    "budget": SearchBudget,
    "search": Method,
    "engine": EngineChoice,
    "top_k": TopK,
}
"""Table → the part of the problem that it is read into."""


def _as_dict(record: Any) -> dict[str, Any]:
    return {one.name: getattr(record, one.name) for one in fields(record)}
