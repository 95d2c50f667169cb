"""Box-Cox distributions of positive numbers: a power of y is normal or Student's t, as in growth curves."""

from __future__ import annotations

import math
from collections.abc import Callable

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.nn.functional import logsigmoid

from disttrain.distributions.core.parametrised import Positive, Real, parametrised
from disttrain.distributions.numerics import log_probabilities, special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.student_t_cdf import log_t_lower

# The truncation at y = 0 lies 1/(σ |ν|) standard units out; beyond this not even a Student t of few degrees of freedom feels it.
_FARTHEST = 1e100
_LOG_6 = math.log(6.0)
# From here on log |z| is taken without |z|: where exp(x) - 1 is no small number, and z may be beyond the float64 range.
_STEEP = 1.0
# The largest log |z| of a z that is written out, so that its square stays in the float64 range.
_LARGEST = 300.0
# From this log |z| on the tail of Student's t is its power law to all digits.
_POWER_LAW = 200.0
Cdf = Callable[[Tensor], Tensor]
# The logarithm of a cdf, of z and of log |z|, which is known where z is too large to be written out.
LogCdf = Callable[[Tensor, Tensor], Tensor]


@parametrised
class BoxCoxColeGreen(Distribution):
    """Box-Cox Cole and Green: z = ((y/μ)^ν - 1)/(ν σ) is normal, truncated to positive y.

    μ = `loc` (about the median, target units), σ = `scale` (about the coefficient of variation), ν = `shape` (1 symmetric, 0 log-normal).
    Source: Cole & Green (1992), Smoothing reference centile curves: the LMS method; the normaliser as in gamlss.dist's BCCG.

    >>> from disttrain.distributions import BoxCoxColeGreen
    >>> BoxCoxColeGreen(loc=2.0, scale=0.1, shape=1.0).cdf(2.1)  # scipy.stats.norm(2.0, 0.2).cdf(2.1)
    tensor(0.6915, dtype=torch.float64)
    """

    support = constraints.positive
    loc: Positive
    scale: Positive
    shape: Real

    def log_prob(self, value: Tensor) -> Tensor:
        z, _, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_normal(z) + steep - self.scale.log() - value.log() - _log_mass(self.scale, self.shape, _log_ndtr)

    def log_cdf(self, value: Tensor) -> Tensor:
        z, log_size, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower((z, log_size), steep, self.scale, self.shape, _log_ndtr, _log_normal)

    def log_survival(self, value: Tensor) -> Tensor:
        z, log_size, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower((-z, log_size), steep, self.scale, -self.shape, _log_ndtr, _log_normal)

    def icdf(self, value: Tensor) -> Tensor:
        return _quantile(value, self.loc, self.scale, self.shape, _log_ndtr, special.ndtri)


@parametrised
class BoxCoxT(Distribution):
    """Box-Cox t: BoxCoxColeGreen with Student's t of `df` degrees of freedom instead of the normal.

    Source: Rigby & Stasinopoulos (2006), Using the Box-Cox t distribution in GAMLSS.

    >>> from disttrain.distributions import BoxCoxT
    >>> BoxCoxT(loc=2.0, scale=0.01, shape=1.0, df=5.0).cdf(2.01)  # scipy.stats.t(5.0, 2.0, 0.02).cdf(2.01)
    tensor(0.6809, dtype=torch.float64)
    """

    support = constraints.positive
    loc: Positive
    scale: Positive
    shape: Real
    df: Positive

    def _log_t(self, z: Tensor, log_size: Tensor) -> Tensor:
        """log P(T <= z); for z → -∞ by the power law df^((df - 1)/2) |z|^-df of the tail, times the constant of the density."""
        extreme = (z < 0) & (log_size > _POWER_LAW)
        tail = self._constant + 0.5 * (self.df - 1.0) * self.df.log() - self.df * torch.where(extreme, log_size, _POWER_LAW)
        return torch.where(extreme, tail, log_t_lower(self.df, torch.where(extreme, -1.0, z)))

    @property
    def _constant(self) -> Tensor:
        """The log-density of Student's t at 0."""
        return special.half_step(0.5 * self.df) - HALF_LOG_2PI

    def _log_density(self, z: Tensor) -> Tensor:
        return self._constant - 0.5 * (self.df + 1.0) * special.log1p_square(z / self.df.sqrt())

    def _t_quantile(self, p: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.stdtrit, self.df, p)

    def log_prob(self, value: Tensor) -> Tensor:
        z, log_size, steep = _z(value, self.loc, self.scale, self.shape)
        extreme = steep > _STEEP
        # log(1 + z²/df), of log |z| where z may be too large to be written out.
        extreme_kernel = -logsigmoid(self.df.log() - 2.0 * log_size)
        kernel = torch.where(extreme, extreme_kernel, special.log1p_square(torch.where(extreme, 0.0, z) / self.df.sqrt()))
        density = self._constant - 0.5 * (self.df + 1.0) * kernel
        return density + steep - self.scale.log() - value.log() - _log_mass(self.scale, self.shape, self._log_t)

    def log_cdf(self, value: Tensor) -> Tensor:
        z, log_size, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower((z, log_size), steep, self.scale, self.shape, self._log_t, self._log_density)

    def log_survival(self, value: Tensor) -> Tensor:
        z, log_size, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower((-z, log_size), steep, self.scale, -self.shape, self._log_t, self._log_density)

    def icdf(self, value: Tensor) -> Tensor:
        return _quantile(value, self.loc, self.scale, self.shape, self._log_t, self._t_quantile)


