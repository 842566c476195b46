"""What a run's folder says of itself: its stage, the version of these rules, and typed settings.

``config.json`` has ``stage`` and ``schema`` beside the settings, so that whoever reads a folder
guesses nothing. The keys below are those that other code may count on; a stage may keep more.
A run without ``schema`` was made before there was one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import UnionType
from typing import Any, NotRequired, TypedDict, Union, get_args, get_origin, get_type_hints

from experiment.errors import InputError

SCHEMA = 1
"""Version of these rules. It grows when a key changes its name or meaning: older runs are then
distinguished, and never misread."""
OBJECTS = {dict: "an object", list: "a list", str: "text", int: "a whole number", float: "a number"}


class Stage(StrEnum):
    """What kind of run it is."""

    EMBEDDING = "embedding"
    PREDICTION = "prediction"
    EXTRAPOLATION = "extrapolation"
    SEARCH = "search"
    TRAINING = "training"


class EmbeddingConfig(TypedDict):
    """A graph VAE, or its heads, trained on a space."""

    model: str
    space: str
    sizes: dict[str, Any]
    settings: dict[str, Any]
    name: NotRequired[str]
    objective: NotRequired[dict[str, Any]]


class PredictionConfig(TypedDict):
    """A predictor fitted to a labelled set."""

    space: str
    method: str
    features: list[str]
    label: str
    labelled: str


class ExtrapolationConfig(TypedDict):
    """A ranking of candidates by what was fitted to others."""

    space: str
    surrogate: dict[str, Any]
    candidates: int
    objective: NotRequired[dict[str, Any]]


class SearchConfig(TypedDict):
    """A search; ``objective`` is absent where it is the accuracy of a table or a training."""

    space: str
    method: str
    estimator: str
    queries: int
    initial: int
    batch: int
    candidates: NotRequired[int | None]
    dataset: NotRequired[str]
    objective: NotRequired[dict[str, Any]]
    cost: NotRequired[str]


class TrainingConfig(TypedDict):
    """One architecture's network, trained; the architecture is an object of its own."""

    space: str
    architecture: dict[str, Any]
    hash: str
    network: dict[str, Any]
    recipe: dict[str, Any]


class SearchResult(TypedDict):
    """What a search found."""

    queries: int
    failed: NotRequired[int]
    best_observed: NotRequired[dict[str, Any] | None]
    recommended: NotRequired[dict[str, Any] | None]
    optimum: NotRequired[dict[str, Any] | None]
    seconds: NotRequired[float]


CONFIGS: dict[Stage, type] = {
    Stage.EMBEDDING: EmbeddingConfig,
    Stage.PREDICTION: PredictionConfig,
    Stage.EXTRAPOLATION: ExtrapolationConfig,
    Stage.SEARCH: SearchConfig,
    Stage.TRAINING: TrainingConfig,
}
"""Stage → what its ``config.json`` holds."""
RESULTS: dict[Stage, type] = {Stage.SEARCH: SearchResult}
"""Stage → what its ``result.json`` holds, where other code counts on it."""


def stage_of(config: Mapping[str, Any]) -> Stage | None:
    """The stage that a configuration names; ``None`` where it names none.

    Raises:
        InputError: there is no such stage.
    """
    named = config.get("stage")
    if named is None:
        return None
    if named not in list(Stage):
        raise InputError(f"its stage is {named!r}, expected one of {', '.join(Stage)}")
    return Stage(named)


def check_config(config: Mapping[str, Any]) -> None:
    """Make sure that a configuration holds what its stage promises; one without a stage may differ.

    Raises:
        InputError: a key is absent or of another type, or the version is not this one.
    """
    stage = stage_of(config)
    if config.get("schema") != SCHEMA:
        raise InputError(
            f"its schema is {config.get('schema')!r}, expected {SCHEMA}: it was made by another "
            "version of the suite"
        )
    if stage is not None:
        _check(config, CONFIGS[stage], f"settings of the stage {stage}")


def check_result(stage: Stage | None, result: Mapping[str, Any]) -> None:
    """The same of a result.

    Raises:
        InputError: a key is absent or of another type.
    """
    if stage in RESULTS:
        _check(result, RESULTS[stage], f"result of the stage {stage}")


def _check(content: Mapping[str, Any], kind: type, what: str) -> None:
    hints = get_type_hints(kind, include_extras=True)
    for key, hint in hints.items():
        if get_origin(hint) is NotRequired:
            hint = get_args(hint)[0]
            if key not in content:
                continue
        elif key not in content:
            raise InputError(f"the {what} lack {key!r}")
        if not _fits(content[key], hint):
            raise InputError(f"the {what} have {key!r} {content[key]!r}, expected {_words(hint)}")


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if hint in (None, type(None)):
        return value is None
    kind = get_origin(hint) or hint
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _words(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_words(each) for each in get_args(hint))
    return "nothing" if hint is type(None) else OBJECTS[get_origin(hint) or hint]
