"""The probabilities of inexact rows by a forecast: of an interval instead of a number, and of Y given that it exceeds its entry."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals, intervals
from disttrain.likelihood import half_open
from disttrain.outcomes import Outcome


def three_parts(distribution: Distribution, outcome: Outcome) -> tuple[Tensor, Tensor, Tensor]:
    """The probabilities, given Y > entry, below, in and above the interval of each row: each (n,), exact in its own tail.

    They are (F(lower-) - F(entry))/S(entry), (F(upper) - F(lower-))/S(entry) and S(upper)/S(entry), each difference in the smaller tail
    and each ratio in logarithms, so that neither cancels nor underflows. Raises UsageError if the distribution has no log-tails.
    """
    start, end = half_open(distribution, outcome.map(Tensor.double))
    nothing = torch.full_like(start, -math.inf)
    entry = nothing if outcome.entry is None else outcome.entry.double()
    log_total = functionals.log_survival(distribution, entry)
    parts = (
        intervals.log_between(distribution, entry, start),
        intervals.log_between(distribution, start, end),
        functionals.log_survival(distribution, end),
    )
    below, within, above = (_ratio(log_part, log_total) for log_part in parts)
    return below, within, above


def share_between(distribution: Distribution, outcome: Outcome, first: Tensor, last: Tensor) -> Tensor:
    """P(first < Y <= last | outcome) of each row: (n,); 1 or 0 for an exact row, 0 if the forecast excludes the outcome.

    If the forecast is right, its mean over rows is P(first < Y <= last), for intervals of any width.
    """
    start, end = half_open(distribution, outcome.map(Tensor.double))
    common = intervals.log_between(distribution, torch.maximum(start, first), torch.minimum(end, last))
    share = _ratio(common, intervals.log_between(distribution, start, end))
    return torch.where(outcome.is_exact, ((outcome.lower > first) & (outcome.lower <= last)).double(), share)


def conditional_quantile(distribution: Distribution, outcome: Outcome, level: float) -> Tensor:
    """The quantile of each row at `level`, given Y > entry: that of the forecast at F(entry) + level · S(entry).

    It is infinite if the forecast has less than 1e-16 above the entry.
    """
    if outcome.entry is None:
        return functionals.quantile(distribution, level)
    entry_survival = functionals.log_survival(distribution, outcome.entry.double()).exp()
    return functionals.quantile(distribution, 1.0 - (1.0 - level) * entry_survival)


def _ratio(log_part: Tensor, log_total: Tensor) -> Tensor:
    """The quotient of two probabilities from their logarithms, 0 if the first is 0."""
    return torch.where(log_part == -math.inf, 0.0, (log_part - log_total).exp()).clamp(max=1.0)
