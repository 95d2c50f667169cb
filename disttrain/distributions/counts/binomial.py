"""Distributions of the number of successes in trials: binomial, beta-binomial."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.lattice_tails import lattice_tails
from disttrain.distributions.core.parametrised import Parameter, Positive, Share
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.core.root_finding import smallest_count
from disttrain.distributions.counts.poisson_family import NegativeBinomial
from disttrain.distributions.numerics import incomplete_gamma_beta, special, tensors
from disttrain.distributions.numerics.tensors import Shape

# Beyond these logits a probability times any count is below the float64 range; the log-probability goes on in a straight line.
_STEEPEST = 600.0


@take_plain_values
class Binomial(Distribution):
    """Binomial: successes in `total_count` trials, each with probability `probs` = σ(`logits`); (n,), given by one of the two.

    The number of trials may differ from row to row and be 0. Logits stay exact where probabilities saturate.

    >>> from disttrain.distributions import Binomial
    >>> Binomial(total_count=10, probs=0.3).cdf(2.0)  # scipy.stats.binom(10, 0.3).cdf(2)
    tensor(0.3828, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {"total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval}

    def __init__(
        self, total_count: Tensor | float, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
        validate_args: bool = False,
    ) -> None:  # fmt: skip
        if (probs is None) == (logits is None):
            raise ValueError("a binomial needs either probs or logits")
        self._by_logits = logits is not None
        parameter = logits if probs is None else probs
        assert parameter is not None
        total, self._parameter = tensors.parameters(total_count, parameter)
        self.total_count = total.to(self._parameter.dtype)
        super().__init__(self._parameter.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Binomial:
        total, parameter = self.total_count.expand(batch_shape), self._parameter.expand(batch_shape)
        return Binomial(total, logits=parameter) if self._by_logits else Binomial(total, parameter)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self.total_count)  # type: ignore[no-untyped-call]

    @property
    def probs(self) -> Tensor:
        return torch.sigmoid(self._parameter) if self._by_logits else self._parameter

    @property
    def logits(self) -> Tensor:
        return self._parameter if self._by_logits else self._parameter.log() - torch.log1p(-self._parameter)

    @property
    def _failure(self) -> Tensor:
        return torch.sigmoid(-self._parameter) if self._by_logits else 1.0 - self._parameter

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return torch.minimum(((self.total_count + 1.0) * self.probs).floor(), self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * self._failure

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            return torch.binomial(self.total_count.expand(shape).contiguous(), self.probs.expand(shape).contiguous())

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,); 0 of no success in no trial. Source: Loader (2000), equation 3."""
        none = self.total_count == 0
        total, y = torch.where(none, 1.0, self.total_count), torch.where(none, 0.0, value.detach())
        rest = total - y
        success, failure, excess = self.probs, self._failure, torch.zeros_like(self._parameter)
        if self._by_logits:
            clamped = self._parameter.clamp(-_STEEPEST, _STEEPEST)
            success, failure, excess = torch.sigmoid(clamped), torch.sigmoid(-clamped), self._parameter - clamped
        remainders = [special.log_factorial_remainder(count) for count in (total, y, rest)]
        kernel = special.deviance(y, total * success) + special.deviance(rest, total * failure)
        line = torch.where(excess < 0, y, -rest) * excess
        return torch.where(none, 0.0, remainders[0] - remainders[1] - remainders[2] - kernel + line)

    def _tail(self, value: Tensor, upper: bool) -> Tensor:
        """log P(Y > value) or log P(Y <= value) = log I(rest; n - y, y + 1) by the incomplete beta function. Source: DLMF 8.17.5."""
        count = value.detach().floor() + torch.zeros_like(self._parameter)
        total = self.total_count.expand(count.shape)
        early, late = count < 0, count >= total
        at = torch.where(early | late, 0.0, count)
        above = torch.where(early | late, 1.0, total - at)
        success, failure = self.probs, self._failure
        arguments = (at + 1.0, above, success, failure) if upper else (above, at + 1.0, failure, success)
        tail = incomplete_gamma_beta.log_beta_lower(*arguments)
        ends = (0.0, -math.inf) if upper else (-math.inf, 0.0)
        return torch.where(early, ends[0], torch.where(late, ends[1], tail))

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable in the probability."""
        return self._tail(value, upper=False)

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable in the probability."""
        return self._tail(value, upper=True)

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def survival(self, value: Tensor) -> Tensor:
        return self.log_survival(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest count whose cdf is at least `value`."""
        return _quantile(self, value)


@lattice_tails
class BetaBinomial(Distribution):
    """Beta-binomial: successes in `total_count` trials of a probability that is itself beta distributed; (n,).

    That probability has mean `probs` and concentrations probs · `precision` and (1 - probs) · `precision`; as the precision grows this
    tends to the binomial, exactly to rounding. The number of trials may differ from row to row and be 0.

    >>> from disttrain.distributions import BetaBinomial
    >>> BetaBinomial(total_count=10, probs=0.3, precision=5.0).log_prob(2.0)  # scipy.stats.betabinom(10, 1.5, 3.5).logpmf(2)
    tensor(-1.7937, dtype=torch.float64)
    """

    total_count: Annotated[Parameter, constraints.nonnegative_integer]
    probs: Share
    precision: Positive

    def __init__(self, total_count: Tensor | float, probs: Tensor | float, precision: Tensor | float, validate_args: bool = False) -> None:
        total, self.probs, self.precision = tensors.parameters(total_count, probs, precision)
        self.total_count = total.to(self.probs.dtype)
        super().__init__(self.probs.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self.total_count)  # type: ignore[no-untyped-call]

    @property
    def _concentrations(self) -> tuple[Tensor, Tensor]:
        return self.probs * self.precision, (1.0 - self.probs) * self.precision

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def variance(self) -> Tensor:
        inflation = (self.total_count + self.precision) / (1.0 + self.precision)
        return self.total_count * self.probs * (1.0 - self.probs) * inflation

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            chance = torch.distributions.Beta(*self._concentrations, validate_args=False).sample(torch.Size(sample_shape))
            return torch.binomial(self.total_count.expand(shape).contiguous(), chance.contiguous())

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, (n,); 0 of no success in no trial.

        Two negative binomials with equal odds, conditional on their sum, a third one: each in the saddle-point form, without cancellation.
        """
        none = self.total_count == 0
        total, y = torch.where(none, 1.0, self.total_count), torch.where(none, 0.0, value.detach())
        first, second = self._concentrations
        both = first + second
        parts = (first, y), (second, total - y), (both, total)
        scores = [NegativeBinomial(total * (k / both), k).log_prob(count) for k, count in parts]
        return torch.where(none, 0.0, scores[0] + scores[1] - scores[2])

    def _half_width(self) -> Tensor:
        return torch.full_like(self.mean, math.inf)

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest count whose cdf is at least `value`."""
        return _quantile(self, value)


def beta_binomial(total_count: Tensor, mean: Tensor, precision: Tensor, validate_args: bool = False) -> BetaBinomial:
    """Beta-binomial by the mean and the precision of its beta distributed probability; all (n,).

    >>> from disttrain.distributions import beta_binomial
    >>> distribution = beta_binomial(total_count=torch.tensor(10.0), mean=torch.tensor(0.3), precision=torch.tensor(5.0))
    >>> distribution.log_prob(2.0)  # scipy.stats.betabinom(10, 1.5, 3.5).logpmf(2)
    tensor(-1.7937, dtype=torch.float64)
    """
    return BetaBinomial(total_count, mean, precision, validate_args=validate_args)


def _quantile(distribution: Binomial | BetaBinomial, p: Tensor) -> Tensor:
    """The smallest count whose cdf is at least p, searched from the normal's quantile; the number of trials at p = 1."""
    shape = tensors.common_shape(p.shape, distribution.batch_shape)
    p, total = p.double().expand(shape), distribution.total_count.double().expand(shape)
    with torch.no_grad():
        guess = distribution.mean + distribution.variance.sqrt() * torch.special.ndtri(p)
        return torch.minimum(smallest_count(distribution.cdf, p, torch.minimum(guess, total)), total)
