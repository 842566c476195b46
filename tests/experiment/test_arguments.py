from __future__ import annotations

from pathlib import Path

import pytest
import torch

from experiment.arguments import Parser, add_common, best_device, parser, positive_float
from experiment.errors import InputError


@pytest.fixture
def example() -> Parser:
    example = parser("An example.")
    example.add_argument("--BO_rounds", type=int, default=10, help="rounds")
    example.add_argument("--BO-batch-size", type=int, default=50, help="points a round")
    example.add_argument("--learning_rate", type=positive_float, help="step size")
    example.add_argument("--shift", type=float, default=0.0, help="shift")
    example.add_argument("--model", choices=["SVGE", "DGMG"], default="SVGE", help="model")
    example.add_argument("--cutout", action="store_true", help="cut squares out")
    example.add_argument("--name", default="run", help="name")
    add_common(example)
    return example


def test_both_spellings(example: Parser) -> None:
    for line in (
        "--BO_rounds 3 --BO-batch-size 4 --data_root x",
        "--BO-rounds 3 --BO_batch_size 4 --data-root x",
        "--BO-rounds=3 --BO_batch-size=4 --data-root=x",
    ):
        arguments = example.parse_args(line.split())
        assert (arguments.BO_rounds, arguments.BO_batch_size) == (3, 4)
        assert arguments.data_root == Path("x")


def test_values_are_left_as_they_are(example: Parser) -> None:
    assert example.parse_args(["--name=--data-root"]).name == "--data-root"
    assert example.parse_args(["--name", "a_b-c"]).name == "a_b-c"
    assert example.parse_args(["--shift", "-0.5"]).shift == -0.5


def test_defaults(example: Parser) -> None:
    arguments = example.parse_args([])
    assert (arguments.seed, arguments.device, arguments.threads) == (1, "best", None)
    assert (arguments.data_root, arguments.cutout) == (None, False)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("--BO_rounds x", ["--BO_rounds", "'x'", "whole number"]),
        ("--BO-rounds 1.5", ["--BO_rounds", "'1.5'", "whole number"]),
        ("--learning_rate fast", ["--learning_rate", "'fast'", "a number"]),
        ("--learning_rate 0", ["--learning_rate", "'0'", "above 0"]),
        ("--learning_rate nan", ["--learning_rate", "'nan'", "finite"]),
        ("--shift inf", ["--shift", "'inf'", "finite"]),
        ("--seed -1", ["--seed", "'-1'", "0 or more"]),
        ("--threads 0", ["--threads", "'0'", "at least 1"]),
        ("--model SVG", ["--model", "SVG", "SVGE", "DGMG"]),
        ("--BO_rounds", ["--BO_rounds", "expected one argument"]),
        ("--learningrate 1", ["--learningrate", "did you mean '--learning_rate'"]),
        ("--learn 1", ["unknown flag --learn:"]),
        ("stray", ["unexpected argument 'stray'"]),
    ],
)
def test_errors_are_one_sentence(
    example: Parser, line: str, parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        example.parse_args(line.split())
    out, error = capsys.readouterr()
    assert exit_.value.code == 2
    assert out == ""
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert all(part in error for part in parts), error


def test_help_shows_defaults_that_say_something(
    example: Parser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        example.parse_args(["--help"])
    assert exit_.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "rounds (default: 10)" in text
    assert "(default: None)" not in text
    assert "(default: False)" not in text


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert best_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device("best") == best_device() == torch.device("cpu")
    for absent in ("cuda", "cuda:0", "mps"):
        with pytest.raises(InputError, match=f"'{absent}' is not present here.*takes cpu"):
            best_device(absent)
    for unknown in ("gpu", "meta", "", "cuda:x"):
        with pytest.raises(InputError, match="no device is called"):
            best_device(unknown)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert best_device("best") == torch.device("cuda")
    assert best_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="'cuda:2' is not present"):
        best_device("cuda:2")
