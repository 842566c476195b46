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

from pathlib import Path

import numpy as np

from datasets.forms.form import Form, plain_value
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.registry import get_space
from datasets.space import SearchSpace, as_space
from datasets.spaces.notation import excerpt
from experiment.errors import InputError, run_command


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


def _space(space: SearchSpace | str) -> SearchSpace:
    return get_space(space) if isinstance(space, str) else as_space(space)


if __name__ == "__main__":
    from datasets.commands.convert import main

    run_command(main)
