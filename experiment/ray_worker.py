"""What runs on the nodes of a Ray cluster: a worker, and what a node says of its versions.

Ray receives this module by value, not by its name: it runs on a node before that node was seen to
have the suite. So it imports nothing of the suite at its top.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pickle
import platform
import sys
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARIES = ("datasets", "estimators", "experiment", "models", "predictors", "searchers")
"""Folders of the suite whose source decides what a worker does."""
PACKAGES = ("ray", "torch", "torch-geometric", "numpy")
"""Packages whose version has to be the same everywhere."""
FUNCTIONS_KEPT = 4
"""Functions that a worker keeps with what they have loaded; a search uses one."""


@dataclass(frozen=True)
class Surroundings:
    """What a worker takes over from the process that submits.

    Attributes:
        paths: where Python looks for modules; those that a node lacks are left out there.
        folder: the current folder; it stays the node's own where there is no such folder.
        defaults: environment variables that count where the node has none of its own.
    """

    paths: tuple[str, ...]
    folder: str
    defaults: dict[str, str]

    def take_over(self) -> None:
        """Make them this process's."""
        found = [path for path in self.paths if os.path.exists(path)]
        sys.path[:] = [*found, *(path for path in sys.path if path not in found)]
        if os.path.isdir(self.folder):
            os.chdir(self.folder)
        for name, value in self.defaults.items():
            os.environ.setdefault(name, value)


def versions_there(surroundings: Surroundings) -> dict[str, str]:
    """:func:`versions` on a node."""
    surroundings.take_over()
    return versions()


def versions() -> dict[str, str]:
    """What has to be the same on every node: Python, packages, and the suite's source."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = "none"
        found[package] = version.partition("+")[0]  # builds for a GPU and for none may be mixed
    return found | {"this suite": _suite()}


def _suite() -> str:
    """The first digits of a checksum of the suite's source; ``none`` where it is not found."""
    found = importlib.util.find_spec("experiment")
    if found is None or found.origin is None:
        return "none"
    root = Path(found.origin).parents[1]
    digest = hashlib.sha256()
    for library in LIBRARIES:
        for path in sorted((root / library).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Worker:
    """An actor that calls functions, one item at a time, in one thread.

    Args:
        node: how messages call the node.
        surroundings: of the process that submits.
    """

    def __init__(self, node: str, surroundings: Surroundings) -> None:
        surroundings.take_over()
        import torch

        from experiment.errors import DataWarning

        torch.set_num_threads(1)
        warnings.simplefilter("ignore", DataWarning)  # the process that submits has said it
        self._node = node
        self._functions: dict[int, Any] = {}

    def ready(self) -> int:
        """This process's id, as soon as it can work."""
        return os.getpid()

    def call(self, number: int, sent: list[Any], item: Any) -> tuple[Any, BaseException | None]:
        """What the function gives for an item, or what it raises.

        Args:
            number: of the function, for the process that submits.
            sent: where Ray keeps the pickled function; it is fetched and loaded once.
            item: what it is called with.
        """
        try:
            return self._function(number, sent)(item), None
        # Every kind: even what would end this process is the caller's to know.
        except BaseException as error:
            return None, self._raised(error)

    def _function(self, number: int, sent: list[Any]) -> Any:
        if number not in self._functions:
            import ray

            from experiment.errors import InputError, sentence

            try:
                function = pickle.loads(ray.get(sent[0]))
            except (AttributeError, ImportError) as error:
                raise InputError(
                    f"it cannot load its work ({sentence(error)}): define its classes and "
                    "functions in a module that can be imported there"
                ) from error
            while len(self._functions) >= FUNCTIONS_KEPT:
                self._functions.pop(next(iter(self._functions)))
            self._functions[number] = function
        return self._functions[number]

    def _raised(self, error: BaseException) -> BaseException:
        """An error that can be sent, with where it was raised; bad input names the node."""
        from experiment.errors import InputError, sentence

        told = "".join(traceback.format_exception(error))
        if hasattr(error, "exit_code"):
            error = InputError(f"on the node {self._node}: {sentence(error)}")
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            error = RuntimeError(f"{type(error).__name__}: {sentence(error)}")
        error.__notes__ = [*getattr(error, "__notes__", ()), f"on the node {self._node}:\n{told}"]
        return error
