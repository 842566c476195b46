"""The rules of the house: who imports whom, and what importing may do."""

from __future__ import annotations

import ast
import contextlib
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from experiment.paths import REPOSITORY_ROOT

MAY_IMPORT: dict[str, set[str]] = {
    "experiment": set(),
    "datasets": {"experiment"},
    # Networks know the plain graph type, and nothing of spaces, benchmarks or runs.
    "models": {"datasets.graph", "datasets.batch", "experiment.exports"},
    "analysis": {"datasets", "experiment"},
    "predictors": {"datasets", "models", "experiment"},
    "estimators": {"datasets", "models", "predictors", "experiment"},
    "searchers": {"datasets", "models", "predictors", "estimators", "experiment", "analysis"},
}
LIBRARIES = set(MAY_IMPORT)
STAGES = {
    "Training_VAE",
    "Performance_Prediction",
    "Extrapolation_Ability",
    "Bayesian_Optimization",
}
ROOMS = [room for room in sorted(LIBRARIES | STAGES) if (REPOSITORY_ROOT / room).is_dir()]


def sources(room: str) -> list[Path]:
    return sorted((REPOSITORY_ROOT / room).rglob("*.py"))


def imported_modules(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that ``source`` imports, anywhere in it.

    ``from a import b`` gives ``a.b``, which may be a module or a name in one.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def allowed(room: str, module: str) -> bool:
    """Whether code in ``room`` may import ``module`` (always, where it is none of ours)."""
    top = module.split(".")[0]
    if top not in LIBRARIES | STAGES or top == room:
        return True
    permitted = LIBRARIES if room in STAGES else MAY_IMPORT[room]
    return any(f"{module}.".startswith(f"{name}.") for name in permitted)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    broken = [
        f"{path.relative_to(REPOSITORY_ROOT)}:{line} imports {module}"
        for path in sources(room)
        for line, module in imported_modules(
            path.read_text(encoding="utf-8"),
            ".".join(path.relative_to(REPOSITORY_ROOT).parent.parts),
        )
        if not allowed(room, module)
    ]
    assert not broken, "\n".join(broken)


def test_the_rules_can_be_broken() -> None:
    source = """
import Training_VAE.train_svge
def late():
    from ..datasets import spaces
    from datasets.graph import ArchitectureGraph
"""
    found = [module for _, module in imported_modules(source, "models.decoding")]
    assert found == [
        "Training_VAE.train_svge",
        "models.datasets.spaces",
        "datasets.graph.ArchitectureGraph",
    ]
    assert not allowed("Bayesian_Optimization", "Training_VAE.train_svge")
    assert allowed("Training_VAE", "Training_VAE.extract")
    assert allowed("models", "datasets.graph.ArchitectureGraph")
    assert not allowed("models", "datasets.space")
    assert not allowed("models", "datasets.graphs")
    assert not allowed("models", "datasets.get_space")
    assert not allowed("experiment", "datasets.graph")
    assert allowed("experiment", "torch.nn")


def imports_at_the_top(source: str) -> Iterator[str]:
    """Full names that a module imports when it is imported itself, not later and not for types."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for _, module in imported_modules(ast.unparse(node), ""):
                yield module


def test_no_module_imports_itself_by_way_of_others() -> None:
    files = {module_name(path): path for room in ROOMS for path in sources(room)}
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        named = set(imports_at_the_top(path.read_text(encoding="utf-8")))
        named |= {name.rpartition(".")[0] for name in named}
        graph[module] = (named & files.keys()) - {module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_imports_at_the_top_are_told_from_later_ones() -> None:
    source = """
import a
from b.c import d
def f():
    import e
if TYPE_CHECKING:
    import g
"""
    assert list(imports_at_the_top(source)) == ["a", "b.c.d"]


def is_command(path: Path) -> bool:
    """Whether a file of a library holds a command: it reads flags, and prints."""
    return path.stem == "__main__" or path.parent.name == "commands"


SHELL = """if __name__ == '__main__':
    from {room}.commands.{name} import main
    run_command(main)"""
"""The end of a module that is run by ``python -m``, whose flags are in its library's commands."""


def misplaced_commands(source: str, room: str, name: str) -> list[str]:
    """What a library module has of a command, but for the shell that hands over to one."""
    tree = ast.parse(source)
    found = []
    for node in [*tree.body]:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            tree.body.remove(node)
            if ast.unparse(node) != SHELL.format(room=room, name=name):
                found.append(f"{node.lineno} runs more than {room}/commands/{name}.py")
    reserved = ("argparse", "experiment.arguments", *(f"{each}.commands" for each in LIBRARIES))
    return found + [
        f"{node.lineno} imports {module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for _, module in imported_modules(ast.unparse(node), room)
        if f"{module}.".startswith(tuple(f"{each}." for each in reserved))
    ]


@pytest.mark.parametrize("room", [room for room in ROOMS if room in LIBRARIES])
def test_libraries_leave_flags_to_their_commands(room: str) -> None:
    misplaced = [
        f"{path.relative_to(REPOSITORY_ROOT)}:{each}"
        for path in sources(room)
        if not is_command(path) and path != REPOSITORY_ROOT / "experiment" / "arguments.py"
        for each in misplaced_commands(path.read_text(encoding="utf-8"), room, path.stem)
    ]
    assert not misplaced, "\n".join(misplaced)


def test_a_shell_is_told_from_a_command() -> None:
    shell = SHELL.format(room="datasets", name="query")
    assert misplaced_commands(shell, "datasets", "query") == []
    assert misplaced_commands(shell, "datasets", "convert") != []
    assert misplaced_commands(f"{shell}\n    print()", "datasets", "query") != []
    source = """
def late():
    from argparse import Namespace
    import experiment.arguments
    from datasets.commands import query
    from datasets.commands.query import main
    from experiment import arguments
    from experiment.errors import run_command
"""
    found = misplaced_commands(source, "datasets", "late")
    assert [each.split()[0] for each in found] == ["3", "4", "5", "6", "7"]


LONGEST = 440
"""Lines of a file: about 400. A longer one does more than one thing."""


def test_files_are_short() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY_ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for room in (*ROOMS, "tests", "benchmarks", "examples")
        for path in sources(room)
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize("room", [room for room in ROOMS if room in STAGES])
def test_no_file_hides_a_package(room: str) -> None:
    """A script's own folder is on its path: ``Training_VAE/random.py`` would hide ``random``."""
    installed = set(importlib.metadata.packages_distributions())
    hidden = set(sys.stdlib_module_names) | installed | LIBRARIES | STAGES
    folders = {path.parent for path in sources(room)}
    names = {path.stem for folder in folders for path in folder.iterdir()}
    assert not (names - {"__init__"}) & hidden


IMPORT_EVERYTHING = """
import os, sys
root, data = sys.argv[1:3]
sys.path.insert(0, root)
opened = []

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        opened.append(os.path.abspath(os.fsdecode(arguments[0])))

sys.addaudithook(watch)
for module in sys.argv[3:]:
    __import__(module)
ours = [p for p in opened if p.startswith((root + os.sep, data)) and "site-packages" not in p]
print("\\n".join(p for p in ours if not p.endswith(".py") and ".pyc" not in p))
heavy = ("tensorflow", "nas_201_api", "ray", "rdkit", "sklearn", "pandas", "matplotlib.pyplot")
heavy += ("optuna", "syne_tune", "ConfigSpace", "cmaes")
print("\\n".join(name for name in heavy if name in sys.modules))
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_importing_reads_no_data_and_loads_nothing_heavy(tmp_path: Path) -> None:
    modules = [
        module_name(path) for room in ROOMS for path in sources(room) if path.stem != "__main__"
    ]
    assert len(modules) > 20
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING, str(REPOSITORY_ROOT), str(tmp_path), *modules],
        capture_output=True,
        text=True,
        env={**os.environ, "NAS_DATA_ROOT": str(tmp_path), "PYTHONPATH": ""},
        cwd=tmp_path,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
    assert list(tmp_path.iterdir()) == []


OPTIONAL = {"tensorflow", "nas-bench-201", "graphviz", "optuna", "ray", "syne-tune", "configspace"}
OPTIONAL |= {"rdkit"}
"""Packages that are imported where they are used, and missed there in one sentence."""


def required(name: str) -> set[str]:
    """Distributions that a file of requirements names, with what those require themselves."""
    lines = (REPOSITORY_ROOT / name).read_text(encoding="utf-8").splitlines()
    found: set[str] = set()
    waiting = [line.split("==")[0] for line in lines if "==" in line]
    while waiting:
        one = re.split(r"[ ;<>=!~\[(]", waiting.pop())[0].lower().replace("_", "-")
        if one not in found:
            found.add(one)
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                needs = importlib.metadata.requires(one) or ()
                waiting += [each for each in needs if "extra ==" not in each]
    return found


def test_what_is_imported_is_required() -> None:
    """``run.sh`` installs no more than ``requirements-core.txt``."""
    distributions = importlib.metadata.packages_distributions()
    tops = {
        module.split(".")[0]
        for room in ROOMS
        for path in sources(room)
        for _, module in imported_modules(path.read_text(encoding="utf-8"), "")
    }
    ours = set(sys.stdlib_module_names) | LIBRARIES | STAGES | {"benchmarks", "__future__"}
    packages = {
        top: {name.lower().replace("_", "-") for name in distributions.get(top, [top])}
        for top in tops - ours
    }
    known = required("requirements-core.txt") | OPTIONAL
    assert {top: names for top, names in packages.items() if not names & known} == {}
    assert "gpytorch" in known


def scripts() -> list[Path]:
    """Files of the stages that are run by their path."""
    return [
        path
        for room in ROOMS
        if room in STAGES
        for path in sources(room)
        if "__main__" in path.read_text(encoding="utf-8")
    ]


HELP_OF_EACH = """
import os, runpy, sys
from pathlib import Path

# What takes seconds, once for all; none of our own modules.
for module in ("torch", "scipy.stats", "rich.progress"):
    __import__(module)
out = Path(sys.argv[1])
for number, script in enumerate(map(Path, sys.argv[2:])):
    if (child := os.fork()) == 0:
        said = os.open(out / str(number), os.O_CREAT | os.O_WRONLY)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(script.parent)
        sys.argv, sys.path[0] = [script.name, "--help"], str(script.parent)
        code = 1
        try:
            runpy.run_path(script.name, run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            __import__("traceback").print_exc()
        print("exit code", code, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def helps(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """What each script says to ``--help``, in a process forked from one that knows none of ours."""
    out = tmp_path_factory.mktemp("helps")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", HELP_OF_EACH, str(out), *map(str, scripts())],
        env=environment,
        cwd=out,
        timeout=600,
        check=True,
    )
    return {
        script: (out / str(number)).read_text(encoding="utf-8")
        for number, script in enumerate(scripts())
    }


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.stem)
def test_scripts_run_from_their_own_folder(script: Path, helps: dict[Path, str]) -> None:
    """Without any help from ``PYTHONPATH``; ``--help`` is enough to have imported everything."""
    assert helps[script].endswith("exit code 0\n"), helps[script]
    assert "usage:" in helps[script]
