"""The log-likelihood of each row's outcome, and its weighted mean: the empirical cross-entropy."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals, intervals
from disttrain.outcomes import Outcome


def log_likelihood(distribution: Distribution, outcome: Outcome) -> Tensor:
    """The log-probability of the outcome of each row, in nats: (n,).

    The score of an exact row is log f(y). That of another is log P(lower <= Y <= upper), with both ends included, or log P(lower < Y <=
    upper) if the outcome excludes the lower end. The score of a row with an entry is conditional on Y > entry. Raises UsageError if the
    distribution has no differentiable cdf and one is needed.
    Source: Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, section 3.2.
    """
    score = distribution.log_prob(outcome.lower) if outcome.kinds == {"exact"} else _log_observed(distribution, outcome)
    if outcome.entry is None:
        return score
    log_entry_survival = functionals.log_survival(distribution, outcome.entry)
    # The score is -inf for a row at or below its entry, which could not have been observed, and for an entry of survival 0.
    never = (log_entry_survival == -math.inf) | (outcome.is_exact & (outcome.lower <= outcome.entry))
    return torch.where(never, -math.inf, score - torch.where(never, 0.0, log_entry_survival))


def _log_observed(distribution: Distribution, outcome: Outcome) -> Tensor:
    """The score of exact and other rows together; each expression has harmless numbers in the rows of the other."""
    exact = outcome.is_exact
    start, upper = half_open(distribution, outcome)
    kinds = outcome.kinds - {"exact"}
    censored = _log_between(
        distribution,
        torch.where(exact, -math.inf, start),
        torch.where(exact, math.inf, upper),
        kinds if outcome.entry is None or "left" not in kinds else kinds | {"interval"},
    )
    if "exact" not in outcome.kinds:
        return censored
    return torch.where(exact, distribution.log_prob(torch.where(exact, outcome.lower, functionals.inside(distribution))), censored)


def half_open(distribution: Distribution, outcome: Outcome) -> tuple[Tensor, Tensor]:
    """Ends a and b, each (n, *event), for which a < Y <= b is equivalent to the outcome of an inexact row.

    a is at least the entry: a value below it could not have been observed, so that a left-censored row is an interval from the entry on.
    """
    start = functionals.just_below(distribution, outcome.lower)
    if outcome.above is not None:
        start = torch.where(outcome.above, outcome.lower, start)
    return (start if outcome.entry is None else torch.maximum(start, outcome.entry)), outcome.upper


def _log_between(distribution: Distribution, start: Tensor, end: Tensor, kinds: frozenset[str]) -> Tensor:
    """Log P(start < Y <= end); if all intervals are open on the same side, only the one tail is computed."""
    if kinds <= {"right"}:
        return functionals.log_survival(distribution, start)
    if kinds <= {"left"}:
        return functionals.log_cdf(distribution, end)
    return intervals.log_between(distribution, start, end)


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Σwx/Σw over the rows of `values` (n,), in float64: a scalar. Without `weight` it is the plain mean."""
    if weight is None:
        return values.double().mean()
    return (values.double() * weight).sum() / weight.sum()


def cross_entropy(distribution: Distribution, outcome: Outcome, weight: Tensor | None = None) -> Tensor:
    """The empirical cross-entropy -Σ w log q(y) / Σ w, in nats per unit of weight: a scalar.

    Maximum likelihood minimises it over the weights of the network of `distribution`.
    """
    return weighted_mean(-log_likelihood(distribution, outcome), weight)
