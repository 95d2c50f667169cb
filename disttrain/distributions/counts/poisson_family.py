"""Distributions of counts 0, 1, 2, ...: Poisson, negative binomial, geometric."""

from __future__ import annotations

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Positive, Share, parametrised, stored
from disttrain.distributions.core.root_finding import smallest_count
from disttrain.distributions.numerics import incomplete_gamma_beta, log_probabilities, special, tensors
from disttrain.distributions.numerics.tensors import Floats, Shape


@parametrised
class Poisson(Distribution):
    """Poisson with mean and variance `rate`: (n,).

    >>> from disttrain.distributions import Poisson
    >>> Poisson(rate=3.0).cdf(2.0)  # scipy.stats.poisson(3.0).cdf(2)
    tensor(0.4232, dtype=torch.float64)
    """

    support = constraints.nonnegative_integer
    rate: Positive

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            return torch.poisson(self.rate.expand(self._extended_shape(torch.Size(sample_shape))))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,). Source: Loader (2000), equation 4."""
        return -special.deviance(value, self.rate) - special.log_factorial_remainder(value)

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(_poisson_lower, value, self.rate)

    def survival(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(_poisson_upper, value, self.rate)

    def log_cdf(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_upper(value.floor() + 1.0, self.rate)

    def log_survival(self, value: Tensor) -> Tensor:
        return incomplete_gamma_beta.log_gamma_lower(value.floor() + 1.0, self.rate)

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest count whose cdf is at least `value`."""
        return _count_quantile(self, value)


