"""The Gumbel distribution of maxima on the real line."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions import logs, special, tensors

__all__ = ["Gumbel"]

_EULER_GAMMA = 0.5772156649015329


class Gumbel(Distribution):
    """Gumbel of maxima, skewed to the right, with mode `loc` and variance (π · `scale`)²/6, both (n,) in target units."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool = False) -> None:
        self.loc, self.scale = tensors.parameters(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Gumbel:
        expanded: Gumbel = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self.loc + _EULER_GAMMA * self.scale

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (math.pi * self.scale).square() / 6.0

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return self.icdf(tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.loc)).to(self.loc.dtype)

    def _z(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._z(value)
        return -z - special.saturating_exp(-z) - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        return (-(-self._z(value)).exp()).exp()

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return -torch.expm1(-(-self._z(value)).exp())

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return -special.saturating_exp(-self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return logs.log_passed(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc - self.scale * (-value.log()).log()
