"""Distributions of positive numbers: exponential, gamma, log-normal."""

from __future__ import annotations

from typing import ClassVar

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Parameter, parametrised
from disttrain.distributions.numerics import incomplete_gamma_beta, log_probabilities, special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Shape


@parametrised
class Exponential(Distribution):
    """Exponential with mean 1/`rate`: (n,), in one over target units."""

    arg_constraints: ClassVar = {"rate": constraints.positive}
    support = constraints.nonnegative
    rate: Parameter

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

    def cdf(self, value: Tensor) -> Tensor:
        return -torch.expm1(-self.rate * value.clamp(min=0.0))

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return (-self.rate * value.clamp(min=0.0)).exp()

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return log_probabilities.log1mexp(-self.rate * value)

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return -self.rate * value

    def icdf(self, value: Tensor) -> Tensor:
        return -torch.log1p(-value) / self.rate


@parametrised
class Gamma(Distribution):
    """Gamma with mean `concentration`/`rate` and variance `concentration`/`rate`²: (n,), the rate in one over target units.

    The density is written around its mean, so that a concentration of 1e8 loses no digits.
    """

    arg_constraints: ClassVar = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    concentration: Parameter
    rate: Parameter

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
        """P(Y > value), exact in the upper tail."""
        return tensors.on_arrays(scipy.special.gammaincc, self.concentration, self.rate * value.clamp(min=0.0))

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return incomplete_gamma_beta.log_gamma_lower(self.concentration, self.rate * value)

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return incomplete_gamma_beta.log_gamma_upper(self.concentration, self.rate * value)

    def icdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.gammaincinv, self.concentration, value) / self.rate.detach()


@parametrised
class LogNormal(Distribution):
    """Log-normal: the logarithm has mean `loc` and standard deviation `scale`, both (n,)."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    loc: Parameter
    scale: Parameter

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

    def _z(self, log_value: Tensor) -> Tensor:
        return (log_value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        log_value = value.log()
        return -0.5 * self._z(log_value).square() - self.scale.log() - log_value - HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return special.ndtr(self._z(value.clamp(min=0.0).log()))

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return special.ndtr(-self._z(value.clamp(min=0.0).log()))

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return log_probabilities.log_ndtr(self._z(value.log()))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return log_probabilities.log_ndtr(-self._z(value.log()))

    def icdf(self, value: Tensor) -> Tensor:
        return (self.loc + self.scale * special.ndtri(value)).exp()
