"""What a run's folder says of itself: its stage, the version of these rules, and typed records.

``config.json`` has ``stage`` and ``schema`` beside the settings, so that whoever reads a folder
guesses nothing. :mod:`experiment.records` has the keys of settings and results that other code may
count on; a stage may keep more. A run without ``schema`` was made before there was one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import UnionType
from typing import (
    Any,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from experiment.checks import LONGEST
from experiment.errors import InputError
from experiment.records import (
    EmbeddingConfig,
    EmbeddingResult,
    ExtrapolationConfig,
    ExtrapolationResult,
    FineTuningConfig,
    FineTuningResult,
    FrontConfig,
    FrontResult,
    PredictionConfig,
    PredictionResult,
    SearchConfig,
    SearchResult,
    TrainingConfig,
    TrainingResult,
)

SCHEMA = 2
"""Version of these rules. It grows when a key changes its name or meaning: older runs are then
distinguished, and never misread. Since 2 an objective says its data set and trial, a found
architecture is an object, and fronts and fine-tunings are stages."""
OBJECTS = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


class Stage(StrEnum):
    """What kind of run it is."""

    EMBEDDING = "embedding"
    FINE_TUNING = "fine-tuning"
    PREDICTION = "prediction"
    EXTRAPOLATION = "extrapolation"
    SEARCH = "search"
    FRONT = "front"
    TRAINING = "training"


CONFIGS: dict[Stage, type] = {
    Stage.EMBEDDING: EmbeddingConfig,
    Stage.FINE_TUNING: FineTuningConfig,
    Stage.PREDICTION: PredictionConfig,
    Stage.EXTRAPOLATION: ExtrapolationConfig,
    Stage.SEARCH: SearchConfig,
    Stage.FRONT: FrontConfig,
    Stage.TRAINING: TrainingConfig,
}
"""Stage → what its ``config.json`` holds."""
RESULTS: dict[Stage, type] = {
    Stage.EMBEDDING: EmbeddingResult,
    Stage.FINE_TUNING: FineTuningResult,
    Stage.PREDICTION: PredictionResult,
    Stage.EXTRAPOLATION: ExtrapolationResult,
    Stage.SEARCH: SearchResult,
    Stage.FRONT: FrontResult,
    Stage.TRAINING: TrainingResult,
}
"""Stage → what its ``result.json`` holds."""


def is_earlier(config: Mapping[str, Any]) -> bool:
    """Whether a configuration was written by a version with other rules, before this one."""
    schema = config.get("schema", 0)
    return isinstance(schema, int) and schema < SCHEMA


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
    if stage is not None:
        _check(result, RESULTS[stage], f"result of the stage {stage}")


def _check(content: Mapping[str, Any], kind: type, what: str, place: str = "") -> None:
    """Make sure that an object is what a typed dictionary says, and those in it."""
    for key, hint in get_type_hints(kind, include_extras=True).items():
        if get_origin(hint) is NotRequired:
            hint = get_args(hint)[0]
            if key not in content:
                continue
        elif key not in content:
            raise InputError(f"the {what} lack {place + key!r}")
        _check_value(content[key], hint, what, place + key)


def _check_value(value: Any, hint: Any, what: str, place: str) -> None:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    fitting = [each for each in options if _fits(value, each)]
    if not fitting:
        raise InputError(f"the {what} have {place!r} {_excerpt(value)}, expected {_words(hint)}")
    kind, inner = fitting[0], get_args(fitting[0])
    if is_typeddict(kind):
        _check(value, kind, what, f"{place}.")
    elif get_origin(kind) is list:
        for number, each in enumerate(value):
            _check_value(each, inner[0], what, f"{place}.{number}")
    elif get_origin(kind) is dict:
        for key, each in value.items():
            _check_value(each, inner[1], what, f"{place}.{key}")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a kind; its contents are not checked."""
    if hint is Any:
        return True
    if hint in (None, type(None)):
        return value is None
    kind = _kind(hint)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _excerpt(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _kind(hint: Any) -> type:
    return dict if is_typeddict(hint) else get_origin(hint) or hint


def _words(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_words(each) for each in get_args(hint))
    return "nothing" if hint is type(None) else OBJECTS[_kind(hint)]
