"""Functionals of a distribution: cdf, survival, quantile, mean, variance, mode.

Each one calls the distribution's method, derives the number where that is not implemented, or raises UsageError. They take any torch
distribution of one number per row, and return float64 without gradient; log_cdf and log_survival keep the gradient, and are never derived.

>>> from disttrain.distributions import Gamma, functionals
>>> functionals.quantile(Gamma(2.0, 3.0), 0.5)  # scipy.stats.gamma(2.0, scale=1 / 3).ppf(0.5)
tensor(0.5594, dtype=torch.float64)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MixtureSameFamily

from disttrain.distributions.core import derived
from disttrain.distributions.core.integration import integral
from disttrain.distributions.core.log_tails import has_tails, inside, is_discrete, just_above, just_below, log_cdf, log_survival
from disttrain.distributions.core.root_finding import invert, smallest_count
from disttrain.distributions.numerics import tensors

__all__ = [
    "cdf", "cdf_before", "has_tails", "hazard", "inside", "is_discrete", "just_above", "just_below", "log_cdf", "log_survival", "mean", "median", "mode",
    "probability_at", "quantile", "searched_quantile", "std", "survival", "variance",
]  # fmt: skip


@torch.no_grad()
def cdf(distribution: Distribution, y: Tensor | float) -> Tensor:
    """P(Y <= y), of the shape of `y` and the batch together.

    Where torch has no cdf it is the sum of probabilities, or the integral of the density, exact to about 1e-8.
    Raises UsageError where neither is possible.
    """
    y = _values(distribution, y)
    if isinstance(distribution, MixtureSameFamily):
        return _mixed(cdf, distribution, y)
    result = derived.if_implemented(lambda: distribution.cdf(y))
    if result is not None:
        return result.double()
    return derived.summed(distribution, y) if is_discrete(distribution) else derived.integrated(distribution, y)[0]


@torch.no_grad()
def cdf_before(distribution: Distribution, y: Tensor | float) -> Tensor:
    """P(Y < y) of a discrete distribution, of the shape of `y` and the batch together: the cdf at the value before y, 0 at the first one."""
    y = _values(distribution, y)
    step = derived.step_of(distribution)
    # torch's own distributions must not be asked below their support.
    lowest = derived.bounds(distribution)[0].expand(y.shape)
    return torch.where(y > lowest, cdf(distribution, torch.maximum(y - step, lowest)), 0.0)


@torch.no_grad()
def survival(distribution: Distribution, y: Tensor | float) -> Tensor:
    """P(Y > y), of the shape of `y` and the batch together; exact in the upper tail where the distribution or its components have a survival method.

    Raises UsageError where the distribution has no cdf and none can be derived.
    """
    y = _values(distribution, y)
    if isinstance(distribution, MixtureSameFamily):
        return _mixed(survival, distribution, y)
    method: Callable[[Tensor], Tensor] | None = getattr(distribution, "survival", None)
    if method is not None:
        return method(y).double()
    if is_discrete(distribution) or derived.if_implemented(lambda: distribution.cdf(y)) is not None:
        return 1.0 - cdf(distribution, y)
    return derived.integrated(distribution, y)[1]


@torch.no_grad()
def hazard(distribution: Distribution, y: Tensor | float) -> Tensor:
    """The hazard rate f(y)/P(Y > y), per target unit, of the shape of `y` and the batch together.

    nan above the support. Raises UsageError where the distribution has no log-survival.
    """
    y = _values(distribution, y)
    left = log_survival(distribution, y)
    return torch.where(left == -math.inf, math.nan, (distribution.log_prob(y).double() - left).exp())


@torch.no_grad()
def probability_at(distribution: Distribution, y: Tensor | float) -> Tensor:
    """P(Y = y), of the shape of `y` and the batch together: 0 under a density, except at atoms that the distribution has."""
    y = _values(distribution, y)
    if is_discrete(distribution):
        return distribution.log_prob(y).exp().double()
    method: Callable[[Tensor], Tensor] | None = getattr(distribution, "probability_at", None)
    return torch.zeros_like(y) if method is None else method(y).double()


@torch.no_grad()
def quantile(distribution: Distribution, p: Tensor | float) -> Tensor:
    """The y with cdf(y) = p, for counts the smallest y with cdf(y) >= p, of the shape of `p` and the batch together.

    Raises UsageError where the distribution has no cdf and none can be derived.
    """
    p = _values(distribution, p)
    result = derived.if_implemented(lambda: distribution.icdf(p))
    if result is not None:
        return result.double()
    if is_discrete(distribution):
        lower, _ = derived.bounds(distribution)
        return smallest_count(lambda y: cdf(distribution, y), p, torch.zeros_like(p), float(lower.min()))
    return searched_quantile(distribution, p, *derived.bounds(distribution))


def searched_quantile(distribution: Distribution, p: Tensor, lower: Tensor | float, upper: Tensor | float) -> Tensor:
    """The quantile between `lower` and `upper` by search for the root of the cdf, or of the survival where it is the smaller of the two."""
    p = p.expand(tensors.common_shape(p.shape, distribution.batch_shape))
    return invert(lambda y: cdf(distribution, y), lambda y: survival(distribution, y), p, lower, upper)


@torch.no_grad()
def mean(distribution: Distribution) -> Tensor:
    """The mean per row, (n,), or of each element of a vector, (n, d); nan where it does not exist.

    Raises UsageError where there is neither a mean nor a density to integrate.
    """
    distribution = _elements(distribution)
    result = derived.if_implemented(lambda: distribution.mean)
    return result.double() if result is not None else _moment(distribution, _values(distribution, 0.0), 1)


@torch.no_grad()
def variance(distribution: Distribution) -> Tensor:
    """The variance, of the shape of the mean; inf where it is infinite, nan where it does not exist. Raises UsageError like `mean`."""
    distribution = _elements(distribution)
    result = derived.if_implemented(lambda: distribution.variance)
    return result.double() if result is not None else _moment(distribution, mean(distribution), 2)


def std(distribution: Distribution) -> Tensor:
    """The standard deviation, in target units, of the shape of the mean; inf or nan where the variance is."""
    return variance(distribution).sqrt()


def median(distribution: Distribution) -> Tensor:
    """The quantile at one half per row, in target units."""
    return quantile(distribution, 0.5)


@torch.no_grad()
def mode(distribution: Distribution) -> Tensor:
    """The mode per row. Where torch has none, the most probable of all counts, or the best of many quantiles, refined.

    Raises UsageError where the distribution has no quantiles to start from.
    """
    _values(distribution, 0.0)
    result = derived.if_implemented(lambda: distribution.mode)
    if result is not None:
        return result.double()
    return _likeliest_count(distribution) if is_discrete(distribution) else _likeliest_point(distribution)


def _elements(distribution: Distribution) -> Distribution:
    """The distribution of the independent elements of a vector, else the distribution itself."""
    return distribution.base_dist if isinstance(distribution, Independent) else distribution


def _values(distribution: Distribution, values: Tensor | float) -> Tensor:
    """`values` in float64, with the shape of the batch. Raises UsageError for a distribution of vectors."""
    if distribution.event_shape:
        derived.refuse(distribution, "each row is a vector, which has no cdf, quantile or mode as one number")
    tensor = torch.as_tensor(values, dtype=torch.float64, device=tensors.device_of(distribution))
    return tensor.expand(tensors.common_shape(tensor.shape, distribution.batch_shape))


def _mixed(function: Callable[[Distribution, Tensor], Tensor], mixture: MixtureSameFamily, y: Tensor) -> Tensor:
    parts = function(mixture.component_distribution, y.unsqueeze(-1).expand(*y.shape, mixture._num_component))
    return (parts * mixture.mixture_distribution.probs).sum(-1)


def _moment(distribution: Distribution, centre: Tensor, order: int) -> Tensor:
    """E (Y - centre)^order by quadrature; nan where a wider range of the tails changes the result."""
    if is_discrete(distribution):
        return derived.summed_moment(
            distribution, centre.double(), order, *(quantile(distribution, level) for level in (1e-13, 1.0 - 1e-13))
        )
    middle = median(distribution)
    width = quantile(distribution, 0.75) - quantile(distribution, 0.25)
    lower, upper = derived.bounds(distribution)
    # An end that is a thousand quartile distances away is none: the density has fallen to 0 long before.
    limit = 1e3 * width
    lower, upper = torch.where(middle - lower > limit, -math.inf, lower), torch.where(upper - middle > limit, math.inf, upper)
    density = derived.density(distribution)
    centre = centre.double()

    def side(start: Tensor, end: Tensor) -> Tensor:
        narrow, wide = (integral(lambda y: (y - centre) ** order * density(y), start, end, width, t_max) for t_max in (3.6, 4.3))
        return torch.where((narrow - wide).abs() <= 1e-6 * (wide.abs() + width**order), wide, math.nan)

    # Apart, as the two tails of a Cauchy cancel.
    moment = side(lower, middle) + side(middle, upper)
    return torch.where(centre.isnan(), math.nan, moment)


def _likeliest_count(distribution: Distribution) -> Tensor:
    first, last = quantile(distribution, 0.001), quantile(distribution, 0.999)
    step = derived.step_of(distribution)
    longest = float(((last - first) / step).max())
    if not longest <= derived.MOST_COUNTS:
        derived.refuse(distribution, f"its mode lies among more than {derived.MOST_COUNTS:,} counts")
    best, result = _values(distribution, -1.0), first
    for offsets in derived.counts_below(best, round(longest) + 1):
        value = torch.minimum(first + step * offsets, last)
        highest, where = derived.probability(distribution, value).max(0)
        result = torch.where(highest > best, value.gather(0, where.unsqueeze(0)).squeeze(0), result)
        best = torch.maximum(best, highest)
    return result


def _likeliest_point(distribution: Distribution) -> Tensor:
    """The best of 255 quantiles, refined by golden sections between its two neighbours."""
    levels = torch.linspace(0.0, 1.0, 257, dtype=torch.float64, device=tensors.device_of(distribution))[1:-1].reshape(
        -1, *(1 for _ in distribution.batch_shape)
    )
    grid = quantile(distribution, levels)
    best = distribution.log_prob(grid).argmax(0, keepdim=True)
    low, high = (grid.gather(0, (best + step).clamp(0, 254)).squeeze(0) for step in (-1, 1))
    for _ in range(60):
        third = 0.3819660112501051 * (high - low)
        left, right = low + third, high - third
        rising = distribution.log_prob(left) < distribution.log_prob(right)
        low, high = torch.where(rising, left, low), torch.where(rising, high, right)
    return 0.5 * (low + high)
