"""Distributions of sizes and lifetimes on the half line."""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.increasing import EXPONENTIAL, NORMAL, increasing
from disttrain.distributions.core.parametrised import Positive, parametrised
from disttrain.distributions.numerics import incomplete_gamma_beta, log_probabilities, special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI, LOG_2, ROOT_HALF, ROOT_TWO_OVER_PI


@parametrised
class HalfNormal(Distribution):
    """The absolute value of a normal with mean 0 and standard deviation `scale` (n,), in target units.

    >>> from disttrain.distributions import HalfNormal
    >>> HalfNormal(scale=2.0).cdf(1.0)  # scipy.stats.halfnorm(scale=2.0).cdf(1.0)
    tensor(0.3829, dtype=torch.float64)
    """

    support = constraints.nonnegative
    scale: Positive

    @property
    def mean(self) -> Tensor:
        return self.scale * ROOT_TWO_OVER_PI

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1.0 - 2.0 / math.pi)

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.scale)

    def log_prob(self, value: Tensor) -> Tensor:
        return LOG_2 - HALF_LOG_2PI - self.scale.log() - 0.5 * (value / self.scale).square()

    def log_cdf(self, value: Tensor) -> Tensor:
        return torch.erf(value / self.scale * ROOT_HALF).log()

    def log_survival(self, value: Tensor) -> Tensor:
        return LOG_2 + log_probabilities.log_ndtr(-value / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * math.sqrt(2.0) * tensors.on_arrays(scipy.special.erfinv, value)


@parametrised
class Nakagami(Distribution):
    """Nakagami: the root of a gamma of shape `concentration`, with the root mean square `scale`, in target units; both (n,).

    Source: Nakagami (1960), The m-distribution; scipy.stats.nakagami; the density is written like that of Gamma.

    >>> from disttrain.distributions import Nakagami
    >>> Nakagami(scale=1.0, concentration=1.0).cdf(1.0)  # 1 - math.exp(-1.0)
    tensor(0.6321, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive
    concentration: Positive

    @property
    def mean(self) -> Tensor:
        return self.scale * special.half_step(self.concentration).exp()

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * -torch.expm1(2.0 * special.half_step(self.concentration))

    @property
    def mode(self) -> Tensor:
        return self.scale * (1.0 - 0.5 / self.concentration).clamp(min=0.0).sqrt()

    def _gamma(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The concentration, and the value's square as a draw of the gamma of that concentration and rate 1."""
        return self.concentration, self.concentration * (value / self.scale).square()

    def log_prob(self, value: Tensor) -> Tensor:
        k, x = self._gamma(value)
        return LOG_2 + 0.5 * k.log() - value.log() - special.stirling_remainder(k) - special.deviance(k, x) - HALF_LOG_2PI

    def log_cdf(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_lower(*self._gamma(value))

    def log_survival(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_upper(*self._gamma(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (tensors.on_arrays(scipy.special.gammaincinv, self.concentration, value) / self.concentration).sqrt()


@increasing(EXPONENTIAL)
class Rayleigh(Distribution):
    """Rayleigh: the length of a vector of two normal components of standard deviation `scale` (n,), in target units.

    >>> from disttrain.distributions import Rayleigh
    >>> Rayleigh(scale=2.0).cdf(1.0)  # scipy.stats.rayleigh(scale=2.0).cdf(1.0)
    tensor(0.1175, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(0.5 * math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (2.0 - 0.5 * math.pi)

    @property
    def mode(self) -> Tensor:
        return self.scale

    def _z(self, value: Tensor) -> Tensor:
        return 0.5 * (value / self.scale).square()

    def _log_stretch(self, value: Tensor) -> Tensor:
        return 2.0 * self.scale.log() - value.log()

    def _y(self, z: Tensor) -> Tensor:
        return self.scale * (2.0 * z).sqrt()

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable, also where the square underflows."""
        return log_probabilities.log_passed(2.0 * (value / self.scale).log() - LOG_2)


@increasing(EXPONENTIAL)
class Gompertz(Distribution):
    """Gompertz: a hazard c/b · exp(y/b) that grows by the factor e over each `scale` b (target units); c = `concentration`; both (n,).

    >>> from disttrain.distributions import Gompertz
    >>> Gompertz(scale=2.0, concentration=0.5).cdf(1.0)  # scipy.stats.gompertz(0.5, scale=2.0).cdf(1.0)
    tensor(0.2770, dtype=torch.float64)
    """

    support = constraints.nonnegative
    scale: Positive
    concentration: Positive

    @property
    def mode(self) -> Tensor:
        return self.scale * (-self.concentration.log()).clamp(min=0.0)

    def _z(self, value: Tensor) -> Tensor:
        """The cumulative hazard c (exp(y/b) - 1), from its logarithm where exp(y/b) would overflow."""
        z = value / self.scale
        large = z > 1.0
        within = self.concentration * torch.expm1(torch.where(large, 0.0, z))
        large_z = torch.where(large, z, 1.0)
        asymptotic = special.saturating_exp(self.concentration.log() + large_z + torch.log1p(-(-large_z).exp()), 1e290)
        return torch.where(large, asymptotic, within)

    def _log_stretch(self, value: Tensor) -> Tensor:
        return self.scale.log() - self.concentration.log() - value / self.scale

    def _y(self, z: Tensor) -> Tensor:
        return self.scale * torch.log1p(z / self.concentration)


@increasing(NORMAL)
class BirnbaumSaunders(Distribution):
    """Birnbaum-Saunders, fatigue life: (sqrt(y/β) - sqrt(β/y))/α is standard normal; β = `scale` (target units), α = `concentration`.

    >>> from disttrain.distributions import BirnbaumSaunders
    >>> BirnbaumSaunders(scale=2.0, concentration=0.5).cdf(3.0)  # scipy.stats.fatiguelife(0.5, scale=2.0).cdf(3.0)
    tensor(0.7929, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive
    concentration: Positive

    @property
    def mean(self) -> Tensor:
        return self.scale * (1.0 + 0.5 * self.concentration.square())

    @property
    def variance(self) -> Tensor:
        square = self.concentration.square()
        return self.scale.square() * square * (1.0 + 1.25 * square)

    def _z(self, value: Tensor) -> Tensor:
        """2 sinh(½ log(y/β))/α, constant where its square would overflow."""
        half = 0.5 * special.log_ratio(value, self.scale)
        ordinary = half.abs() < 300.0
        inside = torch.where(ordinary, half, torch.sign(half) * 300.0 + 1e-3 * (half - torch.sign(half) * 300.0))
        return 2.0 * torch.sinh(inside) / self.concentration

    def _log_stretch(self, value: Tensor) -> Tensor:
        # dz/dy = cosh(½ log(y/β)) / (α y).
        size = special.log_ratio(value, self.scale).abs()
        return self.concentration.log() + value.log() - (0.5 * size + torch.log1p((-size).exp()) - LOG_2)

    def _y(self, z: Tensor) -> Tensor:
        return self.scale * (2.0 * torch.asinh(0.5 * self.concentration * z)).exp()
