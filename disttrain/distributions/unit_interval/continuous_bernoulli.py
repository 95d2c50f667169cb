"""The continuous Bernoulli distribution on [0, 1]."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import log_probabilities, tensors
from disttrain.distributions.numerics.tensors import Shape

# h(x) = log((exp(x) - 1)/x) = x/2 + x²/24 - x⁴/2880 + x⁶/181440 - ...
_SERIES = (1 / 24, -1 / 2880, 1 / 181440, -1 / 9676800)
_SERIES_LIMIT = 0.3


@take_plain_values
class ContinuousBernoulli(Distribution):
    """A density proportional to λ^y (1 - λ)^(1 - y) on [0, 1], λ = `probs` = σ(`logits`), (n,), given by one of the two.

    Written in logits η, the density is η exp(η y)/(exp(η) - 1), by a series where λ is near ½.
    Source: Loaiza-Ganem & Cunningham (2019), The continuous Bernoulli.

    >>> from disttrain.distributions import ContinuousBernoulli
    >>> ContinuousBernoulli(probs=0.9).cdf(0.5)  # (0.9**0.5 * 0.1**0.5 - 0.1) / (2 * 0.9 - 1)
    tensor(0.2500, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {"probs": constraints.unit_interval}
    support = constraints.unit_interval

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None, validate_args: bool = False) -> None:
        if logits is not None:
            (self.logits,) = tensors.parameters(logits)
            self.probs = torch.sigmoid(self.logits)
        else:
            assert probs is not None
            (self.probs,) = tensors.parameters(probs)
            self.logits = torch.logit(self.probs)
        super().__init__(self.logits.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> ContinuousBernoulli:
        return ContinuousBernoulli(logits=self.logits.expand(batch_shape))

    @property
    def mean(self) -> Tensor:
        """½ + η/12 - ... near 0, else 1/(1 - exp(-η)) - 1/η."""
        x = self.logits
        small, large = torch.where(x.abs() < _SERIES_LIMIT, x, 0.0), torch.where(x.abs() < _SERIES_LIMIT, 1.0, x)
        series = 0.5 + sum(2 * n * c * small ** (2 * n - 1) for n, c in enumerate(_SERIES, 1))
        return torch.where(x.abs() < _SERIES_LIMIT, series, -1.0 / torch.expm1(-large) - 1.0 / large)

    @property
    def mode(self) -> Tensor:
        """The end of the interval where the density is largest."""
        return (self.logits > 0).to(self.logits.dtype)

    @property
    def variance(self) -> Tensor:
        """1/12 - η²/240 + ... near 0, else 1/η² - 1/(4 sinh²(η/2))."""
        x = self.logits
        small, large = torch.where(x.abs() < _SERIES_LIMIT, x, 0.0), torch.where(x.abs() < _SERIES_LIMIT, 1.0, x)
        series = sum(2 * n * (2 * n - 1) * c * small ** (2 * n - 2) for n, c in enumerate(_SERIES, 1))
        return torch.where(
            x.abs() < _SERIES_LIMIT, series, 1.0 / large.square() - 0.25 / torch.sinh(0.5 * large.clamp(-700.0, 700.0)).square()
        )

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), by inversion."""
        with torch.no_grad():
            return self.icdf(tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.logits)).to(self.logits.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.logits * value - _log_mean_exp(self.logits)

    def log_cdf(self, value: Tensor) -> Tensor:
        return value.log() + _log_mean_exp(self.logits * value) - _log_mean_exp(self.logits)

    def log_survival(self, value: Tensor) -> Tensor:
        return torch.log1p(-value) + _log_mean_exp(-self.logits * (1.0 - value)) - _log_mean_exp(-self.logits)

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value.clamp(0.0, 1.0)).exp()

    def survival(self, value: Tensor) -> Tensor:
        return self.log_survival(value.clamp(0.0, 1.0)).exp()

    def icdf(self, value: Tensor) -> Tensor:
        uniform = self.logits.abs() < 1e-12
        # By the decreasing side, where exp(-|η|) does not overflow.
        size = torch.where(uniform, 1.0, self.logits.abs())
        passed, left = torch.where(self.logits > 0, 1.0 - value, value), torch.where(self.logits > 0, value, 1.0 - value)
        share = passed * torch.expm1(-size)
        # Where 1 + share is a cancellation, only what is left has digits; of a small |η| it never is.
        falling = -torch.where(share > -0.5, torch.log1p(share), (left + passed * (-size).exp()).log()) / size
        # Of a rising density the lower quantiles: 1 less the upper ones would leave no digits.
        rising = torch.log1p(value * torch.expm1(size.clamp(max=700.0))) / size
        quantile = torch.where(self.logits < 0, falling, torch.where((value < 0.5) & (size < 700.0), rising, 1.0 - falling)).clamp(0.0, 1.0)
        return torch.where((value >= 0) & (value <= 1), torch.where(uniform, value, quantile), math.nan)


def _log_mean_exp(x: Tensor) -> Tensor:
    """log((exp(x) - 1)/x), 0 at x = 0, without overflow."""
    small, large = torch.where(x.abs() < _SERIES_LIMIT, x, 0.0), torch.where(x.abs() < _SERIES_LIMIT, 1.0, x)
    square = small.square()
    series = 0.5 * small + square * (_SERIES[0] + square * (_SERIES[1] + square * (_SERIES[2] + square * _SERIES[3])))
    size = large.abs()
    return torch.where(x.abs() < _SERIES_LIMIT, series, large.clamp(min=0.0) + log_probabilities.log1mexp(-size) - size.log())
