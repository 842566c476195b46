"""Put files that were fetched where they are looked for; nothing is replaced unasked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from datasets.downloads.archive import unpack_checkpoints
from datasets.downloads.published import STATE_DICTS
from datasets.downloads.transfer import check_room, in_megabytes
from datasets.downloads.verification import digest_like
from experiment.errors import InputError
from experiment.files import atomic_path


def is_there(space: str, folder: Path, target: Path, checksum: str | None) -> bool:
    """Whether nothing is to be done.

    Raises:
        InputError: something else is in the place.
    """
    if space == STATE_DICTS:
        for found in sorted(folder.glob("*/model_checkpoint*.obj")):
            raise InputError(
                f"{str(found)!r} is there already: --overwrite replaces weights of the same "
                "names, --out names another folder"
            )
        return False
    if not target.exists():
        return False
    if checksum is None:
        raise InputError(
            f"{str(target)!r} is there already, and no checksum is known to compare it with: "
            "--overwrite replaces it"
        )
    if not target.is_file() or digest_like(target, checksum) != checksum:
        raise InputError(
            f"{str(target)!r} is there already and is not the published file: --overwrite "
            "replaces it, --out names another folder"
        )
    return True


def put_part(part: Path, target: Path, overwrite: bool, remark: str) -> str:
    """Give a complete ``.part`` its name; returns a sentence on it.

    Raises:
        InputError: another file is there, or the file cannot be moved.
    """
    if target.exists() and not overwrite:  # it came while we fetched
        raise InputError(
            f"{str(target)!r} is there already, what was fetched is kept in {str(part)!r}: "
            "--overwrite replaces it"
        )
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    try:
        os.replace(part, target)
    except OSError as error:
        raise InputError(
            f"cannot put {str(part)!r} at {str(target)!r}: {error.strerror or error}"
        ) from error
    return _placed(target, remark)


def put_copy(file: Path, target: Path, remark: str) -> str:
    """Copy the user's file into place; returns a sentence on it."""
    check_room(target.parent, file.stat().st_size)
    with atomic_path(target) as copy:
        shutil.copyfile(file, copy)
    return _placed(target, remark)


def unpack(archive: Path, folder: Path, overwrite: bool, remark: str) -> list[str]:
    """Put the weights in an archive into their folders; returns a line on each.

    Raises:
        InputError: the archive is damaged, or weights are there already.
    """
    try:
        checkpoints = unpack_checkpoints(archive, folder, overwrite)
    except InputError as error:
        raise InputError(f"{error} (the archive is kept in {str(archive)!r})") from error
    placed = [f"{checkpoint} is in place" for checkpoint in checkpoints]
    return [*placed, f"the archive: {remark}"]


def _placed(target: Path, remark: str) -> str:
    return f"{target} is in place, {in_megabytes(target.stat().st_size)}, {remark}"