def _z(value: Tensor, loc: Tensor, scale: Tensor, shape: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """z = ((y/μ)^ν - 1)/(ν σ), which is log(y/μ)/σ at ν = 0, then log |z| where x > 1, and x = ν log(y/μ).

    Above exp(300) z grows as the logarithm of its size, so that squares stay finite. log |z| is 0 where x <= 1.
    """
    ratio = special.log_ratio(value, loc)
    x = shape * ratio
    extreme = x > _STEEP
    small = x.abs() < 0.02
    series = torch.where(small, x, 0.0)
    total = torch.ones_like(series)
    for number in range(9, 1, -1):
        total = 1.0 + series * total / number
    # (exp(x) - 1)/x.
    middle = torch.where(small | extreme, 1.0, x)
    moderate = torch.where(extreme, 0.0, ratio) * torch.where(small, total, torch.expm1(middle) / middle) / scale
    steep = torch.where(extreme, x, _STEEP)
    log_size = steep + (-torch.expm1(-steep)).log() - scale.log() - torch.where(extreme, shape, 1.0).abs().log()
    log_size = torch.where(extreme, log_size, 0.0)
    level = torch.where(log_size > _LARGEST, _LARGEST + torch.log1p((log_size - _LARGEST).clamp(min=0.0)), log_size)
    return torch.where(extreme, torch.sign(shape) * level.exp(), moderate), log_size, x


def _log_ndtr(z: Tensor, log_size: Tensor) -> Tensor:
    """log Φ(z); it ignores `log_size`, as log Φ(z) exceeds all other scores in size where z is capped."""
    del log_size
    return log_probabilities.log_ndtr(z)


def _log_normal(z: Tensor) -> Tensor:
    return -0.5 * z.square() - HALF_LOG_2PI


def _end(scale: Tensor, shape: Tensor) -> Tensor:
    """1/(σ |ν|), the distance of y = 0 from the median in standard units, limited to where it still changes a probability."""
    product = scale * shape.abs()
    return torch.where(product * _FARTHEST > 1.0, product, 1.0 / _FARTHEST).reciprocal()


def _log_mass(scale: Tensor, shape: Tensor, log_lower: LogCdf) -> Tensor:
    """The logarithm of the probability that y is positive."""
    end = _end(scale, shape)
    return log_lower(end, end.log())


def _log_lower(sizes: tuple[Tensor, Tensor], steep: Tensor, scale: Tensor, shape: Tensor, log_lower: LogCdf, log_density: Cdf) -> Tensor:
    """log P(Z <= z) of the truncated distribution, from z and log |z|: for shape > 0 the lower tail is cut off, for shape < 0 the upper one.

    Near the cut its distance is the end times exp(steep), where z has lost its digits: there Simpson's rule integrates the density.
    """
    z, log_size = sizes
    end = _end(scale, shape)
    inside = torch.where(shape > 0, torch.maximum(z, -end * (1.0 - 1e-15)), z)
    untruncated, cut = log_lower(inside, log_size), log_lower(-end, end.log())
    difference = torch.where(shape > 0, log_probabilities.log_difference(untruncated, torch.minimum(cut, untruncated)), untruncated)
    at_cut = (shape > 0) & (steep < 0)
    share = torch.where(at_cut, steep, -1.0)
    heights = [log_density(end * (1.0 - part * share.exp())) + math.log(weight) for part, weight in ((0.0, 1.0), (0.5, 4.0), (1.0, 1.0))]
    close = torch.logsumexp(torch.stack(heights), 0) - _LOG_6 + end.log() + share
    left = torch.where(at_cut & log_probabilities.lost(difference, close, untruncated), close, difference)
    return (left - _log_mass(scale, shape, log_lower)).clamp(max=0.0)


def _quantile(value: Tensor, loc: Tensor, scale: Tensor, shape: Tensor, log_lower: LogCdf, quantile: Cdf) -> Tensor:
    with torch.no_grad():
        end = _end(scale, shape)
        mass, cut = log_lower(end, end.log()).exp(), log_lower(-end, end.log()).exp()
        below = value * mass + torch.where(shape > 0, cut, 0.0)
        above = (1.0 - value) * mass + torch.where(shape < 0, cut, 0.0)
        z = torch.where(below < above, quantile(below), -quantile(above))
        x = (shape * scale * z).clamp(min=-1.0)
        safe = torch.where(x.abs() < 1e-6, 1.0, shape)
        y = loc * torch.where(x.abs() < 1e-6, scale * z * (1.0 - 0.5 * x), torch.log1p(x) / safe).exp()
        y = torch.where(value == 0, 0.0, torch.where(value == 1, math.inf, y))
        return torch.where((value >= 0) & (value <= 1), y, math.nan)
