"""Blocks of work side by side, each on one thread, with results in order."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield function(item) of each item, in order; as many items are computed side by side as torch may use threads, up to 8.

    Each is computed on one thread: the results are the same bits for any number of workers, and a core that another process holds costs
    its share. Operations that torch splits over threads wait for the slowest one instead. At most one item more than there are workers is
    in work or waits to be taken. The first error in the order of the items is raised, and the items behind it are not begun. Inside
    `function`, `in_order` computes one item after the other.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield from map(function, items)
        return
    workers, waiting = min(threads, _MOST_WORKERS), deque[Future[Result]]()
    grad = torch.is_grad_enabled()

    def computed(item: Item) -> Result:
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
