"""Distributions on the real line with a peak: power exponential, asymmetric Laplace."""

from __future__ import annotations

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Positive, Real, Share, centred, parametrised
from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.numerics.constants import LOG_2
from disttrain.distributions.numerics.incomplete_gamma_beta import log_gamma_upper
from disttrain.distributions.numerics.tensors import Shape

# A power of |z| below it no longer bends the cdf, which is a straight line there.
_STRAIGHT = 1e-20
# Closer to the peak than this its slope, infinite for powers below 1, is taken as 0.
_PEAK = 1e-100


@parametrised
@centred
class PowerExponential(Distribution):
    """Density falling as exp(-|z|^`power`), z = (y - `loc`)/`scale`: all (n,), loc and scale in target units.

    Power 1 is the Laplace, power 2 the normal of standard deviation scale/√2. Source: scipy.stats.gennorm (Subbotin, 1923).

    >>> from disttrain.distributions import PowerExponential
    >>> PowerExponential(loc=0.0, scale=1.0, power=1.5).cdf(1.0)  # scipy.stats.gennorm(1.5).cdf(1.0)
    tensor(0.8876, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    scale: Positive
    power: Positive

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (torch.lgamma(3.0 / self.power) - torch.lgamma(1.0 / self.power)).exp()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws: G^(1/power) U, G gamma of concentration 1 + 1/power, U uniform on (-1, 1)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            inverse = self.power.expand(shape).reciprocal()
            size = torch.distributions.Gamma(1.0 + inverse, torch.ones_like(inverse), validate_args=False).sample() ** inverse
            uniform = 2.0 * tensors.open_uniform(shape, self.loc) - 1.0
            return (self.loc + self.scale * size * uniform).to(self.loc.dtype)

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -_power(self._z(value).abs(), self.power) - torch.lgamma(1.0 + self.power.reciprocal()) - self.scale.log() - LOG_2

    def log_cdf(self, value: Tensor) -> Tensor:
        return _log_upper(-self._z(value), self.power)

    def log_survival(self, value: Tensor) -> Tensor:
        return _log_upper(self._z(value), self.power)

    def icdf(self, value: Tensor) -> Tensor:
        tail = torch.minimum(value, 1.0 - value)
        inverse = self.power.reciprocal()
        # The incomplete gamma is inverted in the half of it that keeps its digits.
        central = tensors.on_arrays(scipy.special.gammaincinv, inverse, 1.0 - 2.0 * tail)
        in_tail = tensors.on_arrays(scipy.special.gammainccinv, inverse, 2.0 * tail)
        kernel = torch.where(tail > 0.25, central, in_tail)
        straight = (1.0 - 2.0 * tail) * torch.lgamma(1.0 + inverse).exp()
        size = torch.where(kernel < _STRAIGHT, straight, kernel**inverse)
        return self.loc + self.scale * torch.where(tail == 0.5, 0.0, torch.sign(value - 0.5) * size)


@parametrised
class AsymmetricLaplace(Distribution):
    """Two exponential tails around `loc`, which is the quantile of level `quantile`: all (n,), loc and `scale` in target units.

    The density falls with the pinball loss: quantile (1 - quantile)/scale · exp(-z (quantile - [z < 0])).
    Source: Koenker & Machado (1999), Goodness of fit and related inference processes for quantile regression.

    >>> from disttrain.distributions import AsymmetricLaplace
    >>> AsymmetricLaplace(loc=0.0, scale=1.0, quantile=0.9).cdf(0.0)  # `loc` is the quantile of that level
    tensor(0.9000, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    scale: Positive
    quantile: Share

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * (1.0 - 2.0 * self.quantile) / (self.quantile * (1.0 - self.quantile))

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        below, above = self.scale / (1.0 - self.quantile), self.scale / self.quantile
        return below.square() + above.square()

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._z(value)
        pinball = z * torch.where(z < 0, self.quantile - 1.0, self.quantile)
        return self.quantile.log() + torch.log1p(-self.quantile) - self.scale.log() - pinball

    def log_cdf(self, value: Tensor) -> Tensor:
        return _log_laplace_lower(self._z(value), self.quantile, 1.0 - self.quantile)

    def log_survival(self, value: Tensor) -> Tensor:
        return _log_laplace_lower(-self._z(value), 1.0 - self.quantile, self.quantile)

    def icdf(self, value: Tensor) -> Tensor:
        excess, rest = value - self.quantile, 1.0 - self.quantile
        lower = _log_share(value, self.quantile, excess) / rest
        upper = _log_share(1.0 - value, rest, -excess) / -self.quantile
        return self.loc + self.scale * torch.where(value < self.quantile, lower, upper)


def _power(size: Tensor, power: Tensor) -> Tensor:
    """size^power for size >= 0 with a finite gradient: at size 0, where log is infinite, both are 0."""
    inside = torch.where(size < _PEAK, size.detach(), size)
    logarithm = torch.where(size > 0, inside, 1.0).log()
    return torch.where(size > 0, special.saturating_exp(power * logarithm, 1e200), 0.0)


def _log_upper(z: Tensor, power: Tensor) -> Tensor:
    """log S(z) of the standard power exponential: half the upper incomplete gamma of |z|^power, for z < 0 1 minus it."""
    size, inverse = z.abs(), power.reciprocal()
    kernel = _power(size, power)
    bent = kernel > _STRAIGHT
    tail = log_gamma_upper(inverse, torch.where(bent, kernel, 1.0)) - LOG_2
    half = 0.5 * z * (-torch.lgamma(1.0 + inverse)).exp()
    straight = (0.5 - torch.where(bent, 0.0, half)).log()
    log_tail = torch.where(z > 0, tail, torch.log1p(-tail.exp()))
    return torch.where(bent, log_tail, straight)


def _log_share(part: Tensor, total: Tensor, excess: Tensor) -> Tensor:
    """log(part / total), from their difference `excess` where they are nearly equal."""
    return torch.where(2.0 * part > total, torch.log1p(excess / total), (part / total).log())


def _log_laplace_lower(z: Tensor, below: Tensor, above: Tensor) -> Tensor:
    """log F(z) where `below` = 1 - `above` is the mass below 0; both are arguments, as the smaller one keeps its digits."""
    left = below.log() + above * z.clamp(max=0.0)
    fall = below * z.clamp(min=0.0)
    survival = above * (-fall).exp()
    few = survival < 0.5
    mass = below - above * torch.expm1(-fall)
    right = torch.where(few, torch.log1p(-torch.where(few, survival, 0.5)), mass.log())
    return torch.where(z < 0, left, right)
