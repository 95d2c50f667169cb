"""The log-probability of an interval, differentiable: wide or narrow, central or in a tail."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import derived, log_tails
from disttrain.distributions.numerics import log_probabilities

# Points and weights of the Gauss-Legendre rule of four points, of an interval of width 1 around 0.
_NODES = (-0.4305681557970263, -0.16999052179242813, 0.16999052179242813, 0.4305681557970263)
_SHARES = (0.17392742256872679, 0.3260725774312732, 0.3260725774312732, 0.17392742256872679)


def log_between(distribution: Distribution, start: Tensor, end: Tensor) -> Tensor:
    """log P(start < Y <= end), of the shape of the ends and the batch together; -inf where the interval and the support do not overlap.

    The difference of two probabilities in the nearer tail. A narrow interval loses the digits of the difference, and of its gradient
    first: where the difference equals Gauss's four-point rule for the density up to rounding, the rule replaces it. With a share s of the
    tail the relative error of the rule is about 6e-10 s⁸: 1e-12 where it replaces the difference. Of a discrete target the rule is the
    probability of the middle value times the number of values. Raises UsageError where the distribution has no tails.
    Source of the error: Davis & Rabinowitz (1984), Methods of Numerical Integration, section 2.7.
    """
    below = log_tails.log_cdf(distribution, start), log_tails.log_cdf(distribution, end)
    above = log_tails.log_survival(distribution, start), log_tails.log_survival(distribution, end)
    difference = log_probabilities.log_interval(below, above)
    middle, width = _middle(distribution, start, end)
    some = width.isfinite() & (width > 0)
    if not bool(some.any()):
        return difference
    by_density = _by_density(distribution, torch.where(some, middle, log_tails.inside(distribution)), torch.where(some, width, 0.0), some)
    return torch.where(some & log_probabilities.lost(difference, by_density, torch.minimum(above[0], below[1])), by_density, difference)


def _by_density(distribution: Distribution, middle: Tensor, width: Tensor, some: Tensor) -> Tensor:
    """The log integral of the density over intervals of positive `width` where `some`; at a width of 0 any finite number."""
    log_width = torch.where(some, width, 1.0).log()
    if log_tails.is_discrete(distribution):
        return distribution.log_prob(middle).double() + log_width
    nodes = torch.tensor(_NODES, dtype=torch.float64, device=middle.device).reshape(-1, *(1 for _ in middle.shape))
    share = torch.tensor(_SHARES, dtype=torch.float64, device=middle.device).log().reshape(nodes.shape)
    # The smallest number but -inf, of which four would have no slope.
    terms = distribution.log_prob(middle + width * nodes).double().clamp(min=-1e300) + share
    return torch.logsumexp(terms, 0) + log_width


def _middle(distribution: Distribution, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """The middle and the width of the part of the support in (start, end]; of a discrete target its middle value and number of values."""
    lower, upper = derived.bounds(distribution)
    if not log_tails.is_discrete(distribution):
        a, b = torch.maximum(start.double(), lower), torch.minimum(end.double(), upper)
        return 0.5 * a + 0.5 * b, b - a
    step = derived.step_of(distribution)
    first = torch.maximum((start.double() / step + 1e-9).floor() + 1.0, lower / step)
    last = torch.minimum((end.double() / step + 1e-9).floor(), upper / step)
    return (0.5 * first + 0.5 * last).floor() * step, last - first + 1.0
