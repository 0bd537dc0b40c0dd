"""Jobs on any ``concurrent.futures`` executor: processes of this machine, a Dask cluster, the caller's own.

A job is a function of a module with one argument, both of which can be pickled.  Its result does not depend
on who runs it: a worker whose sources are not those of the caller refuses it.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import Any, Protocol, TypeVar, runtime_checkable

from refimpl.errors import InputError
from workbench.command_line import number
from workbench.content import code
from workbench.lanes import Lanes

J = TypeVar("J")
R = TypeVar("R")
POLL_SECONDS = 0.2
CONNECT_SECONDS = 10
KEPT = "what was finished is kept, and the same command goes on from there"

@runtime_checkable
class _Counted(Protocol):
    """An executor that knows how many jobs it runs at once."""

    def places(self) -> int: ...


class _Pool(ProcessPoolExecutor):
    """Processes of this machine, a job each."""

    def __init__(self, workers: int, *more: Any) -> None:
        super().__init__(workers, *more)
        self._places = workers

    def places(self) -> int:
        return self._places


class _Cluster(Executor):
    """The threads of a Dask cluster's workers, as many as there are at the moment."""

    def __init__(self, client: Any) -> None:
        self._client, self._executor = client, client.get_executor(pure=False)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        found: Future[R] = self._executor.submit(fn, *args, **kwargs)
        return found

    def places(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except OSError as error:
            raise CancelledError from error  # as futures are where the scheduler is lost


_news: SimpleQueue[str] | None = None  # of a worker of this machine, and of the process that started it


def add_scheduler(parser: argparse.ArgumentParser) -> None:
    """The option that :func:`asked_cluster` obeys."""
    parser.add_argument("--scheduler", metavar="ADDRESS",
                        help="a Dask scheduler to send the work to, such as tcp://host:8786")  # fmt: skip


def add_executor(parser: argparse.ArgumentParser) -> None:
    """The options that :func:`asked_executor` obeys."""
    parser.add_argument("--workers", type=number, default=2,
                        help="processes, one BLAS thread each (default 2)")  # fmt: skip
    add_scheduler(parser)


@contextmanager
def asked_cluster(args: argparse.Namespace) -> Iterator[Executor | None]:
    """The cluster that the options name, or None."""
    if args.scheduler is None:
        yield None
        return
    with cluster(args.scheduler) as executor:
        yield executor


@contextmanager
def asked_executor(args: argparse.Namespace) -> Iterator[Executor]:
    """The cluster that the options name, or else processes of this machine."""
    with asked_cluster(args) as executor:
        if executor is not None:
            yield executor
            return
        with local(args.workers) as pool:
            yield pool


@contextmanager
def local(workers: int) -> Iterator[Executor]:
    """Processes of this machine; whatever they still do when the block is left, or this process dies, ends.

    Raises InputError for less than one.
    """
    global _news
    if workers < 1:
        raise InputError(f"--workers is {workers}; it takes at least 1.")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # workers read it when they start
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    queue: SimpleQueue[str] = context.SimpleQueue()
    pool = _Pool(workers, context, _start_worker, (theirs, queue))
    _news = queue
    try:
        yield pool
    finally:
        _news = None
        pool.shutdown(wait=False, cancel_futures=True)
        ours.close()


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask scheduler; they need this project installed, at this version."""
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise InputError("--scheduler needs Dask, which the extra 'scale' installs.") from error
    for name in ("distributed", "distributed.client"):  # what is lost is told in a sentence
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"no Dask scheduler answers at {address}: {error}.") from error
    try:
        yield _Cluster(client)
    except CancelledError as error:
        raise InputError(f"the Dask scheduler at {address} is gone; {KEPT}.") from error
    except KilledWorker as error:
        raise InputError(f"one worker of {address} after another ended at the same job (out of memory?); "
                         f"{KEPT}.") from error  # fmt: skip
    finally:
        client.close()


def _start_worker(parent: Connection, queue: SimpleQueue[str]) -> None:
    global _news
    _news = queue
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: Connection) -> None:
    """End this worker when the other end is closed: by whoever is done with it, or by the system, when a
    killed parent cannot tell its workers to stop."""
    try:
        parent.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def tell(news: str) -> None:
    """Called by a job: whoever waits for it on this machine hears ``news``."""
    if _news is not None:
        _news.put(news)


def finished(
    executor: Executor,
    work: Callable[[J], R],
    jobs: Iterable[J],
    on_news: Callable[[str], None] = lambda news: None,
    group: Callable[[J], Hashable] | None = None,
    cost: Callable[[J], float] | None = None,
) -> Iterator[tuple[J, R]]:
    """Yield each job with its result, in the order in which they finish.

    An executor that tells its places holds one job a place, and whoever finishes gets its next one by
    :class:`workbench.lanes.Lanes` from ``group`` and ``cost``; any other is given all of them at once.
    Where the caller stops, jobs that have not begun are taken back.

    Raises
    ------
    InputError
        Where a worker died, or runs other sources than this process.
    """
    left = Lanes(jobs, group, cost)
    running: dict[Future[R], tuple[Hashable, J]] = {}

    def begin(groups: list[Hashable]) -> None:
        if not left:
            return
        places = max(1, executor.places()) if isinstance(executor, _Counted) else None
        with _uninterrupted():
            while places is None or len(running) < places:
                busy = set() if places is None else {name for name, _ in running.values()}
                found = left.take(groups.pop(0) if groups else None, busy)
                if found is None:
                    break
                running[executor.submit(_run, code(), work, found[1])] = found

    try:
        begin([])
        while running:
            ready, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
            ended = {future: running.pop(future) for future in list(running) if future in ready}
            broken = None
            try:
                begin([name for name, _ in ended.values()])
            except BrokenExecutor as error:
                broken = error  # said when the caller has what was finished before
            while _news is not None and not _news.empty():
                on_news(_news.get())
            for future, (_, job) in ended.items():
                yield job, future.result()
            if broken is not None:
                raise broken
    except BrokenExecutor as error:
        raise InputError("a worker process ended in the middle of its work (out of memory?); "
                         f"{KEPT}.") from error  # fmt: skip
    finally:
        for future in running:
            future.cancel()


def _run(sources: str, work: Callable[[J], R], job: J) -> R:
    if code() != sources:
        raise InputError("a worker runs other sources of this project than the command that uses it; "
                         "install the same version on both.")
    return work(job)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes that start here take no Ctrl-C: the one that started them does, and ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
