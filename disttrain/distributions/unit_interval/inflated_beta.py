"""The beta distribution inflated at 0 and 1."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import functionals
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.tensors import Shape
from disttrain.distributions.unit_interval.beta import Beta
from disttrain.distributions.unit_interval.other_shares import beta_mean

_LAST = 1.0 - 2.0**-53


@take_plain_values
class ZeroOneInflatedBeta(Distribution):
    """Shares with exact zeros and ones: 0 with probability `zero`, 1 with probability `one`, else beta of `mean` and `precision`; (n,).

    Both probabilities may be given as logits instead, of one softmax in which the beta part has logit 0: they stay exact where its
    probability is nearly 0. The property `mean` is E Y; `beta_mean` is the mean of the beta part, the argument `mean`.
    Source: Ospina & Ferrari (2012), A general class of zero-or-one inflated beta regression models.

    >>> from disttrain.distributions import ZeroOneInflatedBeta
    >>> ZeroOneInflatedBeta(mean=0.4, precision=5.0, zero=0.1, one=0.2).cdf(0.5)  # 0.1 + 0.7 * scipy.stats.beta(2.0, 3.0).cdf(0.5)
    tensor(0.5813, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {
        "mean": constraints.unit_interval,
        "precision": constraints.positive,
        "zero": constraints.unit_interval,
        "one": constraints.unit_interval,
    }
    support = constraints.unit_interval

    def __init__(
        self, mean: Tensor | float, precision: Tensor | float, zero: Tensor | float | None = None, one: Tensor | float | None = None,
        zero_logits: Tensor | None = None, one_logits: Tensor | None = None, validate_args: bool = False,
    ) -> None:  # fmt: skip
        if zero is not None and one is not None:
            self._mean, self.precision, self.zero, self.one = tensors.parameters(mean, precision, zero, one)
            self._log_zero, self._log_one = self.zero.log(), self.one.log()
            # Three shares of one softmax sum to 1 up to rounding: what is left is at least that.
            self._log_rest = (1.0 - self.zero - self.one).clamp(min=1e-15).log()
        elif zero_logits is not None and one_logits is not None:
            self._mean, self.precision, *scores = tensors.parameters(mean, precision, zero_logits, one_logits)
            shares = torch.log_softmax(torch.stack((*scores, torch.zeros_like(self._mean)), -1), -1)
            self._log_zero, self._log_one, self._log_rest = shares.unbind(-1)
            self.zero, self.one = self._log_zero.exp(), self._log_one.exp()
        else:
            raise TypeError("ZeroOneInflatedBeta takes zero and one, or the logits of both")
        super().__init__(self._mean.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> ZeroOneInflatedBeta:
        mean, precision = self._mean.expand(batch_shape), self.precision.expand(batch_shape)
        zero, one = ((part - self._log_rest).expand(batch_shape) for part in (self._log_zero, self._log_one))
        return ZeroOneInflatedBeta(mean, precision, zero_logits=zero, one_logits=one)

    @property
    def beta_mean(self) -> Tensor:
        """The mean of the beta part."""
        return self._mean

    @property
    def mean(self) -> Tensor:
        return self.one + self._rest * self._mean

    @property
    def variance(self) -> Tensor:
        within = self._mean * (1.0 - self._mean) / (1.0 + self.precision)
        mean = self.mean
        return self._rest * (within + (self._mean - mean).square()) + self.zero * mean.square() + self.one * (1.0 - mean).square()

    @property
    def _rest(self) -> Tensor:
        return self._log_rest.exp()

    def _beta(self) -> Beta:
        return beta_mean(self._mean, self.precision)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,)."""
        with torch.no_grad():
            # A beta that piles up at its ends would round to them.
            inside = self._beta().sample(torch.Size(sample_shape)).clamp(1e-300, 1.0 - 2.0**-53)
            u = tensors.open_uniform(inside.shape, inside)
            return torch.where(u < self.zero, 0.0, torch.where(u > 1.0 - self.one, 1.0, inside))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density between 0 and 1, log-probability at 0 and at 1."""
        inside = self._log_rest + self._beta().log_prob(_between(value))
        return torch.where(value == 0, self._log_zero, torch.where(value == 1, self._log_one, inside))

    def probability_at(self, value: Tensor) -> Tensor:
        """P(Y = value)."""
        return torch.where(value == 0, self.zero, torch.where(value == 1, self.one, 0.0))

    def log_cdf(self, value: Tensor) -> Tensor:
        inside = torch.logaddexp(self._log_zero, self._log_rest + functionals.log_cdf(self._beta(), _between(value)))
        return torch.where(value <= 0, self._log_zero, inside)

    def log_survival(self, value: Tensor) -> Tensor:
        inside = torch.logaddexp(self._log_one, self._log_rest + functionals.log_survival(self._beta(), _between(value)))
        # Above the last float64 below 1 is 1 alone, else P(Y >= 1) would have a part of a beta that piles up there.
        inside = torch.where(value >= _LAST, self._log_one, inside)
        return torch.where(value <= 0, torch.logaddexp(self._log_one, self._log_rest), inside)

    def cdf(self, value: Tensor) -> Tensor:
        return functionals.log_cdf(self, value).exp()

    def survival(self, value: Tensor) -> Tensor:
        return functionals.log_survival(self, value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile: 0 up to P(Y = 0), 1 from 1 - P(Y = 1)."""
        inside = self._beta().icdf(((value - self.zero) / self._rest).clamp(0.0, 1.0))
        y = torch.where(value <= self.zero, 0.0, torch.where(value >= 1.0 - self.one, 1.0, inside))
        return torch.where((value >= 0) & (value <= 1), y, math.nan)


def _between(value: Tensor) -> Tensor:
    """The value, ½ at the ends, so that the gradient of the unused branch is finite."""
    return torch.where((value <= 0) | (value >= 1), 0.5, value)
