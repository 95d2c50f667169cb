"""The log cdf and log survival of a distribution, differentiable, at any real number: for censoring and rounding."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import derived

# A multiple of 0.1 is one up to rounding only.
_ROUNDING = 1e-9


def is_discrete(distribution: Distribution) -> bool:
    """Return True where the distribution is of counts or labels, not of real numbers."""
    return bool(distribution.support.is_discrete)  # type: ignore[union-attr]


def has_tails(distribution: Distribution) -> bool:
    """Return True where the distribution has a differentiable log_cdf and log_survival: for censoring, rounding and truncation."""
    return hasattr(distribution, "log_cdf") and hasattr(distribution, "log_survival")


def log_cdf(distribution: Distribution, y: Tensor) -> Tensor:
    """log P(Y <= y), differentiable in the parameters, of the shape of `y` and the batch together; y may lie beyond the support.

    Raises UsageError where the distribution has none.
    """
    return _tail(distribution, "log_cdf", y, -math.inf, 0.0)


def log_survival(distribution: Distribution, y: Tensor) -> Tensor:
    """log P(Y > y), differentiable in the parameters, of the shape of `y` and the batch together; y may lie beyond the support.

    Raises UsageError where the distribution has none.
    """
    return _tail(distribution, "log_survival", y, 0.0, -math.inf)


def _tail(distribution: Distribution, name: str, y: Tensor, below: float, above: float) -> Tensor:
    """The tail inside the support, and the constants `below` and `above` outside: no gradient passes and nothing overflows there."""
    method: Callable[[Tensor], Tensor] | None = getattr(distribution, name, None)
    if distribution.event_shape:
        derived.refuse(distribution, "each row is a vector, which has no cdf as one number to score censored, rounded or truncated rows by")
    if method is None:
        derived.refuse(distribution, "its cdf has no gradient in its parameters, so that censored, rounded or truncated rows have no score")
    y, discrete = y.double(), is_discrete(distribution)
    lower, upper = derived.bounds(distribution)
    # A density with a probability of its own at the lower end is asked there too.
    low = y < lower if discrete or hasattr(distribution, "probability_at") else y <= lower
    high = y >= upper
    inside = torch.where(low | high, _middle(lower, upper, discrete), y)
    return torch.where(low, below, torch.where(high, above, method(inside)))


def inside(distribution: Distribution) -> Tensor:
    """A value of the support, of the batch shape: it replaces values that the distribution must not be evaluated at."""
    lower, upper = derived.bounds(distribution)
    return _middle(lower.detach(), upper.detach(), is_discrete(distribution))


def just_below(distribution: Distribution, y: Tensor) -> Tensor:
    """The point x with P(Y > x) = P(Y >= y), of the shape of `y`: the value before y of a discrete target, `y` itself of a density.

    Of a density with atoms x is the next smaller float64.
    """
    if is_discrete(distribution):
        step = derived.step_of(distribution)
        return ((y.double() / step - _ROUNDING).ceil() - 1.0) * step
    if hasattr(distribution, "probability_at"):
        return torch.nextafter(y.double(), torch.full_like(y, -math.inf, dtype=torch.float64))
    return y


def just_above(distribution: Distribution, y: Tensor) -> Tensor:
    """The lower end of the values above y, of the shape of `y`: the value after y of a discrete target, `y` itself otherwise."""
    if not is_discrete(distribution):
        return y
    step = derived.step_of(distribution)
    return ((y.double() / step + _ROUNDING).floor() + 1.0) * step


def _middle(lower: Tensor, upper: Tensor, discrete: bool) -> Tensor:
    """A value of a support with these ends."""
    finite = lower.isfinite() & upper.isfinite()
    middle = torch.where(finite, 0.5 * (lower + upper), 0.0)
    open_ = torch.where(lower.isfinite(), lower + 1.0, torch.where(upper.isfinite(), upper - 1.0, 0.0))
    return torch.where(finite, middle.floor() if discrete else middle, open_)
