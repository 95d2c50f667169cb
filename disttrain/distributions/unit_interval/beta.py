"""Distributions of shares strictly between 0 and 1."""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Positive, parametrised
from disttrain.distributions.numerics import incomplete_gamma_beta, special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Shape


@parametrised
class Beta(Distribution):
    """Beta with mean a/(a + b), where a = `concentration1` and b = `concentration0`, both (n,).

    The density is written around its mean, so that concentrations of 1e8 lose no digits.

    >>> from disttrain.distributions import Beta
    >>> Beta(2.0, 5.0).cdf(0.3)  # scipy.stats.beta(2.0, 5.0).cdf(0.3)
    tensor(0.5798, dtype=torch.float64)
    """

    support = constraints.unit_interval
    concentration1: Positive
    concentration0: Positive

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        """(a - 1)/(a + b - 2); an end of the interval where the density rises to it, nan where it is unbounded at both or constant."""
        a, b = self.concentration1, self.concentration0
        inner = (a > 1) & (b > 1)
        total = torch.where(inner, a + b - 2.0, 1.0)
        edge = torch.where((a <= 1) & (b > a), 0.0, torch.where((b <= 1) & (a > b), 1.0, math.nan))
        edge = torch.where((a < 1) & (b < 1), math.nan, edge)
        return torch.where(inner, (a - 1.0) / total, edge)

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 / total * (self.concentration0 / total) / (total + 1.0)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return torch.distributions.Beta(self.concentration1, self.concentration0, validate_args=False).sample(torch.Size(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density, (n,). Source: Stirling's form of the three gamma functions and Loader's deviance of the two concentrations."""
        a, b, rest = self.concentration1, self.concentration0, 1.0 - value
        total = a + b
        remainders = special.stirling_remainder(torch.stack((total, a, b)))
        kernel = special.deviance(a, total * value) + special.deviance(b, total * rest)
        front = 0.5 * (a / total * b).log() - value.log() - torch.log1p(-value)
        return front + remainders[0] - remainders[1] - remainders[2] - kernel - HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.betainc, self.concentration1, self.concentration0, value.clamp(0.0, 1.0))

    def survival(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.betaincc, self.concentration1, self.concentration0, value.clamp(0.0, 1.0))

    def log_cdf(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_beta_lower(self.concentration1, self.concentration0, value, 1.0 - value)

    def log_survival(self, value: Tensor) -> Tensor:
        a, b = self.concentration1, self.concentration0
        # The function gives all its slope to its third argument: here that is 1 - value.
        return incomplete_gamma_beta.log_beta_lower(b, a, 1.0 - value, value)

    def icdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.betaincinv, self.concentration1, self.concentration0, value)
