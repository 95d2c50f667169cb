"""Differences of counts: Skellam."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import lattice_sums
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import bessel, special, tensors

_LOG_2PI = 1.8378770664093453


class _Integer(constraints.Constraint):
    """The constraint to all integers, negative ones included; torch has none."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return value == value.floor()


@take_plain_values
class Skellam(Distribution):
    """Skellam: the difference of two independent Poisson counts with means `rate1` and `rate2`, both (n,).

    Mean rate1 - rate2, variance rate1 + rate2. Source: Skellam (1946), The frequency distribution of the difference between two
    Poisson variates.
    """

    arg_constraints: ClassVar = {"rate1": constraints.positive, "rate2": constraints.positive}
    support = _Integer()

    def __init__(self, rate1: Tensor | float, rate2: Tensor | float, validate_args: bool = False) -> None:
        self.rate1, self.rate2 = tensors.parameters(rate1, rate2)
        super().__init__(self.rate1.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Skellam:
        expanded: Skellam = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self.rate1 - self.rate2

    @property
    def variance(self) -> Tensor:
        return self.rate1 + self.rate2

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            return torch.poisson(self.rate1.expand(shape)) - torch.poisson(self.rate2.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,): exp(-rate1 - rate2) (rate1/rate2)^(y/2) I_y(2 sqrt(rate1 rate2)), without overflow of I.

        In the saddle-point form both deviances are exact, and the correction of I is a series in 1/s, s² = y² + 4 rate1 rate2; below
        s = 30 the power series of I is used.
        """
        value, first, second = torch.broadcast_tensors(value.detach(), self.rate1, self.rate2)  # type: ignore[no-untyped-call]
        large = torch.hypot(value, 2.0 * (first.sqrt() * second.sqrt()).detach()) > bessel.LARGE
        score = torch.empty_like(first)
        # Each form where it is needed alone: they cost a hundred operations.
        for form, where in ((_saddle_form, large), (_power_form, ~large)):
            score = score.masked_scatter(where, form(value[where], first[where], second[where]))
        return score

    def _tails(self, value: Tensor) -> tuple[Tensor, Tensor]:
        # Further out than any rate the tail is 0, and its squares would overflow.
        value = value.clamp(-1e100, 1e100).expand(tensors.common_shape(value.shape, self.rate1.shape))
        # The mass is log-concave: 45 standard deviations out less than 1e-18 of a tail is left.
        half_width = 45.0 * (1.0 + self.variance.sqrt())
        return lattice_sums.tails(self.log_prob, value, self.mean, half_width, (-math.inf, math.inf))

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable in the rates: a sum of probabilities whose cost does not grow with them."""
        return self._tails(value)[0]

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable in the rates."""
        return self._tails(value)[1]

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return self.log_survival(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest integer whose cdf is at least `value`."""
        return lattice_sums.quantile(self.cdf, value, self.mean, self.variance, -math.inf)


def _power_form(value: Tensor, rate1: Tensor, rate2: Tensor) -> Tensor:
    size, larger = value.abs(), torch.where(value < 0, rate2, rate1)
    return size * larger.log() - rate1 - rate2 - torch.lgamma(size + 1.0) + bessel.log_series(rate1 * rate2, size)


def _saddle_form(value: Tensor, rate1: Tensor, rate2: Tensor) -> Tensor:
    size = value.abs()
    s = torch.hypot(size, 2.0 * rate1.sqrt() * rate2.sqrt())
    # The most probable counts that differ by y; their product is rate1 · rate2. The slopes in them cancel: they are constants.
    with torch.no_grad():
        larger = 0.5 * (s + size)
        smaller = rate1 / larger * rate2
        first, second = torch.where(value < 0, smaller, larger), torch.where(value < 0, larger, smaller)
    deviances = special.deviance(first, rate1) + special.deviance(second, rate2)
    return bessel.log_debye(size, s, 1.0) - deviances - 0.5 * (_LOG_2PI + s.log())
