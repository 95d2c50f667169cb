"""Quantiles of weighted values: a row of weight 3 counts as three rows, in any unit of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from disttrain import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy.module("numpy")

# Two shares of the weight that differ by less than this are equal, because sums of weights such as 0.1 are rounded.
ROUNDING = 1e-9


def weighted_quantiles(values: NDArray[np.float64], weight: NDArray[np.float64] | None, shares: Sequence[float]) -> NDArray[np.float64]:
    """The quantiles of `values` (n,) at `shares` of their `weight` (n,), or of the number of rows if that is None: (len(shares),).

    They are the inverse of the distribution function; a share that ends between two values has the middle of the two. They depend on the
    shares of the weight only, so that repeated rows, weights, and weights in another unit have the same quantiles. Rows of weight 0 do not
    count. Source: Hyndman & Fan (1996), Sample Quantiles in Statistical Packages, definition 2.
    """
    if weight is None and list(shares) == [0.5]:
        # The same number, several times faster.
        below, above = (len(values) - 1) // 2, len(values) // 2
        partitioned = np.partition(values, (below, above))
        return np.array([0.5 * partitioned[below] + 0.5 * partitioned[above]])
    levels = np.asarray(shares, dtype=np.float64)
    if weight is None:
        last = len(values) - 1
        first = np.ceil(levels * len(values) * (1.0 - ROUNDING)).astype(np.int64) - 1
        after = np.floor(levels * len(values) * (1.0 + ROUNDING)).astype(np.int64)
        low, high = np.clip(first, 0, last), np.clip(after, 0, last)
        ordered = np.partition(values, np.union1d(low, high))
    else:
        counted = weight > 0
        ordered, weight = values[counted], weight[counted]
        order = np.argsort(ordered, kind="stable")
        ordered, cumulative = ordered[order], cumulative_shares(weight[order])
        low = np.searchsorted(cumulative, levels - ROUNDING).clip(0, len(ordered) - 1)
        high = np.searchsorted(cumulative, levels + ROUNDING, side="right").clip(0, len(ordered) - 1)
    middle: NDArray[np.float64] = np.where(low == high, ordered[low], 0.5 * ordered[low] + 0.5 * ordered[high])
    return middle


def cumulative_shares(weight: NDArray[np.generic]) -> NDArray[np.float64]:
    """The cumulative share of the weight of each value and those before it, (n,); the last is 1."""
    sums: NDArray[np.float64] = np.cumsum(weight, dtype=np.float64)
    shares: NDArray[np.float64] = sums / sums[-1]
    return shares
