"""A Ray cluster: connecting to one, and which of its nodes can work for this process."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Container, Mapping, Sequence
from types import ModuleType
from typing import Any

from experiment import ray_worker
from experiment.checks import shown
from experiment.errors import InputError, sentence
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT
from experiment.threads import available_cores

ADDRESS_VARIABLE = "RAY_ADDRESS"
"""Environment variable that names the head where no argument does; ``ray job submit`` sets it."""
ANSWER_SECONDS = 5.0
"""How long a port may take to answer; Ray itself would try for minutes."""
PROBE_SECONDS = 60.0
"""How long a node may take to say its versions, for which it may have to start a process."""
CHECK_SECONDS = 1.0
"""How often the head is looked at."""
NODES_SECONDS = 10.0
"""How often nodes that have joined are looked for."""
LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")
"""Hosts that Ray replaces by the machine's own address."""
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client of HTTP/2, and so of gRPC, begins: RFC 9113, section 3.4."""
SETTINGS_FRAME = 4
"""Type of the frame that a server begins with; the type is a frame's fourth byte."""

Node = Mapping[str, Any]
"""A node as ``ray.nodes()`` describes it."""


class RayCluster:
    """A connection to a cluster.

    Args:
        address: ``HOST:PORT`` of the head; ``None``: what ``RAY_ADDRESS`` says, else Ray is
            started on this machine.

    Attributes:
        ray: the package.
        head: ``HOST:PORT`` of the head.

    Raises:
        InputError: Ray is not installed, or nothing answers there that this process can use.
    """

    def __init__(self, address: str | None = None) -> None:
        self.ray = import_ray()
        address = address or os.environ.get(ADDRESS_VARIABLE) or None
        self._ours = not self.ray.is_initialized()
        if self._ours and address is None:
            _start(self.ray)
        elif self._ours:
            _connect(self.ray, str(address))
        self.head = str(self.ray.get_runtime_context().gcs_address)
        if not self._ours and address not in (None, self.head):
            raise InputError(
                f"this process is connected to the Ray cluster at {self.head} already, not to "
                f"{address}: call ray.shutdown() first, or give no address"
            )

    def close(self) -> None:
        """End the connection, and Ray where it was started here; leave one that was there."""
        if self._ours:
            self.ray.shutdown()

    def answers(self) -> bool:
        """Whether the head is there."""
        return listens(self.head)

    def nodes(self, seen: Container[str] = ()) -> list[Node]:
        """The nodes that answer; those whose ids were seen are left out."""
        return [
            node
            for node in self.ray.nodes()
            if node["Alive"] and node["NodeID"] not in seen and is_there(node)
        ]

    def on(self, node: Node) -> Any:
        """The scheduling strategy for what is to run on a node and nowhere else."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)

    def check_versions(self, nodes: Sequence[Node], surroundings: ray_worker.Surroundings) -> None:
        """Refuse nodes that would compute something else, or cannot compute at all.

        Raises:
            InputError: versions or sources differ, or a node does not say them.
        """
        ours = ray_worker.versions()
        asked = {self._probe(node).remote(surroundings): node for node in nodes}
        answered, silent = self.ray.wait(list(asked), num_returns=len(asked), timeout=PROBE_SECONDS)
        for answer in answered:
            node = name_of(asked[answer])
            try:
                theirs = self.ray.get(answer)
            except self.ray.exceptions.RayError as error:
                raise InputError(
                    f"the node {node} of the Ray cluster cannot say its versions "
                    f"({sentence(error)[:300]}): mend it, or take it out of the cluster"
                ) from error
            if differing := [each for each in ours if theirs[each] != ours[each]]:
                what = differing[0]
                raise InputError(
                    f"the node {node} of the Ray cluster has {what} {theirs[what]}, this process "
                    f"has {ours[what]}: have the same on every node"
                )
        if silent:
            raise InputError(
                f"the node {name_of(asked[silent[0]])} of the Ray cluster has started no process "
                f"in {PROBE_SECONDS:g} s: mend it, or take it out of the cluster"
            )

    def _probe(self, node: Node) -> Any:
        options = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": self.on(node)}
        return self.ray.remote(ray_worker.versions_there).options(**options)


class Watch:
    """When the head of a cluster was looked at, and when it answered."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._checked = self._answered = self._looked = time.monotonic()

    def due(self) -> bool:
        """Look at the head if it is time; whether it was."""
        now = time.monotonic()
        if now - self._checked < CHECK_SECONDS:
            return False
        if self._cluster.answers():
            self._answered = now
        self._checked = time.monotonic()
        return True

    @property
    def silence(self) -> float:
        """Seconds since the head has answered."""
        return self._checked - self._answered

    def nodes_due(self) -> bool:
        """Whether it is time to look for nodes, and the head would answer."""
        due = self._answered - self._looked >= NODES_SECONDS and self.silence < CHECK_SECONDS
        if due:
            self._looked = self._answered
        return due


