"""Differences of counts: Skellam."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.lattice_tails import lattice_tails
from disttrain.distributions.core.parametrised import Positive
from disttrain.distributions.numerics import bessel, special
from disttrain.distributions.numerics.constants import LOG_2PI
from disttrain.distributions.numerics.tensors import Shape


class _Integer(constraints.Constraint):
    """The constraint to all integers, negative ones included; torch has none."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return value == value.floor()


@lattice_tails
class Skellam(Distribution):
    """Skellam: the difference of two independent Poisson counts with means `rate1` and `rate2`, both (n,).

    Mean rate1 - rate2, variance rate1 + rate2. Source: Skellam (1946), The frequency distribution of the difference between two
    Poisson variates.

    >>> from disttrain.distributions import Skellam
    >>> Skellam(rate1=3.0, rate2=5.0).cdf(-1.0)  # scipy.stats.skellam(3.0, 5.0).cdf(-1)
    tensor(0.7018, dtype=torch.float64)
    """

    support = _Integer()
    rate1: Positive
    rate2: Positive

    @property
    def mean(self) -> Tensor:
        return self.rate1 - self.rate2

    @property
    def variance(self) -> Tensor:
        return self.rate1 + self.rate2

    def sample(self, sample_shape: Shape = ()) -> Tensor:
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

    def _half_width(self) -> Tensor:
        # The mass is log-concave: 45 standard deviations out less than 1e-18 of a tail is left.
        return 45.0 * (1.0 + self.variance.sqrt())


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
    return bessel.log_debye(size, s, 1.0) - deviances - 0.5 * (LOG_2PI + s.log())
