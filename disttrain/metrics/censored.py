"""What a forecast says of what was seen of each row: of an interval instead of a number, and of Y given that it exceeds its entry."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals, intervals
from disttrain.likelihood import half_open
from disttrain.outcomes import Outcome

__all__ = ["conditional_quantile", "share_between", "three_parts"]


def three_parts(distribution: Distribution, outcome: Outcome) -> tuple[Tensor, Tensor, Tensor]:
    """The probabilities, given Y > entry, of lying below what was seen of each row, in it, and above it: each (n,), with its own digits.

    (F(lower-) - F(entry))/S(entry), (F(upper) - F(lower-))/S(entry) and S(upper)/S(entry), each difference in the nearer tail and each
    ratio in logarithms, so that neither cancels nor underflows. Raises UsageError where the distribution has no log-tails.
    """
    start, end = half_open(distribution, outcome.map(Tensor.double))
    nothing = torch.full_like(start, -math.inf)
    entry = nothing if outcome.entry is None else outcome.entry.double()
    whole = functionals.log_survival(distribution, entry)
    parts = (
        intervals.log_between(distribution, entry, start),
        intervals.log_between(distribution, start, end),
        functionals.log_survival(distribution, end),
    )
    below, within, above = (_ratio(part, whole) for part in parts)
    return below, within, above


def share_between(distribution: Distribution, outcome: Outcome, first: Tensor, last: Tensor) -> Tensor:
    """P(first < Y <= last | what was seen) of each row: (n,); 1 or 0 where Y was seen exactly, 0 where the forecast rules out what was seen.

    Its mean over rows that the forecast is right about is P(first < Y <= last), however coarsely they were seen.
    """
    start, end = half_open(distribution, outcome.map(Tensor.double))
    common = intervals.log_between(distribution, torch.maximum(start, first), torch.minimum(end, last))
    share = _ratio(common, intervals.log_between(distribution, start, end))
    return torch.where(outcome.seen, ((outcome.lower > first) & (outcome.lower <= last)).double(), share)


def conditional_quantile(distribution: Distribution, outcome: Outcome, level: float) -> Tensor:
    """The quantile of each row at `level`, given Y > entry: that of the forecast at F(entry) + level · S(entry).

    Infinite where the forecast says that less than 1e-16 of the rows lie above their entry.
    """
    if outcome.entry is None:
        return functionals.quantile(distribution, level)
    beyond = functionals.log_survival(distribution, outcome.entry.double()).exp()
    return functionals.quantile(distribution, 1.0 - (1.0 - level) * beyond)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """The quotient of two probabilities given by their logarithms, 0 of nothing."""
    return torch.where(part == -math.inf, 0.0, (part - whole).exp()).clamp(max=1.0)