@parametrised
class NegativeBinomial(Distribution):
    """Negative binomial: counts with mean `mean` and variance mean + mean²/`concentration`, both (n,).

    A Poisson whose rate is gamma distributed; it tends to the Poisson as the concentration grows, exactly to rounding.
    In the other convention total_count = concentration and the probability of success is concentration/(concentration + mean).

    >>> from disttrain.distributions import NegativeBinomial
    >>> NegativeBinomial(mean=4.0, concentration=2.0).cdf(3.0)  # scipy.stats.nbinom(2.0, 2.0 / (2.0 + 4.0)).cdf(3)
    tensor(0.5391, dtype=torch.float64)
    """

    support = constraints.nonnegative_integer
    _mean: Positive = stored(alias="mean")
    concentration: Positive

    @property
    def mode(self) -> Tensor:
        return (self._mean * ((self.concentration - 1.0).clamp(min=0.0) / self.concentration)).floor()

    @property
    def variance(self) -> Tensor:
        return self._mean * (1.0 + self._mean / self.concentration)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        rate = torch.distributions.Gamma(self.concentration, self.concentration / self._mean, validate_args=False)
        return torch.poisson(rate.sample(torch.Size(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,). Source: Loader (2000), section 5: the saddle-point form of a binomial of real size y + k."""
        m, k = self._mean, self.concentration
        total, denominator = k + value, k + m
        remainders = special.stirling_remainder(torch.stack((total, k + torch.zeros_like(total))))
        kernel = special.deviance(k, total * (k / denominator)) + special.deviance(value, total * (m / denominator))
        normaliser = 0.5 * torch.log1p(value / k) + special.log_factorial_remainder(value)
        return remainders[0] - remainders[1] - kernel - normaliser

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(_negative_binomial_lower, value, self._mean, self.concentration)

    def survival(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(_negative_binomial_upper, value, self._mean, self.concentration)

    def log_cdf(self, value: Tensor) -> Tensor:
        success, failure = self._shares()
        return incomplete_gamma_beta.log_beta_lower(self.concentration, value.floor() + 1.0, success, failure)

    def log_survival(self, value: Tensor) -> Tensor:
        success, failure = self._shares()
        return incomplete_gamma_beta.log_beta_lower(value.floor() + 1.0, self.concentration, failure, success)

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest count whose cdf is at least `value`."""
        return _count_quantile(self, value)

    def _shares(self) -> tuple[Tensor, Tensor]:
        """The probabilities of success and failure, k/(k + m) and m/(k + m)."""
        denominator = self.concentration + self._mean
        return self.concentration / denominator, self._mean / denominator


@parametrised
class Geometric(Distribution):
    """Geometric: failures before the first success, each trial succeeding with probability `probs` (n,); mean (1 - probs)/probs.

    >>> from disttrain.distributions import Geometric
    >>> Geometric(probs=0.25).cdf(2.0)  # scipy.stats.geom(0.25, loc=-1).cdf(2)
    tensor(0.5781, dtype=torch.float64)
    """

    support = constraints.nonnegative_integer
    probs: Share

    @property
    def mean(self) -> Tensor:
        return (1.0 - self.probs) / self.probs

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 - self.probs) / self.probs.square()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            return (tensors.open_uniform(shape, self.probs).log() / torch.log1p(-self.probs)).floor().to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        # At y = 0 nothing failed, and log(1 - probs) is not asked: it is -inf where probs is 1.
        failing = torch.where(value == 0, 0.0, self.probs)
        return self.probs.log() + value * torch.log1p(-failing)

    def cdf(self, value: Tensor) -> Tensor:
        trials = _trials(value)
        # The power meets round probabilities exactly, so that quantiles at the jumps are right; it has no digits for small ones.
        return torch.where(self.probs > 0.1, 1.0 - (1.0 - self.probs) ** trials, -torch.expm1(special.xlog1py(trials, -self.probs)))

    def survival(self, value: Tensor) -> Tensor:
        return special.xlog1py(_trials(value), -self.probs).exp()

    def log_cdf(self, value: Tensor) -> Tensor:
        return log_probabilities.log1mexp(self.log_survival(value))

    def log_survival(self, value: Tensor) -> Tensor:
        return (value.floor() + 1.0) * torch.log1p(-self.probs)

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest count whose cdf is at least `value`."""
        guess = torch.log1p(-value.double()) / torch.log1p(-self.probs.double()) - 1.0
        return smallest_count(self.cdf, value.expand(guess.shape), guess.detach().ceil())


def _trials(value: Tensor) -> Tensor:
    return (value.floor() + 1.0).clamp(min=0.0)


def _count_quantile(distribution: Distribution, p: Tensor) -> Tensor:
    shape = tensors.common_shape(p.shape, distribution.batch_shape)
    scale = distribution.variance / distribution.mean
    # The gamma distribution of the same mean and variance is seldom more than a count away.
    guess = tensors.on_arrays(scipy.special.gammaincinv, distribution.mean / scale, p) * scale.detach()
    return smallest_count(distribution.cdf, p.expand(shape), guess)


def _poisson_lower(y: Floats, rate: Floats) -> Floats:
    return np.where(y < 0, 0.0, scipy.special.gammaincc(np.floor(np.maximum(y, 0.0)) + 1.0, rate))


def _poisson_upper(y: Floats, rate: Floats) -> Floats:
    return np.where(y < 0, 1.0, scipy.special.gammainc(np.floor(np.maximum(y, 0.0)) + 1.0, rate))


def _negative_binomial_lower(y: Floats, mean: Floats, k: Floats) -> Floats:
    count, success, failure, by_success = _as_beta(y, mean, k)
    lower: Floats = scipy.special.betainc(k, count, success, where=by_success, out=np.zeros(count.shape))
    scipy.special.betaincc(count, k, failure, where=~by_success, out=lower)
    return np.where(y < 0, 0.0, lower)


def _negative_binomial_upper(y: Floats, mean: Floats, k: Floats) -> Floats:
    count, success, failure, by_success = _as_beta(y, mean, k)
    upper: Floats = scipy.special.betaincc(k, count, success, where=by_success, out=np.zeros(count.shape))
    scipy.special.betainc(count, k, failure, where=~by_success, out=upper)
    return np.where(y < 0, 1.0, upper)


def _as_beta(y: Floats, mean: Floats, k: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """floor(y) + 1, k/(k + m), m/(k + m), and a mask where the first share is the smaller one, which has all its digits."""
    count, success, failure = np.broadcast_arrays(np.floor(np.maximum(y, 0.0)) + 1.0, k / (k + mean), mean / (k + mean))
    return count, success, failure, success < failure
