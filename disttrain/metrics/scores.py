"""Scores of a forecast distribution and an outcome: one number per row, never an average.

Each takes a distribution of batch shape (n,) and the outcome of the same rows, and returns (n,) in float64 without gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals
from disttrain.errors import Finding, UsageError
from disttrain.likelihood import log_likelihood
from disttrain.metrics import censored
from disttrain.metrics.applicability import exact_target, needs_classes, require
from disttrain.outcomes import Outcome

_LEVEL = 0.9
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@torch.no_grad()
def nll(distribution: Distribution, outcome: Outcome) -> Tensor:
    """Negative log-likelihood of the outcome of each row: nats, with all constants; inf if the forecast excludes the outcome.

    It is -log q(y) for an exact row, -log P(lower <= Y <= upper) for another, given Y > entry if there is an entry. Raises UsageError if
    some row is not exact and the distribution has no log-tails.
    """
    return -log_likelihood(distribution, outcome.map(lambda ends: ends.detach().double())).double()


def deviance(distribution: Distribution, outcome: Outcome) -> Tensor:
    """Twice the negative log-likelihood, nats: its sum is the global deviance of gamlss, comparable across families."""
    return 2.0 * nll(distribution, outcome)


@torch.no_grad()
def pinball(distribution: Distribution, outcome: Outcome, levels: Sequence[float] = _LEVELS) -> Tensor:
    """Quantile score max(τ (y - q), (τ - 1)(y - q)), averaged over the quantile levels τ of each row: target units.

    Raises UsageError for a level that is not inside (0, 1), or without any.
    Source: Koenker & Bassett (1978), Regression Quantiles.
    """
    if not levels:
        raise UsageError(Finding("bad-level", "pinball needs at least one quantile level"))
    y = exact_target(distribution, outcome, "pinball")
    total = torch.zeros_like(y)
    for level in levels:
        excess = y - functionals.quantile(distribution, _checked_level(level))
        total += torch.maximum(level * excess, (level - 1.0) * excess)
    return total / len(levels)


@torch.no_grad()
def interval(distribution: Distribution, outcome: Outcome, level: float = _LEVEL) -> Tensor:
    """Winkler's score of the central interval [l, u] of probability `level`: u - l + 2/α · the distance of y outside it, α = 1 - level.

    In target units. Raises UsageError for a level that is not inside (0, 1).
    Source: Gneiting & Raftery (2007), equation 43.
    """
    y = exact_target(distribution, outcome, "interval")
    lower, upper = _central_interval(distribution, outcome, level)
    outside = (lower - y).clamp(min=0.0) + (y - upper).clamp(min=0.0)
    return upper - lower + 2.0 / (1.0 - level) * outside


@torch.no_grad()
def coverage(distribution: Distribution, outcome: Outcome, level: float = _LEVEL) -> Tensor:
    """1 if y lies in the central interval of probability `level`, its ends included, else 0; for counts the interval has more than that.

    For an inexact row it is the share of its probability in the interval, P(y in it | lower <= Y <= upper), the expected value if the
    forecast is right. The interval is that of Y given Y > entry if there is an entry. Raises UsageError for a level that is not inside (0,
    1).
    """
    lower, upper = _central_interval(distribution, outcome, level)
    if not outcome.all_exact:
        return censored.share_between(distribution, outcome, functionals.just_below(distribution, lower), upper)
    y = outcome.value.detach().double()
    return torch.where(y.isnan(), y, ((y >= lower) & (y <= upper)).double())


@torch.no_grad()
def brier(distribution: Distribution, outcome: Outcome) -> Tensor:
    """Brier score: Σ (p_c - 1{y = c})² over the classes c, for two classes (bernoulli) (p - y)², half of that.

    Raises UsageError if the target is not a class. Source: Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    probs, code = _classes(distribution, outcome, "brier")
    if probs.dim() == 1:
        return (probs - code).square()
    observed = probs.gather(1, code.long().unsqueeze(1)).squeeze(1)
    squares = torch.einsum("nk,nk->n", probs, probs)
    return (1.0 - observed).square() + (squares - observed.square()).clamp(min=0.0)


@torch.no_grad()
def accuracy(distribution: Distribution, outcome: Outcome) -> Tensor:
    """1 if the class of highest probability happened, else 0; of equal probabilities the first class is the forecast.

    Raises UsageError if the target is not a class.
    """
    probs, code = _classes(distribution, outcome, "accuracy")
    likeliest = (probs > 0.5) if probs.dim() == 1 else probs.argmax(-1)
    return (likeliest == code).double()


def _classes(distribution: Distribution, outcome: Outcome, metric: str) -> tuple[Tensor, Tensor]:
    """The probabilities of the classes (n, K), or of class 1 (n,) for two, and the code of the class that happened (n,)."""
    require(metric, needs_classes(distribution))
    code = exact_target(distribution, outcome, metric)
    return distribution.probs.detach().double(), code.argmax(-1) if distribution.event_shape else code  # type: ignore[attr-defined]


def _central_interval(distribution: Distribution, outcome: Outcome, level: float) -> tuple[Tensor, Tensor]:
    tail = 0.5 * (1.0 - _checked_level(level))
    return censored.conditional_quantile(distribution, outcome, tail), censored.conditional_quantile(distribution, outcome, 1.0 - tail)


def _checked_level(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise UsageError(Finding("bad-level", f"the level {level} does not lie between 0 and 1", hints=("90 % is written 0.9",)))
    return level


def absolute_error(distribution: Distribution, outcome: Outcome) -> Tensor:
    """|y - median| of each row: (n,), target units. The median is the forecast that makes its mean smallest."""
    return (exact_target(distribution, outcome, "mae") - functionals.median(distribution).detach()).abs()


def squared_error(distribution: Distribution, outcome: Outcome) -> Tensor:
    """(y - mean)² of each row: (n,), squared target units; nan if the mean does not exist."""
    return (exact_target(distribution, outcome, "rmse") - functionals.mean(distribution).detach()).square()
