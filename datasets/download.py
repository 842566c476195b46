"""Fetch published files and put them where they are looked for.

``python -m datasets.download --space NB101 [--file nasbench_full.tfrecord]``
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from datasets.downloads.archive import unpack_checkpoints
from datasets.downloads.pages import is_page
from datasets.downloads.part import discard
from datasets.downloads.published import PUBLISHED, STATE_DICTS, PublishedFile, published_file
from datasets.downloads.transfer import MEGABYTE, check_room, fetch, in_megabytes
from datasets.downloads.web import Connection, check_address
from experiment.arguments import Parser, non_negative_int, parser, positive_float
from experiment.errors import InputError, run_command
from experiment.files import atomic_path
from experiment.paths import REPOSITORY_ROOT, data_root
from experiment.progress import progress

_BLOCK = 1 << 20
_VERIFIED = "with the expected checksum"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch one file, or take one that was fetched by hand, check it and put it in place."""
    options = _command().parse_args(arguments)
    source = published_file(options.space, options.file)
    checksum = f"sha256:{options.sha256}" if options.sha256 else source.checksum
    folder, target = _places(options, source)
    if not options.overwrite and _is_there(options.space, folder, target, checksum):
        print(f"{target} is there already, {_VERIFIED}")
        return 0
    if options.from_file is not None:
        remark = _check(options.from_file, source, checksum)
        if options.space == STATE_DICTS:
            _unpack(options.from_file, folder, options.overwrite, remark)
        else:
            _put_copy(options.from_file, target, remark)
        return 0
    part = _download(options, source, target)
    try:
        remark = _check(part, source, checksum)
    except InputError as error:
        discard(part)
        raise InputError(f"{error}; it has been removed") from error
    if options.space == STATE_DICTS:
        _unpack(part, folder, options.overwrite, remark)
    else:
        _put_part(part, target, options.overwrite, remark)
    discard(part)
    return 0


def _command() -> Parser:
    command = parser(
        "Fetch the published files of a search space, images to train on, or the published weights."
    )
    command.add_argument("--space", required=True, choices=list(PUBLISHED))
    command.add_argument(
        "--file",
        metavar="NAME",
        help="which file, where a space has several: NB101 nasbench_only108.tfrecord (default) or "
        "nasbench_full.tfrecord, NB201 NAS-Bench-201-v1_0-e61699.pth (default) or "
        "NAS-Bench-201-v1_1-096897.pth; ImageNet16 imagenet-16-120-test-split.txt (default) or one "
        "of train_data_batch_1 to _10 and val_data (with --from)",
    )
    command.add_argument("--data_root", type=Path, help="folder with ENAS/, nasbench101/, …")
    command.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="put it here (default: its place below the data root; weights: state_dicts/published)",
    )
    other = command.add_mutually_exclusive_group()
    other.add_argument(
        "--from", dest="from_file", type=Path, metavar="FILE", help="take a file fetched by hand"
    )
    other.add_argument("--url", type=_address, help="fetch the file from this address")
    other.add_argument(
        "--mirror",
        type=_address,
        metavar="URL",
        help="fetch from a server that has the files in the same places as a data root",
    )
    command.add_argument("--sha256", type=_digits, help="expected instead of the known checksum")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    command.add_argument(
        "--proxy",
        type=_address,
        metavar="URL",
        help="proxy for everything (default: http_proxy, https_proxy and no_proxy of the "
        "environment)",
    )
    command.add_argument(
        "--timeout", type=positive_float, default=60.0, help="seconds to wait for a silent server"
    )
    command.add_argument(
        "--retries", type=non_negative_int, default=5, help="tries without progress to repeat"
    )
    return command


def _address(text: str) -> str:
    try:
        return check_address(text, "it")
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _digits(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"expected 64 hexadecimal digits, was given {text!r}")
    return text.lower()


def _places(options: argparse.Namespace, source: PublishedFile) -> tuple[Path, Path]:
    """Folder that is filled, and the file in it; of weights, their archive, which goes again."""
    if options.space == STATE_DICTS:
        folder = options.out or REPOSITORY_ROOT / "state_dicts" / "published"
    else:
        folder = options.out or (data_root(options.data_root) / source.place).parent
    return folder, folder / source.name


def _is_there(space: str, folder: Path, target: Path, checksum: str | None) -> bool:
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
    if not target.is_file() or _digest_like(target, checksum) != checksum:
        raise InputError(
            f"{str(target)!r} is there already and is not the published file: --overwrite "
            "replaces it, --out names another folder"
        )
    return True


def _download(options: argparse.Namespace, source: PublishedFile, target: Path) -> Path:
    """Fetch the file; returns the ``.part`` that holds all of it."""
    url = options.url or source.url
    if options.mirror is not None:
        url = f"{options.mirror.rstrip('/')}/{source.place}"
    if url is None:
        raise InputError(
            f"no address of {source.name} is known: give one with --url, or hand the file over "
            "with --from FILE"
        )
    connection = Connection(options.proxy, options.timeout, options.retries)
    try:
        return fetch(url, target, connection)
    except InputError as error:
        raise InputError(
            f"{error} (a file fetched by hand, see {source.page}, is taken with --from FILE; "
            "--url and --mirror name other addresses)"
        ) from error


def _check(path: Path, source: PublishedFile, checksum: str | None) -> str:
    """Compare a file with what is known of the published one; returns a remark on it.

    Raises:
        InputError: it cannot be read, or is another file or a damaged one.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_BLOCK)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    if is_page(head):
        raise InputError(f"{str(path)!r} is a web page, expected {source.name}")
    if checksum is not None and (found := _digest_like(path, checksum)) != checksum:
        raise InputError(
            f"{str(path)!r} is not the published {source.name} or damaged: it has {found}, "
            f"expected {checksum} (--sha256 gives another)"
        )
    source.check(path)
    if checksum is not None:
        return _VERIFIED
    return f"{_digest_like(path, 'sha256:')}, and no checksum is known to compare it with"


def _digest_like(path: Path, checksum: str) -> str:
    """The checksum of a file, by the algorithm of another one."""
    algorithm = checksum.partition(":")[0]
    digest = hashlib.new(algorithm, usedforsecurity=False)
    shown = 0
    with (
        path.open("rb") as file,
        progress(path.stat().st_size // MEGABYTE, f"checking {path.name}", "MB") as bar,
    ):
        while block := file.read(_BLOCK):
            digest.update(block)
            bar.advance(file.tell() // MEGABYTE - shown)
            shown = file.tell() // MEGABYTE
    return f"{algorithm}:{digest.hexdigest()}"


def _put_part(part: Path, target: Path, overwrite: bool, remark: str) -> None:
    """Give a complete ``.part`` its name."""
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
    print(_placed(target, remark))


def _put_copy(file: Path, target: Path, remark: str) -> None:
    """Copy the user's file into place."""
    check_room(target.parent, file.stat().st_size)
    with atomic_path(target) as copy:
        shutil.copyfile(file, copy)
    print(_placed(target, remark))


def _unpack(archive: Path, folder: Path, overwrite: bool, remark: str) -> None:
    """Put the weights in an archive into their folders."""
    try:
        checkpoints = unpack_checkpoints(archive, folder, overwrite)
    except InputError as error:
        raise InputError(f"{error} (the archive is kept in {str(archive)!r})") from error
    for checkpoint in checkpoints:
        print(f"{checkpoint} is in place")
    print(f"the archive: {remark}")


def _placed(target: Path, remark: str) -> str:
    return f"{target} is in place, {in_megabytes(target.stat().st_size)}, {remark}"


if __name__ == "__main__":
    run_command(main)
