from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiment.errors import InputError
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT, check_datasets_package, data_root


def test_argument_then_variable_then_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, variable = tmp_path / "given", tmp_path / "variable"
    given.mkdir()
    variable.mkdir()
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(variable))
    assert data_root(str(given)) == given
    assert data_root(None) == variable
    monkeypatch.delenv(DATA_ROOT_VARIABLE)
    assert data_root(None) == REPOSITORY_ROOT / "datasets"


def test_a_named_folder_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"nowhere.*no folder"):
        data_root(tmp_path / "nowhere")
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=DATA_ROOT_VARIABLE):
        data_root(None)


@pytest.fixture
def other_datasets(tmp_path: Path) -> Path:
    """A folder of installed packages that holds another package called ``datasets``."""
    package = tmp_path / "installed" / "datasets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def load_dataset(name): return name\n")
    return package.parent


def run_python(path: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=path,
        timeout=600,
        check=False,
    )


def test_a_script_finds_ours_although_another_datasets_is_installed(other_datasets: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(REPOSITORY_ROOT)!r})
from datasets.graph import ArchitectureGraph
from experiment.paths import check_datasets_package
check_datasets_package()
print(ArchitectureGraph((1, 0), ((0, 1),)).num_nodes)
"""
    done = run_python(other_datasets, code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


def test_another_datasets_that_was_loaded_is_named_in_one_sentence(other_datasets: Path) -> None:
    code = f"""
import datasets, sys
sys.path.insert(0, {str(REPOSITORY_ROOT)!r})
from experiment.errors import run_command
from experiment.arguments import parser
run_command(lambda arguments: print(parser("A command.").parse_args([])))
"""
    done = run_python(other_datasets, code)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "another package called 'datasets'" in done.stderr
    assert str(other_datasets / "datasets") in done.stderr


def test_ours_passes_the_check() -> None:
    import datasets

    assert Path(datasets.__file__).parent == REPOSITORY_ROOT / "datasets"
    check_datasets_package()


def test_pyg_imports_beside_our_datasets() -> None:
    """PyG's optional importers look for Hugging Face's package; ours must not make them fail.

    Its data sets that need it import ``load_dataset`` when they are built, and say that it is
    absent; importing PyG's own packages never touches the name.
    """
    code = f"""
import sys
sys.path.insert(0, {str(REPOSITORY_ROOT)!r})
import torch_geometric, torch_geometric.data, torch_geometric.datasets, torch_geometric.nn
import torch_geometric.loader, torch_geometric.transforms, torch_geometric.utils
assert "datasets" not in sys.modules, "PyG imported a package called datasets"
import datasets.graph
print("fine")
"""
    done = run_python(REPOSITORY_ROOT, code)
    assert done.stdout == "fine\n", done.stderr
