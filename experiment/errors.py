"""Errors that the user can mend, and how a command reports them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from types import TracebackType

EXIT_BAD_INPUT = 2


class InputError(ValueError):
    """Bad input: one sentence that says what, where, what was expected and what to do.

    Libraries that may not import this module (``models``, ``datasets.graph``) give their own
    ``ValueError`` subclasses the same class attribute ``exit_code``.
    """

    exit_code = EXIT_BAD_INPUT


class DataWarning(UserWarning):
    """What a user has to know of the data, in one sentence.

    The process that starts a search reads the data first and says it; worker processes read the
    same data, and do not repeat it.
    """


def sentence(error: BaseException) -> str:
    """What an error says, on one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def expect_interruption() -> None:
    """Let Ctrl-C end this process by one line from now on, while its modules are being imported.

    Packages take seconds to import; :func:`run_command` does the same later.
    """
    sys.excepthook = _end_by_a_line


def _end_by_a_line(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted before anything was started", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def run_command(main: Callable[[Sequence[str] | None], int | None]) -> None:
    """Run a command's ``main`` and exit as a well-behaved tool does.

    An exception that carries ``exit_code``, or an error of the operating system (a missing file,
    a full disk), is printed as one line on standard error and ends the process with code 2. So is
    an interruption, with the notes that say what is kept, and code 130. Any other exception is a
    defect and keeps its traceback.

    Args:
        main: takes the argument list (``None``: the process's own) and returns the exit code.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a log shows a line when it is printed
    try:
        sys.exit(main(None))
    except KeyboardInterrupt as stop:
        print("; ".join(["interrupted", *getattr(stop, "__notes__", [])]), file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except (ValueError, OSError) as error:
        if not isinstance(error, OSError) and not hasattr(error, "exit_code"):
            raise
        print(f"error: {sentence(error)}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)
