"""The folds of rows: equal parts that are held out in turn, divided at random, by group or by time."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.uint64 | np.int64]
Folds = NDArray[np.int64]


def random_folds(ranks: Ranks, folds: int) -> Folds:
    """Return the fold of each row, (n,), from 1: consecutive parts of the order of the ranks, whose sizes differ by at most one row."""
    result = np.empty(len(ranks), dtype=np.int64)
    result[np.argsort(ranks, kind="stable")] = 1 + np.arange(len(ranks)) * folds // max(len(ranks), 1)
    return result


def group_folds(ranks: Ranks, folds: int) -> Folds:
    """Return the fold of each row, (n,), from 1: rows of equal rank together, in the fold that has the fewest rows so far.

    The largest groups are placed first, groups of one size in the order of their ranks.
    """
    _, index, sizes = np.unique(ranks, return_inverse=True, return_counts=True)
    smallest = [(0, fold) for fold in range(1, folds + 1)]
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    for group in np.argsort(-sizes, kind="stable").tolist():
        rows, fold = smallest[0]
        fold_of_group[group] = fold
        heapq.heapreplace(smallest, (rows + int(sizes[group]), fold))
    return np.asarray(fold_of_group[index])


def time_folds(ranks: Ranks, folds: int) -> Folds:
    """Return the fold of each row, (n,): 0 for the earliest part, then 1 to `folds` in the order of time.

    Times have the rank of `time_ranks`, the latest the lowest. Equal times are together, so each part ends at the time nearest to its share
    of the rows.
    """
    distinct, index, sizes = np.unique(-ranks, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    cuts = [int(np.abs(ends - len(ranks) * part / (folds + 1)).argmin()) for part in range(1, folds + 1)]
    fold_of_time = np.searchsorted(np.array(cuts), np.arange(len(distinct)), side="left")
    return np.asarray(fold_of_time[index], dtype=np.int64)


FOLDS: dict[str, Callable[[Ranks, int], Folds]] = {
    "random": random_folds,
    "group": group_folds,
    "time": time_folds,
    "per_member": random_folds,
}
