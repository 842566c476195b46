"""Run folders as a report reads them: whole, torn, unfinished."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiment.errors import InputError, sentence
from experiment.files import read_json
from experiment.run import RunFolder
from experiment.schema import Stage, check_config, check_result, is_earlier, stage_of

NOUNS = {
    Stage.EMBEDDING: ("embed", "training", "trainings"),
    Stage.FINE_TUNING: ("fine-tune", "fine-tuning", "fine-tunings"),
    Stage.PREDICTION: ("predict", "predictor", "predictors"),
    Stage.EXTRAPOLATION: ("extrapolate", "ranking", "rankings"),
    Stage.SEARCH: ("optimise", "search", "searches"),
    Stage.FRONT: ("optimise", "search for a front", "searches for fronts"),
    Stage.TRAINING: ("train", "training of an architecture", "trainings of architectures"),
    None: ("other", "other run", "other runs"),
}
"""Stage → what such runs do, what one of them is called, and several."""


def in_words(stage: Stage | None, runs: int) -> str:
    """So many runs of a stage."""
    _, one, several = NOUNS[stage]
    return f"{runs} {one if runs == 1 else several}"


@dataclass(frozen=True)
class Run:
    """What a run left.

    Attributes:
        path: its folder.
        config: the resolved settings.
        result: the final numbers, empty where there are none.
        metrics: the lines of ``metrics.jsonl``; numbers that are NaN or infinite are ``None``.
        notices: a sentence on everything that is missing or torn.
    """

    path: Path
    config: dict[str, Any]
    result: dict[str, Any]
    metrics: list[dict[str, Any]]
    notices: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def space(self) -> str | None:
        """Name of the search space, where the run has one."""
        found = self.config.get("space")
        return found if isinstance(found, str) else None

    @property
    def stage(self) -> Stage | None:
        """What kind of run it is; ``None`` for one that does not say it."""
        return stage_of(self.config)

    def environment(self) -> dict[str, Any]:
        """Versions, machine and commit; empty where they were not kept."""
        return _optional_object(self.path / "environment.json")

    def command(self) -> str | None:
        """The command that began the run."""
        path = self.path / "command.txt"
        lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
        return lines[0] if lines else None


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """The runs in these folders, each once.

    Raises:
        InputError: a folder is none, or holds no run, or a file in it is broken.
    """
    folders = {path.resolve(): path for path in paths}
    return [read_run(path) for path in folders.values()]


def read_run(path: Path) -> Run:
    """The run in a folder; its ``notices`` say what is missing or damaged.

    Raises:
        InputError: there is no run, or a file is broken otherwise than by a last torn line.
    """
    _check_is_run(path)
    notices: list[str] = []
    config = _object(path / "config.json")
    if is_earlier(config):
        config.pop("stage", None)
        notices.append(
            f"{path.name} was made by an earlier version, whose runs hold other keys: its settings "
            "and results are shown as they are; run it again for its section."
        )
    else:
        with _named(path / "config.json"):
            check_config(config)
    result: dict[str, Any] = {}
    if (path / "result.json").is_file():
        result = _object(path / "result.json")
        with _named(path / "result.json"):
            check_result(stage_of(config), result)
    else:
        notices.append(f"{path.name} has no result.json: the run has not ended, or was killed.")
    metrics = _metrics(path, notices)
    return Run(path, config, result, metrics, notices)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Says which file breaks the rules."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error}") from error


def _check_is_run(path: Path) -> None:
    if not path.is_dir():
        what = "a file" if path.exists() else "not there"
        raise InputError(
            f"{str(path)!r} is {what}: name the folder of a run, as the commands leave it in runs/"
        )
    if not (path / "config.json").is_file():
        below = sorted(found.parent.name for found in path.glob("*/config.json"))
        hint = f"; name those in it instead, such as {str(path / below[0])!r}" if below else ""
        raise InputError(f"{str(path)!r} holds no run, it has no config.json{hint}")


def _metrics(path: Path, notices: list[str]) -> list[dict[str, Any]]:
    file = path / "metrics.jsonl"
    if not file.is_file():
        return []
    if not file.read_bytes().endswith(b"\n") and file.stat().st_size:
        notices.append(
            f"The last line of {path.name}/metrics.jsonl is torn and left out: "
            "the run was killed as it wrote, or is writing now."
        )
    lines = RunFolder(path).read_metrics()
    for number, line in enumerate(lines, 1):
        if not isinstance(line, dict):
            raise InputError(f"line {number} of {str(file)!r} is {line!r}, expected an object")
    found = [_finite(line) for line in lines]
    if lost := sum(map(_count_nan, lines)):
        notices.append(
            f"{path.name}/metrics.jsonl has {lost} numbers that are NaN or infinite; "
            "they are left out of the curves."
        )
    return found


def _object(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} holds {type(content).__name__}, expected an object")
    return _finite(content)


def _optional_object(path: Path) -> dict[str, Any]:
    try:
        return _object(path) if path.is_file() else {}
    except InputError as error:
        return {"unreadable": sentence(error)}


def _finite(value: Any) -> Any:
    """The same with ``None`` for every number that is NaN or infinite."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _count_nan(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_count_nan, value.values()))
    if isinstance(value, list):
        return sum(map(_count_nan, value))
    return int(isinstance(value, float) and not math.isfinite(value))
