"""Distributions of shares between 0 and 1: beta by its mean, Kumaraswamy, logit-normal, simplex."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.increasing import EXPONENTIAL, NORMAL, increasing
from disttrain.distributions.core.parametrised import Positive, Real, Share, parametrised, stored
from disttrain.distributions.numerics import log_probabilities, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.normal_tails import log_scaled_ndtr
from disttrain.distributions.numerics.tensors import Shape
from disttrain.distributions.unit_interval.beta import Beta


def beta_mean(mean: Tensor, precision: Tensor, validate_args: bool = False) -> Beta:
    """Beta by its mean and precision φ, both (n,): its variance is mean (1 - mean)/(1 + φ). Source: Ferrari & Cribari-Neto (2004).

    >>> from disttrain.distributions import beta_mean
    >>> beta_mean(mean=torch.tensor(0.3), precision=torch.tensor(2.0)).variance  # 0.3 * 0.7 / (1 + 2)
    tensor(0.0700)
    """
    return Beta(mean * precision, (1.0 - mean) * precision, validate_args=validate_args)  # type: ignore[call-arg]


@increasing(EXPONENTIAL)
class Kumaraswamy(Distribution):
    """Kumaraswamy: P(Y > y) = (1 - y^a)^b, a = `concentration1`, b = `concentration0`, both (n,). Source: Kumaraswamy (1980).

    >>> from disttrain.distributions import Kumaraswamy
    >>> Kumaraswamy(concentration1=2.0, concentration0=3.0).cdf(0.5)  # 1 - (1 - 0.5**2.0)**3.0
    tensor(0.5781, dtype=torch.float64)
    """

    support = constraints.unit_interval
    concentration1: Positive
    concentration0: Positive

    def _log_rest(self, value: Tensor) -> Tensor:
        """log(1 - y^a), finite up to the last share below 1."""
        return log_probabilities.log1mexp(self.concentration1 * value.log())

    def log_prob(self, value: Tensor) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return a.log() + b.log() + (a - 1.0) * value.log() + (b - 1.0) * self._log_rest(value)

    def log_cdf(self, value: Tensor) -> Tensor:
        x = self.concentration1 * value.log()
        small = x < -37.0
        passed = (-log_probabilities.log1mexp(torch.where(small, -1.0, x))).log()
        return log_probabilities.log_passed(self.concentration0.log() + torch.where(small, x, passed))

    def _z(self, value: Tensor) -> Tensor:
        return -self.concentration0 * self._log_rest(value)

    def _y(self, z: Tensor) -> Tensor:
        return (log_probabilities.log1mexp(-z / self.concentration0) / self.concentration1).exp()


@increasing(NORMAL)
class LogitNormal(Distribution):
    """Logit-normal: log(y/(1 - y)) is normal with mean `loc` and standard deviation `scale`, both (n,).

    >>> from disttrain.distributions import LogitNormal
    >>> LogitNormal(loc=0.5, scale=2.0).cdf(0.3)  # scipy.stats.norm(0.5, 2.0).cdf(scipy.special.logit(0.3))
    tensor(0.2503, dtype=torch.float64)
    """

    support = constraints.unit_interval
    loc: Real
    scale: Positive

    def _z(self, value: Tensor) -> Tensor:
        return (value.log() - torch.log1p(-value) - self.loc) / self.scale

    def _log_stretch(self, value: Tensor) -> Tensor:
        return self.scale.log() + value.log() + torch.log1p(-value)

    def _y(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.loc + self.scale * z)


@parametrised
class SimplexNormal(Distribution):
    """The simplex distribution of shares with mean `mean` and `dispersion` σ, both (n,); its log-density falls with the squared distance.

    y/(1 - y) is an inverse Gaussian, plus a scaled chi-square with probability `mean`: cdf and draws follow from it.
    Source: Barndorff-Nielsen & Jørgensen (1991), Some parametric models on the simplex.

    >>> from disttrain.distributions import SimplexNormal
    >>> SimplexNormal(mean=0.4, dispersion=1.0).log_prob(0.4)  # -0.5 * math.log(2 * math.pi * (0.4 * 0.6) ** 3)
    tensor(1.2217, dtype=torch.float64)
    """

    support = constraints.unit_interval
    _mean: Share = stored(alias="mean")
    dispersion: Positive

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,). Source: Michael, Schucany & Haas (1976) for the inverse Gaussian."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            odds, rest = self._mean / (1.0 - self._mean), 1.0 - self._mean
            relative = odds * (self.dispersion * rest).square()
            skew = 0.5 * torch.randn(shape, dtype=odds.dtype).to(odds.device).square() * relative
            root = 1.0 / (1.0 + skew + (skew * (2.0 + skew)).sqrt())
            x = odds * torch.where(tensors.open_uniform(shape, odds) * (1.0 + root) <= 1.0, root, 1.0 / root)
            more = odds * relative * torch.randn(shape, dtype=odds.dtype).to(odds.device).square()
            x = torch.where(tensors.open_uniform(shape, odds) < self._mean, x + more, x)
            return x / (1.0 + x)

    def log_prob(self, value: Tensor) -> Tensor:
        m, rest = self._mean, 1.0 - value
        distance = ((value - m) / (self.dispersion * m * (1.0 - m))).square() / (value * rest)
        return -0.5 * distance - HALF_LOG_2PI - self.dispersion.log() - 1.5 * (value.log() + torch.log1p(-value))

    def _arms(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """u = (y - μ)/(σ μ (1 - μ) sqrt(y (1 - y))) and v = sqrt(u² + 4/(σ² μ (1 - μ)))."""
        m = self._mean
        width = self.dispersion * m * (1.0 - m) * (value * (1.0 - value)).sqrt()
        return (value - m) / width, (value * (1.0 - 2.0 * m) + m) / width

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable: the log of Φ(u) + (1 - 2 μ) exp((v² - u²)/2) Φ(-v)."""
        u, v = self._arms(value)
        return _log_mirrored(u, v, 1.0 - 2.0 * self._mean)

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable: the log of Φ(-u) - (1 - 2 μ) exp((v² - u²)/2) Φ(-v)."""
        u, v = self._arms(value)
        return _log_mirrored(-u, v, 2.0 * self._mean - 1.0)


def _log_mirrored(u: Tensor, v: Tensor, factor: Tensor) -> Tensor:
    """log(Φ(u) + factor exp((v² - u²)/2) Φ(-v)) for v > |u| and a factor in (-1, 1); without the square of v, which is large."""
    below, above = u.clamp(max=0.0), u.clamp(min=0.0)
    mirrored, scaled, log_upper = log_scaled_ndtr(-v), log_scaled_ndtr(below), log_probabilities.log_ndtr(above)
    ratio = (mirrored - scaled).clamp(max=0.0).exp()
    lower = scaled - 0.5 * below.square() + torch.log1p((factor * ratio).clamp(min=-1.0 + 1e-15))
    upper = log_upper + torch.log1p(factor * (mirrored - 0.5 * above.square() - log_upper).exp())
    return torch.where(u < 0, lower, upper).clamp(max=0.0)
