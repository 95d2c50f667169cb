"""Averages of scores over rows: weighted means, their standard errors, and gains over a baseline.

A summary takes scores (n, ...) and weights (n,). It returns its value and the influence of each row, which is the derivative of the value
in the weight of that row. The standard error is the root of the sum of squared weighted influences.
Source: Hampel (1974), The influence curve and its role in robust estimation; for the mean it is the usual formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from disttrain.errors import DataError, Finding

Summary = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Average(NamedTuple):
    """A number over many rows and its standard error, both in the unit of the metric; the error is nan for a single row."""

    value: float
    standard_error: float


class Comparison(NamedTuple):
    """A metric of a forecast and of its baseline on the same rows, and the gain of the forecast over the baseline."""

    forecast: Average
    baseline: Average
    gain: Average


def mean(scores: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Σwx/Σw of `scores` (n,), and each row's distance from it (n,)."""
    value = _mean(scores, weight)
    return value, scores - value


def root_mean(scores: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(Σwx/Σw) of squared errors (n,), and the influence (x - m)/(2 sqrt(m)) of each row (n,): the delta method.

    The influence is 0 if every error is 0.
    """
    square, influence = mean(scores, weight)
    root = square.sqrt()
    return root, influence / torch.where(root > 0, 2.0 * root, 1.0)


def calibration(scores: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Mean distance of the sorted PIT values (n,) from equally spaced ones, Σw|u - p|/Σw, and the influence of each row (n,).

    It is the Wasserstein-1 distance of the PIT values to the uniform distribution: 0 for a calibrated forecast, at most 1/2. `p` is the
    share of weight below the row, plus half of its own. The influence is that of ∫|F(t) - t|dt, so the standard error means little if the
    distance is no larger than it.
    """
    order = scores.argsort(stable=True)
    u, share = scores[order], weight[order] / weight.sum()
    upto = share.cumsum(0)
    value = (share * (u - (upto - 0.5 * share)).abs()).sum()
    above = _signed(u, upto).flip(0).cumsum(0).flip(0)
    influence = torch.empty_like(above)
    influence[order] = above - (share * above).sum()
    return value, influence


def _signed(u: Tensor, upto: Tensor) -> Tensor:
    """The length with F(t) > t minus the length with F(t) < t between each of the sorted values `u` and the next: (n,).

    F is `upto` there.
    """
    following = torch.cat([u[1:], u.new_ones(1)])
    crossing = torch.minimum(torch.maximum(upto, u), following)
    return (crossing - u) - (following - crossing)


def average(summary: Summary, scores: Tensor, weight: Tensor | None = None) -> Average:
    """The summary of `scores` (n, ...) and its standard error.

    Rows of weight 0 do not count, even with an infinite score. Raises DataError without rows, and for weights that are negative, not
    finite or all 0.
    """
    (scores,), weight = _checked((scores,), weight)
    value, influence = summary(scores, weight)
    return Average(float(value), _standard_error(influence, weight))


def compared(summary: Summary, scores: Tensor, baseline: Tensor, weight: Tensor | None = None) -> Comparison:
    """The averages of `scores` and of `baseline`, both (n, ...) of the same rows, and the difference: baseline - score.

    The rows are paired: the variation that both forecasts share is not part of the uncertainty of the gain. Raises DataError as `average`
    does.
    """
    (scores, baseline), weight = _checked((scores, baseline), weight)
    value, influence = summary(scores, weight)
    forecast = Average(float(value), _standard_error(influence, weight))
    value_of_baseline, influence_of_baseline = summary(baseline, weight)
    other = Average(float(value_of_baseline), _standard_error(influence_of_baseline, weight))
    return Comparison(
        forecast, other, Average(float(value_of_baseline - value), _standard_error(influence_of_baseline - influence, weight))
    )


def gain(summary: Summary, scores: Tensor, baseline: Tensor, weight: Tensor | None = None) -> Average:
    """The summary of `baseline` minus that of `scores`. Raises DataError as `average` does."""
    return compared(summary, scores, baseline, weight).gain


def weighted_mean(scores: Tensor, weight: Tensor | None = None) -> Average:
    """Σwx/Σw of `scores` (n,), with the standard error sqrt(Σw²(x - m)²)/Σw · sqrt(n/(n - 1)).

    `n` counts the rows of positive weight. Raises DataError as `average` does.
    Source: Cochran (1977), Sampling Techniques, section 6.3, for the ratio of two sums.
    """
    return average(mean, scores, weight)


def _mean(scores: Tensor, weight: Tensor) -> Tensor:
    return (weight * scores).sum() / weight.sum()


def _standard_error(influence: Tensor, weight: Tensor) -> float:
    n = len(weight)
    if n < 2:
        return math.nan
    return float((weight * influence).square().sum().sqrt() / weight.sum()) * math.sqrt(n / (n - 1))


def _checked(columns: tuple[Tensor, ...], weight: Tensor | None) -> tuple[list[Tensor], Tensor]:
    """The columns and the weight in float64 on the CPU, without the rows of weight 0; the weights are scaled to at most 1."""
    tensors = [column.detach().cpu().double() for column in columns]
    if weight is None and len(tensors[0]):
        return tensors, torch.ones(1, dtype=torch.float64).expand(len(tensors[0]))
    weights = torch.ones(0, dtype=torch.float64) if weight is None else weight.detach().cpu().double()
    if not bool(((weights >= 0) & weights.isfinite()).all()):
        raise DataError(Finding("bad-weight", "a weight is negative or not finite", hints=("weights must be 0 or larger",)))
    used = weights > 0
    if not bool(used.any()):
        raise DataError(Finding("no-rows", "there is no row with a positive weight, so there is nothing to average"))
    weights = weights[used]
    return [tensor[used] for tensor in tensors], weights / weights.max()
