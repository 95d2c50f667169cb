"""Conway-Maxwell-Poisson counts by their mean: the normaliser by sums over integers, for large means by its asymptotic expansion."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import lattice_sums
from disttrain.distributions.core.lattice_tails import lattice_tails
from disttrain.distributions.core.parametrised import Positive, stored
from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.numerics.constants import LOG_2PI
from disttrain.distributions.numerics.tensors import Shape

_ROUNDS = 100
# The step that is taken after it squares the error.
_SETTLED = 1e-9
# The expansion is good to 1e-13 where mean · dispersion and mean/dispersion are beyond these.
_LARGE_PRODUCT = 1e6
_LARGE_RATIO = 1e5
# A hopeless row, of a variance that underflows, keeps a finite slope and its way back.
_LEAST_VARIANCE = 1e-100


@lattice_tails
class ComPoisson(Distribution):
    """Conway-Maxwell-Poisson: counts with mean `mean` and probabilities in proportion to λ^y / y!^`dispersion`; both (n,).

    Dispersion 1 is the Poisson, above 1 the counts vary less than the Poisson, below 1 more, towards the geometric at 0. The variance is
    about mean/dispersion. λ is the solution for the mean. Source: Huang (2017), Mean-parametrized Conway-Maxwell-Poisson regression models.

    >>> from disttrain.distributions import ComPoisson
    >>> ComPoisson(mean=3.0, dispersion=1.0).cdf(2.0)  # scipy.stats.poisson(3.0).cdf(2)
    tensor(0.4232, dtype=torch.float64)
    """

    support = constraints.nonnegative_integer
    _mean: Positive = stored(alias="mean")
    dispersion: Positive

    def __init__(self, mean: Tensor | float, dispersion: Tensor | float, validate_args: bool = False) -> None:
        self._mean, self.dispersion = tensors.parameters(mean, dispersion)
        # Made when it is first asked for; a list, as its tensors have a row for each of the batch.
        self._solution: list[Tensor] = []
        super().__init__(self._mean.shape, validate_args=validate_args)

    @property
    def mode(self) -> Tensor:
        with torch.no_grad():
            return lattice_sums.unimodal_mode(self.log_prob, self._mean + 1.0)

    @property
    def variance(self) -> Tensor:
        large = self._large()
        summed = self._solved()[2].to(self._mean.dtype)
        return torch.where(large, (self._mean + 0.5 * (1.0 - 1.0 / self.dispersion)) / self.dispersion, summed)

    def _large(self) -> Tensor:
        return (self._mean * self.dispersion > _LARGE_PRODUCT) & (self._mean > _LARGE_RATIO * self.dispersion.clamp(min=1.0))

    def _solved(self) -> list[Tensor]:
        """tilt, log normaliser, variance, mean of h and its covariance with y over the variance, each (n,), float64 without gradient."""
        if not self._solution:
            with torch.no_grad():
                mean = torch.where(self._large(), 1.0, self._mean).double()
                self._solution = _solution(mean, torch.where(self._large(), 1.0, self.dispersion).double())
        return self._solution

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), by rejection. Source: Devroye (1987), A simple generator for log-concave counts."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            mode = self.mode
            peak = self.log_prob(mode)
            height, drawn = peak.exp(), mode.expand(shape).clone()
            width, waiting = 1.0 + 0.5 * height, torch.ones(shape, dtype=torch.bool, device=mode.device)
            while bool(waiting.any()):
                u, v, w, e, side = (tensors.open_uniform(shape, mode) for _ in range(5))
                central = u * (1.0 + width) <= width
                distance = torch.where(central, v * width, width - e.log()) / height
                y = mode + torch.where(side < 0.5, -1.0, 1.0) * distance.round()
                bound = w.log() + (width - height * distance).clamp(max=0.0)
                accepted = waiting & (y >= 0) & (bound <= self.log_prob(y.clamp(min=0.0)) - peak)
                drawn = torch.where(accepted, y.to(drawn.dtype), drawn)
                waiting = waiting & ~accepted
            return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,). Its derivatives are moments of the counts, by implicit differentiation of the equation for λ."""
        value, large = value.detach(), self._large()
        summed = self._summed_form(value)
        if not bool(large.any()):
            return summed
        mean, dispersion = torch.where(large, self._mean, 1e6 * _LARGE_RATIO), torch.where(large, self.dispersion, 1.0)
        return torch.where(large, _expanded(value, mean, dispersion), summed)

    def _summed_form(self, value: Tensor) -> Tensor:
        large = self._large()
        mean, dispersion = torch.where(large, 1.0, self._mean), torch.where(large, 1.0, self.dispersion)
        tilt, log_normaliser, variance, mean_h, slope = self._solved()
        with torch.no_grad():
            distance, h = value - mean, _height(value, mean)
            score = distance * tilt - dispersion * h - log_normaliser
            by_mean = distance / variance.clamp(min=_LEAST_VARIANCE)
            by_dispersion = distance * slope - (h - mean_h)
        # Worth nothing, but with these slopes.
        return score.to(mean.dtype) + by_mean * (mean - mean.detach()) + by_dispersion * (dispersion - dispersion.detach())

    def _half_width(self) -> Tensor:
        return _half_width(self._mean, self.dispersion)


