"""The comparison of candidates on held-out rows: paired differences with standard errors, and a verdict on calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.9
# The 99 % quantile of the integral of |B(t)|, B a Brownian bridge: of root n times the calibration error of n uniform numbers. By simulation.
_CALIBRATED = 0.752
# The normal quantile of a two-sided 99 %.
_FAR = 2.576
# Deviations in shares that no forecast suffers from, however many rows show them.
_SMALL = 0.01


class Estimate(NamedTuple):
    """A number and its standard error, nan for a single cluster."""

    value: float
    error: float


@dataclass(frozen=True)
class HeldOutScores:
    """The scores of the rows that a candidate did not train on: positions (n,) of the rows, nats (n,), PIT (n,) or None without an order.

    `constant` (n,) are the nats of the constant model of the same training rows.
    """

    row: NDArray[np.int64]
    nll: Array
    constant: Array
    pit: Array | None

    def rows(self, rows: NDArray[np.int64]) -> HeldOutScores:
        """The scores of some positions, in their order. All of them must be there."""
        order = np.argsort(self.row)
        index = order[np.searchsorted(self.row[order], rows)]
        return HeldOutScores(rows, self.nll[index], self.constant[index], None if self.pit is None else self.pit[index])

    @staticmethod
    def joined(parts: list[HeldOutScores]) -> HeldOutScores:
        """The scores of the rows of several folds."""
        pits = [part.pit for part in parts if part.pit is not None]
        return HeldOutScores(
            np.concatenate([part.row for part in parts]), np.concatenate([part.nll for part in parts]),
            np.concatenate([part.constant for part in parts]), np.concatenate(pits) if len(pits) == len(parts) else None,
        )  # fmt: skip


@dataclass(frozen=True)
class RowWeights:
    """The weight (n,) of each row, and the index (n,) of the cluster of rows that are not independent; None: each row is its own."""

    weight: Array
    cluster: NDArray[np.int64] | None = None

    def mean(self, scores: Array) -> Estimate:
        """The weighted mean of scores (n,), with its standard error over clusters.

        sqrt(Σ_g (Σ_{i in g} w (x - m))²)/Σw · sqrt(G/(G - 1)) for G clusters of positive weight.
        Source: Cochran (1977), Sampling Techniques, section 9A.1, for the ratio of sums over clusters.
        """
        used = self.weight > 0
        weight, x = self.weight[used], scores[used]
        value = float((weight * x).sum() / weight.sum())
        parts: Array = weight * (x - value)
        if self.cluster is not None:
            parts = _sums(self.cluster[used], parts)
        groups = len(parts)
        error = float(np.sqrt((parts**2).sum()) / weight.sum() * math.sqrt(groups / (groups - 1))) if groups > 1 else math.nan
        return Estimate(value, error)

    @property
    def effective(self) -> float:
        """The number of independent rows of equal weight with the same information: (Σw)²/Σw², over clusters."""
        parts: Array = self.weight
        if self.cluster is not None:
            parts = _sums(self.cluster, parts)
        return float(parts.sum() ** 2 / (parts**2).sum())


def _sums(cluster: NDArray[np.int64], values: Array) -> Array:
    """The sums of values (n,) over each cluster."""
    _, index = np.unique(cluster, return_inverse=True)
    return np.bincount(index, weights=values).astype(np.float64)


@dataclass(frozen=True)
class Calibration:
    """The calibration of held-out forecasts: the calibration error of the PIT, the share of rows in 90 % intervals, and a verdict.

    The interval of a discrete target is that of its randomised PIT, which holds its level exactly.
    """

    pit_error: float
    coverage: Estimate
    verdict: str


@dataclass(frozen=True)
class Compared:
    """One candidate beside the best of its table: mean nats per row, its difference from the best, and its calibration.

    `tied` is True if the difference is at most one standard error. The calibration is None for a target without an order.
    """

    nll: Estimate
    behind: Estimate
    gain: Estimate
    tied: bool
    calibration: Calibration | None


def compared(scores: Mapping[str, HeldOutScores], weights: RowWeights) -> dict[str, Compared]:
    """Compare candidates on the same rows in the same order, the best first. The reference is the candidate of the least mean nats.

    The gain is that over the constant model of each candidate's own family.
    """
    means = {name: weights.mean(one.nll) for name, one in scores.items()}
    order = sorted(means, key=lambda name: means[name].value)
    reference = scores[order[0]].nll
    result = {}
    for name in order:
        one, behind = scores[name], weights.mean(scores[name].nll - reference)
        tied = name == order[0] or behind.value <= behind.error
        result[name] = Compared(means[name], behind, weights.mean(one.constant - one.nll), tied, calibration_of(one.pit, weights))
    return result


def calibration_of(pit: Array | None, weights: RowWeights) -> Calibration | None:
    """The calibration of forecasts by the PIT values (n,) of held-out rows; None without PIT values."""
    if pit is None:
        return None
    used = weights.weight > 0
    order = np.argsort(pit[used], kind="stable")
    share: Array = (weights.weight[used] / weights.weight[used].sum())[order]
    error = float((share * np.abs(pit[used][order] - (share.cumsum() - 0.5 * share))).sum())
    coverage = weights.mean((np.abs(pit - 0.5) <= 0.5 * LEVEL).astype(np.float64))
    return Calibration(error, coverage, _verdict(error, coverage, weights.mean(pit), weights.effective))


def _verdict(error: float, coverage: Estimate, mean: Estimate, rows: float) -> str:
    """The verdict: `calibrated`, or the defect of the forecasts that is beyond chance, the clearest first."""
    off = coverage.value - LEVEL
    # The standard error of a share that is nominal: the observed one is 0 where every row is covered.
    off_limit = max(_FAR * math.sqrt(LEVEL * (1.0 - LEVEL) / rows), _SMALL)
    if abs(off) > off_limit:
        return "too narrow" if off < 0 else "too wide"
    if error <= max(_CALIBRATED / math.sqrt(rows), _SMALL):
        return "calibrated"
    shift = mean.value - 0.5
    if abs(shift) > max(_FAR * math.sqrt(1.0 / 12.0 / rows), _SMALL):
        return "too low" if shift > 0 else "too high"
    return "wrong shape"
