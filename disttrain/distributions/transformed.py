"""Positive numbers whose power transformation is normal or Student's t: the Box-Cox families of growth curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions import logs, special, tensors
from disttrain.distributions.incomplete_t import log_t_lower
from disttrain.distributions.parametrised import parametrised

__all__ = ["BoxCoxColeGreen", "BoxCoxT"]

_HALF_LOG_2PI = 0.9189385332046727
# The truncation at y = 0 lies 1/(σ |ν|) standard units out; beyond this not even a Student t of few degrees of freedom feels it.
_FARTHEST = 1e100
_LOG_6 = math.log(6.0)
Cdf = Callable[[Tensor], Tensor]


@parametrised
class BoxCoxColeGreen(Distribution):
    """Box-Cox Cole and Green: z = ((y/μ)^ν - 1)/(ν σ) is normal, cut where y would not be positive.

    μ = `loc` (about the median, target units), σ = `scale` (about the coefficient of variation), ν = `shape` (1 symmetric, 0 log-normal).
    Source: Cole & Green (1992), Smoothing reference centile curves: the LMS method; the normaliser as in gamlss.dist's BCCG.
    """

    arg_constraints: ClassVar = {"loc": constraints.positive, "scale": constraints.positive, "shape": constraints.real}
    support = constraints.positive
    loc: Tensor
    scale: Tensor
    shape: Tensor

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        z, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_normal(z) + steep - self.scale.log() - value.log() - _log_kept(self.scale, self.shape, logs.log_ndtr)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        z, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower(z, steep, self.scale, self.shape, logs.log_ndtr, _log_normal)

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        z, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower(-z, steep, self.scale, -self.shape, logs.log_ndtr, _log_normal)

    def icdf(self, value: Tensor) -> Tensor:
        return _quantile(value, self.loc, self.scale, self.shape, logs.log_ndtr, special.ndtri)


@parametrised
class BoxCoxT(Distribution):
    """Box-Cox t: as BoxCoxColeGreen, with Student's t of `df` degrees of freedom in the place of the normal.

    Source: Rigby & Stasinopoulos (2006), Using the Box-Cox t distribution in GAMLSS.
    """

    arg_constraints: ClassVar = {
        "loc": constraints.positive,
        "scale": constraints.positive,
        "shape": constraints.real,
        "df": constraints.positive,
    }
    support = constraints.positive
    loc: Tensor
    scale: Tensor
    shape: Tensor
    df: Tensor

    def _log_t(self, z: Tensor) -> Tensor:
        return log_t_lower(self.df, z)

    def _log_density(self, z: Tensor) -> Tensor:
        return special.half_step(0.5 * self.df) - 0.5 * (self.df + 1.0) * special.log1p_square(z / self.df.sqrt()) - _HALF_LOG_2PI

    def _t_quantile(self, p: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.stdtrit, self.df, p)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        z, steep = _z(value, self.loc, self.scale, self.shape)
        return self._log_density(z) + steep - self.scale.log() - value.log() - _log_kept(self.scale, self.shape, self._log_t)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        z, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower(z, steep, self.scale, self.shape, self._log_t, self._log_density)

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        z, steep = _z(value, self.loc, self.scale, self.shape)
        return _log_lower(-z, steep, self.scale, -self.shape, self._log_t, self._log_density)

    def icdf(self, value: Tensor) -> Tensor:
        return _quantile(value, self.loc, self.scale, self.shape, self._log_t, self._t_quantile)


def _z(value: Tensor, loc: Tensor, scale: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """((y/μ)^ν - 1)/(ν σ), which is log(y/μ)/σ at ν = 0, and ν log(y/μ)."""
    ratio = special.log_ratio(value, loc)
    x = shape * ratio
    small = x.abs() < 0.02
    series = torch.where(small, x, 0.0)
    total = torch.ones_like(series)
    for number in range(9, 1, -1):
        total = 1.0 + series * total / number
    # (exp(x) - 1)/x; an exponent above 300 rises as a logarithm from there, so that squares stay finite.
    far = torch.where(small, 1.0, x)
    level = torch.where(far > 300.0, 300.0 + torch.log1p((far - 300.0).clamp(min=0.0)), far)
    return ratio * torch.where(small, total, torch.expm1(level) / far) / scale, x


def _log_normal(z: Tensor) -> Tensor:
    return -0.5 * z.square() - _HALF_LOG_2PI


def _end(scale: Tensor, shape: Tensor) -> Tensor:
    """1/(σ |ν|), in standard units the distance of y = 0 from the median; no further than where it stops to count."""
    product = scale * shape.abs()
    return torch.where(product * _FARTHEST > 1.0, product, 1.0 / _FARTHEST).reciprocal()


def _log_kept(scale: Tensor, shape: Tensor, log_lower: Cdf) -> Tensor:
    """The logarithm of the probability that y is positive."""
    return log_lower(_end(scale, shape))


def _log_lower(z: Tensor, steep: Tensor, scale: Tensor, shape: Tensor, log_lower: Cdf, log_density: Cdf) -> Tensor:
    """log P(Z <= z) of what is left: for shape > 0 the lower tail is cut off, for shape < 0 the upper one.

    Near the cut the distance to it is the end times exp(steep), where z itself has lost its digits: there Simpson's rule for the density.
    """
    end = _end(scale, shape)
    inside = torch.where(shape > 0, torch.maximum(z, -end * (1.0 - 1e-15)), z)
    whole, cut = log_lower(inside), log_lower(-end)
    difference = torch.where(shape > 0, logs.log_difference(whole, torch.minimum(cut, whole)), whole)
    near = (shape > 0) & (steep < 0)
    share = torch.where(near, steep, -1.0)
    heights = [log_density(end * (1.0 - part * share.exp())) + math.log(weight) for part, weight in ((0.0, 1.0), (0.5, 4.0), (1.0, 1.0))]
    close = torch.logsumexp(torch.stack(heights), 0) - _LOG_6 + end.log() + share
    left = torch.where(near & logs.lost(difference, close, whole), close, difference)
    return (left - log_lower(end)).clamp(max=0.0)


def _quantile(value: Tensor, loc: Tensor, scale: Tensor, shape: Tensor, log_lower: Cdf, quantile: Cdf) -> Tensor:
    with torch.no_grad():
        end = _end(scale, shape)
        kept, cut = log_lower(end).exp(), log_lower(-end).exp()
        below = value * kept + torch.where(shape > 0, cut, 0.0)
        above = (1.0 - value) * kept + torch.where(shape < 0, cut, 0.0)
        z = torch.where(below < above, quantile(below), -quantile(above))
        x = (shape * scale * z).clamp(min=-1.0)
        safe = torch.where(x.abs() < 1e-6, 1.0, shape)
        y = loc * torch.where(x.abs() < 1e-6, scale * z * (1.0 - 0.5 * x), torch.log1p(x) / safe).exp()
        y = torch.where(value == 0, 0.0, torch.where(value == 1, math.inf, y))
        return torch.where((value >= 0) & (value <= 1), y, math.nan)
