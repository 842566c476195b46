from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.report.__main__ import main
from analysis.report.blocks import Axis, Block, Cell, Chart, Section, Series, Table, View
from analysis.report.drawings import Drawings, graphs_by_hash
from analysis.report.found import costs_chart
from analysis.report.latents import LatentFiles, latent_chart, read_latents
from analysis.report.page import embedded, render
from analysis.report.runs import read_run
from analysis.report.traces import Trace, contestants
from datasets import get_benchmark, get_space
from experiment.errors import InputError
from experiment.schema import SCHEMA
from Performance_Prediction import fit_predictor

NASTY = "</script><script>alert('&')</script><!-- \u2028"


class Page(HTMLParser):
    """The elements of a page, and what its scripts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        else:
            self.words.append(data)

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.scripts[0])


def latent_file(folder: Path, rows: int = 60) -> Path:
    """Latents of the first cells of DIGITS101, two clouds of them."""
    benchmark = get_benchmark("DIGITS101")
    mean = np.random.default_rng(0).normal(size=(rows, 4)) * (5, 2, 0.1, 0.1)
    path = folder / "DIGITS101_latent_epoch3.npz"
    validation = benchmark.metric("validation").mean()[:rows]
    np.savez(path, mean=mean, hash=benchmark.hashes[:rows], validation=validation)
    return path


def make(out: Path, *arguments: str | Path) -> Page:
    assert main([*map(str, arguments), "--out", str(out)]) == 0
    return Page(out.read_text(encoding="utf-8"))


def chart(page: Page, title: str) -> dict[str, Any]:
    return next(each for each in page.data["charts"] if each["title"].startswith(title))


def test_a_page_needs_nothing_but_itself(search_run: Callable[..., Path], tmp_path: Path) -> None:
    page = make(tmp_path / "r.html", search_run("a"), "--latents", latent_file(tmp_path))
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster"):
            target = attributes.get(name) or ""
            assert target.startswith(("#", "data:")) or not target, (tag, target)
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)
    style = (tmp_path / "r.html").read_text().partition("<style>")[2].partition("</style>")[0]
    assert "grid-template-columns" in style
    assert "url(" not in style
    assert "@import" not in style


def test_every_anchor_of_the_navigation_is_there(
    search_run: Callable[..., Path], tmp_path: Path
) -> None:
    page = make(tmp_path / "r.html", search_run("a"), search_run("b", trial=1))
    targets = {a["href"] for t, a in page.elements if t == "a" and a["href"]}
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert {"#runs", "#optimise-1", "#optimise-2"} <= targets
    assert {str(target)[1:] for target in targets} <= set(ids)
    assert len(ids) == len(set(ids))


def test_words_of_a_run_are_words_on_the_page() -> None:
    series = Series(NASTY, np.array([1.0]), np.array([2.0]), notes=[NASTY])
    blocks: list[Block] = [
        Chart(NASTY, NASTY, [View(NASTY, Axis(NASTY), Axis(NASTY), [series])]),
        Table(NASTY, NASTY, [NASTY], [[Cell(NASTY, '"' + NASTY)]]),
    ]
    page = Page(render(NASTY, NASTY, [Section("x", NASTY, NASTY, blocks)], Drawings()))
    assert len(page.scripts) == 2
    assert page.data["charts"][0]["views"][0]["series"][0]["notes"] == [NASTY]
    cell = next(a for t, a in page.elements if t == "th" and "data-value" in a)
    assert cell["data-value"] == '"' + NASTY
    assert NASTY in page.words


def test_json_inside_a_script_is_read_back() -> None:
    content = {"a": [NASTY, float("nan"), 0.1], "ü": {"b": None}}
    text = embedded(content)
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == {"a": [NASTY, None, 0.1], "ü": {"b": None}}


def test_curves_are_those_of_the_runs(search_run: Callable[..., Path], tmp_path: Path) -> None:
    folders = [search_run(f"s{seed}", queries=20, seed=seed) for seed in range(3)]
    page = make(tmp_path / "r.html", *folders)
    views = {view["name"]: view for view in chart(page, "The incumbent")["views"]}
    curves = [Trace(read_run(each)).incumbent("test", true=True) for each in folders]
    (line,) = views["test, by queries"]["series"]
    assert line["y"] == pytest.approx(np.median(curves, axis=0).tolist(), rel=1e-6)
    assert line["columns"]["mean"] == pytest.approx(np.mean(curves, axis=0).tolist())
    assert line["x"] == list(range(1, 21))
    hours = views["test, by simulated hours"]["series"][0]["x"]
    assert hours[-1] == pytest.approx(200 / 3600, rel=1e-6)

    best = get_benchmark("DIGITS101").metric("validation").mean()[:60].max()
    regrets = {view["name"]: view for view in chart(page, "Regret")["views"]}
    regret = regrets["validation, by queries"]
    found = [Trace(read_run(each)).incumbent("validation", true=True) for each in folders]
    expected = 100 * (best - np.median(found, axis=0))
    assert regret["series"][0]["y"] == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-9)
    assert 0 < regret["y"]["floor"] < expected[expected > 1e-6].min()


def test_the_best_architectures_are_drawn(search_run: Callable[..., Path], tmp_path: Path) -> None:
    folder = search_run("a", queries=30)
    page = make(tmp_path / "r.html", folder)
    lines = sorted(Trace(read_run(folder)).lines, key=lambda line: -line["validation"])
    file = page.data["files"][-1]
    hashes = [row[file["columns"].index("hash")] for row in file["rows"]]
    assert hashes == [line["hash"] for line in lines[:8]]
    drawn = [int(a["data-drawing"] or 0) for _, a in page.elements if "data-drawing" in a]
    space = get_space("DIGITS101")
    for number, line in zip(drawn, lines, strict=False):
        _, shape, types = page.data["drawings"][number]
        labels = [page.data["spaces"]["DIGITS101"]["types"][kind]["name"] for kind in types]
        assert labels == line["architecture"]["ops"]
        graph = space.read(json.dumps(line["architecture"]))
        assert len(page.data["layouts"][shape]["edges"]) == len(graph.edges)


def test_what_breaks_a_limit_is_none_of_the_best(
    search_run: Callable[..., Path], tmp_path: Path
) -> None:
    folder = search_run("a", queries=30, limit="parameters<=1030")
    page = make(tmp_path / "r.html", folder)
    file = page.data["files"][-1]
    sizes = [row[file["columns"].index("parameters")] for row in file["rows"]]
    kept = [line for line in Trace(read_run(folder)).lines if line["parameters"] <= 1030]
    assert 8 < len(kept) < 30
    assert len(sizes) == 8
    assert max(sizes) <= 1030
    views = {
        view["name"]: view for view in chart(page, "Validation accuracy against cost")["views"]
    }
    assert len(views["random, parameters"]["series"][1]["x"]) == 30


def test_nothing_beats_what_is_on_the_front(search_run: Callable[..., Path]) -> None:
    folder = search_run("a", queries=40)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for k, line in enumerate(lines[1::2]):
        line["details"] = {"latency.phone": float(k % 7)} if k % 5 else {}
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (search,) = contestants([read_run(folder)])
    found = costs_chart([search], None, Drawings())
    assert found is not None
    assert [view.name for view in found.views] == ["random, parameters", "random, latency.phone"]
    assert np.isfinite(found.views[1].series[1].x).sum() == 32
    for view in found.views:
        front, dots = view.series
        assert (np.diff(front.x) > 0).all()
        assert (np.diff(front.y) > 0).all()
        for x, y in zip(front.x, front.y, strict=True):
            assert not np.any((dots.x <= x) & (dots.y > y))
            assert not np.any((dots.x < x) & (dots.y >= y))


def test_architectures_that_differ_in_operations_share_a_layout() -> None:
    space, drawings = get_space("NB201"), Drawings()
    cells = space.sample(20, np.random.default_rng(0))
    numbers = [drawings.add(space, cell) for cell in [*cells, cells[0]]]
    assert numbers[-1] == numbers[0]
    assert len(drawings.data()["drawings"]) == len(set(cells))
    assert len(drawings.data()["layouts"]) == 1


def test_architectures_are_found_by_their_hash(tmp_path: Path) -> None:
    space = get_space("DIGITS101")
    cells = [space.canonical(cell) for cell in space.sample(5, np.random.default_rng(1))]
    hashes = [space.hash(cell) for cell in cells]
    found = graphs_by_hash(space, [*hashes, "0" * 32], None)
    assert found == dict(zip(hashes, cells, strict=True))
    space = get_space("NB201")  # no table lies there, so it is enumerated
    cell = space.canonical(space.sample(1, np.random.default_rng(1))[0])
    assert graphs_by_hash(space, [space.hash(cell)], tmp_path) == {space.hash(cell): cell}


def test_the_map_shows_where_a_search_went(search_run: Callable[..., Path], tmp_path: Path) -> None:
    run = read_run(search_run("a", queries=30))
    latents = read_latents(latent_file(tmp_path, rows=50), get_space("DIGITS101"))
    drawings = Drawings()
    found = latent_chart(latents, drawings, None, contestants([run]), "digits")
    queries, incumbents = found.views[0].series
    known = [line for line in Trace(run).lines if line["hash"] in latents.row_of]
    assert 0 < len(known) < 30
    assert queries.columns["hash"] == [line["hash"] for line in known]
    assert set(incumbents.columns["hash"]) <= set(queries.columns["hash"])
    assert incumbents.columns["query"] == sorted(incumbents.columns["query"])
    for k, hash in enumerate(queries.columns["hash"]):
        assert (queries.x[k], queries.y[k]) == tuple(latents.points[latents.row_of[hash]])
    assert None not in (found.base[0].drawings or [None])
    # The principal components keep the two axes that were stretched.
    with np.load(latents.path) as content:
        assert abs(np.corrcoef(latents.points[:, 0], content["mean"][:, 0])[0, 1]) > 0.99


def test_a_map_is_coloured_by_what_the_search_was_about(
    search_run: Callable[..., Path], tmp_path: Path
) -> None:
    latents = read_latents(latent_file(tmp_path), get_space("DIGITS101"))
    searches = contestants([read_run(search_run("a"))])
    same = latent_chart(latents, Drawings(), None, searches, "digits").base[0]
    assert same.value is not None
    assert np.isfinite(same.value).all()
    other = latent_chart(latents, Drawings(), None, searches, "CIFAR-10").base[0]
    assert other.value is not None
    assert np.isnan(other.value).all()


def test_latents_are_looked_for(search_run: Callable[..., Path], tmp_path: Path) -> None:
    run = read_run(search_run("a"))
    weights = tmp_path / "state_dicts"
    assert LatentFiles([], [run], weights).of("DIGITS101") is None
    (weights / "SVGE_DIGITS101").mkdir(parents=True)
    far = latent_file(weights / "SVGE_DIGITS101")
    found = LatentFiles([], [run], weights).of("DIGITS101")
    assert found is not None
    assert found.path == far
    near = latent_file(run.path)
    found = LatentFiles([], [run], weights).of("DIGITS101")
    assert found is not None
    assert found.path == near
    given = latent_file(tmp_path)
    found = LatentFiles([given], [run], weights).of("DIGITS101")
    assert found is not None
    assert found.path == given


def test_bad_latents_are_refused(tmp_path: Path) -> None:
    space = get_space("DIGITS101")
    with pytest.raises(InputError, match="cannot tell the search space"):
        LatentFiles([tmp_path / "mine.npz"], [], tmp_path)
    path = tmp_path / "DIGITS101_latent_epoch1.npz"
    with pytest.raises(InputError, match="cannot read the latents"):
        read_latents(path, space)
    path.write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(InputError, match="cannot read the latents"):
        read_latents(path, space)
    np.savez(path, mean=np.zeros((3, 4)), hash=np.array(["a"]))
    with pytest.raises(InputError, match="expected a row"):
        read_latents(path, space)
    np.savez(path, mean=np.full((1, 4), np.nan), hash=np.array(["a"]))
    with pytest.raises(InputError, match="finite"):
        read_latents(path, space)


def test_searches_without_a_success_make_a_page(
    search_run: Callable[..., Path], tmp_path: Path
) -> None:
    folder = search_run("failed", queries=3)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        if line["event"] == "measured":
            line |= {"status": "failed", "validation": None, "test": None, "incumbent": None}
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = make(tmp_path / "r.html", folder)
    assert all(each["views"] for each in page.data["charts"])
    empty = search_run("empty", queries=1, ended=False)
    (empty / "metrics.jsonl").unlink()
    page = make(tmp_path / "e.html", empty)
    assert "Nothing was measured yet." in page.words


def test_the_page_of_a_predictor(tmp_path: Path) -> None:
    flags = ["--space", "DIGITS101", "--method", "ridge", "--features", "statistics"]
    flags += ["--labels", "60", "--log_dir", str(tmp_path), "--name", "ridge", "--json"]
    assert fit_predictor.main(flags) == 0
    page = make(tmp_path / "r.html", tmp_path / "ridge")
    views = {view["name"]: view for view in chart(page, "Predicted")["views"]}
    with (tmp_path / "ridge" / "predictions.csv").open(newline="") as file:
        rows = {row["hash"]: row for row in csv.DictReader(file)}
    dots = views["validation"]["series"][0]
    assert len(dots["x"]) == 1000
    for k in (0, 500, 999):
        row = rows[dots["columns"]["hash"][k]]
        assert dots["x"][k] == pytest.approx(float(row["validation"]), rel=1e-6)
        assert dots["y"][k] == pytest.approx(float(row["mean"]), rel=1e-6)
        assert dots["drawings"][k] is not None
    ranks = views["validation, ranks"]["series"][0]
    assert max(ranks["x"]) <= len(rows) == 2472
    assert any(tag == "img" for tag, _ in page.elements)


def test_the_page_of_a_training_and_a_ranking(tmp_path: Path) -> None:
    space = get_space("DIGITS101")
    cells = space.sample(3, np.random.default_rng(0))
    records = [{**space.to_record(cell), "hash": space.hash(cell)} for cell in cells]
    trained, ranked = tmp_path / "SVGE_DIGITS101", tmp_path / "ranked"
    trained.mkdir()
    ranked.mkdir()
    config = {"schema": SCHEMA, "stage": "embedding", "model": "SVGE", "space": "DIGITS101"}
    config |= {"sizes": {}, "settings": {"epochs": 2}}
    loss = {"name": "loss", "maximise": False, "unit": "nat", "dataset": "words", "trial": None}
    accuracy = {"name": "accuracy", "maximise": True, "unit": "fraction", "dataset": "digits"}
    (trained / "config.json").write_text(json.dumps(config))
    lines = [{"epoch": k, "loss": 1 / k, "exact": {"graphs": 9, "joint": k / 4}} for k in (1, 2)]
    (trained / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (trained / "result.json").write_text(
        json.dumps(
            {
                "epochs": 2,
                "training_seconds": 60.0,
                "held_out_graphs": 9,
                "training_graphs": 81,
                "reconstruction": {"greedy": {"graphs": 9, "joint": 0.5}},
            }
        )
    )
    walk: list[dict[str, Any]] = [
        {**records[k], "position": p} for k, p in ((0, 0.0), (0, 0.5), (1, 1.0))
    ]
    energy = {"name": "validation", "maximise": False, "unit": "eV"}
    walk[0] |= {"validation": 0.5, "objective": energy}
    walk[2] |= {"validation": 0.62}
    (trained / "interpolation.jsonl").write_text("".join(json.dumps(each) + "\n" for each in walk))
    latent_file(trained)
    (ranked / "config.json").write_text(
        json.dumps(
            {
                "schema": SCHEMA,
                "stage": "extrapolation",
                "space": "DIGITS101",
                "surrogate": {"predictor": "gp"},
                "objective": loss,
                "candidates": 3,
            }
        )
    )
    with (ranked / "ranking.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["rank", "mean", "std", "hash"])
        table.writerows([k + 1, 0.9 - k / 10, 0.01, records[k]["hash"]] for k in range(3))
    top: list[dict[str, Any]] = [
        {"architecture": space.to_record(cell), "hash": space.hash(cell), "rank": k, "mean": 0.9}
        for k, cell in enumerate(cells, 1)
    ]
    trained_on = {"trained": 2, "failed": 0, "objective": {**accuracy, "trial": None}}
    top[0]["measured"] = {**trained_on, "validation": 0.91}
    for each, value in zip(top[1:], (2.5, 1.5), strict=True):
        each["measured"] = {**trained_on, "objective": loss, "validation": value}
    (ranked / "result.json").write_text(json.dumps({"candidates": 3, "top": top}))

    page = make(tmp_path / "r.html", ranked, trained)
    views = {view["name"]: view for view in chart(page, "Learning curves")["views"]}
    assert views["exact"]["series"][0]["y"] == [0.25, 0.5]
    assert views["loss"]["series"][0]["y"] == [1, 0.5]
    assert len(chart(page, "The latent space")["base"][0]["x"]) == 60
    files = {file["title"]: file["rows"] for file in page.data["files"]}
    assert len(files["A walk through the latent space"]) == 2
    assert len(files["The first of the ranking"]) == 3
    (line,) = chart(page, "The candidates")["views"][0]["series"]
    assert line["low"] == pytest.approx([0.89, 0.79, 0.69])
    assert {"50.00 %", "91.00 %"} <= set(page.words)
    assert {"predicted 0.9 nat", "validation 2.5 nat", "validation 91.00 %"} <= set(page.words)
    assert {"validation 0.5 eV", "validation 62.00 %"} <= set(page.words)


def test_the_command_keeps_what_is_there(
    search_run: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = search_run("a", ended=False), tmp_path / "r.html"
    make(out, folder)
    assert "note: a has no result.json" in capsys.readouterr().err
    first = out.read_bytes()
    with pytest.raises(InputError, match="add --overwrite"):
        main([str(folder), "--out", str(out)])
    assert main([str(folder), "--out", str(out), "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == len(first)
    assert out.read_bytes() == first
    with pytest.raises(InputError, match="is a folder"):
        main([str(folder), "--out", str(tmp_path)])
