"""A run's folder: configuration, command, environment, metrics, checkpoints, result."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Collection, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from experiment.environment import describe_environment
from experiment.errors import InputError
from experiment.files import PARTIAL, atomic_path, plain, read_json, write_json
from experiment.schema import SCHEMA, check_config, check_result, is_earlier, stage_of
from experiment.threads import resume_with

SOURCES = "sources"
"""Key of the configuration that says which measured numbers a run uses: file, rows, checksum."""

CONFIG, METRICS, RESULT = "config.json", "metrics.jsonl", "result.json"
"""Files of a run's folder: the settings, an object a line, the final numbers."""
LOCK = ".lock"
"""File of a run's folder that the process which works in it has locked."""
_CLAIMED: dict[Path, FileLock] = {}
"""Locks of this process, which keeps them to its end."""


class RunFolder:
    """The folder of one run.

    ``config.json`` (the resolved settings, stage and seed: :mod:`experiment.schema`),
    ``command.txt`` (the command, and below it those that resumed it), ``environment.json``,
    ``metrics.jsonl`` (one object a line), ``result.json`` (the final numbers), ``checkpoints/``
    and ``figures/``.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def start(
        cls,
        path: str | Path,
        config: Mapping[str, Any],
        seed: int,
        resume: bool,
        device: torch.device | str = "cpu",
        changing: Collection[str] = (),
    ) -> RunFolder:
        """Start a run in ``path``, or resume the one that is there.

        Args:
            path: the folder; it is made if it is absent.
            config: the resolved settings that decide the run's numbers, with the ``stage``.
            seed: the run's seed.
            resume: whether a run that is there is resumed; without one it is started.
            device: where the run computes, for ``environment.json``.
            changing: settings that a resumed run may have otherwise than before. Where one of them
                changes, ``config.json`` has the new one, and a run that had ended has not.

        Raises:
            InputError: the folder holds a run and ``resume`` is false, or a run with other
                settings, or something that is no run, or another process works in it; or the
                settings lack what their stage promises.
        """
        run = cls.check(path, config, seed, resume, changing)
        run.claim()
        run._resume_threads()
        environment = describe_environment(seed, device, plain(config))
        if (run.path / CONFIG).exists():
            environment = run._with_resumption(environment)
            run._drop_torn_line()
            run._change(config, changing)
        else:
            write_json(run.path / CONFIG, _whole(config, seed))
        run.remove_partial_files()
        run.checkpoints.mkdir(exist_ok=True)
        run.figures.mkdir(exist_ok=True)
        run._add_command()
        write_json(run.path / "environment.json", environment)
        return run

    @classmethod
    def check(
        cls,
        path: str | Path,
        config: Mapping[str, Any],
        seed: int,
        resume: bool,
        changing: Collection[str] = (),
    ) -> RunFolder:
        """Refuse what :meth:`start` would refuse, before any work; nothing is written.

        Raises:
            InputError: as :meth:`start`.
        """
        run, wanted = cls(path), _whole(config, seed)
        check_config(wanted)
        if (run.path / CONFIG).exists():
            run._check_same(wanted, resume, changing)
        else:
            run._check_empty()
        return run

    @property
    def has_result(self) -> bool:
        """Whether the run has ended."""
        return (self.path / RESULT).exists()

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    @property
    def config(self) -> dict[str, Any]:
        """The resolved settings, with the seed."""
        return read_json(self.path / CONFIG)

    def log(self, entry: Mapping[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``; it is on the disk when this returns.

        Raises:
            InputError: the disk is full. A part of the line may be there; it is not read, and
                the next start removes it.
        """
        line = json.dumps(plain(entry), ensure_ascii=False, allow_nan=False) + "\n"
        try:
            with self._metrics.open("a", encoding="utf-8") as handle:
                handle.write(line)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise InputError(
                f"cannot write {str(self._metrics)!r}: {error.strerror or error}; "
                "make room there and continue with --resume"
            ) from error

    def read_metrics(self) -> list[dict[str, Any]]:
        """All lines logged so far; a last line that is still being written is left out."""
        return [entry for entry, _ in self._metric_lines()]

    def metrics_after(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """The lines logged after a place in the file, and the place where they end.

        What follows a growing log so reads each of its lines once.

        Args:
            position: bytes that were read before; 0 at first.
        """
        found = self._metric_lines(position)
        return [entry for entry, _ in found], position + sum(len(line) for _, line in found)

    def truncate_after(self, key: str, value: float) -> None:
        """Drop all lines from the first one on whose ``key`` is above ``value``.

        A run that was killed after its last checkpoint has logged steps that the resumed run
        will log again: called with the checkpoint's step, this makes its file the same as that
        of a run that was never killed.
        """
        kept = []
        for entry, line in self._metric_lines():
            position = entry.get(key)
            if position is not None and position > value:
                break
            kept.append(line)
        with atomic_path(self._metrics) as partial:
            partial.write_bytes(b"".join(kept))

    def save_result(self, result: Mapping[str, Any]) -> None:
        """Write the final numbers to ``result.json``.

        Raises:
            InputError: they lack what the run's stage promises.
        """
        check_result(stage_of(self.config), plain(result))
        write_json(self.path / RESULT, result)

    @property
    def _metrics(self) -> Path:
        return self.path / METRICS

    def _metric_lines(self, position: int = 0) -> list[tuple[dict[str, Any], bytes]]:
        if not self._metrics.exists():
            return []
        with self._metrics.open("rb") as file:
            file.seek(position)
            content = file.read()
        lines = []
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break
            try:
                lines.append((json.loads(line), line))
            except ValueError as error:
                before = self._metrics.read_bytes()[:position].count(b"\n")
                raise InputError(
                    f"line {before + number} of {str(self._metrics)!r} is not JSON ({error}): "
                    "mend it, or begin the run in a new folder"
                ) from error
        return lines

    def claim(self) -> None:
        """Keep other processes out of the folder until this one ends, however it ends.

        Raises:
            InputError: another process works in it.
        """
        path = self.path.resolve() / LOCK
        if path in _CLAIMED:
            return
        lock = FileLock(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"another process is working in {str(self.path)!r}: wait until it has ended, or "
                "name another folder"
            ) from None
        except NotImplementedError:  # a file system without locks
            return
        except OSError as error:
            raise InputError(
                f"cannot write to {str(self.path)!r}: {error.strerror or error}"
            ) from error
        _CLAIMED[path] = lock

    def _add_command(self) -> None:
        """Append this process's command to ``command.txt``."""
        path = self.path / "command.txt"
        # A run that was killed while it began has a configuration and no command yet.
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        with atomic_path(path) as partial:
            partial.write_text(before + shlex.join(sys.orig_argv) + "\n", encoding="utf-8")

    def remove_partial_files(self) -> None:
        """Remove what a killed process left of the files that it was writing."""
        for leftover in self.path.rglob(f".*{PARTIAL}*"):
            leftover.unlink(missing_ok=True)

    def _drop_torn_line(self) -> None:
        """Remove a last line that a killed process wrote in part."""
        if not self._metrics.exists():
            return
        content = self._metrics.read_bytes()
        if not content.endswith(b"\n") and content:
            with atomic_path(self._metrics) as partial:
                partial.write_bytes(content[: content.rfind(b"\n") + 1])

    def _change(self, config: Mapping[str, Any], changing: Collection[str]) -> None:
        """Take over the settings of a resumed run that differ from those before."""
        found, given = self.config, plain(config)
        new = {key: given[key] for key in changing if key in given}
        if found | new != found:
            # The result first: killed in between, the run has the settings that it has a part of.
            (self.path / RESULT).unlink(missing_ok=True)
            write_json(self.path / CONFIG, found | new)

    def _check_same(self, wanted: dict[str, Any], resume: bool, changing: Collection[str]) -> None:
        if not resume:
            raise InputError(
                f"{str(self.path)!r} holds a run already: add --resume to continue it, "
                "or choose another folder"
            )
        found = self.config
        if is_earlier(found):
            raise InputError(
                f"{str(self.path)!r} holds a run of an earlier version, which cannot be resumed: "
                "choose another folder, or finish it with that version"
            )
        self._check_sources(wanted.pop(SOURCES, None), found.pop(SOURCES, None))
        for key in {**wanted, **found}:
            if key in changing:
                continue
            if key not in wanted or key not in found or wanted[key] != found[key]:
                name, before, now = _difference(key, found.get(key), wanted.get(key))
                raise InputError(
                    f"{str(self.path)!r} holds another experiment: its {name!r} is {before!r}, "
                    f"this run's is {now!r}; "
                    "choose another folder, or give the same settings to resume it"
                )

    def _check_sources(self, wanted: Any, found: Any) -> None:
        """Refuse other measured numbers than the run began with; the files may have moved.

        Runs of earlier versions do not say what they began with.
        """
        if found is None or wanted is None:
            return
        nothing: dict[str, Any] = {}
        for now, before in zip_longest(wanted, found, fillvalue=nothing):
            if {**now, "path": None} != {**before, "path": None}:
                raise InputError(
                    f"{str(self.path)!r} used other measured numbers, {_words(before)}, this run "
                    f"has {_words(now)}: name that source, or choose another folder"
                )

    def _check_empty(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{str(self.path)!r} is a file, expected a folder for the run")
        if not self.path.exists():
            return
        for entry in sorted(self.path.iterdir()):
            if PARTIAL not in entry.name and entry.name != LOCK:
                raise InputError(
                    f"{str(self.path)!r} is no run's folder, it holds {entry.name!r}: "
                    "choose an empty or a new one"
                )

    def _resume_threads(self) -> None:
        """Compute with as many threads as the run began with, where there is one."""
        path = self.path / "environment.json"
        if path.exists() and isinstance(count := read_json(path).get("threads"), int):
            resume_with(count)

    def _with_resumption(self, environment: dict[str, Any]) -> dict[str, Any]:
        """The environment of the run's beginning, with those of its resumptions."""
        path = self.path / "environment.json"
        if not path.exists():
            return environment
        first = read_json(path)
        return {**first, "resumed": [*first.get("resumed", []), environment]}


def _whole(config: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """What ``config.json`` holds."""
    return {"schema": SCHEMA, **plain(config), "seed": seed}


def _words(source: Mapping[str, Any]) -> str:
    """A source in a message."""
    if not source:
        return "none"
    return f"{source.get('path')!r} (sha256 {str(source.get('sha256'))[:12]}…)"


def _difference(name: str, before: Any, now: Any) -> tuple[str, Any, Any]:
    """Name of the first entry in which two settings differ, with dots, and its values in both."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in {**now, **before}:
            if key not in before or key not in now or before[key] != now[key]:
                return _difference(f"{name}.{key}", before.get(key), now.get(key))
    return name, before, now
