"""Pareto and Frechet on the half line: tails that fall as a power."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions import logs, special
from disttrain.distributions.parametrised import parametrised
from disttrain.distributions.power_tails import log_gamma, mean_of, power_variance, variance_of

__all__ = ["Frechet", "Pareto"]


@parametrised
class Pareto(Distribution):
    """Pareto: above `scale`, in target units, the survival is (y/scale)^-`concentration`; both (n,). Source: scipy.stats.pareto."""

    arg_constraints: ClassVar = {"concentration": constraints.positive, "scale": constraints.positive}
    concentration: Tensor
    scale: Tensor

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
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

    def _log_ratio(self, value: Tensor) -> Tensor:
        """log(value/scale), with its digits where the two are close."""
        near = value < 2.0 * self.scale
        inside = torch.where(near, value, self.scale)
        return torch.where(near, torch.log1p((inside - self.scale) / self.scale), special.log_ratio(value, self.scale))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return self.concentration.log() - value.log() - self.concentration * self._log_ratio(value)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return logs.log1mexp(self.log_survival(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return -self.concentration * self._log_ratio(value)

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (-torch.log1p(-value) / self.concentration).exp()


@parametrised
class Frechet(Distribution):
    """Fréchet: one over a Weibull; `scale` in target units, cdf exp(-(y/scale)^-`concentration`); both (n,).

    Source: scipy.stats.invweibull.
    """

    arg_constraints: ClassVar = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    scale: Tensor
    concentration: Tensor

    @property
    def mean(self) -> Tensor:
        """scale Γ(1 - 1/concentration); inf where concentration <= 1."""
        return mean_of(self.scale, log_gamma(1.0 - 1.0 / self.concentration))

    @property
    def variance(self) -> Tensor:
        """inf where concentration <= 2."""
        return variance_of(self.scale, log_gamma(1.0 - 1.0 / self.concentration), log_gamma(1.0 - 2.0 / self.concentration))

    @property
    def mode(self) -> Tensor:
        return self.scale * (-torch.log1p(self.concentration.reciprocal()) / self.concentration).exp()

    def _z(self, value: Tensor) -> Tensor:
        return self.concentration * special.log_ratio(value, self.scale)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        return self.concentration.log() - value.log() - z - special.saturating_exp(-z, 1e200)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return -special.saturating_exp(-self._z(value), 1e200)

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return logs.log_passed(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (-(-value.log()).log() / self.concentration).exp()