def name_of(node: Node) -> str:
    """How messages call a node: host name and address."""
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def is_there(node: Node) -> bool:
    """Whether a node answers; the head learns only after a while that it does not."""
    return listens(f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}")


def room(node: Node, cpus: float, gpus: float) -> int:
    """How many tasks of so many CPUs and GPUs each a node has the resources for."""
    has = node["Resources"]
    by_cpus = int(has.get("CPU", 0) // cpus)
    return min(by_cpus, int(has.get("GPU", 0) // gpus)) if gpus else by_cpus


def own_surroundings() -> ray_worker.Surroundings:
    """What workers take over from this process."""
    paths = [str(REPOSITORY_ROOT), *(path or os.getcwd() for path in sys.path)]
    defaults = {}
    if root := os.environ.get(DATA_ROOT_VARIABLE):
        defaults[DATA_ROOT_VARIABLE] = root
    return ray_worker.Surroundings(tuple(dict.fromkeys(paths)), os.getcwd(), defaults)


def listens(address: str) -> bool:
    """Whether somebody accepts connections at ``HOST:PORT``."""
    try:
        _open(address).close()
    except OSError:
        return False
    return True


def import_ray() -> ModuleType:
    """The package, which is optional.

    Raises:
        InputError: it is not installed.
    """
    # Both are read when Ray is imported: no word to its makers, and no lines of its own between
    # those of a command.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import ray
    except ImportError as error:
        raise InputError(
            f"Ray is not installed here ({sentence(error)}): pip install 'ray' in the version of "
            "requirements.txt, or choose another engine"
        ) from error
    # Its functions run on nodes that may not have the suite, to say just that.
    ray.cloudpickle.register_pickle_by_value(ray_worker)
    return ray


def _start(ray: ModuleType) -> None:
    """Start Ray on this machine.

    Raises:
        InputError: it does not start.
    """
    try:
        ray.init(
            "local",
            num_cpus=available_cores(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"Ray does not start on this machine ({sentence(error)[:300]}): give the address of a "
            "cluster, or choose another engine"
        ) from error


def _connect(ray: ModuleType, address: str) -> None:
    """Connect to a cluster that is there.

    Raises:
        InputError: it is not, or it is of another version of Ray or Python.
    """
    check_address(_where_ray_goes(ray, address))
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"this process cannot join the Ray cluster at {address} ({sentence(error)[:300]}): "
            "this machine has to be one of its nodes, with the same versions of Ray and Python"
        ) from error


def _where_ray_goes(ray: ModuleType, address: str) -> str:
    """The address with this machine's own in place of the loopback one, as Ray changes it.

    If nothing listened there, Ray would try for minutes and print warnings.
    """
    host, _, port = address.rpartition(":")
    if host not in LOOPBACK:
        return address
    return f"{ray.util.get_node_ip_address()}:{port}"


def check_gpus(gpus: float | None) -> None:
    """Make sure that a worker can keep so many GPUs; ``None`` leaves it to the engine.

    Raises:
        InputError: it is no part of one, and no whole number.
    """
    if gpus is not None and not (0 <= gpus <= 1 or (gpus > 1 and gpus % 1 == 0)):
        raise InputError(
            f"gpus_per_task is {shown(gpus)}, expected a part of one or a whole number"
        )


def check_address(address: str) -> None:
    """Make sure, within seconds, that something at an address speaks as the head of a cluster does.

    Raises:
        InputError: it does not, or the address has another form.
    """
    host, colon, port = address.rpartition(":")
    if not host or not colon or not port.isdigit() or "/" in address:
        raise InputError(
            f"the address of the Ray cluster is {address!r}, expected HOST:PORT of its head, as "
            "'ray start --head' prints it"
        )
    what = "nothing answers"
    try:
        with _open(address) as connection:
            connection.sendall(HELLO)
            if os.environ.get("RAY_USE_TLS", "0") != "0" or _begins_http2(connection):
                return
        what = "something else than Ray answers"
    except OSError as error:
        what += f" ({sentence(error)})"
    raise InputError(
        f"{what} at the address of the Ray cluster, {address}: start one with 'ray start --head', "
        "or give the address that it prints"
    )


def _open(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS)


def _begins_http2(connection: socket.socket) -> bool:
    end = time.monotonic() + ANSWER_SECONDS
    read = b""
    while len(read) < 9 and time.monotonic() < end:
        more = connection.recv(9 - len(read))
        if not more:
            break
        read += more
    return len(read) == 9 and read[3] == SETTINGS_FRAME
