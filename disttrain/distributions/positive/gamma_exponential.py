"""Distributions of positive numbers: exponential, gamma, log-normal."""

from __future__ import annotations

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.increasing import EXPONENTIAL, NORMAL, increasing
from disttrain.distributions.core.parametrised import Positive, Real, parametrised
from disttrain.distributions.numerics import incomplete_gamma_beta, special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Shape


@increasing(EXPONENTIAL)
class Exponential(Distribution):
    """Exponential with mean 1/`rate`: (n,), in one over target units.

    >>> from disttrain.distributions import Exponential
    >>> Exponential(rate=0.5).cdf(1.0)  # scipy.stats.expon(scale=2.0).cdf(1.0)
    tensor(0.3935, dtype=torch.float64)
    """

    support = constraints.nonnegative
    rate: Positive

    @property
    def mean(self) -> Tensor:
        return self.rate.reciprocal()

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.rate)

    @property
    def variance(self) -> Tensor:
        return self.rate.reciprocal().square()

    def log_prob(self, value: Tensor) -> Tensor:
        return self.rate.log() - self.rate * value

    def _z(self, value: Tensor) -> Tensor:
        return self.rate * value

    def _y(self, z: Tensor) -> Tensor:
        return z / self.rate


@parametrised
class Gamma(Distribution):
    """Gamma with mean `concentration`/`rate` and variance `concentration`/`rate`²: (n,), the rate in one over target units.

    The density is written around its mean, so that a concentration of 1e8 loses no digits.

    >>> from disttrain.distributions import Gamma
    >>> Gamma(concentration=2.0, rate=3.0).cdf(0.5)  # scipy.stats.gamma(2.0, scale=1 / 3).cdf(0.5)
    tensor(0.4422, dtype=torch.float64)
    """

    support = constraints.positive
    concentration: Positive
    rate: Positive

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return (self.concentration - 1.0).clamp(min=0.0) / self.rate

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate / self.rate

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return torch.distributions.Gamma(self.concentration, self.rate, validate_args=False).sample(torch.Size(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density, (n,). Source: Stirling's form of the gamma function and Loader's deviance, like a Poisson count k at mean ry."""
        k = self.concentration
        remainder = special.stirling_remainder(k) + special.deviance(k, self.rate * value)
        return 0.5 * k.log() - value.log() - remainder - HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.gammainc, self.concentration, self.rate * value.clamp(min=0.0))

    def survival(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.gammaincc, self.concentration, self.rate * value.clamp(min=0.0))

    def log_cdf(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_lower(self.concentration, self.rate * value)

    def log_survival(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_upper(self.concentration, self.rate * value)

    def icdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.gammaincinv, self.concentration, value) / self.rate.detach()


@increasing(NORMAL)
class LogNormal(Distribution):
    """Log-normal: the logarithm has mean `loc` and standard deviation `scale`, both (n,).

    >>> from disttrain.distributions import LogNormal
    >>> LogNormal(loc=0.0, scale=0.5).cdf(2.0)  # scipy.stats.lognorm(0.5).cdf(2.0)
    tensor(0.9172, dtype=torch.float64)
    """

    support = constraints.positive
    loc: Real
    scale: Positive

    @property
    def mean(self) -> Tensor:
        return (self.loc + 0.5 * self.scale.square()).exp()

    @property
    def mode(self) -> Tensor:
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Tensor:
        return torch.expm1(self.scale.square()) * (2.0 * self.loc + self.scale.square()).exp()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            return torch.normal(self.loc.expand(shape), self.scale.expand(shape)).exp()

    def log_prob(self, value: Tensor) -> Tensor:
        log_value = value.log()
        return -0.5 * ((log_value - self.loc) / self.scale).square() - self.scale.log() - log_value - HALF_LOG_2PI

    def _z(self, value: Tensor) -> Tensor:
        return (value.log() - self.loc) / self.scale

    def _y(self, z: Tensor) -> Tensor:
        return (self.loc + self.scale * z).exp()
