"""Write architectures in another form: the flags and the work of ``python -m datasets.convert``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.convert import example, form_of, parse, read, write_text
from datasets.graph import ArchitectureError
from datasets.registry import SPACES, get_space
from datasets.row_files import decode, file_lines, text_lines
from datasets.spaces.notation import about
from experiment.arguments import parser
from experiment.errors import InputError
from experiment.files import atomic_path, check_output


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert what is given, or list the forms."""
    flags = parser("Write architectures in another form: official, NNI's, NASLib's and others.")
    flags.add_argument("architectures", nargs="*", metavar="ARCH", help="one in the form --from")
    flags.add_argument("--space", choices=list(SPACES), help="the search space")
    flags.add_argument("--from", dest="source", metavar="FORM", help="the form that is given")
    flags.add_argument("--to", metavar="FORM", help="the form that is wanted")
    flags.add_argument(
        "--in", dest="path", type=Path, help="file with one a line (default: standard input)"
    )
    flags.add_argument("--out", type=Path, help="file to write, one a line (default: printed)")
    flags.add_argument("--overwrite", action="store_true", help="replace --out where it is there")
    flags.add_argument(
        "--beyond", action="store_true", help="allow architectures larger than the space's"
    )
    flags.add_argument("--list", action="store_true", help="show the forms, with an example each")
    flags.add_argument("--data_root", type=Path, help="folder with tables, to find hashes in")
    given = flags.parse_args(arguments)
    if given.list:
        print("\n".join(_listing(list(SPACES) if given.space is None else [given.space])))
        return 0
    for flag, value in (("--space", given.space), ("--from", given.source), ("--to", given.to)):
        if value is None:
            raise InputError(f"{flag} is missing: name the space and both forms, or give --list")
    if given.architectures and given.path is not None:
        raise InputError("architectures are given and --in names a file of them: give one of both")
    if given.out is not None:
        check_output(given.out, overwrite=given.overwrite)
    space = get_space(given.space)
    form_of(space, given.source)
    form_of(space, given.to)
    reader = read if given.beyond else parse
    texts = []
    for place, text in _given(given.architectures, given.path):
        try:
            graph = reader(space, given.source, text, given.data_root)
            texts.append(write_text(space, given.to, graph) + "\n")
        except (ArchitectureError, InputError) as error:
            raise type(error)(f"{place}: {about(text.strip(), error)}") from error
    if given.out is None:
        sys.stdout.writelines(texts)
        return 0
    with atomic_path(given.out) as partial:
        partial.write_text("".join(texts), encoding="utf-8")
    print(
        f"{len(texts):,} architecture{'s'[: len(texts) != 1]} in the form {given.to} in {given.out}"
    )
    return 0


def _given(architectures: Sequence[str], path: Path | None) -> Iterator[tuple[str, str]]:
    """Where each architecture stands, and its text.

    Raises:
        InputError: the file cannot be read, or there is none.
    """
    if architectures:
        yield from ((f"architecture {n}", one) for n, one in enumerate(architectures, start=1))
        return
    if path is not None:
        yield from file_lines(path)
        return
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"cannot read architectures from standard input: {error}") from error
    yield from text_lines(decode(content, Path("standard input")), "standard input")


def _listing(names: Sequence[str]) -> Iterator[str]:
    """The forms of spaces, each with its example."""
    for name in names:
        space = get_space(name)
        graph = example(space)
        yield f"{name}:"
        for form, one in space.forms().items():
            yield f"  {form}: {one.description}"
            if one.write is not None:
                yield f"    {write_text(space, form, graph)}"
