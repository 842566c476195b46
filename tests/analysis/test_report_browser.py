"""The page in a real headless browser: no complaint, and what a person does with it works."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from analysis.report.__main__ import main
from datasets import get_benchmark

if TYPE_CHECKING:
    from tests.analysis.conftest import Browser

PLACE = """
const figure = [...document.querySelectorAll('figure.chart')]
    .find((each) => each.querySelector('h3').textContent.startsWith(arguments[0]));
figure.scrollIntoView({block: 'center', behavior: 'instant'});
const area = figure.querySelector('.area').getBoundingClientRect();
return [area.left, area.top, area.width, area.height];
"""
FIGURE = """
const figure = [...document.querySelectorAll('figure.chart')]
    .find((each) => each.querySelector('h3').textContent.startsWith(arguments[0]));
"""
LABELS = (
    FIGURE + "return [...figure.querySelectorAll('.plot text')].map((each) => each.textContent);"
)
DOT = (
    FIGURE
    + """
const area = figure.querySelector('.area').getBoundingClientRect();
const dots = [...figure.querySelectorAll('.plot g > circle')]
    .map((each) => each.getBoundingClientRect())
    .map((box) => [box.left + box.width / 2, box.top + box.height / 2])
    .filter(([x, y]) => x > area.left && y > area.top && x < area.right && y < area.bottom);
