"""Numbers derived of a distribution without a cdf: sums of probabilities, integrals of the density, ends of the support."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.integration import integral
from disttrain.distributions.numerics import tensors
from disttrain.errors import Finding, UsageError

MOST_COUNTS = 1_000_000
_CHUNK = 256


def if_implemented(method: Callable[[], Tensor]) -> Tensor | None:
    """The result of `method`, None where the distribution does not implement it: torch then raises a subclass of RuntimeError."""
    try:
        return method()
    except RuntimeError as error:
        if type(error) is RuntimeError:
            raise
        return None


def refuse(distribution: Distribution, why: str) -> NoReturn:
    """Raise UsageError: a number of the distribution cannot be derived, and the reason."""
    raise UsageError(Finding("not-supported", f"cannot derive this number of {type(distribution).__name__}", why=why))


def bounds(distribution: Distribution) -> tuple[Tensor, Tensor]:
    """The lower and the upper end of the support, of the batch shape."""
    support = distribution.support
    support = getattr(support, "base_constraint", support)
    either = support is constraints.boolean
    ends = (getattr(support, "lower_bound", 0.0 if either else -math.inf), getattr(support, "upper_bound", 1.0 if either else math.inf))
    device = tensors.device_of(distribution)
    lower, upper = (torch.as_tensor(end, dtype=torch.float64, device=device) for end in ends)
    if max(lower.ndim, upper.ndim) > len(distribution.batch_shape):
        # The components of a mixture, on the last axis, have supports of their own.
        lower, upper = lower.amin(-1), upper.amax(-1)
    return lower.expand(distribution.batch_shape), upper.expand(distribution.batch_shape)


def step_of(distribution: Distribution) -> Tensor | float:
    """The distance between neighbouring values of a discrete distribution: its attribute `step`, by default 1."""
    step: Tensor | float = vars(distribution).get("step", 1.0)
    return step


def density(distribution: Distribution) -> Callable[[Tensor], Tensor]:
    """The density, or the probability of a count, as a function of y."""
    return lambda y: distribution.log_prob(y).exp().double()


def integrated(distribution: Distribution, y: Tensor) -> tuple[Tensor, Tensor]:
    """The probabilities below and above `y`: the tail that does not hold the centre by quadrature, the other one as 1 minus it.

    Raises UsageError where the density does not integrate to 1 over the support.
    """
    centre, scale = (value.expand(y.shape) for value in _location(distribution))
    height = density(distribution)
    lower, upper = (end.expand(y.shape) for end in bounds(distribution))
    at = torch.minimum(torch.maximum(y, lower), upper)
    total_mass = integral(height, lower, centre, scale) + integral(height, centre, upper, scale)
    if not bool(((total_mass - 1.0).abs() < 1e-5).all()):
        refuse(distribution, "its density does not integrate to 1 over its support")
    right = at > centre
    # An infinite y leaves no tail; the centre stands in for it.
    point = torch.where(at.isfinite(), at, centre)
    tail = integral(height, torch.where(right, point, lower), torch.where(right, upper, point), scale + (point - centre).abs())
    tail = torch.where(at.isfinite(), tail, 0.0)
    return torch.where(right, 1.0 - tail, tail), torch.where(right, tail, 1.0 - tail)


def _location(distribution: Distribution) -> tuple[Tensor, Tensor]:
    """A central point and a scale of a distribution without a cdf: mean and standard deviation, else mode and 1/density there."""
    centre = if_implemented(lambda: distribution.mean)
    scale = if_implemented(lambda: distribution.stddev)
    if centre is None or scale is None:
        refuse(distribution, "it has neither a cdf nor a mean and variance")
    mode = if_implemented(lambda: distribution.mode)
    centre = centre if mode is None else torch.where(centre.isfinite(), centre, mode)
    height = density(distribution)(centre)
    return centre.double(), torch.where(scale.isfinite() & (scale > 0), scale.double(), 1.0 / height)


def summed(distribution: Distribution, y: Tensor) -> Tensor:
    """The sum of the probabilities of 0, 1, ..., floor(y)."""
    top = torch.nan_to_num(y.floor(), nan=-1.0, posinf=MOST_COUNTS + 1.0)
    if float(top.max()) > MOST_COUNTS:
        refuse(distribution, f"its cdf would be a sum of more than {MOST_COUNTS:,} probabilities")
    total = torch.zeros_like(y)
    for counts in counts_below(y, int(top.max()) + 1):
        total = total + torch.where(counts <= top, probability(distribution, counts), 0.0).sum(0)
    return total.clamp(max=1.0)


def summed_moment(distribution: Distribution, centre: Tensor, order: int, first: Tensor, last: Tensor) -> Tensor:
    """The sum of (k - centre)^order P(k) over the integers k from `first` to `last` of each row, which have all but 2e-13 of the mass."""
    longest = float((last - first).max())
    if not longest <= MOST_COUNTS:
        refuse(distribution, f"its moments would be sums of more than {MOST_COUNTS:,} probabilities")
    total = torch.zeros_like(first)
    for counts in counts_below(first, int(longest) + 1):
        value = first + counts
        probability_ = probability(distribution, torch.minimum(value, last))
        total = total + torch.where(value <= last, (value - centre) ** order * probability_, 0.0).sum(0)
    return total


def counts_below(like: Tensor, number: int) -> list[Tensor]:
    """0 .. number - 1 in chunks with as many trailing axes as `like`."""
    every = torch.arange(number, dtype=torch.float64, device=like.device).reshape(-1, *(1 for _ in like.shape))
    return list(torch.split(every, _CHUNK))


def probability(distribution: Distribution, counts: Tensor) -> Tensor:
    """The probability of each count; 0 above the support, where torch's distributions fail."""
    _, upper = bounds(distribution)
    inside = counts <= upper
    return torch.where(inside, density(distribution)(torch.where(inside, counts, 0.0)), 0.0)
