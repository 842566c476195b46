"""``install.sh``: makes .venv once, says what it does, and leaves it alone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiment.paths import REPOSITORY_ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose requirements are met by an empty environment."""
    shutil.copy(REPOSITORY_ROOT / "install.sh", tmp_path)
    (tmp_path / "requirements-core.txt").write_text("# nothing\n")
    return tmp_path


def install(project: Path, python: str, *files: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(project / "install.sh"), *files],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHON": python},
        timeout=600,
        check=False,
    )


def test_installs_once_and_again_when_the_pins_change(project: Path) -> None:
    first = install(project, sys.executable, "requirements-core.txt")
    assert (first.returncode, first.stderr) == (0, "")
    assert "Making" in first.stdout
    assert "Installing requirements-core.txt" in first.stdout
    second = install(project, "/nowhere/python", "requirements-core.txt")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    (project / "requirements-core.txt").write_text("# still nothing\n")
    third = install(project, "/nowhere/python", "requirements-core.txt")
    assert third.stdout.startswith("Installing requirements-core.txt")
    (project / "requirements-core.txt").write_text("./absent-package\n")
    broken = install(project, "/nowhere/python", "requirements-core.txt")
    assert broken.returncode == 2
    assert "error: the installation failed" in broken.stderr
    # A failed installation is tried again, not taken for done.
    assert install(project, "/nowhere/python", "requirements-core.txt").returncode == 2


def test_without_a_suitable_python_it_says_so(project: Path) -> None:
    done = install(project, "/nowhere/python", "requirements-core.txt")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no Python 3.11 to 3.13 found")
    assert done.stderr.count("\n") == 1
    assert not (project / ".venv").exists()
