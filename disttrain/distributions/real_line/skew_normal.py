"""Skewed distributions on the real line built from normals: skew normal, ex-Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import functionals
from disttrain.distributions.core.parametrised import Positive, Real, parametrised
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI, LOG_2, ROOT_TWO_OVER_PI
from disttrain.distributions.numerics.log_probabilities import log_ndtr
from disttrain.distributions.numerics.normal_tails import log_ex_gaussian_lower, log_scaled_ndtr, log_skew_normal_lower
from disttrain.distributions.numerics.tensors import Shape


@parametrised
class SkewNormal(Distribution):
    """Azzalini's skew normal: density 2/`scale` φ(z) Φ(`skewness` z), z = (y - `loc`)/`scale`: all (n,), loc and scale in target units.

    Skewness 0 is the normal; towards infinity it tends to the half normal above loc. Source: Azzalini (1985); scipy.stats.skewnorm.

    >>> from disttrain.distributions import SkewNormal
    >>> SkewNormal(loc=0.0, scale=1.0, skewness=2.0).cdf(1.0)  # scipy.stats.skewnorm(2.0).cdf(1.0)
    tensor(0.6844, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    scale: Positive
    skewness: Real

    @property
    def _delta(self) -> Tensor:
        share: Tensor = self.skewness / torch.hypot(self.skewness, torch.ones_like(self.skewness))
        return share

    @property
    def mean(self) -> Tensor:
        return self.loc + ROOT_TWO_OVER_PI * self.scale * self._delta

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1.0 - 2.0 / math.pi * self._delta.square())

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws: (|U| skewness + V)/sqrt(1 + skewness²), U and V standard normal."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            first, second = torch.randn((2, *shape), dtype=self.loc.dtype, device=self.loc.device)
            rest = torch.hypot(self.skewness, torch.ones_like(self.skewness)).reciprocal()
            drawn: Tensor = self.loc + self.scale * (self._delta * first.abs() + rest * second)
            return drawn

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._z(value)
        return LOG_2 - 0.5 * z.square() - HALF_LOG_2PI - self.scale.log() + log_ndtr(self.skewness * z)

    def log_cdf(self, value: Tensor) -> Tensor:
        return log_skew_normal_lower(*_broadcast(self._z(value), self.skewness))

    def log_survival(self, value: Tensor) -> Tensor:
        return log_skew_normal_lower(*_broadcast(-self._z(value), -self.skewness))

    def icdf(self, value: Tensor) -> Tensor:
        """By search, from the tail that is nearer."""
        return functionals.searched_quantile(self, value, -math.inf, math.inf)


@parametrised
class ExGaussian(Distribution):
    """A normal of mean `loc` and standard deviation `scale` plus an exponential of mean 1/`rate`: all (n,), in target units or one over.

    Source: Luce (1986), Response times; scipy.stats.exponnorm.

    >>> from disttrain.distributions import ExGaussian
    >>> ExGaussian(loc=0.0, scale=1.0, rate=0.5).cdf(1.0)  # scipy.stats.exponnorm(2.0).cdf(1.0)
    tensor(0.3661, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    scale: Positive
    rate: Positive

    @property
    def mean(self) -> Tensor:
        return self.loc + self.rate.reciprocal()

    @property
    def variance(self) -> Tensor:
        return self.scale.square() + self.rate.reciprocal().square()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            normal = torch.normal(self.loc.expand(shape), self.scale.expand(shape))
            return (normal - tensors.open_uniform(shape, self.loc).log() / self.rate).to(self.loc.dtype)

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return self.rate.log() + self._log_tail_part(self._z(value))

    def _log_tail_part(self, z: Tensor) -> Tensor:
        """log of exp(b²/2 - b z) Φ(z - b), b = rate · scale: without the exponents in the branch where they would cancel."""
        b = self.rate * self.scale
        gap = z - b
        left = log_scaled_ndtr(torch.where(gap < 0, gap, 0.0)) - 0.5 * z.square()
        right = log_ndtr(torch.where(gap < 0, 0.0, gap)) - b * (z - 0.5 * b)
        return torch.where(gap < 0, left, right)

    def log_cdf(self, value: Tensor) -> Tensor:
        return log_ex_gaussian_lower(*_broadcast(self._z(value), self.rate * self.scale))

    def log_survival(self, value: Tensor) -> Tensor:
        z = self._z(value)
        return torch.logaddexp(log_ndtr(-z), self._log_tail_part(z))

    def icdf(self, value: Tensor) -> Tensor:
        """By search, from the tail that is nearer."""
        return functionals.searched_quantile(self, value, -math.inf, math.inf)


def _broadcast(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    shape = tensors.common_shape(first.shape, second.shape)
    return first.expand(shape), second.expand(shape)
