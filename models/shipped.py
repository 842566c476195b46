"""Which weights are shipped with the project, and whether a file still is the one that was.

A ``manifest.json`` beside the folders of weights tells it: ``{"weights": {<folder>: {"file": …,
"sha256": …, "bytes": …, …}}}``. ``Training_VAE/ship_weights.py`` writes it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from models.errors import ModelError

MANIFEST = "manifest.json"
"""Name of the file that lists all shipped weights, beside their folders."""

_FIELDS: dict[str, type] = {"file": str, "sha256": str, "bytes": int}


def read_manifest(state_dicts: str | Path) -> dict[str, dict[str, Any]]:
    """Records of the weights below a folder, by their names.

    Args:
        state_dicts: the folder that holds the folders of weights.

    Returns:
        An entry for each shipped file; none where there is no manifest.

    Raises:
        ModelError: the manifest is damaged.
    """
    path = Path(state_dicts) / MANIFEST
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_bytes())["weights"]
        whole = all(
            isinstance(e[key], kind) for e in entries.values() for key, kind in _FIELDS.items()
        )
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise ModelError(
            f"{path} is no list of shipped weights with file, sha256 and bytes of each: "
            f"bring it back with `git checkout -- {path.parent.name}/{MANIFEST}`"
        )
    return entries


def shipped_weights(folder: str | Path) -> dict[str, Any] | None:
    """The manifest's entry for a folder; ``None`` where nothing in it is shipped.

    Raises:
        ModelError: the manifest beside the folder is damaged.
    """
    folder = Path(folder).resolve()
    return read_manifest(folder.parent).get(folder.name)


def check_no_shipped(folder: Path) -> None:
    """Refuse to train in a folder whose weights are shipped.

    Raises:
        ModelError: they are, or the manifest is damaged.
    """
    if shipped_weights(folder) is not None:
        raise ModelError(
            f"{str(folder)!r} holds weights that are shipped, beside which nothing is trained: "
            "leave out --log_dir (the run then goes to runs/), or name another folder by it"
        )


def check_shipped(path: Path) -> None:
    """Refuse a file that has the name of a shipped one and other content.

    Raises:
        ModelError: its checksum is wrong, or the manifest is damaged.
    """
    entry = shipped_weights(path.parent)
    if entry is None or path.name != entry["file"] or not path.is_file():
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry["sha256"]:
        raise ModelError(
            f"{path} is not the file that is shipped: its sha256 is {found} "
            f"({path.stat().st_size} bytes), {MANIFEST} says {entry['sha256']} "
            f"({entry['bytes']} bytes); bring it back with `git checkout -- "
            f"{'/'.join(path.resolve().parts[-3:])}` or download it again, and keep weights of "
            "your own in another folder"
        )
