"""Durations are read from pytest's report and summed by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.suite_durations import main
from experiment.errors import InputError

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" tests="3" time="7.6">
<testcase classname="tests.models.test_vae" name="test_a[SVGE]" time="5.0">
<properties><property name="cpu_seconds" value="1.5" /></properties></testcase>
<testcase classname="tests.models.test_vae" name="test_b" time="1.0">
<properties><property name="cpu_seconds" value="0.5" /></properties></testcase>
<testcase classname="tests.test_install" name="test_c" time="2.0"><properties>
<property name="cpu_seconds" value="3.25" /></properties></testcase>
</testsuite></testsuites>
"""


def test_durations_are_summed_by_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, out = tmp_path / "durations.xml", tmp_path / "out.json"
    report.write_text(REPORT)
    assert main([str(report), "--slowest", "2", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found.pop("environment")["cores"] > 0
    assert found == {
        "tests": 3,
        "clock_seconds": 8,
        "processor_seconds": 5,
        "files": {"tests/test_install.py": 3.2, "tests/models/test_vae.py": 2.0},
        "slowest": {
            "tests/test_install.py::test_c": 3.2,
            "tests/models/test_vae.py::test_a[SVGE]": 1.5,
        },
    }
    assert "3 tests, 8 s by the clock, 5 s of a processor" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "no report", "<testsuites></testsuites>"])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str | None) -> None:
    report = tmp_path / "durations.xml"
    if content is not None:
        report.write_text(content)
    with pytest.raises(InputError, match=r"durations\.xml"):
        main([str(report)])
