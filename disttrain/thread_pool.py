"""Blocks of work side by side, each on one thread, with results in order."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from disttrain import lazy

if TYPE_CHECKING:
    import torch
else:
    torch = lazy.module("torch")

Item = TypeVar("Item")
Result = TypeVar("Result")

# More workers would need more memory, and wait for the reader and the writer of files.
_MOST_WORKERS = 8
# The number of workers inside `one_thread_each`; None outside, where it is the number of torch's threads.
_WORKERS: contextvars.ContextVar[int | None] = contextvars.ContextVar("workers", default=None)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Use one thread for each operation inside the block; `in_order` has as many workers there as torch had threads.

    Sums over all rows are the same bits then for any number of threads.
    """
    threads, workers = torch.get_num_threads(), _WORKERS.get()
    token = _WORKERS.set(workers or threads)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        _WORKERS.reset(token)


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield function(item) of each item, in order; as many items are computed side by side as torch may use threads, up to 8.

    Each is computed on one thread: the results are the same bits for any number of workers, and a core that another process holds costs
    its share. Operations that torch splits over threads wait for the slowest one instead. At most one item more than there are workers is
    in work or waits to be taken. The first error in the order of the items is raised, and the items behind it are not begun. Inside
    `function`, `in_order` computes one item after the other.
    """
    threads = torch.get_num_threads()
    workers, waiting = min(_WORKERS.get() or threads, _MOST_WORKERS), deque[Future[Result]]()
    if workers == 1:
        yield from map(function, items)
        return
    grad = torch.is_grad_enabled()

    def computed(item: Item) -> Result:
        _WORKERS.set(1)
        # The mode belongs to the thread.
        with torch.set_grad_enabled(grad):
            return function(item)

    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(contextvars.copy_context().run, computed, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            # The number of a thread is that of threads which begin later, too.
            torch.set_num_threads(threads)
