"""What a run ran on: enough to explain a number later."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from experiment.paths import REPOSITORY_ROOT
from experiment.precision import automatic
from experiment.threads import available_cores, reason

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


INSTRUCTIONS = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "neon", "sve", "bf16")
"""Sets of instructions, as PyTorch calls them, that decide by which kernels it computes."""
LIMITS = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS")
"""Environment variables that keep kernels from using instructions that are there."""
WAITING = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Environment variables that say how many threads there are and how they wait for work."""


def describe_environment(
    seed: int, device: torch.device | str = "cpu", settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Versions, machine, device, commit and seed, as plain values for a JSON file.

    Args:
        seed: of the run.
        device: where it computes.
        settings: of the run; its ``precision`` and ``channels_last``, wherever in them, are what
            it computes in.
    """
    device = torch.device(device)
    return {
        "seed": seed,
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "platform": platform.platform(),
        "cpu": cpu_model(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "available_cores": available_cores(),
        "threads": torch.get_num_threads(),
        "threads_reason": reason(),
        "thread_settings": _set(WAITING),
        "device": _device_name(device),
        "computing": computing(settings or {}, device),
        **git_state(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def cpu_model() -> str:
    """Name of the processor, if the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def processor() -> dict[str, Any]:
    """What decides by which kernels the processor computes.

    Returns:
        ``capability`` (PyTorch's name of the best kernels that it uses), ``instructions`` (of
        :data:`INSTRUCTIONS`), ``limits`` (of :data:`LIMITS`, those that are set).
    """
    present = torch.cpu.get_capabilities()
    return {
        "capability": torch.backends.cpu.get_cpu_capability(),
        "instructions": [name for name in INSTRUCTIONS if present.get(name)],
        "limits": _set(LIMITS),
    }


def computing(settings: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """The type of a run's products, and what ``auto`` means on ``device`` and why.

    Returns:
        ``precision`` and ``memory_layout``, where the settings say them, ``auto`` and ``reason``.
    """
    auto = automatic(device)
    result = {"auto": auto.precision, "reason": auto.reason}
    precision, innermost = _setting(settings, "precision"), _setting(settings, "channels_last")
    if precision is not None:
        result["precision"] = auto.precision if precision == "auto" else precision
    if innermost is not None:
        result["memory_layout"] = "channels last" if innermost else "channels first"
    return result


def computing_line(settings: Mapping[str, Any], device: torch.device) -> str:
    """What a command says of it: ``computes in float32: the processor has no instructions …``."""
    found = computing(settings, device)
    threads = torch.get_num_threads()
    with_threads = f", {threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else ""
    chosen = found.get("precision", found["auto"])
    reason = found["reason"] if chosen == found["auto"] else f"auto would be {found['auto']}"
    return f"computes in {chosen} on {device}{with_threads} ({reason})"


def _setting(settings: Mapping[str, Any], name: str) -> Any:
    """The first value of that name in nested settings; ``None`` where there is none."""
    if settings.get(name) is not None:
        return settings[name]
    inner = (_setting(each, name) for each in settings.values() if isinstance(each, Mapping))
    return next((value for value in inner if value is not None), None)


def _set(names: Sequence[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def git_state() -> dict[str, Any]:
    """``commit`` of the repository and whether tracked files differ from it (``dirty``).

    Results of benchmarks do not count: a benchmark writes its own while it runs. Both are ``None``
    outside a repository, or without git.
    """
    commit = _git("rev-parse", "HEAD")
    kept = ":(top,exclude)benchmarks/results"
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", kept)
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
