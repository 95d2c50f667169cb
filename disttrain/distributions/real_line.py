"""Distributions on the real line given by a location and a scale, with light tails."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions import logs, special, tensors

__all__ = ["Laplace", "Logistic", "Normal"]

_HALF_LOG_2PI = 0.9189385332046727


class Normal(Distribution):
    """Normal with mean `loc` and standard deviation `scale`, both (n,) in target units."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool = False) -> None:
        self.loc, self.scale = tensors.parameters(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Normal:
        expanded: Normal = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale.square()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            return torch.normal(self.loc.expand(shape), self.scale.expand(shape))

    def _z(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * self._z(value).square() - self.scale.log() - _HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return special.ndtr(self._z(value))

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return special.ndtr(-self._z(value))

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), exact in both tails."""
        return logs.log_ndtr(self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), exact in both tails."""
        return logs.log_ndtr(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * special.ndtri(value)


class Laplace(Distribution):
    """Laplace: two exponential tails of mean length `scale` around the median `loc`, both (n,) in target units."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool = False) -> None:
        self.loc, self.scale = tensors.parameters(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Laplace:
        expanded: Laplace = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2.0 * self.scale.square()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return self.icdf(tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.loc)).to(self.loc.dtype)

    def _z(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -self._z(value).abs() - (2.0 * self.scale).log()

    def cdf(self, value: Tensor) -> Tensor:
        return _laplace_lower(self._z(value))

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return _laplace_lower(-self._z(value))

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return _laplace_log_lower(self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return _laplace_log_lower(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        tail = torch.minimum(value, 1.0 - value)
        return self.loc + self.scale * torch.sign(0.5 - value) * (2.0 * tail).log()


class Logistic(Distribution):
    """Logistic with mean `loc` and variance (π · `scale`)²/3, both (n,) in target units."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool = False) -> None:
        self.loc, self.scale = tensors.parameters(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Logistic:
        expanded: Logistic = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (math.pi * self.scale).square() / 3.0

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return self.icdf(tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.loc)).to(self.loc.dtype)

    def _z(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._z(value)
        # The density is σ(z) σ(-z) / scale: neither factor loses its tail.
        return torch.nn.functional.logsigmoid(z) + torch.nn.functional.logsigmoid(-z) - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        return torch.sigmoid(self._z(value))

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return torch.sigmoid(-self._z(value))

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return torch.nn.functional.logsigmoid(self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return torch.nn.functional.logsigmoid(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * torch.logit(value)


def _laplace_log_lower(z: Tensor) -> Tensor:
    below, above = z.clamp(max=0.0), z.clamp(min=0.0)
    return torch.where(z < 0, below - math.log(2.0), torch.log1p(-0.5 * (-above).exp()))


def _laplace_lower(z: Tensor) -> Tensor:
    tail = 0.5 * (-z.abs()).exp()
    return torch.where(z < 0, tail, 1.0 - tail)
