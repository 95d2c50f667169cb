"""The Weibull distribution on the half line, in logarithms: powers of ratios overflow."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions import logs, special, tensors

__all__ = ["Weibull"]


class Weibull(Distribution):
    """Weibull: (y/`scale`)^`concentration` is exponential with mean 1; both (n,), the scale in target units."""

    arg_constraints: ClassVar = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale: Tensor | float, concentration: Tensor | float, validate_args: bool = False) -> None:
        self.scale, self.concentration = tensors.parameters(scale, concentration)
        super().__init__(self.scale.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Weibull:
        expanded: Weibull = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self.scale * self._log_moment(1.0).exp()

    @property
    def mode(self) -> Tensor:
        above = self.concentration.clamp(min=1.0)
        return self.scale * ((above - 1.0) / above) ** above.reciprocal()

    @property
    def variance(self) -> Tensor:
        first = self._log_moment(1.0)
        return self.scale.square() * (2.0 * first).exp() * torch.expm1(self._log_moment(2.0) - 2.0 * first)

    def _log_moment(self, order: float) -> Tensor:
        return torch.lgamma(1.0 + order / self.concentration)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return self.icdf(tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.scale)).to(self.scale.dtype)

    def _log_hazard(self, value: Tensor) -> Tensor:
        """The logarithm of the cumulative hazard (value/scale)^concentration."""
        return self.concentration * special.log_ratio(value, self.scale)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        log_hazard = self._log_hazard(value)
        return self.concentration.log() - value.log() + log_hazard - special.saturating_exp(log_hazard, 1e290)

    def cdf(self, value: Tensor) -> Tensor:
        return -torch.expm1(-self._log_hazard(value.clamp(min=0.0)).exp())

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return (-self._log_hazard(value.clamp(min=0.0)).exp()).exp()

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return logs.log_passed(self._log_hazard(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return -special.saturating_exp(self._log_hazard(value), 1e290)

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (-torch.log1p(-value)) ** self.concentration.reciprocal()
