"""Made-up runs for the tests of the report, and a headless browser to look at its page.

The browser is spoken to by W3C WebDriver: no package is needed for that.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest

from datasets import get_benchmark
from datasets.objective import Objective
from experiment.files import plain
from experiment.schema import SCHEMA

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)


class Browser:
    """One window of Chromium.

    Args:
        port: where chromedriver listens, on this machine.
        downloads: folder that receives what is saved.
    """

    def __init__(self, port: int, downloads: Path) -> None:
        self.downloads = downloads
        # No proxy of the environment has a part in talking to this machine.
        self._opener = build_opener(ProxyHandler({}))
        self._root = f"http://127.0.0.1:{port}/session"
        options = {
            "args": [*FLAGS, "--window-size=1400,1000", f"--user-data-dir={downloads / 'profile'}"],
            "binary": CHROMIUM,
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._root += f"/{session['sessionId']}"
        allowed = {"behavior": "allow", "downloadPath": str(downloads)}
        self.devtools("Browser.setDownloadBehavior", **allowed)

    def open(self, page: Path) -> None:
        """Load a page from the disk."""
        self._ask("POST", "/url", {"url": page.resolve().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that the body of a function returns in the page."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def complaints(self) -> list[str]:
        """What the console said since the last call."""
        return [line["message"] for line in self._ask("POST", "/se/log", {"type": "browser"})]

    def pointer(self, *steps: tuple[str, float, float]) -> None:
        """Move to points of the window, and press or release the button there."""
        actions: list[dict[str, Any]] = []
        for kind, x, y in steps:
            actions.append({"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)})
            if kind != "move":
                actions.append({"type": f"pointer{kind.capitalize()}", "button": 0})
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        self._ask("POST", "/actions", {"actions": [mouse]})

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def resize(self, width: int, height: int) -> None:
        """Give the window a size."""
        self._ask("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, path: Path) -> None:
        """Save what the window shows."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of the browser's own protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = Request(self._root + path, content, method=method)
        with self._opener.open(request, timeout=60) as reply:
            return json.load(reply)["value"]


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; the test is skipped where there is none, or no chromedriver."""
    driver = shutil.which("chromedriver")
    if not driver or not CHROMIUM:
        pytest.skip("no headless browser here: install chromium and chromedriver")
    with subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = (re.search(r"on port (\d+)", line) for line in process.stdout)
            port = next(int(found[1]) for found in told if found and found[1] != "0")
            window = Browser(port, tmp_path_factory.mktemp("browser"))
            try:
                yield window
            finally:
                window.close()
        finally:
            process.terminate()


RunMaker = Callable[..., Path]


@pytest.fixture
def search_run(tmp_path: Path) -> RunMaker:
    """Makes the folder of a random search among the first cells of DIGITS101.

    Settings of ``config.json`` are given by name; ``queries`` says how many lines there are.
    """

    def make(name: str, queries: int = 12, ended: bool = True, **settings: Any) -> Path:
        config: dict[str, Any] = {"schema": SCHEMA, "stage": "search", "method": "random"}
        config["objective"] = Objective("validation", unit="fraction", dataset="digits")
        config |= {"space": "DIGITS101", "dataset": "digits"}
        config |= {"estimator": "table", "queries": queries, "initial": 3, "batch": 1, "seed": 0}
        config |= settings
        rows = np.random.default_rng(config["seed"]).permutation(60)[:queries]
        folder = tmp_path / name
        (folder / "figures").mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(plain(config)))
        lines = list(_search_lines(rows))
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        if ended:
            (folder / "result.json").write_text(json.dumps(_search_result(lines)))
        return folder

    return make


def _search_lines(rows: np.ndarray) -> Iterator[dict[str, Any]]:
    benchmark = get_benchmark("DIGITS101")
    validation, test = (benchmark.metric(name).mean() for name in ("validation", "test"))
    best = rows[0]
    for query, row in enumerate(rows.tolist(), 1):
        best = row if validation[row] > validation[best] else best
        graph = benchmark.graphs.graph(row)
        hash = str(benchmark.hashes[row])
        yield {"event": "asked", "names": [hash], "seconds": 0.5}
        yield {
            "event": "measured",
            "query": query,
            "hash": hash,
            "architecture": benchmark.space.to_record(graph),
            "status": "ok",
            "validation": validation[row],
            "test": test[row],
            "cost_seconds": 10.0,
            "parameters": 1000 + row,
            "simulated_seconds": 10.0 * query,
            "incumbent": {
                "hash": str(benchmark.hashes[best]),
                "validation": validation[best],
                "test": test[best],
                "true_validation": validation[best],
                "true_test": test[best],
            },
        }


def _search_result(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Made of the best of the sixty cells that may be asked for."""
    benchmark = get_benchmark("DIGITS101")
    validation, test = (benchmark.metric(name).mean()[:60] for name in ("validation", "test"))
    optimum = {
        "validation": validation.max(),
        "test": test.max(),
        "test_of_best_validation": test[validation.argmax()],
    }
    return {
        "queries": len(lines) // 2,
        "share_known": 1.0,
        "best_observed": {**lines[-1]["incumbent"], "architecture": {}, "notation": ""},
        "recommended": None,
        "optimum": optimum,
        "seconds": 1.0,
        "simulated_seconds": lines[-1]["simulated_seconds"],
    }
