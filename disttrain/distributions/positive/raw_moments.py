"""Means and variances of positive distributions from their raw moments, which may be infinite."""

from __future__ import annotations

import math
from typing import Protocol, TypeVar

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core.parametrised import add_methods

Class = TypeVar("Class", bound=type[Distribution])


class _Scaled(Protocol):
    """A distribution of scale · X."""

    scale: Tensor

    def _log_moment(self, order: float) -> Tensor: ...


def scaled_moments(cls: Class) -> Class:
    """A class decorator: mean and variance of scale · X from log E X^order, the method `_log_moment`; inf where it is infinite."""

    def mean(self: _Scaled) -> Tensor:
        return self.scale * self._log_moment(1.0).exp()

    def variance(self: _Scaled) -> Tensor:
        first, second = self._log_moment(1.0), self._log_moment(2.0)
        exists = second < math.inf
        first, second = torch.where(exists, first, 0.0), torch.where(exists, second, 0.0)
        return torch.where(exists, self.scale.square() * (2.0 * first).exp() * torch.expm1(second - 2.0 * first), math.inf)

    add_methods(cls, mean=property(mean), variance=property(variance))
    return cls


def log_gamma(x: Tensor) -> Tensor:
    """log Γ(x); inf where x <= 0, for a moment that is infinite."""
    return torch.where(x > 0, torch.lgamma(torch.where(x > 0, x, 1.0)), math.inf)


def power_variance(scale: Tensor, k: Tensor) -> Tensor:
    """scale² k/((k - 1)² (k - 2)), of Lomax and Pareto; inf where k <= 2."""
    above = torch.where(k > 2.0, k, 3.0)
    return torch.where(k > 2.0, scale.square() * (above / (above - 1.0)) / (above - 1.0) / (above - 2.0), math.inf)
