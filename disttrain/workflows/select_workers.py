"""Trials side by side: processes of one thread each, so that the results are the same for any number of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, process
from types import TracebackType

from disttrain.preparation.load import SharedReads
from disttrain.workflows.select_trial import FAILED, Trial, TrialResult, done

# Seconds between two looks at a request to stop.
_TICK = 0.2
# Variables by which libraries choose their number of threads, read when they are imported.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class _Worker:
    """A process and the connection to it."""

    process: process.BaseProcess
    connection: connection.Connection


def cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Up to `most` processes that do trials. They end with the `with` block, and with this process, even if it is killed."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._crew: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._crew:
            worker.connection.close()
        for worker in self._crew:
            # A process that is idle ends when its connection does.
            worker.process.join(_TICK)
            worker.process.terminate()
            worker.process.join()

    def results(
        self, trials: Sequence[Trial], stop: Callable[[], str | None], needed: Callable[[Trial], bool]
    ) -> Iterator[tuple[Trial, TrialResult]]:
        """Do the trials, begun in their order, and yield each with its result as it ends.

        A trial that is not `needed` when its turn comes is left out. After `stop` returns a word, no trial is begun; those that run save
        their state and are yielded too.
        """
        waiting, stopping = deque(trials), False
        while len(self._crew) < min(self.most, len(waiting)):
            self._crew.append(_started())
        busy = {worker.connection: (worker, _sent(worker, waiting.popleft())) for worker in self._crew[: len(waiting)]}
        while busy:
            if not stopping and stop() is not None:
                stopping = True
                waiting.clear()
                for worker, _ in busy.values():
                    with suppress(OSError):
                        worker.connection.send(None)
            for ready in connection.wait(list(busy), _TICK):
                assert isinstance(ready, connection.Connection)
                worker, trial = busy.pop(ready)
                result = _received(worker)
                if result is None:
                    self._crew.remove(worker)
                yield trial, result or _died(worker)
                while waiting and not needed(waiting[0]):
                    waiting.popleft()
                if result is None and waiting:
                    self._crew.append(worker := _started())
                if waiting:
                    busy[worker.connection] = (worker, _sent(worker, waiting.popleft()))


def _started() -> _Worker:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(theirs,), daemon=True)
    with _without_interrupts(), _one_thread():
        worker.start()
    # The other end must be open in the worker alone: then a worker that dies is seen as the end of its connection.
    theirs.close()
    return _Worker(worker, ours)


def _sent(worker: _Worker, trial: Trial) -> Trial:
    """Send a trial to a worker, and return it. A worker that has died is seen when its result is received."""
    with suppress(OSError):
        worker.connection.send(trial)
    return trial


def _received(worker: _Worker) -> TrialResult | None:
    """The result of a worker's trial; None if the worker has died."""
    try:
        result: TrialResult = worker.connection.recv()
    except (EOFError, OSError):
        return None
    return result


def _died(worker: _Worker) -> TrialResult:
    worker.process.join()
    code = worker.process.exitcode or 0
    reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    hint = "; memory may have run out: `--workers 1` needs less" if code == -getattr(signal, "SIGKILL", 9) else ""
    return TrialResult(FAILED, f"its process ended with {reason}{hint}")


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C in the block: a process that is started there never gets it, and the parent asks it to stop."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ |= dict.fromkeys(_THREADS, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ |= {} if value is None else {name: value}


def _work(parent: connection.Connection) -> None:
    """The life of a worker: it does the trials that it is sent, until the connection ends."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    shared = SharedReads()
    stopped: list[str] = []

    def stop() -> str | None:
        # A message during a trial asks to stop, and so does a parent that is gone.
        if not stopped and parent.poll():
            stopped.append("interrupted")
        return stopped[0] if stopped else None

    while not stopped:
        try:
            trial = parent.recv()
        except (EOFError, OSError):
            return
        if trial is None:
            return
        result = done(trial, shared, stop)
        with suppress(OSError):
            parent.send(result)
