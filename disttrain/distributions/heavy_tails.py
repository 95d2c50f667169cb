"""Student's t and Cauchy on the real line, and the inverse Gaussian on the half line."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions import special, tensors
from disttrain.distributions.inversion import invert

__all__ = ["Cauchy", "InverseGaussian", "StudentT"]

_HALF_LOG_2PI = 0.9189385332046727
_ROOT_HALF = math.sqrt(0.5)


class StudentT(Distribution):
    """Student's t with `df` degrees of freedom around the median `loc`, stretched by `scale`: all (n,), the last two in target units.

    The log-density tends to the normal's as `df` grows, exactly to rounding.
    """

    arg_constraints: ClassVar = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, df: Tensor | float, loc: Tensor | float, scale: Tensor | float, validate_args: bool = False) -> None:
        self.df, self.loc, self.scale = tensors.parameters(df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> StudentT:
        expanded: StudentT = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        """`loc`; nan where df <= 1."""
        return torch.where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale² df/(df - 2); inf where 1 < df <= 2, nan where df <= 1."""
        above = torch.where(self.df > 2, self.df, 4.0)
        finite = self.scale.square() * (above / (above - 2.0))
        return torch.where(self.df > 2, finite, torch.where(self.df > 1, math.inf, math.nan))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return torch.distributions.StudentT(self.df, self.loc, self.scale, validate_args=False).sample(torch.Size(sample_shape))

    def _z(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        kernel = special.log1p_square(self._z(value) / self.df.sqrt())
        return special.half_step(0.5 * self.df) - 0.5 * (self.df + 1.0) * kernel - self.scale.log() - _HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.stdtr, self.df, self._z(value))

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return tensors.on_arrays(scipy.special.stdtr, self.df, -self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * tensors.on_arrays(_standard_t_quantile, self.df, value)


class Cauchy(Distribution):
    """Cauchy around the median `loc`, with half the distance between the quartiles `scale`: both (n,) in target units. No mean exists."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool = False) -> None:
        self.loc, self.scale = tensors.parameters(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Cauchy:
        expanded: Cauchy = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        """nan: the mean does not exist."""
        return torch.full_like(self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """nan: the variance does not exist."""
        return torch.full_like(self.loc, math.nan)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return self.icdf(tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.loc)).to(self.loc.dtype)

    def _z(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -special.log1p_square(self._z(value)) - (math.pi * self.scale).log()

    def cdf(self, value: Tensor) -> Tensor:
        z = self._z(value)
        # ½ + arctan(z)/π would round a far lower tail to 0.
        return torch.atan2(torch.ones_like(z), -z) / math.pi

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        z = self._z(value)
        return torch.atan2(torch.ones_like(z), z) / math.pi

    def icdf(self, value: Tensor) -> Tensor:
        tail = torch.minimum(value, 1.0 - value)
        return self.loc + self.scale * torch.sign(value - 0.5) / torch.tan(math.pi * tail)


class InverseGaussian(Distribution):
    """Inverse Gaussian: positive and skewed, variance `mean`³/`concentration`; both (n,) in target units.

    Source: Chhikara & Folks (1989); cdf by scaled complementary error functions, as exp(2 λ/μ) overflows.
    """

    arg_constraints: ClassVar = {"mean": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, mean: Tensor | float, concentration: Tensor | float, validate_args: bool = False) -> None:
        self._mean, self.concentration = tensors.parameters(mean, concentration)
        super().__init__(self._mean.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> InverseGaussian:
        expanded: InverseGaussian = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self._mean

    @property
    def mode(self) -> Tensor:
        skew = 1.5 * self._mean / self.concentration
        # mean · (sqrt(1 + skew²) - skew), without its cancellation.
        return self._mean / (torch.hypot(skew, torch.ones_like(skew)) + skew)

    @property
    def variance(self) -> Tensor:
        return self._mean.square() * (self._mean / self.concentration)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,). Source: Michael, Schucany & Haas (1976), smaller root rewritten."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            mean = self._mean.expand(shape)
            skew = 0.5 * torch.randn(shape, dtype=mean.dtype, device=mean.device).square() * mean / self.concentration
            root = 1.0 / (1.0 + skew + (skew * (2.0 + skew)).sqrt())
            return mean * torch.where(tensors.open_uniform(shape, mean) * (1.0 + root) <= 1.0, root, 1.0 / root)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        distance = (value - self._mean) / self._mean
        return 0.5 * self.concentration.log() - 1.5 * value.log() - 0.5 * self.concentration * distance.square() / value - _HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(_inverse_gaussian_lower, value, self._mean, self.concentration)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return tensors.on_arrays(_inverse_gaussian_upper, value, self._mean, self.concentration)

    def icdf(self, value: Tensor) -> Tensor:
        return invert(self.cdf, self.survival, value.expand(tensors.common_shape(value.shape, self._mean.shape)), 0.0, math.inf)


def _standard_t_quantile(df: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    # The lower half alone: above it, p has lost the digits of the tail.
    tail: NDArray[np.float64] = np.where((p == 0) | (p == 1), -np.inf, scipy.special.stdtrit(df, np.minimum(p, 1.0 - p)))
    return np.where(p > 0.5, -tail, tail)


def _arms(y: NDArray[np.float64], mean: NDArray[np.float64], concentration: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """sqrt(λ/y) (y/μ - 1), the way from there to sqrt(λ/y) (y/μ + 1), both divided by sqrt(2), and the density kernel of the first."""
    root = np.sqrt(concentration / y) * _ROOT_HALF
    near = root * ((y - mean) / mean)
    return near, 2.0 * root, 0.5 * np.exp(-near * near)


def _erfcx_drop(x: NDArray[np.float64], gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """erfcx(x) - erfcx(x + gap), by the slopes in the middle where the gap is so small that the difference would cancel."""
    middle = x + 0.5 * gap
    value: NDArray[np.float64] = scipy.special.erfcx(middle)
    slope = 2.0 * middle * value - 2.0 / math.sqrt(math.pi)
    third = 4.0 * slope + 4.0 * middle * (value + middle * slope)
    return np.where(gap < 1e-3, -gap * (slope + gap * gap / 24.0 * third), scipy.special.erfcx(x) - scipy.special.erfcx(x + gap))


def _inverse_gaussian_lower(y: NDArray[np.float64], mean: NDArray[np.float64], concentration: NDArray[np.float64]) -> NDArray[np.float64]:
    near, gap, kernel = _arms(np.maximum(y, 0.0), mean, concentration)
    erfcx = scipy.special.erfcx
    below = kernel * (erfcx(-np.minimum(near, 3.0)) + erfcx(near + gap))
    return np.where(y <= 0, 0.0, np.where(y == np.inf, 1.0, np.where(near < 3.0, below, 1.0 - kernel * _erfcx_drop(near, gap))))


def _inverse_gaussian_upper(y: NDArray[np.float64], mean: NDArray[np.float64], concentration: NDArray[np.float64]) -> NDArray[np.float64]:
    near, gap, kernel = _arms(np.maximum(y, 0.0), mean, concentration)
    erfcx = scipy.special.erfcx
    above = kernel * _erfcx_drop(np.maximum(near, -3.0), gap)
    return np.where(
        y <= 0, 1.0, np.where(y == np.inf, 0.0, np.where(near > -3.0, above, 1.0 - kernel * (erfcx(-near) + erfcx(near + gap))))
    )
