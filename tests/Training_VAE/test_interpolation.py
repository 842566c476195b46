from __future__ import annotations

import json
import math
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.edit_distance import edit_distances
from datasets.objective import ACCURACY, Objective
from experiment.errors import InputError, run_command
from experiment.files import write_json
from models import Embedding, ModelError, Sizes, build_model
from models.checkpoints import checkpoint_path
from Training_VAE import interpolate
from Training_VAE.decoded_points import DecodedPoints
from Training_VAE.interpolation import (
    circle_through,
    decode_most_frequent,
    great_circle,
    line,
    runs,
)
from Training_VAE.trained import TrainedVAE, load_trained, trained_architectures

CELL = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|"
OTHER = "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def tiny(model: str, space_name: str, seed: int = 0) -> Embedding:
    space = get_space(space_name)
    torch.manual_seed(seed)
    sizes = Sizes(len(space.types), space.max_nodes, node_width=16, graph_width=8)
    vae = build_model(model, sizes).eval()
    with torch.no_grad():  # fresh weights decode everything to the same graph
        for parameter in vae.parameters():
            parameter.mul_(3.0)
    return vae


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with an untrained checkpoint of a tiny SVGE on NB201."""
    folder = tmp_path_factory.mktemp("SVGE_NB201")
    torch.save(tiny("SVGE", "NB201").state_dict(), checkpoint_path(folder, 7))
    return folder


def latents(count: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))


def test_a_line_is_straight_even_and_has_both_ends() -> None:
    start, end = latents(5), latents(5, 1)
    positions, points = line(start, end, 11)
    assert points.shape == (5, 11, 8)
    assert torch.equal(points[:, 0], start)
    assert torch.equal(points[:, -1], end)
    steps = points.diff(dim=1)
    assert torch.allclose(steps, ((end - start) / 10)[:, None].expand_as(steps), atol=1e-6)
    assert positions[0].tolist() == pytest.approx(np.linspace(0, 1, 11).tolist())
    assert line(start, end, 2).points.shape == (5, 2, 8)


def angles_between(points: torch.Tensor) -> torch.Tensor:
    unit = torch.nn.functional.normalize(points.double(), dim=-1)
    return (unit[:, 1:] * unit[:, :-1]).sum(-1).clamp(-1, 1).acos()


def test_a_great_circle_goes_through_both_latents_and_back() -> None:
    start, end = latents(6), latents(6, 1)
    positions, points = great_circle(start, end, 17)
    assert points.shape == (6, 17, 8)
    assert torch.allclose(points[:, 0], start, atol=1e-5)
    assert torch.allclose(points[:, -1], start, atol=1e-5)
    nearest = (points - end[:, None]).norm(dim=-1).min(1)
    assert (nearest.values < 1e-5).all()
    assert (positions.diff(dim=1) > 0).all()
    assert torch.allclose(positions[:, [0, -1]], torch.tensor([0.0, 1.0]).expand(6, 2))
    turns = angles_between(points)
    assert torch.allclose(turns.sum(1), torch.tensor(math.tau, dtype=torch.float64), atol=1e-3)
    assert torch.allclose(turns, math.tau * positions.diff(dim=1).double(), atol=1e-3)
    for row, place in enumerate(nearest.indices.tolist()):  # even on either arc
        for arc in (turns[row, :place], turns[row, place:]):
            assert torch.allclose(arc, arc.mean(), atol=1e-3)
    # Three-dimensional rank would mean that the circle leaves the plane of the two latents.
    assert all(torch.linalg.svdvals(circle)[2] < 1e-4 for circle in points)


def test_a_great_circle_keeps_the_norm_of_ends_of_equal_norm() -> None:
    start, end = (5 * torch.nn.functional.normalize(latents(6, seed)) for seed in (0, 1))
    assert torch.allclose(great_circle(start, end, 12).points.norm(dim=-1), torch.tensor(5.0))
    radii = great_circle(start, 2 * end, 12).points.norm(dim=-1)
    assert (radii > 5 - 1e-4).all()
    assert torch.allclose(radii.max(1).values, torch.tensor(10.0))


def test_a_circle_through_one_latent_is_closed_and_seeded() -> None:
    start = latents(4)
    draw = [circle_through(start, 9, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    points = draw[0].points
    assert torch.equal(points, draw[1].points)
    assert not torch.allclose(points[:, 2], draw[2].points[:, 2], atol=1e-2)
    radius = start.norm(dim=1, keepdim=True)
    assert torch.allclose(points.norm(dim=-1), radius.expand(4, 9), rtol=1e-5)
    assert torch.allclose(points[:, 0], start, atol=1e-5)
    assert torch.allclose(points[:, -1], start, atol=1e-5)
    assert torch.allclose(points[:, 4], -start, atol=1e-5)
    assert torch.allclose((points[:, 2] * start).sum(1), torch.zeros(4), atol=1e-4)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_path_needs_its_ends(steps: int) -> None:
    with pytest.raises(InputError, match=r"2 points at least"):
        line(latents(1), latents(1, 1), steps)
    with pytest.raises(InputError, match=r"3 points at least"):
        great_circle(latents(1), latents(1, 1), steps + 1)


def test_ends_that_make_no_path() -> None:
    with pytest.raises(InputError, match="no ends of paths"):
        line(latents(2), latents(3), 5)
    for end in (latents(1), -2 * latents(1), torch.zeros(1, 8)):
        with pytest.raises(InputError, match="one line through the origin"):
            great_circle(latents(1), end, 5)
    with pytest.raises(InputError, match="one line through the origin"):
        great_circle(torch.zeros(1, 8), latents(1), 5)
    with pytest.raises(InputError, match="origin"):
        circle_through(torch.zeros(1, 8), 5, torch.Generator())


@pytest.mark.parametrize("name", ["ENAS", "NB101", "NB201"])
@pytest.mark.parametrize("model_name", ["SVGE", "DGMG"])
def test_decodings_are_members_and_repeatable(model_name: str, name: str) -> None:
    model, space, z = tiny(model_name, name), get_space(name), latents(40)
    greedy = model.decode_greedily(z, space.legality())
    assert space.legal(greedy).all()
    assert list(greedy) == list(model.decode_greedily(z, space.legality()))
    sampled = [
        decode_most_frequent(model, z, space, 5, torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    ]
    assert all(space.legal(graphs).all() for graphs in sampled)
    assert list(sampled[0]) == list(sampled[1])
    assert list(sampled[0]) != list(sampled[2])


def test_the_most_frequent_decoding_is_the_most_frequent() -> None:
    model, space, z = tiny("SVGE", "NB201"), get_space("NB201"), latents(6)
    with torch.no_grad():  # so sure that decodings repeat
        for name in ("f_an", "f_an_2"):
            model.get_parameter(f"Decoder.generator.nodeAdd.{name}.weight").mul_(2.0)
    chosen = decode_most_frequent(model, z, space, 64, torch.Generator().manual_seed(3))
    drawn = model.decode_many(z, 64, space.legality(), torch.Generator().manual_seed(3))
    hashes = space.hashes(drawn.graphs).tolist()
    counts = [Counter[str]() for _ in range(6)]
    for hash, latent, count in zip(
        hashes, drawn.latent.tolist(), drawn.count.tolist(), strict=True
    ):
        counts[latent][hash] += count
    assert max(count.most_common(1)[0][1] for count in counts) > 1
    for tally, hash in zip(counts, space.hashes(chosen).tolist(), strict=True):
        assert tally[hash] == max(tally.values())


def test_no_latents_no_architectures() -> None:
    model, space = tiny("SVGE", "NB201"), get_space("NB201")
    assert len(decode_most_frequent(model, latents(0), space, 3, torch.Generator())) == 0


def test_latents_of_another_width_are_refused() -> None:
    model, space = tiny("SVGE", "NB201"), get_space("NB201")
    with pytest.raises(ModelError, match=r"expected \(B, 8\)"):
        model.decode_greedily(torch.zeros(3, 9), space.legality())
    with pytest.raises(ModelError, match=r"expected \(B, 8\)"):
        decode_most_frequent(model, torch.zeros(3, 7), space, 2, torch.Generator())


def test_runs() -> None:
    assert list(runs(["a", "a", "b", "a"])) == [(0, 1), (2, 2), (3, 3)]
    assert list(runs([])) == []


# The command.


def walk(weights: Path, out: Path, *flags: str) -> list[dict]:
    out.parent.mkdir(parents=True, exist_ok=True)
    common = ["--data_search_space", "NB201", "--path_state_dict", str(weights)]
    common += ["--data_root", str(out.parent), "--device", "cpu", "--out", str(out)]
    assert interpolate.main([*common, *flags]) == 0
    assert (out / "interpolation.png").read_bytes().startswith(b"\x89PNG")
    return [json.loads(text) for text in (out / "interpolation.jsonl").read_text().splitlines()]


def test_the_command_walks_between_given_architectures(weights: Path, tmp_path: Path) -> None:
    records = walk(weights, tmp_path / "o", "--from", CELL, "--to", OTHER, "--steps", "5")
    space, model = get_space("NB201"), tiny("SVGE", "NB201")
    assert [record["position"] for record in records] == [0, 0.25, 0.5, 0.75, 1]
    ends = interpolate.GraphBatch.from_graphs([space.parse(CELL), space.parse(OTHER)])
    for record, latent in zip(records[::4], model.encode_all(ends).mean, strict=True):
        assert record["latent"] == pytest.approx(latent.tolist(), abs=1e-5)
    graphs = [space.parse(json.dumps({"arch": record["arch"]})) for record in records]
    assert [record["hash"] for record in records] == [space.hash(graph) for graph in graphs]
    assert "validation" not in records[0]


@pytest.mark.parametrize(
    "flags",
    [
        ["--path", "great_circle", "--from", CELL],
        ["--path", "great_circle", "--from", CELL, "--to", OTHER, "--sampled", "3"],
        [],
    ],
    ids=["one", "pair", "held-out"],
)
def test_the_command_repeats_itself(weights: Path, tmp_path: Path, flags: list[str]) -> None:
    first = walk(weights, tmp_path / "a", *flags)
    assert len(first) == 11
    walk(weights, tmp_path / "b", *flags)
    for name in ("interpolation.jsonl", "interpolation.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    if flags[2:] != ["--from", CELL, "--to", OTHER]:
        assert walk(weights, tmp_path / "c", *flags, "--seed", "2") != first


def draw_grid(weights: Path, out: Path, *flags: str) -> tuple[list[dict], dict]:
    common = ["--data_search_space", "NB201", "--path_state_dict", str(weights), "--path", "grid"]
    common += ["--data_root", str(out.parent), "--device", "cpu", "--out", str(out), "--size", "5"]
    assert interpolate.main([*common, *flags]) == 0
    assert (out / "grid.png").read_bytes().startswith(b"\x89PNG")
    lines = (out / "grid.jsonl").read_text().splitlines()
    return [json.loads(text) for text in lines], json.loads((out / "grid.json").read_text())


def test_the_command_draws_a_grid_around_an_architecture(weights: Path, tmp_path: Path) -> None:
    records, measures = draw_grid(weights, tmp_path / "o", "--from", CELL, "--spacing", "0.5")
    assert [each["place"] for each in records] == [
        [x, y] for y in range(-2, 3) for x in range(-2, 3)
    ]
    space, model = get_space("NB201"), tiny("SVGE", "NB201")
    cell = interpolate.GraphBatch.from_graphs([space.parse(CELL)])
    latent = model.encode_all(cell).mean
    assert records[12]["latent"] == pytest.approx(latent[0].tolist(), abs=1e-5)
    decoded = space.hashes(model.decode_greedily(latent, space.legality())).tolist()
    assert records[12]["hash"] == decoded[0]
    points = torch.tensor([each["latent"] for each in records]).reshape(5, 5, 8)
    for axis in (0, 1):
        lengths = points.diff(dim=axis).norm(dim=-1)
        assert torch.allclose(lengths, torch.tensor(0.5), atol=1e-5)
    assert measures["distinct"] == len({each["hash"] for each in records})
    assert measures["centre"] == space.hash(space.parse(CELL))
    assert measures["reconstructed"] == (records[12]["hash"] == measures["centre"])


def test_a_grid_is_measured_over_its_neighbours(weights: Path, tmp_path: Path) -> None:
    records, measures = draw_grid(weights, tmp_path / "o", "--from", CELL, "--spacing", "4")
    space = get_space("NB201")
    places = {tuple(each["place"]): space.parse(json.dumps(each)) for each in records}
    pairs = [
        (graph, places[near])
        for (x, y), graph in places.items()
        for near in ((x + 1, y), (x, y + 1))
        if near in places
    ]
    first, second = (
        interpolate.GraphBatch.from_graphs([pair[end] for pair in pairs]) for end in (0, 1)
    )
    edits = edit_distances(first, second)
    assert len(edits) == 40
    assert edits.max() > 0
    assert measures["edit_distance"] == pytest.approx(edits.mean())
    assert measures["unchanged"] == pytest.approx((edits == 0).mean())


@pytest.mark.parametrize("flags", [["--from", CELL], [], ["--sampled", "3"]])
def test_a_grid_is_that_of_its_seed(weights: Path, tmp_path: Path, flags: list[str]) -> None:
    first = draw_grid(weights, tmp_path / "a", *flags)
    assert draw_grid(weights, tmp_path / "b", *flags) == first
    for name in ("grid.jsonl", "grid.json", "grid.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    other, _ = draw_grid(weights, tmp_path / "c", *flags, "--seed", "2")
    assert other[0]["latent"] != first[0][0]["latent"]


def test_values_of_the_strip_have_their_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    space = get_space("NB201")
    graphs = space.sample(2, np.random.default_rng(0))
    hashes = [space.hash(graph) for graph in graphs]
    monkeypatch.setattr(interpolate, "interpolation_strip", lambda *drawn, **named: (drawn, named))
    for objective, label, title in (
        (Objective("validation", False, "eV"), "-3.25 eV", "SVGE, validation below"),
        (ACCURACY, "-325.00 %", "SVGE, validation accuracy below"),
    ):
        values = np.array([-3.25, np.nan])
        decoded = DecodedPoints(graphs, hashes, latents(2), values, objective)
        path = interpolate.Walk(decoded, [0.0, 1.0])
        strip: Any = path.strip(space, "SVGE")
        assert strip[0][3] == [label, ""]
        assert strip[1] == {"title": title}
        first, second = path.records(space)
        assert Objective.read(first) == objective
        assert "objective" not in second  # its value is not known


def test_accuracies_are_told_where_they_are_known(
    weights: Path, tmp_path: Path, data_root: Path
) -> None:
    flags = ["--from", CELL, "--to", OTHER, "--data_root", str(data_root)]
    records = walk(weights, tmp_path / "o", *flags)
    assert all(0.05 < record["validation"] < 0.92 for record in records)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--from", "conv3x3", "--to", OTHER], "expected 3"),
        (["--from", CELL, "--to", CELL.replace("none", "some")], "operation 'some' is unknown"),
        (["--to", OTHER], "--to is given without --from"),
        (["--from", CELL], "a line has two ends"),
        (["--from", CELL, "--to", OTHER, "--steps", "1"], "2 points at least"),
        (["--from", CELL, "--to", OTHER, "--steps", "0"], "at least 1"),
        (["--from", CELL, "--to", CELL, "--path", "great_circle"], "one line through the origin"),
        (["--from", CELL, "--to", OTHER, "--path", "spiral"], "invalid choice"),
        (["--from", CELL, "--to", OTHER, "--checkpoint", "8"], "no checkpoint"),
        (["--from", CELL, "--to", OTHER, "--model", "DGMG"], "SVGE's, expected DGMG's"),
        (
            ["--from", CELL, "--to", OTHER, "--data_search_space", "ENAS"],
            "7 node types, ENAS",
        ),
        (["--path_state_dict", "nowhere"], "nowhere"),
        (["--path", "grid", "--to", OTHER], "--to belongs to --path line or great_circle"),
        (["--path", "grid", "--steps", "5"], "--steps belongs to --path line or great_circle"),
        (["--from", CELL, "--to", OTHER, "--size", "9"], "--size belongs to --path grid"),
        (["--path", "great_circle", "--spacing", "1"], "--spacing belongs to --path grid"),
        (["--path", "grid", "--from", CELL, "--size", "8"], "8 points on a side"),
        (["--path", "grid", "--from", CELL, "--spacing", "0"], "expected a number above 0"),
        (["--path", "grid", "--from", "conv3x3"], "expected 3"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    reason: str,
) -> None:
    out = tmp_path / "out"
    common = ["--data_search_space", "NB201", "--path_state_dict", str(weights)]
    common += ["--data_root", str(tmp_path), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["interpolate", *common, *flags])
    with pytest.raises(SystemExit) as ended:
        run_command(interpolate.main)
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert reason in message
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert not out.exists()


# The architectures that a training held out.


def trained(weights: Path) -> TrainedVAE:
    return load_trained("SVGE", "NB201", weights, None, torch.device("cpu"))


def test_architectures_are_those_of_the_training(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(weights, folder)
    without_config = trained_architectures(trained(folder), None, seed=3)
    assert len(without_config.test) == 1563
    assert without_config.split.seed == 3
    told = {"seed": 3, "settings": {}, "split": without_config.split.fingerprint}
    write_json(folder / "config.json", told)
    told_by_config = trained_architectures(trained(folder), None, seed=1)
    assert list(told_by_config.test) == list(without_config.test)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"seed": 3, "split": "of other architectures"}, "training on other architectures"),
        ({"settings": {"cells_up_to": 2}}, "raise cells_up_to"),
        ([], "not the configuration of a training"),
        ("seed", "not the configuration of a training"),
        ({"settings": 3}, "not the configuration of a training"),
        ({"settings": None}, "not the configuration of a training"),
        ({"seed": "one"}, "'seed' is 'one', expected a whole number"),
        ({"seed": [1]}, "'seed'"),
        ({"seed": -1}, "has the seed -1"),
        ({"split": 7}, "'split' is 7"),
        ({"settings": {"cells_up_to": "5"}}, "'cells_up_to' is '5'"),
        ({"settings": {"noise_scale": "much"}}, "'noise_scale' is 'much'"),
    ],
)
def test_a_wrong_config_is_refused(
    weights: Path, tmp_path: Path, config: object, reason: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(weights, folder)
    write_json(folder / "config.json", config)
    with pytest.raises(InputError, match=reason):
        trained_architectures(trained(folder), None, seed=1)


def test_a_checkpoint_is_found_by_its_epoch(weights: Path) -> None:
    assert trained(weights).epoch == 7
    with pytest.raises(ModelError, match="checkpoint8"):
        load_trained("SVGE", "NB201", weights, 8, torch.device("cpu"))
