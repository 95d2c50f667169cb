"""Binning: a few hundred weighted values that replace a column, with the same likelihood to a few millionths of a nat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The range of log(p / (1 - p)) for about 11,000 rows.
_LENGTH = 20.0
# A value with more than this share of the weight, often an exact 0, starts a new tail beside it, where log y varies most.
_HEAVY = 0.1


@dataclass(frozen=True)
class Bins:
    """Sorted `values` (g,), each a value of the column, and the `weight` (g,) of the rows that each represents."""

    values: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.values)


def binned(y: Array, weight: Array | None, most: int) -> Bins:
    """Divide the sorted numbers `y` (n,) into about `most` bins. Each bin is represented by the value of `y` nearest to its mean.

    All bins have the same width in log(p / (1 - p)), where p is the share of the weight below a value. In the middle, a bin holds a fixed
    share of all rows; in a tail, a fixed share of the rows that remain; at the ends, single values. Equal values are in the same bin. A
    value with more than a tenth of the weight is a bin of its own, and the values below and above it are binned separately. If there are at
    most `most` distinct values, each is a bin. The weights (n,) must be positive.
    """
    values, inverse = np.unique(y, return_inverse=True)
    mass = np.bincount(inverse, weights=weight).astype(np.float64)
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
    """The bin number of each sorted value, from the weights of the values."""
    below, above = mass.cumsum() - 0.5 * mass, mass[::-1].cumsum()[::-1] - 0.5 * mass
    bins: Array = np.floor(np.log(below / above) * (most / _LENGTH))
    return bins
