"""Distributions of counts by class, whose number of trials is the sum of the row: multinomial, Dirichlet-multinomial."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import special
from disttrain.distributions.numerics.tensors import Shape

_COUNTS = constraints.independent(constraints.nonnegative_integer, 1)  # type: ignore[no-untyped-call]
_POSITIVE = constraints.independent(constraints.positive, 1)  # type: ignore[no-untyped-call]


@take_plain_values
class Multinomial(Distribution):
    """Counts by class of independent trials, with `probs` or `logits` (n, d).

    `log_prob` takes the number of trials from the sum of the row; moments and samples are for `total_count` trials.

    >>> from disttrain.distributions import Multinomial
    >>> distribution = Multinomial(probs=torch.tensor([0.2, 0.3, 0.5]), total_count=4)
    >>> distribution.log_prob([1, 1, 2])  # scipy.stats.multinomial(4, [0.2, 0.3, 0.5]).logpmf([1, 1, 2])
    tensor(-1.7148, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = _COUNTS

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, total_count: int = 1, validate_args: bool = False
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("one of probs and logits")
        if probs is None:
            assert logits is not None
            self.log_probs = torch.log_softmax(logits, -1)
            self.probs = self.log_probs.exp()
        else:
            self.probs, self.log_probs = probs, probs.log()
        self.total_count = total_count
        super().__init__(self.probs.shape[:-1], self.probs.shape[-1:], validate_args=validate_args)

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self.log_probs

    def expand(self, batch_shape: Shape, _instance: None = None) -> Multinomial:
        return Multinomial(logits=self.log_probs.expand(*batch_shape, *self.event_shape), total_count=self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1.0 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return _counted(self.probs, self.total_count, sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        total = value.sum(-1, keepdim=True)
        expected = total * self.log_probs.exp()
        # Σ k log(n p / k) in terms that are small where counts are near those expected: of 10^8 trials a sum of logarithms has lost 1e-8.
        moderate = (value > 0.5 * expected) & (value < 2.0 * expected)
        # A class that cannot happen and did not adds nothing, and its gradient is 0, not 0 times infinity.
        positive = value > 0
        ratio = torch.where(positive, self.log_probs, 0.0) - torch.where(positive, value / total.clamp(min=1.0), 1.0).log()
        terms = torch.where(moderate, -special.deviance(value, torch.where(moderate, expected, 1.0)), value * ratio + (value - expected))
        return special.log_factorial_remainder(total).squeeze(-1) + (terms - special.log_factorial_remainder(value)).sum(-1)


@take_plain_values
class DirichletMultinomial(Distribution):
    """Counts by class whose probabilities vary between rows by a Dirichlet with `concentration` (n, d).

    `log_prob` takes the number of trials from the sum of the row; moments and samples are for `total_count` trials.
    Source: Mosimann (1962), Biometrika 49.

    >>> from disttrain.distributions import DirichletMultinomial
    >>> distribution = DirichletMultinomial(concentration=torch.tensor([1.0, 2.0, 3.0]), total_count=4)
    >>> distribution.log_prob([1, 1, 2])  # scipy.stats.dirichlet_multinomial([1, 2, 3], 4).logpmf([1, 1, 2])
    tensor(-2.3514, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {"concentration": _POSITIVE}
    support = _COUNTS

    def __init__(self, concentration: Tensor, total_count: int = 1, validate_args: bool = False) -> None:
        self.concentration, self.total_count = concentration, total_count
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> DirichletMultinomial:
        return DirichletMultinomial(self.concentration.expand(*batch_shape, *self.event_shape), self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * shares(self.concentration)

    @property
    def variance(self) -> Tensor:
        share, total = shares(self.concentration), self.concentration.sum(-1, keepdim=True)
        return self.total_count * share * (1.0 - share) * ((self.total_count + total) / (1.0 + total))

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return _counted(torch.distributions.Dirichlet(self.concentration, validate_args=False).sample(sample_shape), self.total_count, ())

    def log_prob(self, value: Tensor) -> Tensor:
        a, trials = self.concentration, value.sum(-1, keepdim=True)
        total = a.sum(-1, keepdim=True)
        # Ratios of gamma functions in their Stirling forms, around the shares of a and the counts together: what is left are the two
        # deviances from these, and nothing cancels where concentrations and counts are both large.
        share = (a + value) / (total + trials)
        deviances = special.deviance(a, total * share) + special.deviance(value, (trials * share).clamp(min=1e-300))
        terms = _rising(a, value) - deviances - special.log_factorial_remainder(value)
        normaliser = special.log_factorial_remainder(trials) - _rising(total, trials)
        return normaliser.squeeze(-1) + terms.sum(-1)


def shares(parts: Tensor) -> Tensor:
    """Positive numbers divided by their sum along the last axis."""
    return parts / parts.sum(-1, keepdim=True)


def _rising(a: Tensor, count: Tensor) -> Tensor:
    """log Γ(a + count) - log Γ(a) less its largest terms, (a + count) log(a + count) - a log(a) - count."""
    return special.stirling_remainder(a + count) - special.stirling_remainder(a) - 0.5 * torch.log1p(count / a)


@torch.no_grad()
def _counted(probs: Tensor, trials: int, sample_shape: Shape) -> Tensor:
    """The number of draws of each class, (..., d), in `trials` trials with `probs`."""
    rows = probs.expand(*sample_shape, *probs.shape)
    codes = torch.multinomial(rows.reshape(-1, rows.shape[-1]), trials, replacement=True)
    counts = torch.zeros(len(codes), rows.shape[-1], dtype=probs.dtype, device=probs.device)
    return counts.scatter_add_(1, codes, torch.ones_like(codes, dtype=probs.dtype)).reshape(rows.shape)
