import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.commands.query import main
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.query import describe, look_up
from datasets.spaces.nb101 import NB101
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

Ask = Callable[..., dict[str, Any]]
BEST = "0da48e9f9faecf504244c65b82e0ba71"


@pytest.fixture
def ask(
    data_root: Path,
    capsys: pytest.CaptureFixture[str],
) -> Ask:
    """Run the command with ``--json`` and return its answer."""

    def run(*arguments: str) -> dict[str, object]:
        assert main([*arguments, "--json", "--data_root", str(data_root)]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_hash_and_cell_give_the_same_answer(ask: Ask) -> None:
    source = ["--space", "NB101", "--source", "nb101_108ep_3rep"]
    answer = ask(*source, "--hash", BEST)
    assert answer["known"] is True
    assert (answer["space"], answer["hash"]) == ("NB101", BEST)
    assert answer["validation"]["mean"] == pytest.approx(0.950554, abs=5e-7)
    assert len(answer["validation"]["trials"]) == 3
    assert answer["test"]["mean"] == pytest.approx(0.94234, abs=5e-6)
    assert answer["parameters"] == 41_557_898
    assert answer["training_seconds"] > 0
    assert ask(*source, "--arch", json.dumps(answer["architecture"])) == answer


def test_an_architecture_in_a_named_form(
    ask: Ask, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--space", "NB201", "--arch", "006111", "--arch_form", "index"]
    answer = ask(*flags)
    assert answer["test"]["mean"] == pytest.approx(0.94373, abs=5e-6)
    assert main([*flags, "--data_root", str(data_root)]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == f"NB201 on cifar10, architecture '006111', hash {answer['hash']}"
    assert second.strip() == answer["architecture"]["arch"]
    with pytest.raises(InputError, match="--arch_form says how --arch is written"):
        main(["--space", "NB101", "--hash", BEST, "--arch_form", "nni"])


def test_unknown_is_an_answer(ask: Ask) -> None:
    answer = ask("--space", "NB101", "--hash", "0" * 32)
    assert answer["known"] is False
    assert "validation" not in answer


def test_data_set_and_budget_can_be_chosen(ask: Ask) -> None:
    arch = (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
        "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    choices = ["--space", "NB201", "--source", "nb201", "--arch", arch]
    answer = ask(*choices, "--dataset", "cifar100", "--epochs", "12")
    assert answer["dataset"] == "cifar100"
    assert answer["validation"] == {"mean": 0.3184, "trials": []}
    assert answer["parameters"] == 135_156


def test_enas_string(ask: Ask) -> None:
    answer = ask("--space", "ENAS", "--arch", "1 0 0 5 1 1 4 1 1 1 0 1 0 0 0 0 0 0 1 0 0")
    assert answer["known"] is True
    assert answer["validation"] == {"mean": 0.7322, "trials": [0.7322]}
    assert "test" not in answer


def test_text_for_people_says_what_the_numbers_are(
    data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--space", "ENAS", "--arch", "1 0 0 5 1 1 4 1 1 1 0 1 0 0 0 0 0 0 1 0 0",
          "--data_root", str(data_root)])  # fmt: skip
    text = capsys.readouterr().out
    assert "validation: 73.220 % (trials 73.220)" in text
    assert "shared weights" in text


def test_foreign_budget_is_refused(data_root: Path) -> None:
    with pytest.raises(InputError, match="ENAS has no choice"):
        main(["--space", "ENAS", "--hash", BEST, "--epochs", "3", "--data_root", str(data_root)])


def test_known_architecture_with_metrics_not_measured() -> None:
    graph = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    nothing = np.full((1, 3), np.nan)
    metrics = {
        "validation": Metric("validation", "fraction", "seen", np.array([[0.5, np.nan, 0.7]])),
        "test": Metric("test", "fraction", "not seen", nothing),
        "training_seconds": Metric("training_seconds", "seconds", "time", nothing),
        "parameters": Metric("parameters", "parameters", "size", nothing),
    }
    space = NB101()
    graphs, hashes = GraphBatch.from_graphs([graph], 7), np.array([space.hash(graph)])
    benchmark = Benchmark(space, "cifar10", graphs, hashes, metrics, "One cell.")
    answer = json.loads(json.dumps(look_up(benchmark, arch=space.format(graph)), allow_nan=False))
    assert answer["known"] is True
    assert answer["validation"] == {"mean": 0.6, "trials": [0.5, 0.7]}
    assert answer["test"] == {"mean": None, "trials": []}
    assert answer["training_seconds"] is None
    assert answer["parameters"] is None
    text = describe(answer, benchmark)
    assert "validation: 60.000 % (trials 50.000, 70.000): seen" in text
    assert "test: not measured: not seen" in text
    assert "parameters: not measured: size" in text
    assert look_up(benchmark, hash_=answer["hash"].upper()) == answer


@pytest.mark.parametrize("text", ["xyz", "", BEST[:-1], BEST + "0", "g" * 32])
def test_malformed_hash_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--space", "NB101", "--hash", text])
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert f"--hash: expected 32 hexadecimal digits, was given {text!r}" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("space", "arch"),
    [
        ("ENAS", "1 2 3"),
        ("NB101", '{"matrix": [[0, 1], [1, 0]], "ops": ["input", "output"]}'),
        ("NB201", "|none~0|"),
    ],
)
def test_illegal_architecture_is_refused(ask: Ask, space: str, arch: str) -> None:
    with pytest.raises(ArchitectureError):
        ask("--space", space, "--arch", arch)


def test_command_ends_with_code_2_and_one_sentence(data_root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "datasets.query", "--space", "ENAS", "--arch", "1 2 3"],
        cwd=REPOSITORY_ROOT,
        env=os.environ | {"NAS_DATA_ROOT": str(data_root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
