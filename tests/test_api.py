"""``docs/api.md`` lists what the packages export, and importing them costs nothing."""

from __future__ import annotations

import ast
import pkgutil
import re
import subprocess
import sys
from importlib import import_module

import pytest

from experiment.paths import REPOSITORY_ROOT

PACKAGES = (
    "datasets",
    "models",
    "predictors",
    "estimators",
    "searchers",
    "searchers.adapters",
    "analysis",
    "experiment",
)


def documented(package: str) -> list[tuple[str, str]]:
    """Name and description of each name in the package's table of the page."""
    text = (REPOSITORY_ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {package}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section is not None, package
    return [
        (name, cells[2].strip())
        for line in section[1].splitlines()
        if line.startswith("| `") and (cells := line.split("|"))
        for name in re.findall(r"`(\w+)`", cells[1])
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_lists_what_the_package_exports(package: str) -> None:
    listed = documented(package)
    assert sorted(name for name, _ in listed) == sorted(import_module(package).__all__)
    assert [name for name, told in listed if not told] == []


def test_the_imports_that_the_page_begins_with_work() -> None:
    text = (REPOSITORY_ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    session: dict[str, object] = {}
    exec(code, session)
    assert all(callable(session[name]) for name in ("search", "load_vae", "make_predictor"))


def for_type_checkers(package: str) -> dict[str, str]:
    """Name → module, of the imports in the package's ``if TYPE_CHECKING:``."""
    folder = REPOSITORY_ROOT.joinpath(*package.split("."))
    source = (folder / "__init__.py").read_text(encoding="utf-8")
    (block,) = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_export_is_what_type_checkers_see(package: str) -> None:
    loaded, seen = import_module(package), for_type_checkers(package)
    assert sorted(seen) == loaded.__all__ == dir(loaded)
    for name, module in seen.items():
        assert getattr(loaded, name) is getattr(import_module(module), name), name
    # A module of the same name would take its place as soon as it is imported.
    assert not set(seen) & {each.name for each in pkgutil.iter_modules(loaded.__path__)}


def test_importing_the_packages_loads_nothing_and_other_names_are_refused() -> None:
    code = f"""
import sys
from importlib import import_module
known = set(sys.modules)
for name in {PACKAGES}:
    try:
        import_module(name).no_such_name
    except AttributeError as error:
        assert "no_such_name" in str(error), error
    else:
        raise SystemExit(f"{{name}} has every name")
print(*sorted({{each.split(".")[0] for each in set(sys.modules) - known}}))
from experiment import *
assert issubclass(InputError, Exception) and "torch" in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert loaded == {package.split(".")[0] for package in PACKAGES}
