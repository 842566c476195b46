"""Read and write architectures in the named forms of other libraries and tables.

``python -m datasets.convert --space NB201 --from nni --to official '{"0_1": "conv_3x3", …}'``
writes one architecture in another form; ``--in FILE`` and ``--out FILE`` convert a file with an
architecture a line, ``--list`` shows every form with an example. A form is always named: what
could be read in two ways is never guessed. From Python::

    from datasets.convert import parse, write
    graph = parse("NB201", "naslib", (4, 3, 3, 0, 0, 0))
    write("NB201", "index", graph)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from datasets.forms.form import Form, plain_value
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.registry import SPACES, get_space
from datasets.row_files import decode, file_lines, text_lines
from datasets.space import SearchSpace, as_space
from datasets.spaces.notation import about, excerpt
from experiment.arguments import Parser, parser
from experiment.errors import InputError, run_command
from experiment.files import atomic_path, check_output


def parse(
    space: SearchSpace | str, form: str, value: object, data_root: str | Path | None = None
) -> ArchitectureGraph:
    """The member of a space that ``value`` is in a form.

    Args:
        space: or its registered name.
        form: a name of ``space.forms()``.
        value: the text of the form, or the value that the text writes: a number, tuple,
            dictionary, list or NumPy array.
        data_root: where measured architectures are, for the form ``hash``.

    Raises:
        ArchitectureError: it is no such form, or no member of the space.
        InputError: there is no form of that name, or no architecture with the hash is known.
    """
    space = _space(space)
    graph = read(space, form, value, data_root)
    reason = space.why_illegal(graph)
    if reason is not None:
        raise ArchitectureError(
            f"{excerpt(str(value))} is no architecture of {space.name}: {reason}"
        )
    return graph


def read(
    space: SearchSpace | str, form: str, value: object, data_root: str | Path | None = None
) -> ArchitectureGraph:
    """:func:`parse` an architecture that may lie beyond the space, where that has a meaning.

    Raises:
        ArchitectureError: it is no such form.
        InputError: as for :func:`parse`.
    """
    space = _space(space)
    chosen = form_of(space, form, data_root)
    try:
        named = chosen.value(value.strip()) if isinstance(value, str) else value
        return chosen.read(plain_value(named))
    except RecursionError:
        raise ArchitectureError(
            f"what is given as a {space.name} architecture in the form {form!r} is nested too "
            "deeply to be one"
        ) from None
    except ArchitectureError as error:
        raise ArchitectureError(
            f"{excerpt(str(value))} is no {space.name} architecture in the form {form!r}: {error}"
        ) from error


def write(space: SearchSpace | str, form: str, graph: ArchitectureGraph) -> object:
    """The value of an architecture in a form, which :func:`read` reads back.

    Raises:
        ArchitectureError: the form cannot hold the architecture.
        InputError: there is no form of that name, or it can only be read.
    """
    space = _space(space)
    chosen = form_of(space, form)
    if chosen.write is None:
        raise InputError(
            f"the form {form!r} of {space.name} says more than the architecture and is only read: "
            "choose another to write"
        )
    try:
        return chosen.write(graph)
    except ArchitectureError as error:
        raise ArchitectureError(
            f"the form {form!r} of {space.name} cannot hold this architecture: {error}"
        ) from error


def write_text(space: SearchSpace | str, form: str, graph: ArchitectureGraph) -> str:
    """:func:`write` as one line of text."""
    return form_of(space, form).text(write(space, form, graph))


def form_of(space: SearchSpace | str, name: str, data_root: str | Path | None = None) -> Form:
    """The form of a name.

    Raises:
        InputError: the space has none of that name.
    """
    space = _space(space)
    forms = space.forms(data_root)
    if not isinstance(name, str) or name not in forms:
        raise InputError(
            f"{space.name} has no form {name!r}: choose one of {', '.join(forms)} "
            f"(python -m datasets.convert --space {space.name} --list shows an example of each)"
        )
    return forms[name]


def example(space: SearchSpace) -> ArchitectureGraph:
    """An architecture to show the forms by: one with a name, else one drawn with a fixed seed."""
    from datasets.architecture_files import NAMED

    named = [graph for graph in NAMED.get(space.family, {}).values() if space.is_legal(graph)]
    return named[-1] if named else space.sample(1, np.random.default_rng(0))[0]


def add_form_flag(flags: Parser, what: str) -> None:
    """Add ``--arch_form``, how the architectures of another flag are written."""
    flags.add_argument(
        "--arch_form",
        metavar="FORM",
        help=f"form of {what}, a name that python -m datasets.convert --list shows "
        "(default: the space's own notation, or JSON)",
    )


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


def _space(space: SearchSpace | str) -> SearchSpace:
    return get_space(space) if isinstance(space, str) else as_space(space)


if __name__ == "__main__":
    run_command(main)
