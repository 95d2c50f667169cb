"""The log-likelihood of what was observed of each row, and its weighted mean: the empirical cross-entropy."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals, intervals
from disttrain.outcomes import Outcome

__all__ = ["cross_entropy", "half_open", "log_likelihood", "weighted_mean"]


def log_likelihood(distribution: Distribution, outcome: Outcome) -> Tensor:
    """Log-probability of what was observed of each row, in nats: (n,).

    Exact rows score log f(y), others log P(lower <= Y <= upper), both ends included, or log P(lower < Y <= upper) where the outcome leaves
    the lower end out; rows that could only be seen above their entry score that given Y > entry. Raises UsageError where the distribution
    has no differentiable cdf and one is needed.
    Source: Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, section 3.2.
    """
    score = distribution.log_prob(outcome.lower) if outcome.kinds == {"exact"} else _log_seen(distribution, outcome)
    if outcome.entry is None:
        return score
    beyond = functionals.log_survival(distribution, outcome.entry)
    # Of a row that could not have been seen, there or at all, nothing can be expected either.
    never = (beyond == -math.inf) | (outcome.seen & (outcome.lower <= outcome.entry))
    return torch.where(never, -math.inf, score - torch.where(never, 0.0, beyond))


def _log_seen(distribution: Distribution, outcome: Outcome) -> Tensor:
    """The score of exact and other rows together; each expression is given harmless numbers in the rows that are not its own."""
    exact = outcome.seen
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
    """The ends a and b, each (n, *event), for which a < Y <= b says the same as the outcome, where the row was not seen exactly.

    a is no lower than the entry: what lies below could not have been seen, so that a left-censored row is an interval from there.
    """
    start = functionals.just_below(distribution, outcome.lower)
    if outcome.above is not None:
        start = torch.where(outcome.above, outcome.lower, start)
    return (start if outcome.entry is None else torch.maximum(start, outcome.entry)), outcome.upper


def _log_between(distribution: Distribution, start: Tensor, end: Tensor, kinds: frozenset[str]) -> Tensor:
    """log P(start < Y <= end); where all intervals are open on one side only the one tail is asked."""
    if kinds <= {"right"}:
        return functionals.log_survival(distribution, start)
    if kinds <= {"left"}:
        return functionals.log_cdf(distribution, end)
    return intervals.log_between(distribution, start, end)


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Σwx/Σw over the rows of `values` (n,), in float64: a scalar. Without `weight` the plain mean."""
    if weight is None:
        return values.double().mean()
    return (values.double() * weight).sum() / weight.sum()


def cross_entropy(distribution: Distribution, outcome: Outcome, weight: Tensor | None = None) -> Tensor:
    """Empirical cross-entropy -Σ w log q(y) / Σ w, in nats per unit of weight: a scalar.

    Minimising it over the weights of the network that made `distribution` is maximum likelihood.
    """
    return weighted_mean(-log_likelihood(distribution, outcome), weight)
