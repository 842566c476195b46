"""The command that trains D-VAE and NGAE: losses, targets, the latent search, what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from datasets import get_space
from datasets.architecture_files import read_macros
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT
from models import ModelError, Objective, WithHeads, load_model, ngae_complexity, stored_state
from models.dvae import NGAE, DVAESizes
from models.loss import divergence_per_graph
from models.shipped import read_manifest
from Training_VAE import ship_weights, train_ngae
from Training_VAE.data import Architectures, epoch_examples, load_architectures
from Training_VAE.evaluation import Protocol
from Training_VAE.head_targets import HeadTargets
from Training_VAE.settings import NGAESettings, load_settings, section_of
from Training_VAE.ship_weights import main as ship

pytestmark = pytest.mark.usefixtures("small_evaluation")
PRESET = """
[ngae]
node_width = 12
graph_width = 4
rounds = 1
beta = 0.005
alpha = 0.5
edge_reduction = "sum"
kl_reduction = "mean"
missing_nodes = "charged"
noise_scale = 0.01
epochs = 2
batch_size = 64
learning_rate = 1e-2
optimiser = "adam"
schedule = "plateau"
precision = "float32"
complexity = "proxy"
targets = "published"
"""
ROWS = 160


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a small file of ENAS; its first 1,000 rows are left out when it is read."""
    space = get_space("ENAS")
    graphs = space.sample_batch(ROWS, np.random.default_rng(0))
    lines = []
    for number, graph in enumerate(graphs):
        flat = [int(each) for each in space.format(graph).split()]
        layers = [flat[k * (k + 1) // 2 :][: k + 1] for k in range(6)]
        lines.append(f"{layers}, {0.7 + 0.002 * (number % 20):.4f}\n")
    folder = tmp_path_factory.mktemp("data")
    (folder / "ENAS").mkdir()
    path = folder / "ENAS" / "final_structures6.txt"
    path.write_text("".join([lines[0]] * 1000 + lines))
    return folder


@pytest.fixture(scope="module")
def flags(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What all calls have in common."""
    preset = tmp_path_factory.mktemp("preset") / "tiny.toml"
    preset.write_text(PRESET)
    common = ["--config", str(preset), "--data_root", str(root), "--device", "cpu"]
    return [*common, "--threads", "1", "--sampled_graphs", "2"]


@pytest.fixture(scope="module")
def trained(flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of logs of an NGAE and, beside it, a D-VAE without a head."""
    folder = tmp_path_factory.mktemp("trained")
    for model in ("NGAE", "DVAE"):
        assert train_ngae.main([*flags, "--log_dir", str(folder), "--model", model]) == 0
    return folder


@pytest.fixture
def small_shipping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate what is shipped on few samples."""
    few = Protocol(encodings=2, decodings=2, prior_points=5, sampled_graphs=2)
    monkeypatch.setattr(ship_weights, "Protocol", lambda **changed: few)


@pytest.fixture(scope="module")
def architectures(root: Path) -> Architectures:
    return load_architectures(get_space("ENAS"), root, 1)


def settings(**changes: Any) -> NGAESettings:
    found = load_settings("published", "ENAS", changes, "ngae")
    assert isinstance(found, NGAESettings)
    return found


def numbers(folder: Path) -> list[dict[str, Any]]:
    timed = ("seconds", "graphs_per_second")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in timed} for line in lines]


def test_presets() -> None:
    published, ours = settings(), load_settings("default", "ENAS", {}, "ngae")
    assert (published.node_width, published.graph_width, published.bidirectional) == (501, 56, True)
    assert published.sizes(get_space("ENAS"), "NGAE") == DVAESizes(8, 8)
    assert published.objective == Objective(missing_nodes="charged")
    assert (published.optimiser, published.schedule) == ("adam", "plateau")
    assert (published.epochs, published.batch_size, published.learning_rate) == (300, 32, 1e-4)
    names = ("accuracy", "complexity")
    assert published.head_weights(names) == dict.fromkeys(("embedding", *names), 1.0)
    assert (published.complexity, published.targets) == ("proxy", "published")
    assert isinstance(ours, NGAESettings)
    assert ours.objective == Objective()
    assert published.heads("NGAE") == ("accuracy", "complexity")
    assert published.heads("DVAE") == ()
    assert settings(predictor=True).heads("DVAE") == ("accuracy",)
    assert section_of("DVAE") == section_of("NGAE") == "ngae"


def test_a_training_step_is_that_of_the_sum_of_its_parts(
    flags: list[str], root: Path, architectures: Architectures, tmp_path: Path
) -> None:
    """One step of Adam on the published loss, written out with its sums."""
    more = ["--epochs", "1", "--small_train", "--batch_size", "100", "--lr", "1e-3"]
    assert train_ngae.main([*flags, *more, "--log_dir", str(tmp_path)]) == 0
    found = load_model(tmp_path / "NGAE_ENAS")

    given = settings(limit=100, epochs=1, batch_size=100)
    targets = HeadTargets.of(("accuracy", "complexity"), architectures, given, root)
    batch = epoch_examples(targets.examples(architectures, 100), given, 1, torch.device("cpu"))(0)
    torch.manual_seed(1)
    vae = NGAE(DVAESizes(8, 8, node_width=12, graph_width=4))
    model = WithHeads.fresh(vae, ("accuracy", "complexity"))
    latent = vae.encode(batch.graphs)
    noise = torch.randn(100, 4, generator=torch.Generator().manual_seed(1))
    z = latent.mean + 0.01 * noise * (latent.log_variance / 2).exp()
    logits = vae.decoder_steps(z, batch.graphs)
    sources = torch.ones(7, 7, dtype=torch.bool).tril()
    wanted = batch.graphs.adjacency[:, :7, 1:].transpose(1, 2).float()
    loss = F.cross_entropy(
        logits.types.flatten(0, 1), batch.graphs.types[:, 1:].flatten(), reduction="sum"
    )
    loss = loss + F.binary_cross_entropy_with_logits(
        logits.edges[:, sources], wanted[:, sources], reduction="sum"
    )
    loss = loss + 0.005 * divergence_per_graph(latent).sum()
    complexity = ngae_complexity(batch.graphs)
    largest = ngae_complexity(architectures.train[:100]).max()
    for name, target in (("accuracy", batch.targets[:, 0]), ("complexity", complexity / largest)):
        loss = loss + (model.heads[name](latent.mean) - target).square().sum()
    (loss / 100).backward()
    torch.optim.Adam(model.parameters(), lr=1e-3).step()
    torch.testing.assert_close(dict(found.state_dict()), dict(model.state_dict()))
    (logged,) = numbers(tmp_path / "NGAE_ENAS")
    assert logged["loss"] == pytest.approx(loss.item() / 100, rel=1e-5)


def test_targets(root: Path, architectures: Architectures) -> None:
    names = ("accuracy", "complexity")
    rows = architectures.train_rows
    published = HeadTargets.of(names, architectures, settings(), root)
    raw = ngae_complexity(architectures.graphs[torch.from_numpy(rows)]).double().numpy()
    both = published.targets(rows).numpy()
    np.testing.assert_allclose(both[:, 0], published.values["accuracy"][rows], rtol=1e-6)
    np.testing.assert_allclose(both[:, 1], raw / raw.max(), rtol=1e-6)
    for kind in ("parameters", "flops"):
        given = settings(targets="range", complexity=kind, labels=20)
        ours = HeadTargets.of(names, architectures, given, root)
        targets = ours.targets(rows).numpy()
        assert np.isfinite(targets[:, 0]).sum() == len(ours.labelled) == 20
        assert set(ours.known) == set(ours.labelled)
        np.testing.assert_allclose(np.nanmin(targets, 0), 0, atol=1e-6)
        np.testing.assert_allclose(np.nanmax(targets, 0), 1, atol=1e-6)
        scale = ours.scales["complexity"]
        np.testing.assert_allclose(scale.back(targets[:, 1]), ours.values["complexity"][rows], 1e-5)


def test_constant_and_unfit_targets_are_refused(root: Path, architectures: Architectures) -> None:
    one = GraphBatch.cat([architectures.graphs[:1]] * len(architectures.graphs))
    same = Architectures(architectures.space, one, architectures.hashes, architectures.split)
    with pytest.raises(InputError, match="the complexity of all 144 training graphs is"):
        HeadTargets.of(("complexity",), same, settings(), root)
    with pytest.raises(InputError, match="the accuracy of 144 training graphs is known, expected"):
        HeadTargets.of(("accuracy",), architectures, settings(labels=150), root)
    with pytest.raises(InputError, match="draws architectures without measured accuracies"):
        HeadTargets.of(("accuracy",), architectures, settings(fresh_graphs=True), root)
    for changes in ({"labels": 1}, {"accuracy_weight": -1.0}, {"complexity_weight": float("nan")}):
        with pytest.raises(InputError, match="the setting"):
            settings(**changes)


def test_a_killed_training_resumes_to_the_same_numbers(
    flags: list[str], tmp_path: Path, killed_after: Callable[..., None]
) -> None:
    more = [*flags, "--epochs", "3"]
    whole, killed = (["--log_dir", str(tmp_path / name)] for name in ("whole", "killed"))
    train_ngae.main([*more, *whole])
    killed_after(1, REPOSITORY_ROOT / "Training_VAE" / "train_ngae.py", *more, *killed)
    train_ngae.main([*more, *killed, "--resume"])
    folders = [tmp_path / name / "NGAE_ENAS" for name in ("whole", "killed")]
    assert numbers(folders[0]) == numbers(folders[1])
    results = [json.loads((folder / "result.json").read_text()) for folder in folders]
    assert results[0]["heads"] == results[1]["heads"]
    ours, theirs = (load_model(folder).state_dict() for folder in folders)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("model", ["NGAE", "DVAE"])
def test_a_training_begins_at_weights_and_the_heads_among_them(
    model: str, flags: list[str], trained: Path, tmp_path: Path
) -> None:
    start = trained / f"{model}_ENAS"
    more = ["--start_from", str(start), "--epochs", "1", "--lr", "1e-12", "--log_dir"]
    assert train_ngae.main([*flags, *more, str(tmp_path)]) == 0
    first, second = (stored_state(load_model(path)) for path in (start, tmp_path / "NGAE_ENAS"))
    torch.testing.assert_close({key: second[key] for key in first}, first)
    assert ("predictor.0.weight" in first) == (model == "NGAE")


def test_weights_of_another_width_are_refused_before_a_folder_is_made(
    flags: list[str], trained: Path, tmp_path: Path
) -> None:
    more = ["--start_from", str(trained / "NGAE_ENAS"), "--hs", "13", "--log_dir", str(tmp_path)]
    with pytest.raises(ModelError, match="of another search space or width"):
        train_ngae.main([*flags, *more])
    assert not list(tmp_path.iterdir())


def test_only_test_repeats_what_the_training_measured(
    flags: list[str], trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = json.loads((trained / "NGAE_ENAS" / "result.json").read_text())
    published = ["--only-test", "--continue-from", "2", "--predictor", "--bidirectional"]
    published += ["--data-type", "ENAS", "--nvt", "6"]
    assert train_ngae.main([*flags, *published, "--log_dir", str(trained)]) == 0
    printed = capsys.readouterr().out
    assert f"{result['dvae']['nll']:.4f} nats" in printed
    for name in ("accuracy", "complexity"):
        found = result["heads"][name]
        assert f"{name} of 16 held-out architectures: RMSE {found['rmse']:.5g}" in printed
    assert f"RMSE as published {result['heads']['complexity']['published_rmse']:.5f}" in printed


def test_weights_are_shipped_with_their_heads(
    root: Path,
    trained: Path,
    tmp_path: Path,
    small_shipping: None,
) -> None:
    """Stored in half precision, and measured as they are stored."""
    common = ["--data_root", str(root), "--device", "cpu", "--threads", "1"]
    assert ship(["--run", str(trained / "NGAE_ENAS"), "--out", str(tmp_path), *common]) == 0
    model = load_model(tmp_path / "NGAE_ENAS")
    assert isinstance(model, WithHeads)
    card = (tmp_path / "NGAE_ENAS" / "README.md").read_text()
    assert "nats | 16 graphs |" in card
    assert "| `heads.accuracy.rmse` | " in card
    assert "what its heads predict (accuracy, complexity)" in card
    assert "head for accuracy was fitted to measured accuracies" in card
    measured = read_manifest(tmp_path)["NGAE_ENAS"]["metrics"]["heads"]["accuracy"]
    result = json.loads((trained / "NGAE_ENAS" / "result.json").read_text())
    assert measured["rmse"] == pytest.approx(result["heads"]["accuracy"]["rmse"], rel=1e-2)


@pytest.mark.parametrize("optimizer", ["sgd", "Newton"])
@pytest.mark.parametrize("strategy", ["random", "optimal"])
def test_a_search_leaves_a_file_that_the_training_of_networks_reads(
    optimizer: str, strategy: str, flags: list[str], trained: Path, architectures: Architectures
) -> None:
    words = ["--search-optimizer", optimizer, "--search-strategy", strategy]
    more = ["--search-samples", "2", "--log_dir", str(trained), "--only-search"]
    assert train_ngae.main([*flags, *words, *more]) == 0
    path = trained / f"NGAE_ENAS_found_{optimizer}_{strategy}.jsonl"
    found = [json.loads(line) for line in path.read_text().splitlines()]
    space, graphs = read_macros([str(path)], 6)
    assert space.hashes(GraphBatch.from_graphs(graphs)).tolist() == [one["hash"] for one in found]
    assert len({one["hash"] for one in found}) == len(found)
    starts = {one["start"] for one in found}
    if strategy == "random":
        assert starts == {None}
    else:
        assert starts <= set(architectures.hashes.tolist())
    if optimizer == "sgd":
        assert any(one["accuracy_before"] != one["accuracy_after"] for one in found)


def test_small_steps_go_up(flags: list[str], trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    more = ["--only_search", "--search_rate", "1e-3", "--found", str(path), "--lambda", "0"]
    assert train_ngae.main([*flags, *more, "--log_dir", str(trained)]) == 0
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(one["accuracy_after"] > one["accuracy_before"] for one in found)
    after = [one["accuracy_after"] for one in found]
    assert after == sorted(after, reverse=True)


def test_a_search_starts_where_it_is_told(
    flags: list[str], trained: Path, architectures: Architectures, tmp_path: Path
) -> None:
    space, path, chosen = architectures.space, tmp_path / "found.jsonl", tmp_path / "starts.jsonl"
    rows = [3, 5, 3]
    lines = [json.dumps(space.to_record(architectures.graphs.graph(row))) for row in rows]
    chosen.write_text("\n".join(lines))
    more = ["--only_search", "--starts", str(chosen), "--found", str(path)]
    more += ["--search_rate", "1e-9", "--search_steps", "1", "--log_dir", str(trained)]
    assert train_ngae.main([*flags, *more]) == 0
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert {one["start"] for one in found} <= set(architectures.hashes[[3, 5]])
    before = path.read_bytes()
    stranger = next(
        graph
        for graph in space.sample_batch(50, np.random.default_rng(7))
        if space.hash(graph) not in set(architectures.hashes)
    )
    chosen.write_text("\n".join([*lines, json.dumps(space.to_record(stranger))]))
    with pytest.raises(InputError, match=r"1 of 3 starts, the first with the hash .* are not"):
        train_ngae.main([*flags, *more])
    assert path.read_bytes() == before


NOTED = """#!/usr/bin/env bash
printf '%s\\0' "$@" >>"$0.said"
printf '\\n' >>"$0.said"
"""
"""In the place of Python: it writes down what was to be run."""


@pytest.mark.parametrize("log_dir", ["logs", None])
def test_the_runner_does_what_the_published_commands_do(
    log_dir: str | None,
    root: Path,
    architectures: Architectures,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It trains, tests what it trained, searches, and trains the networks of what was found."""
    start = tmp_path / "start.jsonl"
    start.write_text(json.dumps(architectures.space.to_record(architectures.graphs.graph(0))))
    small = ["--small_train", "--epochs", "1", "--hs", "8", "--nz", "4", "--sampled_graphs", "5"]
    words = [*small, "--starts", str(start), "--seed", "1", "--threads", "1"]
    words += ["--data_root", str(root)]
    runs = tmp_path / (log_dir or "copy/runs")
    words += ["--log_dir", str(runs)] if log_dir else []
    networks = ["--data_set", "digits", "--epochs", "1", "--log_dir", str(tmp_path / "networks")]
    python = tmp_path / "copy/.venv/bin/python"
    runner = tmp_path / "copy/Training_VAE/run_ngae.sh"
    for folder in (python.parent, runner.parent):
        folder.mkdir(parents=True)
    shutil.copy(REPOSITORY_ROOT / "Training_VAE/run_ngae.sh", runner)
    python.write_text(NOTED)
    python.chmod(0o755)
    command = ["bash", str(runner), *words, "--", *networks]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    lines = python.with_name("python.said").read_text().splitlines()
    commands = [line.split("\0")[:-1] for line in lines]
    assert [Path(script).name for script, *_ in commands] == ["train_ngae.py"] * 4
    for _, *flags in commands:
        assert train_ngae.main(flags) == 0
    assert (runs / "NGAE_ENAS/model_checkpoint1.obj").is_file()
    assert f"weights: epoch 1 in {runs / 'NGAE_ENAS'}\n" in capsys.readouterr().out
    (found,) = (runs / "NGAE_ENAS_found_sgd_optimal.jsonl").read_text().splitlines()
    measured = tmp_path / "networks/NGAE_ENAS_found/measurements.jsonl"
    assert json.loads(found)["hash"] in measured.read_text()


@pytest.mark.parametrize(
    "words", [["--only_search", "--starts"], ["--train_from_scratch", "--found"]]
)
def test_rows_of_other_depths_are_named_as_such(
    words: list[str], flags: list[str], trained: Path, tmp_path: Path
) -> None:
    """Not as architectures that the training had not; and before images are looked for."""
    path = tmp_path / "rows.txt"
    path.write_text("[[1],[2,1],[3,0,1],[4,1,0,0],[5,0,0,0,0]]\n")
    with pytest.raises(ArchitectureError, match="it has 7 nodes, as 5 layers make, 6 layers make"):
        train_ngae.main([*flags, "--log_dir", str(trained), *words, str(path)])


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["--only_search", "--model", "DVAE"], "have no head for accuracy"),
        (["--only_search", "--hs", "13"], "have node_width 12, and the flags say 13"),
        (["--only_test", "--nz", "13"], "have graph_width 4, and the flags say 13"),
        (["--only_search", "--search_samples", "30"], "30 distinct accuracies are to start from"),
        (["--only_search", "--only_test"], "--only_test and --only_search are given"),
        (["--continue_from", "2"], "a killed training continues with --resume"),
        (["--train_from_scratch", "--found", "none.jsonl"], "there is no file 'none.jsonl'"),
        (["--", "--data_set", "digits"], "stands behind --"),
        (["--data-type", "NASBench"], "--data_type NASBench is of NB101, and the space is ENAS"),
        (["--nvt", "8"], "--nvt 8 is given, and ENAS has 6 operations"),
        (["--data_name", "DIGITS101"], "the complexity of NGAE is defined for ENAS alone"),
    ],
)
def test_refusals(words: list[str], refusal: str, flags: list[str], trained: Path) -> None:
    with pytest.raises(ValueError, match=refusal) as caught:
        train_ngae.main([*flags, "--log_dir", str(trained), *words])
    assert getattr(caught.value, "exit_code", None) == 2


def test_lambda_is_not_negative(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        train_ngae.main([*flags, "--only_search", "--lambda", "-1"])
    assert caught.value.code == 2
    assert "--lambda: expected 0 or more" in capsys.readouterr().err
