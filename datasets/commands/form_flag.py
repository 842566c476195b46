"""The flag of commands that read architectures in a named form."""

from __future__ import annotations

from experiment.arguments import Parser


def add_form_flag(flags: Parser, what: str) -> None:
    """Add ``--arch_form``, how the architectures of another flag are written."""
    flags.add_argument(
        "--arch_form",
        metavar="FORM",
        help=f"form of {what}, a name that python -m datasets.convert --list shows "
        "(default: the space's own notation, or JSON)",
    )
