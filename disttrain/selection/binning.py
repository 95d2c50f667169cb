"""Groups: a column of numbers as a few hundred of them with weights, which have the likelihood of all to a few millionths of a nat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# From the first of 11,000 rows to the last, in log(p / (1 - p)).
_LENGTH = 20.0
# Beside an exact 0 that so many rows have, the smallest amounts are a tail, where log y varies most.
_HEAVY = 0.1


@dataclass(frozen=True)
class Bins:
    """Sorted `values` (g,), each one of the column's own, so that it lies where they lie, and the `weight` (g,) of the rows it stands for."""

    values: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.values)


def binned(y: Array, weight: Array | None, most: int) -> Bins:
    """The numbers `y` (n,) in about `most` groups of neighbours, each by its member nearest the group's mean; weights (n,) are positive.

    A group is as long as any other in log(p / (1 - p)) of the share p of the weight that lies below: a share of all rows in the middle,
    of the rows beyond in either tail, single values at the ends. Equal values are never parted, those that many rows have stand alone
    and are ends of what lies beside them, and where there are no more than `most` values all do.
    """
    values, place = np.unique(y, return_inverse=True)
    mass = np.bincount(place, weights=weight).astype(np.float64)
    if len(values) <= most:
        return Bins(values, mass)
    parts = np.flatnonzero(np.diff(mass > _HEAVY * mass.sum(), prepend=False))
    bins = np.concatenate([_bins(part, most) for part in np.split(mass, parts)])
    starts = np.union1d(np.flatnonzero(np.diff(bins, prepend=np.nan)), parts)
    size = np.add.reduceat(mass, starts)
    share = mass / np.repeat(size, np.diff(starts, append=len(values)))
    mean = np.add.reduceat(share * values, starts)
    after = np.searchsorted(values, mean).clip(1, len(values) - 1)
    return Bins(values[np.where(mean - values[after - 1] < values[after] - mean, after - 1, after)], size)


def _bins(mass: Array, most: int) -> Array:
    """The number of each sorted value's group, in order, by the weights of the values."""
    below, above = mass.cumsum() - 0.5 * mass, mass[::-1].cumsum()[::-1] - 0.5 * mass
    bins: Array = np.floor(np.log(below / above) * (most / _LENGTH))
    return bins
