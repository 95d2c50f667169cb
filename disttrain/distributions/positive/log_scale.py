"""More distributions of positive numbers: inverse gamma, log-logistic, generalized gamma, Weibull; the gamma by its mean."""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.increasing import LOGISTIC, gumbel_of_minima, power
from disttrain.distributions.core.parametrised import Positive, Real, parametrised
from disttrain.distributions.numerics import incomplete_gamma_beta, log_probabilities, special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.positive.gamma_exponential import Gamma
from disttrain.distributions.positive.raw_moments import scaled_moments

# Below this size of the shape the tails of the generalized gamma are those of a corrected normal.
_NORMAL = 1.5e-3


def gamma_mean(mean: Tensor | float, concentration: Tensor | float, validate_args: bool = False) -> Gamma:
    """The gamma distribution by its `mean`, in target units, and `concentration`; both (n,).

    >>> from disttrain.distributions import gamma_mean
    >>> gamma_mean(mean=2.0, concentration=4.0).rate  # 4.0 / 2.0
    tensor(2., dtype=torch.float64)
    """
    mean, concentration = tensors.parameters(mean, concentration)
    return Gamma(concentration, concentration / mean, validate_args=validate_args)  # type: ignore[call-arg]


@parametrised
class InverseGamma(Distribution):
    """One over a gamma: density rate^k/Γ(k) y^(-k-1) exp(-rate/y), k = `concentration`; both (n,), the rate in target units.

    Source: scipy.stats.invgamma; the density is written around k/rate, like Gamma.

    >>> from disttrain.distributions import InverseGamma
    >>> InverseGamma(concentration=2.0, rate=3.0).cdf(1.0)  # scipy.stats.invgamma(2.0, scale=3.0).cdf(1.0)
    tensor(0.1991, dtype=torch.float64)
    """

    support = constraints.positive
    concentration: Positive
    rate: Positive

    @property
    def mean(self) -> Tensor:
        """rate/(concentration - 1); inf where concentration <= 1."""
        return self.rate / (self.concentration - 1.0).clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        """inf where concentration <= 2."""
        above = torch.where(self.concentration > 2.0, self.concentration, 3.0)
        return torch.where(self.concentration > 2.0, (self.rate / (above - 1.0)).square() / (above - 2.0), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1.0)

    def log_prob(self, value: Tensor) -> Tensor:
        k = self.concentration
        remainder = special.stirling_remainder(k) + special.deviance(k, self._reduced(value))
        return 0.5 * k.log() - value.log() - remainder - HALF_LOG_2PI

    def _reduced(self, value: Tensor) -> Tensor:
        """rate/value, never 0 or infinite."""
        ratio = self.rate / value
        limits = torch.finfo(ratio.dtype)
        return ratio.clamp(limits.tiny, limits.max * 1e-8)

    def log_cdf(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_upper(self.concentration, self._reduced(value))

    def log_survival(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_lower(self.concentration, self._reduced(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.rate.detach() / tensors.on_arrays(scipy.special.gammainccinv, self.concentration, value)


@power(LOGISTIC)
class LogLogistic(Distribution):
    """The exponential of a logistic: cdf 1/(1 + (y/scale)^-`concentration`); both (n,), `scale`, the median, in target units.

    Source: scipy.stats.fisk.

    >>> from disttrain.distributions import LogLogistic
    >>> LogLogistic(scale=2.0, concentration=3.0).cdf(1.0)  # scipy.stats.fisk(3.0, scale=2.0).cdf(1.0)
    tensor(0.1111, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive
    concentration: Positive

    @property
    def mean(self) -> Tensor:
        """inf where concentration <= 1."""
        share = math.pi / self.concentration.clamp(min=1.0)
        return torch.where(self.concentration > 1.0, self.scale * share / share.sin(), math.inf)

    @property
    def variance(self) -> Tensor:
        """inf where concentration <= 2."""
        share = math.pi / torch.where(self.concentration > 2.0, self.concentration, 3.0)
        # b/tan b - b²/sin² b of the moments 2b/sin 2b and b/sin b, b = π/k, with its small difference taken out.
        excess = share / share.sin() * (share.sin() - share * share.cos()) / share.cos() * share / share.sin()
        closed = self.scale.square() * excess / share
        return torch.where(self.concentration > 2.0, closed, math.inf)

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return self.scale * ((k - 1.0).clamp(min=0.0) / (k + 1.0)) ** k.reciprocal()


@parametrised
class GeneralizedGamma(Distribution):
    """Generalized gamma in Prentice's form: w = (log y - `loc`)/`scale`; `shape` 0 is log-normal, 1 Weibull, `scale` gamma; all (n,).

    exp(shape w)/shape² is gamma distributed with concentration shape^-2. Source: Prentice (1974); gengamma (mu, sigma, Q) of flexsurv.

    >>> from disttrain.distributions import GeneralizedGamma
    >>> GeneralizedGamma(loc=0.0, scale=0.5, shape=1.0).cdf(1.0)  # scipy.stats.weibull_min(1 / 0.5).cdf(1.0)
    tensor(0.6321, dtype=torch.float64)
    """

    support = constraints.positive
    loc: Real
    scale: Positive
    shape: Real

    @property
    def mean(self) -> Tensor:
        """inf where shape · scale <= -1."""
        return (self.loc + self._log_moment(1.0)).exp()

    @property
    def variance(self) -> Tensor:
        """inf where shape · scale <= -½."""
        first, second = self._log_moment(1.0), self._log_moment(2.0)
        exists = second < math.inf
        excess = torch.where(exists, second, 0.0) - 2.0 * torch.where(exists, first, 0.0)
        return torch.where(exists, (2.0 * (self.loc + first)).exp() * torch.expm1(excess), math.inf)

    def _log_moment(self, order: float) -> Tensor:
        """log E[exp(order · scale · w)], by Stirling's form of both gamma functions."""
        u = order * self.scale * self.shape
        exists = u > -1.0
        u = torch.where(exists, u, 0.0)
        small = u.abs() < 0.1
        series = sum((-u) ** k / ((k + 1.0) * (k + 2.0)) for k in range(16))
        large = torch.where(small, 1.0, u)
        kernel = torch.where(small, series, ((1.0 + large) * torch.log1p(large) - large) / large / large)
        remainder = _remainder(self.shape / (1.0 + u).sqrt()) - _remainder(self.shape)
        return torch.where(exists, (order * self.scale).square() * kernel - 0.5 * torch.log1p(u) + remainder, math.inf)

    def _w(self, value: Tensor) -> Tensor:
        return (value.log() - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -HALF_LOG_2PI - self.scale.log() - value.log() - _remainder(self.shape) - self._kernel(self._w(value))

    def _kernel(self, w: Tensor) -> Tensor:
        """(exp(x) - 1 - x)/shape² with x = shape · w: w²/2 for shape 0, by series near it."""
        x = self.shape * w
        small = x.abs() < 0.5
        shape, large = torch.where(small, 1.0, self.shape), torch.where(small, 1.0, x)
        a = shape.square().reciprocal()
        direct = special.saturating_exp(large + a.log(), 1e200) - a * (1.0 + large)
        return torch.where(small, w * w * _half_series(torch.where(small, x, 0.0)), direct)

    def log_cdf(self, value: Tensor) -> Tensor:
        return self._tail(value, upper=False)

    def log_survival(self, value: Tensor) -> Tensor:
        return self._tail(value, upper=True)

    def _tail(self, value: Tensor, upper: bool) -> Tensor:
        """The log tail probability by the incomplete gamma function; near shape 0 by the corrected normal, to 2e-10 for |w| <= 6."""
        w = self._w(value)
        normal = (self.shape.abs() < _NORMAL).expand(w.shape)
        root = self._normal_score(torch.where(normal, w, 0.0))
        close = log_probabilities.log_ndtr(-root if upper else root)
        shape = torch.where(normal, 1.0, self.shape)
        a = shape.square().reciprocal()
        x = (a.log() + shape * torch.where(normal, 0.0, w)).clamp(-700.0, 700.0).exp()
        lower_side = (shape > 0) != upper
        lower = incomplete_gamma_beta.log_gamma_lower(a, x)
        above = incomplete_gamma_beta.log_gamma_upper(a, x)
        return torch.where(normal, close, torch.where(lower_side, lower, above))

    def _normal_score(self, w: Tensor) -> Tensor:
        """The standard normal z with the probability of w. Source: r* of Barndorff-Nielsen (1986); DLMF 8.12 has the first two terms."""
        x = (self.shape * w).clamp(-30.0, 30.0)
        eta = x * (2.0 * _half(x)).sqrt()
        small = eta.abs() < 1e-3
        large_x, large = torch.where(small, 1.0, x), torch.where(small, 1.0, eta)
        bend = torch.where(small, 1 / 3 - eta / 36 - eta * eta / 1620, (torch.expm1(large_x) / large).log() / large)
        return w * (2.0 * _half(x)).sqrt() + self.shape * bend


def _half_series(x: Tensor) -> Tensor:
    """(exp(x) - 1 - x)/x² by its series, for |x| <= ½."""
    total = torch.ones_like(x)
    for k in range(15, 2, -1):
        total = 1.0 + x / k * total
    return 0.5 * total


def _half(x: Tensor) -> Tensor:
    small = x.abs() < 0.5
    large = torch.where(small, 1.0, x)
    return torch.where(small, _half_series(torch.where(small, x, 0.0)), (torch.expm1(large) - large) / large / large)


def _remainder(shape: Tensor) -> Tensor:
    """Stirling's remainder of shape^-2, 0 for shape 0."""
    square = shape.square()
    small = square < 1e-2
    series = square / 12 - square**3 / 360 + square**5 / 1260 - square**7 / 1680
    return torch.where(small, series, special.stirling_remainder(torch.where(small, 1.0, square).reciprocal()))


@power(gumbel_of_minima(1e290))
@scaled_moments
class Weibull(Distribution):
    """Weibull: (y/`scale`)^`concentration` is exponential with mean 1; both (n,), the scale in target units.

    >>> from disttrain.distributions import Weibull
    >>> Weibull(scale=2.0, concentration=1.5).cdf(1.0)  # scipy.stats.weibull_min(1.5, scale=2.0).cdf(1.0)
    tensor(0.2978, dtype=torch.float64)
    """

    support = constraints.positive
    scale: Positive
    concentration: Positive

    @property
    def mode(self) -> Tensor:
        above = self.concentration.clamp(min=1.0)
        return self.scale * ((above - 1.0) / above) ** above.reciprocal()

    def _log_moment(self, order: float) -> Tensor:
        return torch.lgamma(1.0 + order / self.concentration)

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (-torch.log1p(-value)) ** self.concentration.reciprocal()
