"""Verification of D-VAE's and NGAE's checkpoints, and of D-VAE's sparse process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from Training_VAE import verify_checkpoint
from Training_VAE.dvae_measures import published_validity

FOLDERS = ("DVAE_ENAS", "NGAE_ENAS", "DVAE_SGP")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(fixtures_root: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a folder with expected outputs, which can be changed."""

    def copied(name: str) -> Path:
        if not (fixtures_root / name).is_dir():
            pytest.skip(f"{name} is not among the checkpoints with expected outputs")
        for path in (fixtures_root / name).iterdir():
            shutil.copyfile(path, tmp_path / path.name)
        return tmp_path

    return copied


def changed(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / "expected.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("name", FOLDERS)
def test_published_outputs_agree(
    folder: Callable[[str], Path], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert verify_checkpoint.main([str(folder(name)), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["passed"]
    assert record["tolerance"] == (1e-8 if name == "DVAE_SGP" else 1e-5)
    names = record["differences"].keys()
    if name == "DVAE_SGP":
        assert {"energy", "energy_gradient.L", "log_ei_after_chosen", "initialisation.lls"} <= names
        return
    exact = {name for name, limit in record["tolerances"].items() if limit == 0}
    assert {"graphs.0.complexity_raw", "argmax_decoding_of_mean.7.edges"} <= exact
    assert "joint_loss_gradient_norm.hv_unify.0.weight" in exact
    wanted = {"vertex_states_backward", "noise.z", "shorter_graph.edge_logits", "joint_loss_sum"}
    assert wanted | {"search_traces.0.steps.5.z", "search_traces.0.steps.0.gradient"} <= names
    assert ("newton_trace_float64.steps.3.z" in names) == (name == "NGAE_ENAS")


PLACES: list[tuple[str, tuple[str | int, ...]]] = [
    ("NGAE_ENAS", ("expected", "type_logits", 3, 2, 1)),
    ("NGAE_ENAS", ("expected", "noise", "z", 1, 1)),
    ("NGAE_ENAS", ("expected", "search_traces", 1, "steps", 3, "z", 0)),
    ("NGAE_ENAS", ("expected", "newton_trace_float64", "steps", 2, "performance")),
    ("NGAE_ENAS", ("graphs", 2, "complexity_raw")),
    ("DVAE_ENAS", ("expected", "joint_loss_gradient_norm", "hv_unify.0.bias")),
    ("DVAE_ENAS", ("expected", "argmax_decoding_of_mean", 0, "types", 1)),
    ("DVAE_ENAS", ("shorter_graph", "reconstruction")),
    ("DVAE_SGP", ("expected", "energy_gradient", "m", 2, 0)),
    ("DVAE_SGP", ("initialisation", "lls", 0)),
]


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_difference_is_found(
    folder: Callable[[str], Path], command: Command, name: str, place: tuple[str | int, ...]
) -> None:
    def change(content: Any) -> None:
        for key in place[:-1]:
            content = content[key]
        content[place[-1]] += 1

    here = folder(name)
    changed(here, change)
    code, out, _ = command(verify_checkpoint.main, here)
    assert code == 1
    assert "above" in out


def without(*place: str | int) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key in place[:-1]:
            content = content[key]
        del content[place[-1]]

    return change


def having(value: object, *place: str | int) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key in place[:-1]:
            content = content[key]
        content[place[-1]] = value

    return change


MALFORMED: list[tuple[str, Callable[[Any], None], str]] = [
    ("NGAE_ENAS", without("shorter_graph"), "there is no 'shorter_graph'"),
    ("NGAE_ENAS", without("expected", "beta"), "there is no 'beta'"),
    ("NGAE_ENAS", without("expected", "mean"), "lacks expected.mean"),
    ("NGAE_ENAS", without("expected", "noise", "epsilon"), "lacks expected.noise.epsilon"),
    ("NGAE_ENAS", having([[1.0]], "expected", "noise", "epsilon"), "shape (1, 1)"),
    ("NGAE_ENAS", having("much", "expected", "noise", "epsilon"), "no array of numbers"),
    ("NGAE_ENAS", having([], "graphs"), "no graphs"),
    ("NGAE_ENAS", having([0, 9, 1], "graphs", 0, "node_types"), "edge"),
    ("NGAE_ENAS", having([0, *[9] * 6, 1], "graphs", 0, "node_types"), "a node of type 9"),
    ("NGAE_ENAS", having([0, -1, 1], "graphs", 0, "node_types"), "type is -1, expected"),
    ("NGAE_ENAS", having([0, 1.5, 1], "graphs", 0, "node_types"), "expected a whole number"),
    ("NGAE_ENAS", having([0, 10**30, 1], "graphs", 0, "node_types"), "a node type is 1000000"),
    ("NGAE_ENAS", having(10**9, "graphs", 0, "node_types", 3), "a node of type 1000000000"),
    ("NGAE_ENAS", having(0, "graphs", 0, "complexity_split_max"), "is 0, expected the largest"),
    (
        "NGAE_ENAS",
        having(float("nan"), "graphs", 0, "complexity_split_max"),
        "is nan, expected the largest",
    ),
    ("NGAE_ENAS", having([2] * 12, "graphs", 0, "node_types"), "12 nodes"),
    ("NGAE_ENAS", having("a", "graphs", 0, "accuracy"), "cannot be read"),
    ("NGAE_ENAS", having("a", "graphs", 0, "complexity_split_max"), "no array of numbers"),
    ("NGAE_ENAS", having(3, "expected", "search_traces"), "expected a list"),
    ("NGAE_ENAS", having(["a"], "expected", "search_traces", 0, "steps", 0, "z"), "no array"),
    ("NGAE_ENAS", having([1.0], "expected", "search_traces", 0, "steps", 0, "z"), "shape (1,)"),
    (
        "NGAE_ENAS",
        having("fast", "expected", "search_traces", 0, "learning_rate"),
        "no array of numbers",
    ),
    ("DVAE_ENAS", having("NGAE", "model"), ""),
    ("DVAE_SGP", without("parameters", "L"), "there is no 'L'"),
    (
        "DVAE_SGP",
        having([[1.0]], "parameters", "L"),
        "factor of a sparse process has the shape (1,)",
    ),
    ("DVAE_SGP", having([99], "minibatch_rows"), "cannot be read"),
]


@pytest.mark.parametrize(("name", "change", "message"), MALFORMED)
def test_broken_files_are_refused(
    folder: Callable[[str], Path],
    command: Command,
    name: str,
    change: Callable[[Any], None],
    message: str,
) -> None:
    here = folder(name)
    changed(here, change)
    code, _, said = command(verify_checkpoint.main, here)
    if not message:
        assert code == 0
        return
    assert code == 2
    assert message in said
    assert len(said.strip().splitlines()) == 1


def test_a_checkpoint_without_the_heads_is_refused(
    folder: Callable[[str], Path], command: Command
) -> None:
    here = folder("NGAE_ENAS")
    path = here / "model_checkpoint300.pth"
    state = torch.load(path, weights_only=True)
    plain = {key: value for key, value in state.items() if not key.startswith("predictor")}
    torch.save(plain, path)
    code, _, said = command(verify_checkpoint.main, here)
    assert (code, "expects predicted_performance" in said) == (2, True)


def test_an_epoch_can_be_named_where_there_is_one(
    folder: Callable[[str], Path], command: Command
) -> None:
    here = folder("DVAE_ENAS")
    assert command(verify_checkpoint.main, here, "--epoch", 300)[0] == 0
    code, _, said = command(verify_checkpoint.main, here, "--epoch", 7)
    assert (code, "there is no checkpoint" in said) == (2, True)
    code, _, said = command(verify_checkpoint.main, folder("DVAE_SGP"), "--epoch", 7)
    assert (code, "leave --epoch out" in said) == (2, True)


def chain(*inner: int, extra: tuple[tuple[int, int], ...] = ()) -> ArchitectureGraph:
    types = (INPUT, *inner, OUTPUT)
    edges = {(i, i + 1) for i in range(len(types) - 1)} | set(extra)
    return ArchitectureGraph(types, tuple(edges))


def test_published_validity() -> None:
    valid = [chain(2, 3, 4), chain(), chain(2, 3, extra=((0, 2),)), chain(*[2] * 6)]
    invalid = [
        chain(2, INPUT, 4),
        chain(2, 3, extra=((1, 3),)),  # two edges into the output
        ArchitectureGraph((INPUT, 2, 3, OUTPUT), ((0, 1), (0, 2), (2, 3))),  # node 1 dangles
        ArchitectureGraph((INPUT, 2, OUTPUT), ((1, 2),)),
        ArchitectureGraph((INPUT, 2, 3, OUTPUT), ((0, 1), (0, 2), (1, 3))),
        ArchitectureGraph((INPUT, 2), ((0, 1),)),
    ]
    found = published_validity(GraphBatch.from_graphs([*valid, *invalid]))
    assert found.tolist() == [True] * len(valid) + [False] * len(invalid)
