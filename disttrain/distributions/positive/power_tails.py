"""Distributions of positive numbers with a power-law upper tail: Burr, Dagum, Lomax, Pareto, Fréchet."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.nn.functional import logsigmoid

from disttrain.distributions.core.increasing import EXPONENTIAL, gumbel, increasing, power
from disttrain.distributions.core.parametrised import Positive, parametrised
from disttrain.distributions.numerics import log_probabilities, special
from disttrain.distributions.positive.raw_moments import log_gamma, power_variance, scaled_moments


@parametrised
@scaled_moments
class Burr(Distribution):
    """Burr XII: `scale` in target units, `concentration1` the power of y, `concentration0` the power of the survival; all (n,).

    The survival is (1 + (y/scale)^concentration1)^-concentration0. Source: scipy.stats.burr12(c, d).

    >>> from disttrain.distributions import Burr
    >>> Burr(scale=2.0, concentration1=3.0, concentration0=1.5).cdf(1.0)  # scipy.stats.burr12(3.0, 1.5, scale=2.0).cdf(1.0)
    tensor(0.1619, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive
    concentration1: Positive
    concentration0: Positive

    def _log_moment(self, order: float) -> Tensor:
        share = order / self.concentration1
        return log_gamma(self.concentration0 - share) + torch.lgamma(1.0 + share) - torch.lgamma(self.concentration0)

    @property
    def mode(self) -> Tensor:
        c = self.concentration1
        return self.scale * ((c - 1.0).clamp(min=0.0) / (c * self.concentration0 + 1.0)) ** c.reciprocal()

    def _z(self, value: Tensor) -> Tensor:
        return self.concentration1 * special.log_ratio(value, self.scale)

    def log_prob(self, value: Tensor) -> Tensor:
        z, d = self._z(value), self.concentration0
        return self.concentration1.log() + d.log() - value.log() + logsigmoid(z) + d * logsigmoid(-z)

    def log_cdf(self, value: Tensor) -> Tensor:
        return log_probabilities.log_passed(self.concentration0.log() + _log_softplus(self._z(value)))

    def log_survival(self, value: Tensor) -> Tensor:
        return self.concentration0 * logsigmoid(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (_log_expm1(-torch.log1p(-value) / self.concentration0) / self.concentration1).exp()


@parametrised
@scaled_moments
class Dagum(Distribution):
    """Dagum: one over a Burr XII; `scale` in target units, `concentration1` the power of y, `concentration0` the power of the cdf; all (n,).

    The cdf is (1 + (y/scale)^-concentration1)^-concentration0. Source: scipy.stats.burr(c, d), Burr III.

    >>> from disttrain.distributions import Dagum
    >>> Dagum(scale=2.0, concentration1=3.0, concentration0=1.5).cdf(1.0)  # scipy.stats.burr(3.0, 1.5, scale=2.0).cdf(1.0)
    tensor(0.0370, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive
    concentration1: Positive
    concentration0: Positive

    def _log_moment(self, order: float) -> Tensor:
        share = order / self.concentration1
        return torch.lgamma(self.concentration0 + share) + log_gamma(1.0 - share) - torch.lgamma(self.concentration0)

    @property
    def mode(self) -> Tensor:
        c = self.concentration1
        return self.scale * ((c * self.concentration0 - 1.0).clamp(min=0.0) / (c + 1.0)) ** c.reciprocal()

    def _z(self, value: Tensor) -> Tensor:
        return self.concentration1 * special.log_ratio(value, self.scale)

    def log_prob(self, value: Tensor) -> Tensor:
        z, d = self._z(value), self.concentration0
        return self.concentration1.log() + d.log() - value.log() + logsigmoid(-z) + d * logsigmoid(z)

    def log_cdf(self, value: Tensor) -> Tensor:
        return self.concentration0 * logsigmoid(self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        return log_probabilities.log_passed(self.concentration0.log() + _log_softplus(-self._z(value)))

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (-_log_expm1(-value.log() / self.concentration0) / self.concentration1).exp()


@increasing(EXPONENTIAL)
class Lomax(Distribution):
    """Lomax, the Pareto of type II: `scale` in target units, survival (1 + y/scale)^-`concentration`; both (n,).

    Source: scipy.stats.lomax.

    >>> from disttrain.distributions import Lomax
    >>> Lomax(scale=2.0, concentration=3.0).cdf(1.0)  # scipy.stats.lomax(3.0, scale=2.0).cdf(1.0)
    tensor(0.7037, dtype=torch.float64)
    """

    support = constraints.nonnegative
    scale: Positive
    concentration: Positive

    @property
    def mean(self) -> Tensor:
        """scale/(concentration - 1); inf where concentration <= 1."""
        return self.scale / (self.concentration - 1.0).clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        """inf where concentration <= 2."""
        return power_variance(self.scale, self.concentration)

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.scale)

    def _log1p(self, value: Tensor) -> Tensor:
        """log(1 + value/scale), also where the ratio overflows."""
        in_tail = value > self.scale
        tail = -logsigmoid(-special.log_ratio(torch.where(in_tail, value, 1.0), torch.where(in_tail, self.scale, 1.0)))
        return torch.where(in_tail, tail, torch.log1p(torch.where(in_tail, 0.0, value) / self.scale))

    def log_prob(self, value: Tensor) -> Tensor:
        return self.concentration.log() - self.scale.log() - (self.concentration + 1.0) * self._log1p(value)

    def _z(self, value: Tensor) -> Tensor:
        return self.concentration * self._log1p(value)

    def _y(self, z: Tensor) -> Tensor:
        return self.scale * torch.expm1(z / self.concentration)


def _log_softplus(z: Tensor) -> Tensor:
    """log log(1 + exp(z)), about z for z → -∞."""
    low = z < -37.0
    return torch.where(low, z, (-logsigmoid(-torch.where(low, 0.0, z))).log())


def _log_expm1(x: Tensor) -> Tensor:
    """log(exp(x) - 1) for x >= 0, also where exp overflows."""
    return x + (-torch.expm1(-x)).log()


@power(EXPONENTIAL)
class Pareto(Distribution):
    """Pareto: above `scale`, in target units, the survival is (y/scale)^-`concentration`; both (n,). Source: scipy.stats.pareto.

    >>> from disttrain.distributions import Pareto
    >>> Pareto(scale=2.0, concentration=3.0).cdf(4.0)  # scipy.stats.pareto(3.0, scale=2.0).cdf(4.0)
    tensor(0.8750, dtype=torch.float64)
    """

    concentration: Positive
    scale: Positive

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.greater_than(self.scale)  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        """concentration scale/(concentration - 1); inf where concentration <= 1."""
        return self.scale * (self.concentration / (self.concentration - 1.0).clamp(min=0.0))

    @property
    def variance(self) -> Tensor:
        """inf where concentration <= 2."""
        return power_variance(self.scale, self.concentration)

    @property
    def mode(self) -> Tensor:
        return self.scale

    def _z(self, value: Tensor) -> Tensor:
        """With the digits of log(value/scale) where the two are close."""
        small = value < 2.0 * self.scale
        inside = torch.where(small, value, self.scale)
        ratio = torch.where(small, torch.log1p((inside - self.scale) / self.scale), special.log_ratio(value, self.scale))
        return self.concentration * ratio


@power(gumbel(1e200))
@scaled_moments
class Frechet(Distribution):
    """Fréchet: one over a Weibull; `scale` in target units, cdf exp(-(y/scale)^-`concentration`); both (n,).

    Source: scipy.stats.invweibull.

    >>> from disttrain.distributions import Frechet
    >>> Frechet(scale=2.0, concentration=1.5).cdf(1.0)  # scipy.stats.invweibull(1.5, scale=2.0).cdf(1.0)
    tensor(0.0591, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive
    concentration: Positive

    def _log_moment(self, order: float) -> Tensor:
        return log_gamma(1.0 - order / self.concentration)

    @property
    def mode(self) -> Tensor:
        return self.scale * (-torch.log1p(self.concentration.reciprocal()) / self.concentration).exp()
