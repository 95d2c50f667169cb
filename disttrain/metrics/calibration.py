"""The calibration of forecasts: the probability integral transform (PIT), quantile residuals, and the share of surprises."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import derived, functionals
from disttrain.metrics import averages, censored
from disttrain.metrics.averages import Average
from disttrain.outcomes import Outcome

# The standard normal quantile of the smallest float64 lies at -38.4; further out every residual is the same.
_SMALLEST = 2.0**-1074


class Moments(NamedTuple):
    """Moments of residuals; those of a calibrated forecast are 0, 1, 0 and 3, as of a standard normal. No units; nan with too few rows."""

    mean: float
    variance: float
    skewness: float
    kurtosis: float


@torch.no_grad()
def pit(distribution: Distribution, outcome: Outcome, generator: np.random.Generator | None = None) -> Tensor:
    """F(y) of each row: (n,), shares; uniform on [0, 1] if the forecast is right.

    For a count or a code it is a uniform point between F(y - 1) and F(y); for an inexact row one between F(lower-) and F(upper); all given
    Y > entry if there is an entry. Each row takes one draw of `generator` in row order, so that successive blocks of rows with one
    generator have the values of all rows at once. Without a generator: one with seed 0.
    Source: Dawid (1984); randomised by Smith (1985), Diagnostic checks of non-standard time series models; of censored rows as the R
    package gamlss.cens does.
    """
    return _two_sided(distribution, outcome, generator)[0].clamp(0.0, 1.0)


@torch.no_grad()
def quantile_residuals(distribution: Distribution, outcome: Outcome, generator: np.random.Generator | None = None) -> Tensor:
    """Φ⁻¹(PIT) of each row: (n,), standard normal if the forecast is right; from the smaller tail, so that 9 sigma stay 9.

    If even that probability is 0, the residual is that of the smallest float64, ±38.4. `generator` as in `pit`.
    Source: Dunn & Smyth (1996), Randomized Quantile Residuals.
    """
    below, above = _two_sided(distribution, outcome, generator)
    residual = torch.special.ndtri(torch.minimum(below, above).clamp(min=_SMALLEST))
    return torch.where(below <= above, residual, -residual)


def calibration_error(pit: Tensor, weight: Tensor | None = None) -> Average:
    """Mean distance of the sorted PIT values (n,) from equally spaced ones, in shares, with its standard error.

    It is the Wasserstein-1 distance to the uniform distribution: 0 calibrated, 0.25 all in the middle, at most 0.5. Raises DataError
    without rows of positive weight.
    """
    return averages.average(averages.calibration, pit, weight)


def pit_histogram(pit: Tensor, weight: Tensor | None = None, bins: int = 10) -> Tensor:
    """The weight, or without weights the number, of PIT values (n,) in each of `bins` equal parts of [0, 1]: (bins,)."""
    part = (pit.detach().cpu().double() * bins).floor().clamp(0, bins - 1).long()
    weights = torch.ones(len(part), dtype=torch.float64) if weight is None else weight.detach().cpu().double()
    return torch.zeros(bins, dtype=torch.float64).index_add(0, part, weights)


def moments(residuals: Tensor, weight: Tensor | None = None) -> Moments:
    """Mean, variance, skewness and kurtosis (3 for a normal) of residuals (n,), each a weighted mean of powers.

    The variance needs 2 rows, the skewness 3 and the kurtosis 4: of fewer rows they do not depend on the residuals, and are nan. The last
    two are also nan if all residuals are equal. Raises DataError without rows of positive weight.
    """
    centre = averages.weighted_mean(residuals, weight).value
    distance = residuals.detach().double() - centre
    variance, third, fourth = (averages.weighted_mean(distance**power, weight).value for power in (2, 3, 4))
    rows = len(residuals) if weight is None else int((weight > 0).sum())
    skewness = third / variance**1.5 if rows > 2 and variance > 0.0 else math.nan
    kurtosis = fourth / variance**2 if rows > 3 and variance > 0.0 else math.nan
    return Moments(centre, variance if rows > 1 else math.nan, skewness, kurtosis)


@torch.no_grad()
def surprises(distribution: Distribution, outcome: Outcome, level: float = 0.999) -> Tensor:
    """1 if y lies above the quantile at `level` of its row, else 0: (n,); the expected share is 1 - level for real numbers.

    For an inexact row it is the share of its interval's probability above the quantile, as in `coverage`.
    """
    if not outcome.all_exact:
        edge = censored.conditional_quantile(distribution, outcome, level)
        return censored.share_between(distribution, outcome, edge, torch.full_like(edge, torch.inf))
    y = outcome.value.detach().double()
    # y > q(level) is P(Y < y) >= level, and needs no quantile: the survival function knows the digits of the tail.
    before = y - derived.step_of(distribution) if functionals.is_discrete(distribution) else y
    above = functionals.survival(distribution, before)
    return torch.where(above.isnan(), above, (above <= 1.0 - level).double())


def _two_sided(distribution: Distribution, outcome: Outcome, generator: np.random.Generator | None) -> tuple[Tensor, Tensor]:
    """The probabilities below and above y, each exact in its own tail; that of y itself, or of its interval, is divided at random."""
    if not outcome.all_exact:
        before, within, after = censored.three_parts(distribution, outcome)
        share = _shares(outcome, generator)
        return before + share * within, after + (1.0 - share) * within
    y = outcome.value.detach().double()
    below, above = functionals.cdf(distribution, y), functionals.survival(distribution, y)
    mass = functionals.probability_at(distribution, y)
    if not (functionals.is_discrete(distribution) or bool((mass > 0).any())):
        return below, above
    share = _shares(outcome, generator)
    # F at the value before keeps the digits that F(y) - P(y) would lose in the lower tail.
    before = functionals.cdf_before(distribution, y) if functionals.is_discrete(distribution) else (below - mass).clamp(min=0.0)
    return before + share * mass, above + (1.0 - share) * mass


def _shares(outcome: Outcome, generator: np.random.Generator | None) -> Tensor:
    """One uniform number per row: (n,)."""
    generator = np.random.default_rng(0) if generator is None else generator
    return torch.from_numpy(generator.random(len(outcome))).to(outcome.lower.device)
