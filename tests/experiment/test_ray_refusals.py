"""What cannot work on a Ray cluster is one sentence, before anything is written."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from Bayesian_Optimization.search import main as search
from experiment import ray_cluster
from experiment.engine import Processes
from experiment.engines import EngineChoice, check_sendable
from experiment.errors import InputError
from experiment.ray_cluster import check_address, room
from experiment.ray_engine import RayEngine, sendable

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were not installed."""
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.mark.usefixtures("no_ray")
def test_ray_is_optional(command: Command, tmp_path: Path) -> None:
    code, said, error = command(search, "--engine", "ray", "--log_dir", tmp_path, "--name", "run")
    assert (code, said) == (2, "")
    assert error.startswith("error: Ray is not installed here (")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    small = ("--queries", "2", "--method", "random", "--log_dir", tmp_path)
    assert command(search, *small)[0] == 0


def test_nobody_at_the_address_is_a_sentence(command: Command, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    code, said, error = command(
        search, "--engine", "ray", "--address", "127.0.0.1:1", "--log_dir", tmp_path
    )
    assert (code, said) == (2, "")
    assert error.startswith("error: nothing answers ([Errno 111] Connection refused) at the add")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Somebody who accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_somebody_silent_is_not_waited_for(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 0.2)
    with pytest.raises(InputError, match=r"nothing answers \(timed out\) at the address"):
        check_address(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True),
        (b"", True),
        (b"\0\0\0\4\0\0\0\0\0", False),  # an empty frame of settings, as gRPC begins
    ],
    ids=["http", "closed", "grpc"],
)
def test_only_what_speaks_as_ray_does_is_joined(
    server: socket.socket, answer: bytes, refused: bool
) -> None:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    address = f"127.0.0.1:{server.getsockname()[1]}"
    if refused:
        with pytest.raises(InputError, match="something else than Ray answers"):
            check_address(address)
    else:
        check_address(address)
    thread.join()


def test_ray_is_not_sent_where_nothing_but_the_loopback_address_answers(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray goes to the machine's own address instead, and would try for minutes."""
    ray = pytest.importorskip("ray")
    port = server.getsockname()[1]
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "127.0.0.2")
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray was sent there"))
    for host in ("localhost", "127.0.0.1"):
        with pytest.raises(InputError, match=rf"nothing answers .* cluster, 127\.0\.0\.2:{port}"):
            RayEngine(f"{host}:{port}").__enter__()


@pytest.mark.parametrize(
    "address", ["auto", "nonsense", "host:", ":6379", "host:port", "ray://host:10001"]
)
def test_addresses_are_a_host_and_a_port(address: str) -> None:
    with pytest.raises(InputError, match="expected HOST:PORT of its head"):
        check_address(address)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("--address a:1", "address belongs to the engine ray"),
        ("--cpus_per_task 2 --workers 2", "cpus_per_task belongs to the engine ray"),
        ("--gpus_per_task 0 --engine processes", "gpus_per_task belongs to the engine ray"),
        ("--engine here --workers 2", "2 workers do not go with the engine here"),
        ("--engine dask", "invalid choice: 'dask'"),
    ],
)
def test_flags_that_do_not_go_together(
    command: Command, tmp_path: Path, flags: str, told: str
) -> None:
    code, said, error = command(search, *flags.split(), "--log_dir", tmp_path)
    assert (code, said) == (2, "")
    assert told in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [{"cpus_per_task": 0}, {"gpus_per_task": -1}, {"gpus_per_task": 1.5}, {"workers": 0}],
    ids=str,
)
def test_numbers_of_a_cluster_are_checked(arguments: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        RayEngine(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers"),
    [(1, 0, 8), (3, 0, 2), (1, 1, 2), (1, 0.5, 4), (5, 1, 1), (9, 0, 0)],
)
def test_workers_are_as_many_as_resources_allow(cpus: int, gpus: float, workers: int) -> None:
    """On a node of 8 CPUs and 2 GPUs."""
    assert room({"Resources": {"CPU": 8.0, "GPU": 2.0}}, cpus, gpus) == workers
    assert room({"Resources": {}}, cpus, gpus) == 0


def test_engines_by_their_names() -> None:
    assert isinstance(EngineChoice("processes").start(), Processes)
    assert isinstance(EngineChoice("ray", cpus_per_task=2).start(), RayEngine)
    with pytest.raises(InputError, match="no engine 'dask': choose here, processes, ray"):
        EngineChoice("dask")
    for wrong in ({"workers": -2}, {"cpus_per_task": 0}, {"gpus_per_task": 1.5}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} is .*, expected"):
            EngineChoice("ray", **wrong)


def test_what_cannot_travel_is_a_sentence() -> None:
    pytest.importorskip("ray")
    lock = threading.Lock()
    offset = 1
    sendable(lambda item: item + offset)
    with pytest.raises(InputError, match="cannot be sent to a Ray cluster") as caught:
        check_sendable(RayEngine(), lambda _: lock)
    assert "\n" not in str(caught.value)


def test_other_versions_of_ray_are_a_sentence(tmp_path: Path) -> None:
    """As where a cluster of an older Ray answers at the address."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        message = "Version mismatch: The cluster was started with:\n    Ray: 1.0\n"
        patch.setattr(ray_cluster, "check_address", lambda address: None)
        patch.setattr(ray, "init", lambda *_, **__: (_ for _ in ()).throw(RuntimeError(message)))
        with pytest.raises(InputError, match=r"cannot join .* \(Version mismatch: .*\): this mach"):
            RayEngine("127.0.0.1:6379").__enter__()
