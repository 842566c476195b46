"""Verification of checkpoints: agreement, difference, and expected outputs that are none."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets.batch import GraphBatch
from datasets.spaces.nb101 import NB101
from experiment.errors import run_command
from models import PUBLISHED, Sizes, WithHeads
from models.checkpoints import checkpoint_path, stored_state
from models.loss import divergence_per_graph
from models.vae import GRAPH_VAES, as_graph_vae
from Training_VAE import verify_checkpoint

NODES = (3, 5, 4)
"""Nodes of the graphs: steps from the fifth on have none of them."""


def write(folder: Path, model_name: str, with_head: bool) -> dict[str, Any]:
    """A small checkpoint, and what ``expected.json`` is to say of it."""
    torch.manual_seed(0)
    vae = as_graph_vae(GRAPH_VAES[model_name](Sizes(5, 7, node_width=12, graph_width=8))).eval()
    model = WithHeads.fresh(vae).eval() if with_head else vae
    torch.save(stored_state(model), checkpoint_path(folder, 1))
    cells = list(GraphBatch.cat(NB101().enumerate(max_nodes=5)))
    graphs = [next(cell for cell in cells if cell.num_nodes == nodes) for nodes in NODES]
    batch = GraphBatch.from_graphs(graphs, 7)
    with torch.no_grad():
        latent = vae.encode(batch)
        reconstruction = vae.reconstruction(latent.mean, batch, PUBLISHED).mean()
        divergence = divergence_per_graph(latent).sum()
        logits = vae.decoder_steps(latent.mean, batch)
        steps: list[dict[str, Any]] = []
        for number in range(6 * len(vae.start_types)):
            view, step = divmod(number, 6)
            rows = slice(view * len(batch), (view + 1) * len(batch))
            edges = logits.edges[rows, step, : step + 1].tolist() if step else [[], [], []]
            steps.append({"node_logits": logits.types[rows, step].tolist(), "edge_logits": edges})
        expected = {
            "mean": latent.mean.tolist(),
            "log_variance": latent.log_variance.tolist(),
            "loss": float(reconstruction + 0.005 * divergence),
            "decoder_steps": steps,
        }
        if isinstance(model, WithHeads):
            expected["predicted_accuracy"] = model(batch)[:, 0].tolist()
    return {
        "beta": 0.005,
        "max_num_nodes": 7,
        "graphs": [{"node_types": list(g.types), "edges": list(g.edges)} for g in graphs],
        "expected": expected,
    }


def verify(folder: Path, content: object) -> int:
    (folder / "expected.json").write_text(json.dumps(content))
    return verify_checkpoint.main([str(folder)])


@pytest.mark.parametrize("model_name", list(GRAPH_VAES))
@pytest.mark.parametrize("with_head", [False, True])
def test_a_checkpoint_agrees_with_its_own_outputs(
    tmp_path: Path, model_name: str, with_head: bool
) -> None:
    content = write(tmp_path, model_name, with_head)
    assert verify(tmp_path, content) == 0
    steps = content["expected"]["decoder_steps"]
    steps[0]["edge_logits"] = None  # certain, and so not compared
    steps[5] = {"node_logits": [None] * 3, "edge_logits": [None] * 3}  # no graph has this step
    assert verify(tmp_path, content) == 0
    del steps[0]["edge_logits"]
    steps[3]["edge_logits"][0] = None  # nor has the first graph this one
    assert verify(tmp_path, content) == 0


@pytest.mark.parametrize("step", [1, 7])
@pytest.mark.parametrize("name", ["node_logits", "edge_logits"])
def test_a_difference_in_one_step_is_found(tmp_path: Path, step: int, name: str) -> None:
    content = write(tmp_path, "SVGE", False)
    content["expected"]["decoder_steps"][step][name][1][0] += 0.1
    assert verify(tmp_path, content) == 1


def test_verification_says_when_outputs_differ(
    fixtures_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = fixtures_root / "DGMG_acc_NB101"
    assert verify_checkpoint.main([str(source), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True
    expected = json.loads((source / "expected.json").read_text())
    expected["expected"]["mean"][3][5] += 1e-2
    (tmp_path / "expected.json").write_text(json.dumps(expected))
    checkpoint = "model_checkpoint100.obj"
    (tmp_path / checkpoint).write_bytes((source / checkpoint).read_bytes())
    assert verify_checkpoint.main([str(tmp_path)]) == 1
    assert "above 1e-4" in capsys.readouterr().out


def without(*keys: str | int) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


def having(value: object, *keys: str | int) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


STEPS = ("expected", "decoder_steps")
MALFORMED: list[tuple[Callable[[Any], None], str]] = [
    *[(without(name), f"'{name}'") for name in ("graphs", "beta", "expected")],
    (without("max_num_nodes"), "there is no 'max_num_nodes'"),
    *[
        (without("expected", name), f"lacks expected.{name}")
        for name in ("mean", "log_variance", "loss", "decoder_steps")
    ],
    (having("small", "beta"), "'beta'"),
    (having([], "expected"), "'expected'"),
    (having("seven", "max_num_nodes"), "max_num_nodes"),
    (having(7.5, "max_num_nodes"), "max_num_nodes"),
    (having(1, "max_num_nodes"), "no steps"),
    (having(4, "max_num_nodes"), "graph 1 has 5 nodes"),
    (having([], "graphs"), "no graphs"),
    (having([3], "graphs"), "cannot be read"),
    (without("graphs", 0, "edges"), "there is no 'edges'"),
    (having([[0, 1, 2]], "graphs", 0, "edges"), "edges [from, to]"),
    (having([["a", "b"]], "graphs", 0, "edges"), "edges [from, to]"),
    (having([1, "conv", 0], "graphs", 0, "node_types"), "cannot be read"),
    (having([1, 10**30, 0], "graphs", 0, "node_types"), "cannot be read"),
    (having([1, 5, 0], "graphs", 0, "node_types"), "the node type 5"),
    (having(3, "expected", "mean"), "expected (3, 8)"),
    (having([1.0], "expected", "mean", 1), "no array of numbers"),
    (having("much", "expected", "loss"), "no array of numbers"),
    (having(10**400, "expected", "loss"), "no array of numbers"),
    (having([1.0], "expected", "loss"), "expected ()"),
    (having([0.5] * 3, "expected", "predicted_accuracy"), "without an accuracy head"),
    (having([], *STEPS), "has 0 entries, expected 12"),
    (having({}, *STEPS), "has dict entries"),
    (without(*STEPS, 11), "has 11 entries, expected 12"),
    (having(None, *STEPS, 2), "decoder_steps[2].node_logits"),
    (without(*STEPS, 2, "node_logits"), "decoder_steps[2].node_logits"),
    (without(*STEPS, 2, "edge_logits"), "decoder_steps[2].edge_logits"),
    (without(*STEPS, 7, "node_logits", 0), "no list of 3 rows"),
    (having([0.0] * 4, *STEPS, 7, "node_logits", 0), "no array of numbers"),
    (having([[0.0] * 4] * 3, *STEPS, 7, "node_logits"), "expected (3, 5)"),
    (having([[0.0]] * 3, *STEPS, 1, "edge_logits"), "expected (3, 2)"),
]


@pytest.mark.parametrize(("change", "words"), MALFORMED)
def test_malformed_outputs_end_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Any], None],
    words: str,
) -> None:
    content = copy.deepcopy(write(tmp_path, "SVGE", False))
    change(content)
    (tmp_path / "expected.json").write_text(json.dumps(content))
    monkeypatch.setattr(sys, "argv", ["verify_checkpoint", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        run_command(verify_checkpoint.main)
    message = capsys.readouterr().err
    assert ended.value.code == 2
    assert words in message
    assert message.startswith("error: ")
    assert message.count("\n") == 1
