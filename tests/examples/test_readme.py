"""``README.md``: short, its code runs, its table is what was measured; links lead somewhere."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from analysis import Spread
from experiment import REPOSITORY_ROOT

README = REPOSITORY_ROOT / "README.md"
PAGES = sorted((REPOSITORY_ROOT / "docs").glob("*.md"))
TABLES = ("NB101", "NB201_cifar10", "NB201_cifar100", "NB201_ImageNet16-120")
QUERIES = 100


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_code_of_the_readme_encodes_decodes_predicts_and_searches() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S)
    session: dict[str, Any] = {}
    exec(code, session)
    table, accuracy = session["table"], session["accuracy"]
    assert session["latents"].shape == (len(table), 56)
    assert table.space.hashes(session["cells"]).tolist() == table.hashes[-5:].tolist()
    unlabelled = np.arange(len(table)) % 25 != 0
    assert kendalltau(session["mean"][unlabelled], accuracy[unlabelled])[0] > 0.7
    assert session["result"].best.value > np.quantile(accuracy, 0.98)


@cache
def measured(table: str) -> dict[str, Any]:
    path = REPOSITORY_ROOT / "benchmarks" / "results" / f"search_{table}.json"
    return json.loads(path.read_text(encoding="utf-8"))["results"]


def rows() -> dict[str, list[str]]:
    """First cell of each row of the README's comparison → its four numbers."""
    section = README.read_text(encoding="utf-8").split("## How it compares")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return {first.strip("`"): numbers for first, _, *numbers in cells}


def test_the_table_of_the_readme_is_what_was_measured() -> None:
    shown = rows()
    assert set(measured("NB101")) & set(shown) >= {"bo", "bo, no transfer", "evolution", "random"}
    for method in set(measured("NB101")) & set(shown):
        for table, number in zip(TABLES, shown[method], strict=True):
            if method not in measured(table):
                assert number == "as above"
                continue
            reached = [run["test"][QUERIES - 1] for run in measured(table)[method].values()]
            assert len(reached) == 20
            assert number == Spread.of(np.array(reached)).text(2, 100), (method, table)


def test_rows_of_other_packages_are_what_was_measured() -> None:
    path = REPOSITORY_ROOT / "benchmarks" / "results" / "other_searchers.json"
    others = json.loads(path.read_text(encoding="utf-8"))["results"]
    shown = rows()
    for name, method in (("Optuna TPE", "Optuna TPE"), ("CatCMAwM` (CMA-ES)", "CatCMAwM")):
        for table, number in zip(TABLES[1:], shown[name][1:], strict=True):
            runs = others[table.removeprefix("NB201_")][method].values()
            reached = np.array([run["test"][str(QUERIES)] for run in runs])
            assert len(reached) == 20
            assert number == Spread.of(reached).text(2, 100), (method, table)


LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """What headings are linked by, as GitHub makes it of them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(plain)


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http:", "https:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_has_every_page_once() -> None:
    text = (REPOSITORY_ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\d+\. \[(\S+)\]\(\1\): \S", text, re.M)
    assert sorted(listed) == sorted(page.name for page in PAGES if page.name != "index.md")
