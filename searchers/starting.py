"""Starting a search in a run's folder, or continuing the one that is there."""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiment.files import read_json
from experiment.run import CONFIG, RunFolder

CODE = "code"
"""Key of a configuration: digests of the user's own code that a search runs, by what it is for."""


def start_search(place: Path, config: Mapping[str, Any], seed: int, resume: bool) -> RunFolder:
    """Start a run, or resume the one that is there, with as many queries as before or with more.

    Another digest of the user's own code does not stop it. Both changes are said on standard error.

    Args:
        place: the folder.
        config: the resolved settings.
        seed: of the search.
        resume: whether a run that is there is resumed.

    Raises:
        InputError: as :meth:`~experiment.run.RunFolder.start`; fewer queries than before are
            another experiment.
    """
    before = read_json(place / CONFIG) if resume and (place / CONFIG).exists() else {}
    fewer = before.get("queries", config["queries"])
    longer = fewer < config["queries"]
    changing = [CODE, "queries"] if longer else [CODE]
    run = RunFolder.start(place, config, seed, resume, changing=changing)
    if longer:
        _say(f"{place}: continued from {fewer} to {config['queries']} queries{_cut(config)}")
    for part, digest in before.get(CODE, {}).items():
        if config.get(CODE, {}).get(part) not in (None, digest):
            _say(
                f"{place}: the source of the {part} differs from that of the run's last part; what "
                "was measured is kept: name another folder to measure it anew"
            )
    return run


def code_digests(**parts: object) -> dict[str, str]:
    """The digests of what has a source, by what it is for.

    Args:
        parts: functions, classes or objects of the user's own.
    """
    digests = {part: source_digest(made) for part, made in parts.items()}
    return {part: digest for part, digest in digests.items() if digest is not None}


def source_digest(made: Any) -> str | None:
    """SHA-256 of the source of a function or a class, or of an object's class; hexadecimal.

    What it calls is not looked into, nor the arguments of a ``functools.partial``.

    Returns:
        ``None`` where there is no source, as of what was typed into an interpreter or is written
        in C.
    """
    inner = made.func if isinstance(made, functools.partial) else made
    has_source = inspect.isroutine(inner) or inspect.isclass(inner)
    try:
        source = inspect.getsource(inner if has_source else type(inner))
    except (OSError, TypeError):
        return None
    return hashlib.sha256(source.encode()).hexdigest()


def _cut(config: Mapping[str, Any]) -> str:
    """Where one search of so many queries might have proposed others: a last batch was cut."""
    if config["batch"] == 1 and config.get("at_once", 1) == 1:
        return ""
    return "; begun with so many, it might have made other batches"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
