"""What a run ran on: enough to explain a number later."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from experiment.paths import REPOSITORY_ROOT

PACKAGES = (
    "torch",
    "torch-geometric",
    "numpy",
    "scipy",
    "networkx",
    "matplotlib",
    "botorch",
    "gpytorch",
    "scikit-learn",
    "tensorflow",
    "nas-bench-201",
)
"""Packages whose version can change a number."""


def describe_environment(seed: int, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Versions, machine, device, commit and seed, as plain values for a JSON file."""
    return {
        "seed": seed,
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "platform": platform.platform(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": _device_name(torch.device(device)),
        **git_state(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def cpu_model() -> str:
    """Name of the processor, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def git_state() -> dict[str, Any]:
    """``commit`` of the repository and whether tracked files differ from it (``dirty``).

    Both are ``None`` outside a repository, or without git.
    """
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ("git", "-C", str(REPOSITORY_ROOT), *arguments),
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
