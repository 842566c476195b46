"""The sentence for a package that an adapter needs and that is not installed."""

from __future__ import annotations

from experiment.errors import InputError


def not_installed(error: ImportError, use: str, *packages: str) -> InputError:
    """What is raised in place of an ``ImportError``.

    Args:
        error: it.
        use: what needs the packages, the subject of a sentence: ``an Optuna study``.
        packages: what pip calls them.
    """
    wanted = " ".join(packages)
    return InputError(
        f"{use} needs {' and '.join(packages)}, which cannot be imported ({error}): install it, "
        f"'python -m pip install {wanted}' does"
    )
