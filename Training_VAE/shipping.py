"""What is kept of a training whose weights are shipped: they in half precision, and facts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from datasets import get_benchmark
from datasets.registry import SPACES
from datasets.space import SearchSpace
from experiment.errors import InputError
from experiment.files import read_json, sha256
from experiment.paths import REPOSITORY_ROOT
from experiment.run import SOURCES, RunFolder
from models import MODELS
from models.checkpoints import checkpoint_path, latest_epoch, read_state_dict
from models.heads import embedding_name, is_surrogate
from Training_VAE.data import Architectures

STORED = torch.float16
"""Trained weights are far from its limits (65,504), and it keeps three bits more than bfloat16."""


@dataclass(frozen=True)
class FinishedRun:
    """What a finished training left in its folder.

    Attributes:
        path: the folder.
        config: its ``config.json``.
        settings: the settings in it.
        environment: its ``environment.json``.
        commands: the command that began it, and those that resumed it.
        curve: the lines of ``metrics.jsonl`` up to ``epoch``.
        epoch: whose weights are shipped.
    """

    path: Path
    config: dict[str, Any]
    settings: dict[str, Any]
    environment: dict[str, Any]
    commands: list[str]
    curve: list[dict[str, Any]]
    epoch: int

    @classmethod
    def read(cls, path: Path, epoch: int | None = None) -> FinishedRun:
        """Read a run.

        Args:
            path: its folder.
            epoch: whose weights are meant; default the last one.

        Raises:
            InputError: there is no training, it is not finished, or a file of it is damaged.
            ModelError: it has no weights.
        """
        run = RunFolder(path)
        config = run.config
        settings = config.get("settings") if isinstance(config, dict) else None
        if (
            not isinstance(settings, dict)
            or not isinstance(config.get("seed"), int)
            or embedding_name(str(config.get("model"))) not in MODELS
            or config.get("space") not in SPACES
        ):
            raise InputError(
                f"{str(path)!r} holds no training of a VAE: expected model, space, seed and "
                "settings in its config.json"
            )
        if not (path / "result.json").exists():
            raise InputError(
                f"the training in {str(path)!r} is not finished, it has no result.json: "
                "resume it with --resume"
            )
        epoch = latest_epoch(path) if epoch is None else epoch
        curve = [line for line in run.read_metrics() if line.get("epoch", epoch + 1) <= epoch]
        if not curve or curve[-1]["epoch"] != epoch:
            raise InputError(f"{str(path / 'metrics.jsonl')!r} tells nothing of epoch {epoch}")
        commands = (path / "command.txt").read_text(encoding="utf-8").splitlines()
        if not commands:
            raise InputError(f"{str(path / 'command.txt')!r} is empty: expected the run's command")
        environment = read_json(path / "environment.json")
        return cls(path, config, settings, environment, commands, curve, epoch)

    @property
    def name(self) -> str:
        """Folder that its weights get: ``<MODEL>_<SPACE>``."""
        return f"{self.config['model']}_{self.config['space']}"

    @property
    def passes(self) -> float:
        """How often it saw its training graphs, or as many fresh ones."""
        return round(self.epoch / self.settings.get("epochs_a_pass", 1), 4)

    @property
    def is_surrogate(self) -> bool:
        """Whether a VAE was fine-tuned with an accuracy head."""
        return is_surrogate(str(self.config["model"]))

    def half_precision(self) -> dict[str, Tensor]:
        """Its weights as they are stored; counts, which are whole numbers, keep their type.

        Heads for descriptors are left out: what they predict can be counted, and the latents that
        they shaped are the embedding's.

        Raises:
            InputError: a weight is not finite, or too large for half precision.
            ModelError: the file is absent or damaged.
        """
        file = checkpoint_path(self.path, self.epoch)
        described = tuple(f"heads.{name}_" for name in self.settings.get("descriptors") or ())
        state = {
            name: weight
            for name, weight in read_state_dict(file).items()
            if not name.startswith(described)
        }
        for name, weight in state.items():
            if not torch.isfinite(weight).all():
                raise InputError(
                    f"weight {name} in {str(file)!r} has a value that is not finite: "
                    "the training diverged, ship an earlier epoch or another run"
                )
            if weight.is_floating_point() and not torch.isfinite(weight.to(STORED)).all():
                raise InputError(
                    f"weight {name} in {str(file)!r} reaches {float(weight.abs().max()):.3g}, more "
                    f"than half precision can hold ({torch.finfo(STORED).max:.5g})"
                )
        return {
            name: weight.to(STORED) if weight.is_floating_point() else weight
            for name, weight in state.items()
        }

    def shipped_config(self, epoch: int) -> dict[str, Any]:
        """The ``config.json`` beside weights that are stored as those of ``epoch``."""
        shipped = {
            "epoch": epoch,
            "trained_epochs": self.epoch,
            "passes": self.passes,
            "stored_in": str(STORED).removeprefix("torch."),
            "evaluated_in": "float32",
        }
        return {**self.config, **self._sources(), "shipped": shipped}

    def _sources(self) -> dict[str, Any]:
        """The measured numbers by the names of their files: folders are one machine's matter."""
        if SOURCES not in self.config:
            return {}
        named = [{**each, "path": Path(each["path"]).name} for each in self.config[SOURCES]]
        return {SOURCES: named}

    def stored(self, file: Path, epoch: int, model: nn.Module) -> dict[str, Any]:
        """What the manifest says of a stored file and of its training.

        Args:
            file: the weights as they are stored.
            epoch: that they are stored under.
            model: that they were read back into.
        """
        return {
            "file": file.name,
            "sha256": sha256(file),
            "bytes": file.stat().st_size,
            "precision": self.shipped_config(epoch)["shipped"]["stored_in"],
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "model": self.config["model"],
            "space": self.config["space"],
            "epoch": epoch,
            **self.facts(),
        }

    def facts(self) -> dict[str, Any]:
        """What the manifest says of the training itself."""
        environment = self.environment
        return {
            "command": portable_command(self.commands[0]),
            "resumed": len(self.commands) - 1,
            "seed": self.config["seed"],
            "commit": environment.get("commit"),
            "uncommitted_changes": environment.get("dirty"),
            "trained_epochs": self.epoch,
            "passes": self.passes,
            "minutes": round(self.curve[-1]["seconds"] / 60, 1),
            "machine": {
                **{key: environment.get(key) for key in ("cpu", "cores", "threads", "device")},
                "torch": environment.get("packages", {}).get("torch"),
            },
            "settings": self.settings,
        }


