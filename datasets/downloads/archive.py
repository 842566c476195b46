"""Unpack published weights from an untrusted archive."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from datasets.downloads.transfer import check_room
from experiment.checkpoint import load_checkpoint
from experiment.errors import InputError

CHECKPOINT = re.compile(r"(?:.*/)?(\w+_\w+/model_checkpoint\d+\.obj)")
"""Path of a checkpoint in an archive; the group is its place below the folder of the weights."""
_BLOCK = 1 << 20


def check_archive(path: Path) -> None:
    """Read all that is in an archive, and keep nothing of it.

    Raises:
        InputError: it is no zip or tar file, or a damaged one.
    """
    with _explained(path):
        with _open_archive(path) as members:
            for member in members:
                with member.open() as packed:
                    while packed.read(_BLOCK):
                        pass
        if _archive_kind(path) == "tar":
            # The checksum of a compressed tar file stands behind all that belongs to a member.
            with tarfile.open(path) as tape:
                while tape.fileobj is not None and tape.fileobj.read(_BLOCK):
                    pass


def _archive_kind(path: Path) -> str:
    if zipfile.is_zipfile(path):
        return "zip"
    if tarfile.is_tarfile(path):
        return "tar"
    raise InputError(
        f"{str(path)!r} is neither a zip nor a tar archive, or a damaged one: fetch it again, or "
        "unpack it by other means"
    )


def unpack_checkpoints(archive: Path, folder: Path, overwrite: bool = False) -> list[Path]:
    """Unpack ``<MODEL>_<SPACE>/model_checkpoint<EPOCH>.obj``, wherever it is in the archive.

    Everything else in it is left alone. Each checkpoint is read, without running anything in it,
    before the first one is put in place.

    Args:
        archive: a zip or tar file.
        folder: where the folders ``<MODEL>_<SPACE>`` go.
        overwrite: whether checkpoints of the same names are replaced.

    Returns:
        The checkpoints, in their places.

    Raises:
        InputError: the archive is damaged, leads out of the folder, or holds no checkpoint; a
            checkpoint is there already, or damaged; the disk is full. Nothing has changed then.
    """
    with _explained(archive), _open_archive(archive) as members:
        chosen = _checkpoints(members, archive)
        for place in chosen:
            if (folder / place).exists() and not overwrite:
                raise InputError(
                    f"{str(folder / place)!r} is there already: --overwrite replaces it"
                )
        folder.mkdir(parents=True, exist_ok=True)
        check_room(folder, sum(member.size for member in chosen.values()))
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as staging:
            for place, member in chosen.items():
                unpacked = Path(staging, place)
                unpacked.parent.mkdir(exist_ok=True)
                with member.open() as packed, unpacked.open("wb") as file:
                    shutil.copyfileobj(packed, file)
                    os.fsync(file.fileno())
                _check_checkpoint(unpacked, archive)
            for place in chosen:
                (folder / place).parent.mkdir(exist_ok=True)
                os.replace(Path(staging, place), folder / place)
    return [folder / place for place in chosen]


def _check_checkpoint(unpacked: Path, archive: Path) -> None:
    try:
        load_checkpoint(unpacked)
    except InputError as error:
        raise InputError(f"{str(archive)!r} holds bad weights: {error}") from error


class _Member:
    """A file in an archive.

    Attributes:
        path: its path there.
        size: its bytes.
    """

    def __init__(self, archive: zipfile.ZipFile | tarfile.TarFile, path: str, size: int) -> None:
        self._archive = archive
        self.path = path
        self.size = size

    def open(self) -> IO[bytes]:
        """Its content."""
        if isinstance(self._archive, zipfile.ZipFile):
            return self._archive.open(self.path)
        content = self._archive.extractfile(self.path)
        assert content is not None  # only files are listed
        return content


@contextmanager
def _open_archive(path: Path) -> Iterator[list[_Member]]:
    """The files of an archive; folders and links are left out."""
    if _archive_kind(path) == "zip":
        with zipfile.ZipFile(path) as packed:
            yield [
                _Member(packed, info.filename, info.file_size)
                for info in packed.infolist()
                if not info.is_dir()
            ]
    else:
        with tarfile.open(path) as tape:
            yield [_Member(tape, info.name, info.size) for info in tape if info.isfile()]


def _checkpoints(members: list[_Member], archive: Path) -> dict[str, _Member]:
    """Place → member of every checkpoint."""
    chosen: dict[str, _Member] = {}
    for member in members:
        path = PurePosixPath(member.path.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or PureWindowsPath(member.path).drive:
            raise InputError(
                f"{str(archive)!r} holds {member.path!r}, a path that leads out of the folder: "
                "nothing was unpacked"
            )
        match = CHECKPOINT.fullmatch(str(path))
        if match is None:
            continue
        if match[1] in chosen:
            raise InputError(
                f"{str(archive)!r} holds {match[1]} twice, as {chosen[match[1]].path!r} and as "
                f"{member.path!r}: unpack it by hand"
            )
        chosen[match[1]] = member
    if not chosen:
        some = ", ".join(member.path for member in members[:3]) or "nothing"
        raise InputError(
            f"{str(archive)!r} has no <MODEL>_<SPACE>/model_checkpoint<EPOCH>.obj in it (it holds "
            f"{some}{', …' if len(members) > 3 else ''}): unpack it by hand"
        )
    return chosen


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    """Turn what the readers of archives raise into a sentence."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        gzip.BadGzipFile,
        zlib.error,
        LZMAError,
        EOFError,
        NotImplementedError,
        RuntimeError,  # a zip with a password
    ) as error:
        raise InputError(
            f"{str(archive)!r} cannot be unpacked ({error or type(error).__name__}): fetch it "
            "again, or unpack it by other means"
        ) from error
