"""Two commits that compute the same are told from two that do not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import nothing_lost
from benchmarks.nothing_lost import Probe, difference, rounding, table
from experiment.errors import InputError

SCRIPT = """
import sys, time
from pathlib import Path
run = Path(sys.argv[1]) / "run"
run.mkdir(exist_ok=True)
with (run / "metrics.jsonl").open("a") as record:
    for _ in range(0 if "--resume" in sys.argv else 8):
        print("{{}}", file=record, flush=True)
while len(sys.argv) == 3 and "killed" in sys.argv:
    time.sleep(0.01)
(run / "queries.csv").write_text(f"hash,value,seconds\\na,{value},{{time.time()}}\\n")
"""


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three commits of a repository: the first two write the same value."""
    root = tmp_path / "repository"
    root.mkdir()
    git = ("git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run([*git, "init", "--quiet"], check=True)
    found = []
    for value, comment in ((1, "# first"), (1, "# second"), (2, "# third")):
        (root / "script.py").write_text(SCRIPT.format(value=value) + comment)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "a change"], check=True)
        said = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True)
        found.append(said.stdout.decode().strip())
    monkeypatch.setattr(nothing_lost, "ROOT", root)
    return found


@pytest.mark.parametrize("killed", [False, True])
def test_a_changed_number_is_found(
    commits: list[str], killed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["script.py", "{out}", *(["killed"] if killed else [])]
    probe = Probe(words, table("queries.csv"), killed=killed)
    monkeypatch.setattr(nothing_lost, "probes", lambda: {"a search": probe})
    assert nothing_lost.main(commits[:2]) == 0
    assert "same       a search: 1 lines" in capsys.readouterr().out
    assert nothing_lost.main(commits[1:]) == 1
    assert "before hash=a, value=1\n    after  hash=a, value=2" in capsys.readouterr().out


def test_what_fails_or_is_absent_is_no_agreement(
    commits: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    failing = Probe(["absent.py"], table("queries.csv"))
    missing = Probe(["script.py", "{out}"], table("queries.csv"), [tmp_path / "no_data"])
    monkeypatch.setattr(nothing_lost, "probes", lambda: {"one": failing, "other": missing})
    assert nothing_lost.main(commits[:2]) == 1
    said = capsys.readouterr().out
    assert "failed     one" in said
    assert "left out   other" in said
    with pytest.raises(InputError, match="cannot be checked out"):
        nothing_lost.main(["nonsense"])


def test_the_first_difference_is_named() -> None:
    assert difference(["a", "b"], ["a", "b"]) is None
    assert "line 2" in str(difference(["a", "b"], ["a", "c"]))
    assert difference(["a"], ["a", "b"]) == "1 lines before, 2 after"


def test_rounding_is_told_from_a_difference() -> None:
    before = ["hash=ab12, mean=0.9217189943589738", "hash=cd, mean=0.5"]
    after = ["hash=ab12, mean=0.9217189942059852", "hash=cd, mean=0.5"]
    assert rounding(before, after) == pytest.approx(1.66e-10, rel=0.01)
    assert rounding(before, before) == 0
    assert rounding(before, [after[0], "hash=ce, mean=0.5"]) is None
    assert rounding(before, before[:1]) is None
    assert rounding(["0.5"], ["-0.5"]) == 2


def test_new_keys_are_named_and_the_old_ones_compared() -> None:
    before = ['{"a": 1, "b": [0.1]}', "text", '{"a": 1}']
    after = ['{"b": [0.1], "new": 2, "a": 1}', "text", '{"a": 2, "other": 0}']
    lines, new = nothing_lost.without_new_keys(before, after)
    assert lines == [before[0], "text", '{"a": 2}']
    assert new == ["new", "other"]
    assert difference(before, lines) is not None
    assert difference(before[:2], lines[:2]) is None