def portable_command(command: str) -> str:
    """A command without what it says of the machine it ran on.

    The interpreter becomes ``python``, paths below the repository relative, other absolute paths
    their last part, and ``--data_root`` goes.
    """
    words = shlex.split(command)
    kept, position = ["python"], 1
    while position < len(words):
        word = words[position]
        flag, equals, value = word.partition("=")
        position += 1
        if flag.replace("-", "_") == "__data_root":
            position += 0 if equals else 1
            continue
        path = Path(value if equals else word)
        if path.is_absolute():
            inside = path.is_relative_to(REPOSITORY_ROOT)
            short = path.relative_to(REPOSITORY_ROOT) if inside else path.name
            word = f"{flag}={short}" if equals else str(short)
        kept.append(word)
    return shlex.join(kept)


def describe_data(
    architectures: Architectures, cells_up_to: int | None, data_root: Path | None
) -> dict[str, Any]:
    """What a training saw and what it did not, for the manifest."""
    space, split = architectures.space, architectures.split
    return {
        "source": _source(space, data_root),
        "cells_up_to": cells_up_to,
        "architectures": len(architectures.graphs),
        "training": len(split.train),
        "held_out": len(split.test),
        "split_seed": split.seed,
        "split": split.fingerprint,
    }


def _source(space: SearchSpace, data_root: Path | None) -> str:
    if space.is_enumerable:
        return f"the architectures of {space.name}, enumerated; no measured data"
    return get_benchmark(space.name, data_root).description


def curve_line(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a line of ``metrics.jsonl``, in six digits."""
    losses = ("loss", "reconstruction", "divergence")
    names = ("epoch", "seconds", *losses, "exact", "held_out_kendall_tau")
    return {name: _rounded(entry[name]) for name in names if name in entry}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value
