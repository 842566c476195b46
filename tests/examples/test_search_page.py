"""``docs/search.md`` and ``search_loop.md``: code runs, commands and names are those there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from Bayesian_Optimization import pareto
from Bayesian_Optimization.search_flags import make_parser
from experiment.paths import REPOSITORY_ROOT
from searchers import methods

Blocks = Callable[[str, str], list[str]]


def test_code_of_the_page_runs(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(methods, "SEARCHERS", dict(methods.SEARCHERS))
    session: dict[str, Any] = {"__name__": "page"}
    for block in blocks("search.md", "python"):
        exec(block, session)
    assert len(session["search"].observations) == 30
    found = session["result"]
    assert found.best.value == min(each.value for each in found.history)
    assert (tmp_path / "runs" / "mine" / "result.json").is_file()
    assert len(session["climb"].ask(2)) == 2


def test_code_of_the_page_on_latents_that_searches_a_list(blocks: Blocks) -> None:
    session: dict[str, Any] = {"__name__": "page"}
    found = [block for block in blocks("search_latent.md", "python") if "DNGO" in block]
    assert len(found) == 1
    exec(found[0], session)
    assert [len(each.observations) for each in session["searchers"]] == [20] * 4


def test_the_front_by_gradients_is_found(blocks: Blocks, capsys: Any) -> None:
    found = [
        block for block in blocks("search_latent.md", "python") if "scalarised_ascent" in block
    ]
    assert len(found) == 1
    session: dict[str, Any] = {"__name__": "page"}
    exec(found[0], session)
    assert len(session["searcher"].observations) == 20
    costs = [float(line.split()[2]) for line in capsys.readouterr().out.splitlines()]
    assert costs == sorted(costs)
    lines = "\n".join(blocks("search_latent.md", "bash")).splitlines()
    for words in (shlex.split(line) for line in lines if "pareto.py" in line):
        pareto.make_parser().parse_args(words[2:])


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    lines = "\n".join(blocks("search.md", "bash")).splitlines()
    asked = [words for line in lines if (words := shlex.split(line, comments=True))]
    assert len(asked) >= 3
    for words in asked:
        assert words[1] == "Bayesian_Optimization/search.py"
        make_parser().parse_args(words[2:])


def test_code_and_commands_of_the_page_on_the_loop(blocks: Blocks) -> None:
    session: dict[str, Any] = {"__name__": "page"}
    for block in blocks("search_loop.md", "python"):
        exec(block, session)
    assert session["history"].queries == 40
    parsers = {"search.py": make_parser, "pareto.py": pareto.make_parser}
    lines = "\n".join(blocks("search_loop.md", "bash")).replace("\\\n", " ").splitlines()
    for words in (shlex.split(line) for line in lines if line):
        parsers[words[1].removeprefix("Bayesian_Optimization/")]().parse_args(words[2:])


def test_the_page_tells_of_every_searcher() -> None:
    text = (REPOSITORY_ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    told = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert set(methods.SEARCHERS) <= told