def _height(count: Tensor, mean: Tensor) -> Tensor:
    """h(k) = log k! - k log c + c with c = max(mean, 1): probabilities are in proportion to exp(-dispersion h(k) + tilt (k - mean))."""
    return special.deviance(count, mean.clamp(min=1.0)) + special.log_factorial_remainder(count)


def _half_width(mean: Tensor, dispersion: Tensor) -> Tensor:
    """At least 45 standard deviations: beyond it less than 1e-18 of a tail is left, as the mass is log-concave."""
    return 45.0 * (1.0 + (mean * torch.minimum(1.0 + mean, 1.0 / dispersion.clamp(max=1.0))).sqrt())


def _expanded(value: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """The log-probability for a large mean, by the asymptotic expansion of the normaliser. Source: Gaunt, Iyengar, Olde Daalhuis & Simsek (2019)."""
    square = dispersion.square() - 1.0
    shift = (0.5 * (dispersion - 1.0) + square / (24.0 * dispersion * mean)) / dispersion
    share = shift / mean
    # λ^(1/dispersion) is mean + shift. What the normaliser of h has beyond the expansion: mean (share - log(1 + share)).
    rest = mean * share.square() * (0.5 - share / 3.0 + 0.25 * share.square())
    centre = mean + shift
    log_normaliser = 0.5 * (1.0 - dispersion) * (LOG_2PI + centre.log()) - 0.5 * dispersion.log()
    log_normaliser = log_normaliser + square / (24.0 * dispersion * centre) + dispersion * rest
    height = special.deviance(value, mean) + special.log_factorial_remainder(value)
    return dispersion * ((value - mean) * torch.log1p(share) - height) - log_normaliser


def _solution(mean: Tensor, dispersion: Tensor) -> list[Tensor]:
    """The tilt of the distribution with this mean, by bracketed Newton steps, and its moments. See `ComPoisson._solved`."""
    floor = mean.floor()
    half_width = _half_width(mean, dispersion).floor()
    above, above_weight = lattice_sums.nodes(half_width)
    below, below_weight = lattice_sums.nodes(torch.minimum(floor + 1.0, half_width))
    counts = torch.cat([floor + 1.0 + above, floor - below])
    distance, h = counts - mean, _height(counts, mean)
    base = torch.cat([above_weight, below_weight]) - dispersion * h
    count = len(above)
    # The mean is right where what lies above it weighs as much as what lies below: a function that is nearly straight.
    pull = base + distance.abs().log()
    tilt = _first_tilt(mean, dispersion)
    low, high = torch.full_like(mean, -math.inf), torch.full_like(mean, math.inf)
    for _ in range(_ROUNDS):
        terms = pull + tilt * distance
        up, down = torch.logsumexp(terms[:count], 0), torch.logsumexp(terms[count:], 0)
        residual = up - down
        slope = ((terms[:count] - up).exp() * distance[:count]).sum(0) - ((terms[count:] - down).exp() * distance[count:]).sum(0)
        low, high = torch.where(residual < 0, tilt, low), torch.where(residual > 0, tilt, high)
        step = tilt - residual / slope
        # A settled row, whose step is lost in rounding, lies on its bracket: half the bracket would throw it back.
        settled = residual.abs() < _SETTLED
        outside = ((step <= low) | (step >= high)) & low.isfinite() & high.isfinite() & ~settled
        tilt = torch.where(outside, 0.5 * (low + high), step)
        if bool(settled.all()):
            break
    terms = base + tilt * distance
    log_normaliser = torch.logsumexp(terms, 0)
    share = (terms - log_normaliser).exp()
    mean_h = (share * h).sum(0)
    variance = (share * distance.square()).sum(0)
    covariance = (share * distance * (h - mean_h)).sum(0)
    return [tilt, log_normaliser, variance, mean_h, covariance / variance.clamp(min=_LEAST_VARIANCE)]


def _first_tilt(mean: Tensor, dispersion: Tensor) -> Tensor:
    """The tilt log λ - dispersion log max(mean, 1) to start from: λ of the geometric at a low dispersion, else of the asymptotic expansion."""
    geometric = (mean / (1.0 + mean)).log() - dispersion * mean.clamp(min=1.0).log()
    share = (dispersion - 1.0) / (2.0 * dispersion * mean)
    expanded = dispersion * torch.log1p(share.clamp(min=-0.5))
    small = torch.where(dispersion < 1.0, geometric, mean.log())
    return torch.where((mean < 1.0) | (share < -0.5), small, expanded)
