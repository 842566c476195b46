"""The engine beyond one machine: workers on the nodes of a Ray cluster.

A worker is an actor of Ray (https://docs.ray.io/en/latest/ray-core/actors.html) on one node. It
keeps the CPUs and GPUs of a task, the functions that it was sent and what they have loaded.
It holds one item at a time, so a node that dies takes one item a worker with it. All that
happens in workers and in the driver is an event; one thread of the driver handles them in order.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from experiment import ray_cluster, ray_worker
from experiment.checks import whole_number
from experiment.engine import WorkerDiedError
from experiment.errors import InputError, sentence
from experiment.ray_cluster import CHECK_SECONDS, Node, RayCluster, Watch, check_gpus, name_of

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 20.0
"""Seconds without an answer of the head after which the cluster is lost. Ray ends a process that
has not reached the head for 60, without a word to the program in it."""
SAY_SECONDS = 60.0
"""How long no worker may start before that is said."""


@dataclass(eq=False, slots=True)
class _Work:
    """An item on its way.

    Attributes:
        future: what the submitter has of it.
        function: number of the function.
        sent: the reference to it, in a list so that Ray does not fetch it for every item.
        item: what it is called with.
        nodes_died: nodes that have died while they worked on it.
    """

    future: Future[Any]
    function: int
    sent: list[Any]
    item: Any
    nodes_died: int = 0


@dataclass(eq=False, slots=True)
class _Worker:
    """An actor, where it is, and what it works on."""

    actor: Any
    node: Node
    work: _Work | None = None


class RayEngine:
    """Workers of one thread each on a Ray cluster, to be used in a ``with`` block.

    An item whose worker died has a :class:`~experiment.engine.WorkerDiedError`. What a node was
    working on when it died is given to other workers, once. Nodes that join receive workers. When
    the block ends the workers end at once, in mid-work if need be; so they do when this process
    ends.

    Args:
        address: ``HOST:PORT`` of the head of a cluster that this machine belongs to; default: what
            the environment variable ``RAY_ADDRESS`` says, else Ray is started on this machine for
            as long as the block.
        workers: at most so many; default: as many as the resources allow.
        cpus_per_task: CPUs that a worker keeps from others; it computes in one thread.
        gpus_per_task: GPUs that it keeps, or a part of one; default: 1 where there are GPUs, so
            that there is one worker a GPU, else 0.

    Raises:
        InputError: an argument is wrong.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        cpus_per_task: int = 1,
        gpus_per_task: float | None = None,
    ) -> None:
        self._address = address
        self._most = None if workers is None else whole_number(workers, "workers", 1)
        self._cpus = whole_number(cpus_per_task, "cpus_per_task", 1)
        check_gpus(gpus_per_task)
        self._gpus = gpus_per_task
        self._thread: threading.Thread | None = None

    def __enter__(self) -> RayEngine:
        """Connect, look at the nodes, and start workers.

        Raises:
            InputError: Ray is not installed, no cluster answers, no node has the resources, or
                versions differ between nodes.
        """
        self._cluster = RayCluster(self._address)
        try:
            nodes = self._cluster.nodes()
            self._gpus_each = _gpus(nodes) if self._gpus is None else self._gpus
            self._check_resources(nodes)
            self._surroundings = ray_cluster.own_surroundings()
            self._cluster.check_versions(nodes, self._surroundings)
        except BaseException:
            self._cluster.close()
            raise
        self._events: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._sent: tuple[object, int, list[Any]] = (None, 0, [])
        self._waiting: deque[_Work] = deque()
        self._idle: deque[_Worker] = deque()
        self._workers: set[_Worker] = set()
        self._seen: set[str] = set()
        self._gone: set[str] = set()
        self._lost: Exception | None = None
        self._had_workers = self._entered = time.monotonic()
        self._said = self._any_started = False
        self._thread = threading.Thread(target=self._react, args=(nodes,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is None:
            return
        self._events.put(None)
        self._thread.join()
        self._thread = None
        self._cluster.close()

    def submit(self, function: Callable[[Item], Result], item: Item, /) -> Future[Result]:
        """Let a worker call ``function(item)``.

        Raises:
            InputError: the function cannot be pickled, or the cluster is lost.
            RuntimeError: the ``with`` block has ended, or was never entered.
        """
        if self._thread is None:
            raise RuntimeError("workers exist in a 'with' block only: enter it first")
        if self._lost is not None:
            raise self._lost
        if self._sent[0] is not function:
            kept = self._cluster.ray.put(sendable(function))
            self._sent = function, self._sent[1] + 1, [kept]
        future: Future[Result] = Future()
        self._waiting.append(_Work(future, *self._sent[1:], item))
        self._events.put(_nothing)  # which lets it be handed out
        return future

    def _check_resources(self, nodes: list[Node]) -> None:
        if any(ray_cluster.room(node, self._cpus, self._gpus_each) for node in nodes):
            return
        have = [
            f"{node['Resources'].get('CPU', 0):g} and {node['Resources'].get('GPU', 0):g}"
            for node in nodes
        ]
        raise InputError(
            f"a task is to have {self._cpus} CPUs and {self._gpus_each:g} GPUs, and no node of the "
            f"Ray cluster has so many (they have {', '.join(sorted(set(have)))}): give "
            "--cpus_per_task and --gpus_per_task that fit on one"
        )

    def _react(self, nodes: list[Node]) -> None:
        """React to events until the end; a thread of its own."""
        watch = Watch(self._cluster)
        try:
            for node in nodes:
                self._start_on(node)
            while True:
                with contextlib.suppress(Empty):
                    event = self._events.get(timeout=CHECK_SECONDS)
                    if event is None:
                        break
                    event()
                self._check(watch)
                self._hand_out()
        # A defect must reach those who wait, in other threads.
        except Exception as error:
            self._lose(error)
        self._end()

    def _check(self, watch: Watch) -> None:
        """Look, now and then, whether the cluster is there and has new nodes."""
        if self._lost is not None or not watch.due():
            return
        if watch.silence > PATIENCE:
            self._lose(_lost(f"its head at {self._cluster.head} no longer answers"))
        elif watch.nodes_due():
            for node in self._cluster.nodes(self._seen):
                self._welcome(node)
        self._say_if_idle()
        if self._workers:
            self._had_workers = time.monotonic()
        elif time.monotonic() - self._had_workers > PATIENCE:
            self._lose(_lost("no node is left that can work"))

    def _welcome(self, node: Node) -> None:
        """Start workers on a node that has joined, if it can work for this process."""
        try:
            self._cluster.check_versions([node], self._surroundings)
        except InputError as error:
            self._seen.add(node["NodeID"])
            print(f"{error}; it receives no work", file=sys.stderr, flush=True)
        else:
            self._start_on(node)

    def _say_if_idle(self) -> None:
        """Say once that work waits because no worker has started yet."""
        if self._said or not self._waiting or time.monotonic() - self._entered < SAY_SECONDS:
            return
        self._said = True
        if not self._any_started:
            print(
                "the Ray cluster has not started a worker yet: its CPUs or GPUs are in use by "
                "others ('ray status' says by how much); the work waits for them",
                file=sys.stderr,
                flush=True,
            )

    def _hand_out(self) -> None:
        """Give what waits to workers that have nothing to do."""
        while self._waiting and self._lost is not None:
            _fail(self._waiting.popleft().future, self._lost)
        while self._waiting and self._idle:
            work = self._waiting.popleft()
            if not work.nodes_died and not work.future.set_running_or_notify_cancel():
                continue
            worker = self._idle.popleft()
            try:
                answer = worker.actor.call.remote(work.function, work.sent, work.item)
            # All that pickling an item raises is about the item.
            except Exception as error:
                self._idle.append(worker)
                _fail(work.future, error)
                continue
            worker.work = work
            self._when_done(answer, self._ended, worker)

    def _when_done(
        self, answer: Any, reaction: Callable[[_Worker, Future[Any]], None], worker: _Worker
    ) -> None:
        answer.future().add_done_callback(
            lambda future: self._events.put(functools.partial(reaction, worker, future))
        )

    def _start_on(self, node: Node) -> None:
        """Start workers on a node that has none."""
        self._seen.add(node["NodeID"])
        for _ in range(ray_cluster.room(node, self._cpus, self._gpus_each)):
            if self._most is None or len(self._workers) < self._most:
                self._start(node)

    def _start(self, node: Node) -> None:
        cluster = self._cluster
        actor = (
            cluster.ray.remote(ray_worker.Worker)
            .options(
                num_cpus=self._cpus,
                num_gpus=self._gpus_each,
                scheduling_strategy=cluster.on(node),
            )
            .remote(name_of(node), self._surroundings)
        )
        worker = _Worker(actor, node)
        self._workers.add(worker)
        self._when_done(actor.ready.remote(), self._started, worker)

    def _started(self, worker: _Worker, answer: Future[Any]) -> None:
        if worker not in self._workers:
            return
        if (error := answer.exception()) is None:
            self._any_started = True
            self._idle.append(worker)
            return
        self._workers.remove(worker)
        if not self._workers and not self._is_gone(worker.node):
            reason = f"no worker starts on {name_of(worker.node)} ({sentence(error)[:300]})"
            self._lose(_lost(reason))

    def _ended(self, worker: _Worker, answer: Future[Any]) -> None:
        """An item has ended, or its worker has."""
        work, worker.work = worker.work, None
        if worker not in self._workers or work is None:
            return
        exceptions = self._cluster.ray.exceptions
        error = answer.exception()
        if isinstance(error, exceptions.RayError) and not isinstance(
            error, exceptions.RayTaskError
        ):
            self._died(worker, work)
            return
        self._idle.append(worker)
        if error is None:
            result, error = answer.result()
        if error is None:
            work.future.set_result(result)
        else:
            _fail(work.future, error)

    def _died(self, worker: _Worker, work: _Work) -> None:
        """A worker ended in mid-work: it alone, or with its node."""
        self._workers.remove(worker)
        if not self._is_gone(worker.node):
            with contextlib.suppress(Exception):
                self._cluster.ray.kill(worker.actor)  # it may only be out of reach
            self._start(worker.node)
            _fail(work.future, WorkerDiedError())
            return
        gone = [each for each in self._idle if each.node["NodeID"] == worker.node["NodeID"]]
        for each in gone:
            self._idle.remove(each)
            self._workers.remove(each)
        work.nodes_died += 1
        if work.nodes_died > 1:
            _fail(work.future, WorkerDiedError())
        else:
            self._waiting.appendleft(work)

    def _is_gone(self, node: Node) -> bool:
        """Whether a node has died; it is asked once, as a machine that is off lets one wait."""
        if not self._cluster.answers():
            return True
        if node["NodeID"] not in self._gone and not ray_cluster.is_there(node):
            self._gone.add(node["NodeID"])
        return node["NodeID"] in self._gone

    def _lose(self, error: Exception) -> None:
        """Give everything up: no work can be done any more."""
        self._lost = error
        for worker in self._workers:
            if worker.work is not None:
                _fail(worker.work.future, error)
        self._workers.clear()
        self._idle.clear()

    def _end(self) -> None:
        """End the workers; results that are not there are lost."""
        reachable = self._lost is None and self._cluster.answers()
        for worker in self._workers:
            if worker.work is not None:
                _fail(worker.work.future, WorkerDiedError())
            if reachable:
                with contextlib.suppress(Exception):
                    self._cluster.ray.kill(worker.actor)
        for work in self._waiting:
            _fail(work.future, self._lost or WorkerDiedError())


def sendable(function: object) -> bytes:
    """A function as it travels to a cluster; one of a notebook or a script goes with its code.

    Raises:
        InputError: it cannot be pickled, or Ray is not installed.
    """
    try:
        return bytes(ray_cluster.import_ray().cloudpickle.dumps(function))
    except InputError:
        raise
    # Objects refuse with errors of many kinds.
    except Exception as error:
        raise InputError(
            f"this work cannot be sent to a Ray cluster ({sentence(error)[:300]}): open files, "
            "locks and connections cannot travel; let the function open them itself"
        ) from error


def _nothing() -> None: ...


def _gpus(nodes: list[Node]) -> float:
    """GPUs a worker by default: one, if there are any."""
    return float(any(node["Resources"].get("GPU", 0) >= 1 for node in nodes))


def _lost(reason: str) -> InputError:
    return InputError(
        f"the Ray cluster is lost: {reason}; what was measured is kept: resume when there is a "
        "cluster again, or with another engine"
    )


def _fail(future: Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
