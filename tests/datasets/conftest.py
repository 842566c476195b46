"""Shared by the tests of architectures and spaces, and by those of downloads."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

import datasets.downloads.transfer
from datasets.graph import ArchitectureGraph
from datasets.testing import random_dag as drawn_dag
from datasets.testing import relabelled

Relabel = Callable[[ArchitectureGraph, np.random.Generator], ArchitectureGraph]


@pytest.fixture(scope="session")
def relabel() -> Relabel:
    """Put a graph's nodes into a random topological order."""
    return relabelled


@pytest.fixture(scope="session")
def random_dag() -> Callable[..., ArchitectureGraph]:
    """Draw a labelled DAG; few types and regular edges make symmetric ones likely."""
    return drawn_dag


@dataclass
class Served:
    """What the server has at an address, and how badly it serves it.

    ``breaks`` gives, request by request, the bytes after which it ends the connection; ``hang``
    makes it wait there instead.
    """

    data: bytes
    ranges: bool = True
    etag: str | None = '"one"'
    modified: str | None = None
    honours_if_range: bool = True
    breaks: list[int] = field(default_factory=list)
    hang: bool = False
    announced: int | None = 0  # this much more than there is; None: it does not say
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    status: list[int] = field(default_factory=list)  # answers before the good ones
    location: str | None = None  # where it redirects to


class BadServer(ThreadingHTTPServer):
    """Serves ``files``, address → :class:`Served`, and remembers what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def serve(self, address: str, data: bytes, **badly: Any) -> Served:
        """Have ``data`` at an address."""
        self.files[address] = Served(data, **badly)
        return self.files[address]

    def ranges(self) -> list[str | None]:
        """The ranges that were requested, request by request."""
        return [headers.get("Range") for _, headers in self.asked]


class Handler(BaseHTTPRequestHandler):
    server: BadServer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        served = self.server.files.get(self.path)
        if served is None:
            self.send_error(404)
        elif served.location is not None:
            self.send_response(302)
            self.send_header("Location", served.location)
            self.end_headers()
        elif served.status:
            self.send_response(served.status.pop(0))
            self.end_headers()
            self.wfile.write(b"<html><head><title>Sorry</title></head></html>")
        else:
            with contextlib.suppress(ConnectionError):
                self.serve(served)

    def serve(self, served: Served) -> None:
        start = self.start_asked_for(served)
        size = len(served.data)
        if start == size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
        elif start is not None:
            self.send_response(206)
            announced = size + (served.announced or 0)
            self.send_header("Content-Range", f"bytes {start}-{announced - 1}/{announced}")
        else:
            self.send_response(200)
        body = b"" if start == size else served.data[start or 0 :]
        if served.etag:
            self.send_header("ETag", served.etag)
        if served.modified:
            self.send_header("Last-Modified", served.modified)
        for name, value in served.headers.items():
            self.send_header(name, value)
        if served.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif served.announced is not None:
            self.send_header("Content-Length", str(len(body) + served.announced))
        self.end_headers()
        end = served.breaks.pop(0) if served.breaks else None
        self.send_body(body[:end], served.chunked, whole=end is None)
        if served.hang and end is not None:
            self.server.closing.wait(20)

    def start_asked_for(self, served: Served) -> int | None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if match is None or not served.ranges:
            return None
        if served.honours_if_range and condition is not None and condition != served.etag:
            return None
        return min(int(match[1]), len(served.data))

    def send_body(self, body: bytes, chunked: bool, whole: bool) -> None:
        if not chunked:
            self.wfile.write(body)
            return
        for place in range(0, len(body), 50_000):
            piece = body[place : place + 50_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if whole:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BadServer]:
    """A server on this machine that serves as badly as it is told; no proxy, no long waits."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(datasets.downloads.transfer, "LONGEST_WAIT", 0.01)
    running = BadServer()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.closing.set()
    running.shutdown()
    running.server_close()
    thread.join()
