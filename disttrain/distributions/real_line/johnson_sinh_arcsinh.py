"""Distributions on the real line with a parameter for skewness and one for the weight of the tails: Johnson SU, sinh-arcsinh."""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.increasing import NORMAL, increasing
from disttrain.distributions.core.parametrised import Positive, Real
from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI, LOG_2

# Beyond exp(300) a stretched distance is only known by its logarithm.
_LARGE = 300.0
_NOTHING = 1e-100


@increasing(NORMAL)
class JohnsonSU(Distribution):
    """Johnson's SU with mean `loc` and standard deviation `scale`: -`skewness` + `tailweight` asinh(u) is standard normal, all (n,).

    u is linear in y, shifted and scaled to this mean and deviation; skewness > 0 is skewed to the right, tailweight → ∞ is the normal.
    Source: Johnson (1949), Systems of frequency curves; gamlss JSU; scipy.stats.johnsonsu with a = -skewness, b = tailweight.

    >>> from disttrain.distributions import JohnsonSU
    >>> distribution = JohnsonSU(loc=0.0, scale=1.0, skewness=1.0, tailweight=2.0)
    >>> distribution.cdf(0.0)  # scipy.stats.johnsonsu(-1.0, 2.0).cdf(scipy.stats.johnsonsu(-1.0, 2.0).mean())
    tensor(0.5483, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    scale: Positive
    skewness: Real
    tailweight: Positive

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale.square()

    def _units(self) -> tuple[Tensor, Tensor]:
        """The log of one standard deviation in units of u, and the distance of u = 0 below the mean in standard deviations.

        With q = 1/tailweight², w = exp(q) and o = skewness/tailweight, u has mean sqrt(w) sinh(o) and variance
        ½ (w - 1)(w cosh(2 o) + 1): both overflow, their logarithm and the ratio of the mean to the deviation do not.
        """
        q, slant = self.tailweight.reciprocal().square(), self.skewness / self.tailweight
        sign = torch.where(slant < 0, -1.0, 1.0).to(slant.dtype)
        size = sign * slant
        quarter = 1.0 + (-4.0 * size).exp()
        # 1/(w cosh(2 o)), times e^q.
        correction = 2.0 * (-2.0 * size).exp() / quarter * (-q).exp()
        log_variance = (-torch.expm1(-q)).log() + quarter.log() + torch.log1p(correction)
        centre = sign * -torch.expm1(-2.0 * size) * (-0.5 * (q + log_variance)).exp()
        return q + size + 0.5 * log_variance - LOG_2, centre

    def _normal(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The standard normal score of `value`, and the log of its derivative per standard deviation less log tailweight."""
        stretch, centre = self._units()
        distance = (value - self.loc) / self.scale + centre
        moderate = stretch < _LARGE
        u = distance * torch.where(moderate, stretch, 0.0).exp()
        size = distance.abs()
        # So far out that asinh(u) is log 2u; a distance of nothing keeps no gradient there, as it would have no bound.
        logarithm = torch.where(size < _NOTHING, _NOTHING, size).log()
        extreme = (torch.where(moderate, _LARGE, stretch) + logarithm + LOG_2).clamp(min=0.0) * torch.sign(distance)
        bent = torch.where(moderate, torch.sign(u) * torch.asinh(u.abs()), extreme)
        slope = torch.where(moderate, stretch - 0.5 * special.log1p_square(u), -logarithm)
        return self.tailweight * bent - self.skewness, slope

    def log_prob(self, value: Tensor) -> Tensor:
        normal, slope = self._normal(value)
        return slope + self.tailweight.log() - self.scale.log() - 0.5 * normal.square() - HALF_LOG_2PI

    def _z(self, value: Tensor) -> Tensor:
        return self._normal(value)[0]

    def _y(self, z: Tensor) -> Tensor:
        stretch, centre = self._units()
        bent = (z + self.skewness) / self.tailweight
        # sinh(bent)/exp(stretch), where both overflow.
        u = torch.sign(bent) * -0.5 * torch.expm1(-2.0 * bent.abs()) * (bent.abs() - stretch).exp()
        return self.loc + self.scale * (u - centre)


@increasing(NORMAL)
class SinhArcsinh(Distribution):
    """Sinh-arcsinh: sinh(`tailweight` asinh(z) - `skewness`) is standard normal, z = (y - `loc`)/`scale`: all (n,), these in target units.

    Skewness > 0 is skewed to the right; tailweight < 1 has heavier tails than the normal, > 1 lighter ones; (0, 1) is the normal.
    Source: Jones & Pewsey (2009), Sinh-arcsinh distributions, Biometrika 96.

    >>> from disttrain.distributions import SinhArcsinh
    >>> distribution = SinhArcsinh(loc=0.0, scale=1.0, skewness=0.5, tailweight=1.2)
    >>> distribution.cdf(1.0)  # scipy.stats.norm.cdf(math.sinh(1.2 * math.asinh(1.0) - 0.5))
    tensor(0.7214, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    scale: Positive
    skewness: Real
    tailweight: Positive

    @property
    def mean(self) -> Tensor:
        """loc + scale sinh(skewness/tailweight) E exp(asinh(Z)/tailweight)."""
        slant, even = self.skewness / self.tailweight, _normal_power(self.tailweight.reciprocal())
        return self.loc + self.scale * torch.where(slant == 0, 0.0, slant.sinh() * even)

    @property
    def variance(self) -> Tensor:
        """inf where it is beyond the float64 range."""
        slant, inverse = self.skewness / self.tailweight, self.tailweight.reciprocal()
        mean = torch.where(slant == 0, 0.0, slant.sinh() * _normal_power(inverse))
        square = 0.5 * ((2.0 * slant).cosh() * _normal_power(2.0 * inverse) - 1.0)
        return self.scale.square() * torch.where(square.isinf(), math.inf, square - mean.square())

    def _bent(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """z, and tailweight asinh(z) - skewness."""
        z = (value - self.loc) / self.scale
        # torch's asinh cancels for large negative numbers in some builds.
        side = torch.where(z < 0, -1.0, 1.0).to(z.dtype)
        return z, self.tailweight * side * torch.asinh(side * z) - self.skewness

    def log_prob(self, value: Tensor) -> Tensor:
        z, bent = self._bent(value)
        size = bent.abs()
        log_cosh = size + torch.log1p((-2.0 * size).exp()) - LOG_2
        normal = -0.5 * _steep_sinh(bent).square() - HALF_LOG_2PI
        return normal + log_cosh + self.tailweight.log() - self.scale.log() - 0.5 * special.log1p_square(z)

    def _z(self, value: Tensor) -> Tensor:
        return _steep_sinh(self._bent(value)[1])

    def _y(self, z: Tensor) -> Tensor:
        return self.loc + self.scale * ((z.asinh() + self.skewness) / self.tailweight).sinh()


def _steep_sinh(x: Tensor) -> Tensor:
    """sinh(x), continued linearly beyond ±300: its square stays in the float64 range and its gradient is finite."""
    inner = x.clamp(-_LARGE, _LARGE)
    return inner.sinh() * (1.0 + (x - inner).abs())


def _normal_power(power: Tensor) -> Tensor:
    """E (Z + sqrt(1 + Z²))^power for Z standard normal. Source: Jones & Pewsey (2009), section 2.3."""
    first, second = (tensors.on_arrays(scipy.special.kv, 0.5 * (power + step), 0.25) for step in (1.0, -1.0))
    return math.exp(0.25) / math.sqrt(8.0 * math.pi) * (first + second)
