"""The probability of an interval in logarithms, differentiable: wide or narrow, in the middle or far out in a tail."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions import derived, logs, tails

__all__ = ["log_between"]


def log_between(distribution: Distribution, start: Tensor, end: Tensor) -> Tensor:
    """log P(start < Y <= end), of the shape of the ends and the batch together; -inf where the support has nothing there.

    The difference of two probabilities in the nearer tail; where that cannot be told from the midpoint rule, the log-density at the middle
    plus the logarithm of the width, as the digits of the difference, and first those of its gradient, are lost in an interval that is
    narrow. The two differ by h²/24 · f''/f, which with a share s of the tail is about s²/24: less than 1e-7 where one replaces the other.
    Raises UsageError where the distribution has no tails.
    """
    below = tails.log_cdf(distribution, start), tails.log_cdf(distribution, end)
    above = tails.log_survival(distribution, start), tails.log_survival(distribution, end)
    difference = logs.log_interval(below, above)
    middle, width = _middle(distribution, start, end)
    some = width.isfinite() & (width > 0)
    if not bool(some.any()):
        return difference
    density = distribution.log_prob(torch.where(some, middle, tails.inside(distribution))).double()
    flat = density + torch.where(some, width, 1.0).log()
    return torch.where(some & logs.lost(difference, flat, torch.minimum(above[0], below[1])), flat, difference)


def _middle(distribution: Distribution, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """The middle of what the support has in (start, end], and how wide that is: of a discrete target a value of it, and their number."""
    lower, upper = derived.bounds(distribution)
    if not tails.is_discrete(distribution):
        a, b = torch.maximum(start.double(), lower), torch.minimum(end.double(), upper)
        return 0.5 * a + 0.5 * b, b - a
    step = derived.step_of(distribution)
    first = torch.maximum((start.double() / step + 1e-9).floor() + 1.0, lower / step)
    last = torch.minimum((end.double() / step + 1e-9).floor(), upper / step)
    return (0.5 * first + 0.5 * last).floor() * step, last - first + 1.0