return dots[Math.floor(dots.length / 2)];
"""
)
TIP = """
const tip = document.getElementById('tip');
const boxes = tip.querySelectorAll('svg.drawn rect').length;
return {hidden: tip.hidden, text: tip.textContent, boxes};
"""


def eventually(condition: Callable[[], object]) -> None:
    """Wait until it is true; the limit is far above what a browser takes."""
    end = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def downloaded(folder: Path, before: set[Path]) -> Path:
    """The one CSV file that comes to the folder."""
    eventually(lambda: set(folder.glob("*.csv")) - before)
    (file,) = set(folder.glob("*.csv")) - before
    return file


@pytest.fixture
def page(search_run: Callable[..., Path], tmp_path: Path) -> Path:
    """A report on three searches, with a latent map."""
    benchmark = get_benchmark("DIGITS101")
    latents = tmp_path / "DIGITS101_latent_epoch3.npz"
    mean = np.random.default_rng(0).normal(size=(60, 4)) * (5, 2, 0.1, 0.1)
    np.savez(latents, mean=mean, hash=benchmark.hashes[:60])
    runs = [search_run(f"s{seed}", queries=25, seed=seed) for seed in (1, 2)]
    runs.append(search_run("e1", queries=25, seed=3, method="evolution"))
    out = tmp_path / "report.html"
    main([*map(str, runs), "--out", str(out), "--latents", str(latents)])
    return out


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.resize(1400, 1000)
    browser.devtools("Network.enable")
    browser.open(page)
    return browser


def tip(browser: Browser) -> dict[str, Any]:
    return browser.run(TIP)


def test_the_browser_has_nothing_to_complain_about(opened: Browser) -> None:
    assert opened.run("return document.querySelectorAll('.plot svg').length") >= 5
    assert opened.run("return document.querySelectorAll('.tile svg.drawn rect').length") > 10
    loaded = opened.run("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    presses = "document.querySelectorAll('figure button').forEach((each) => each.click())"
    opened.run(presses.replace("figure button", "figure button:not(.csv)"))
    opened.run("document.getElementById('scheme').click()")
    assert opened.complaints() == []


def test_complaints_would_be_seen(opened: Browser) -> None:
    opened.run(
        "setTimeout(() => nothing.here, 0); fetch('https://example.invalid/').catch(() => 0)"
    )
    told: list[str] = []

    def both_are_there() -> bool:
        told.extend(opened.complaints())
        return all(
            any(words in one for one in told)
            for words in ("nothing is not defined", "Content Security Policy")
        )

    eventually(both_are_there)


def test_hovering_over_a_dot_draws_its_architecture(opened: Browser) -> None:
    for title in ("Every query", "Validation accuracy against cost", "The path of the search"):
        opened.run(PLACE, title)
        opened.pointer(("move", *opened.run(DOT, title)))
        found = tip(opened)
        assert not found["hidden"], title
        assert found["boxes"] >= 2, title
    opened.pointer(("move", 2, 2))
    assert tip(opened)["hidden"]


def test_hovering_over_curves_reads_all_of_them(opened: Browser) -> None:
    left, top, width, height = opened.run(PLACE, "The incumbent")
    opened.pointer(("move", left + width / 2, top + height * 0.9))
    found = tip(opened)
    assert not found["hidden"]
    assert "queries: 1" in found["text"]
    assert "random" in found["text"]
    assert "evolution" in found["text"]


@pytest.mark.parametrize("title", ["The incumbent", "Regret", "The path of the search"])
def test_a_box_zooms_in_and_a_double_click_back(opened: Browser, title: str) -> None:
    left, top, width, height = opened.run(PLACE, title)
    before = opened.run(LABELS, title)
    opened.pointer(
        ("down", left + width * 0.3, top + height * 0.3),
        ("move", left + width * 0.4, top + height * 0.5),
        ("up", left + width * 0.5, top + height * 0.6),
    )
    assert opened.run(LABELS, title) != before
    middle = (left + width / 2, top + height / 2)
    opened.pointer(("down", *middle), ("up", *middle), ("down", *middle), ("up", *middle))
    assert opened.run(LABELS, title) == before


def test_the_keyboard_does_what_the_pointer_does(opened: Browser) -> None:
    title = "Every query"
    opened.run(FIGURE + "figure.querySelector('.plot svg').focus()", title)
    before = opened.run(LABELS, title)
    opened.keys("\ue014", "\ue014")  # the right arrow
    found = tip(opened)
    assert "query 2" in found["text"]
    assert found["boxes"] >= 2
    opened.keys("+")
    assert opened.run(LABELS, title) != before
    opened.keys("0")
    assert opened.run(LABELS, title) == before


def test_the_legend_hides_and_shows(opened: Browser) -> None:
    count = FIGURE + "return figure.querySelectorAll('.plot g path').length"
    press = FIGURE + "figure.querySelector('button.series').click()"
    before = opened.run(count, "The incumbent")
    opened.run(press, "The incumbent")
    assert opened.run(count, "The incumbent") < before
    opened.run(press, "The incumbent")
    assert opened.run(count, "The incumbent") == before


def test_csv_files_hold_what_is_drawn(opened: Browser) -> None:
    press = FIGURE.replace("figure.chart", "main figure")
    for title, columns in (
        ("Every query", {"series", "queries", "validation accuracy", "note", "hash"}),
        ("What was found", {"method", "runs"}),
        ("The best architectures", {"rank", "hash", "matrix", "ops"}),
    ):
        old = set(opened.downloads.glob("*.csv"))
        opened.run(press + "figure.querySelector('[data-csv]').click()", title)
        file = downloaded(opened.downloads, old)
        with file.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        assert columns <= set(rows[0]), title
        if title == "Every query":
            queries = [row for row in rows if row["series"] == "queries"]
            best = get_benchmark("DIGITS101")
            accuracy = dict(zip(best.hashes, best.metric("validation").mean(), strict=True))
            assert len(queries) == 25
            for row in queries:
                expected = pytest.approx(accuracy[row["hash"]], rel=1e-6)
                assert float(row["validation accuracy"]) == expected


def test_nothing_is_wider_than_a_telephone(opened: Browser) -> None:
    opened.devtools(
        "Emulation.setDeviceMetricsOverride",
        width=360,
        height=740,
        deviceScaleFactor=1,
        mobile=True,
    )
    try:
        eventually(lambda: opened.run("return document.documentElement.scrollWidth") <= 360)
        widths = "return [...document.querySelectorAll('.plot svg')].map((e) => e.clientWidth)"
        eventually(lambda: all(100 < width <= 360 for width in opened.run(widths)))
    finally:
        opened.devtools("Emulation.clearDeviceMetricsOverride")


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_from_the_paper(opened: Browser, scheme: str) -> None:
    """4.5 for text and 3 for lines, as WCAG 2.2 asks (1.4.3 and 1.4.11)."""
    read = """
    document.documentElement.dataset.scheme = arguments[0];
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => [name, style.getPropertyValue('--' + name).trim()];
    return Object.fromEntries(arguments[1].map(colour));
    """
    text, lines = ["ink", "quiet", "accent"], [f"s{k}" for k in range(8)]
    papers = ["paper", "raised"]
    colours = opened.run(read, scheme, [*text, *lines, *papers, "warn", "warn-tint"])
    pairs = [(name, paper, 4.5) for name in text for paper in papers]
    pairs += [(name, paper, 3.0) for name in lines for paper in papers]
    for name, paper, least in [*pairs, ("warn", "warn-tint", 4.5)]:
        high, low = sorted((luminance(colours[name]), luminance(colours[paper])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= least, (name, paper)
