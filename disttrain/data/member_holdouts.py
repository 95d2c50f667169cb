"""The validation rows that each of several members holds out for itself: at random, whole groups, or a block of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.data.splits import Ranks, none_left, random_ranks
from disttrain.errors import DataError, Finding

Rows = NDArray[np.int64]


def member_holdouts(table: pa.Table, members: int, share: float, *, seed: int = 0, exclude: Sequence[str] = ()) -> list[Rows]:
    """Return the rows of `table` that each member holds out, `round(share × rows)` each, ascending; at least 1 row and not all.

    The members take consecutive blocks of one random order as in `assign`, which starts again at its end: every row is held out once before
    any row is held out twice. Raises DataError if there are fewer than two rows.
    """
    ranks = random_ranks(table, None, seed, tuple(exclude))
    count = holdout_count(len(ranks), share)
    positions = np.arange(members * count).reshape(members, count) % len(ranks)
    return list(np.sort(np.argsort(ranks, kind="stable")[positions], axis=1))


def member_groups(ranks: Ranks, members: int, share: float) -> list[Rows]:
    """Return the rows that each member holds out, ascending: whole groups of equal rank with a number of rows nearest to `share × rows`.

    The members take consecutive groups in the order of their ranks, which starts again at its end: every group is held out once before any
    group is held out twice. A group with more than half of the rows, and more than the share, stays with the training rows.
    Raises DataError if there are fewer than two other groups.
    """
    count = holdout_count(len(ranks), share)
    distinct, inverse, sizes = np.unique(ranks, return_inverse=True, return_counts=True)
    small = np.flatnonzero(sizes <= max(count, len(ranks) // 2))
    if len(small) < 2:
        few = "only 1 group has" if len(small) else "no group has"
        raise too_few(
            f"{few} no more than half of the rows, and they need two", "`data.split: {method: per_member}` holds out rows at random"
        )
    ends = np.cumsum(np.tile(sizes[small], 2))
    most, result, first = min(len(small), len(distinct) - 1), [], 0
    for _ in range(members):
        before = ends[first - 1] if first else 0
        number = min(max(nearest(ends, before + count) + 1 - first, 1), most)
        held_out = np.zeros(len(distinct), dtype=bool)
        held_out[small[np.arange(first, first + number) % len(small)]] = True
        result.append(np.flatnonzero(held_out[inverse]))
        first = (first + number) % len(small)
    return result


def member_blocks(ranks: Ranks, members: int, share: float) -> list[Rows]:
    """Return the rows that each member holds out, ascending: one block of consecutive ranks of about `share × rows` rows, equal ranks together.

    The first member takes the lowest ranks (of times the newest), the next the ranks that follow, and after the highest ranks the blocks
    start again. The blocks are evenly spaced, and overlap where they do not fit the rows without a rest: no row is held out by more than
    two members of one round. Raises DataError if there are fewer than two ranks.
    """
    count = holdout_count(len(ranks), share)
    _, inverse, sizes = np.unique(ranks, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise too_few("all rows have one time", "`data.split: {method: per_member}` holds out rows at random")
    edges = np.r_[0, np.cumsum(sizes)]
    starts = np.linspace(0, len(ranks) - count, -(-len(ranks) // count)).round().astype(np.int64)
    result = []
    for start in starts[np.arange(members) % len(starts)].tolist():
        first = min(nearest(edges, start), len(sizes) - 1)
        last = max(nearest(edges, start + count), first + 1)
        if last - first == len(sizes):
            # A member needs rows to train on: the block gives up the end that it should not reach by much.
            first, last = (first, last - 1) if start == 0 else (first + 1, last)
        result.append(np.flatnonzero((inverse >= first) & (inverse < last)))
    return result


def holdout_count(rows: int, share: float) -> int:
    """Return the number of rows that a share stands for: at least 1 and not all. Raises DataError if there are fewer than two rows."""
    if rows < 2:
        raise none_left("validation", f"there {'is only 1 row' if rows else 'are no rows'}")
    return min(max(round(share * rows), 1), rows - 1)


def nearest(ascending: NDArray[np.int64], value: int) -> int:
    """Return the index of the number nearest to `value`; of two equally near, the lower."""
    above = int(np.clip(np.searchsorted(ascending, value), 1, len(ascending) - 1))
    return above - int(value - ascending[above - 1] <= ascending[above] - value)


def too_few(why: str, hint: str) -> DataError:
    hints = (hint, "or name another column in `data.split.by`")
    return DataError(Finding("empty-split", f"members cannot hold out rows of their own: {why}", "data.split.by", hints=hints))


# What each member holds out, by the ranks of rows as in `assign`.
MEMBER_HOLDOUTS: dict[str, Callable[[Ranks, int, float], list[Rows]]] = {"group": member_groups, "time": member_blocks}
