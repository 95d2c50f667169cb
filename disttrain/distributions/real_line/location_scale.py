"""Location-scale distributions on the real line: normal, Laplace, logistic, Gumbel, Cauchy."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import log_probabilities, special, tensors

_HALF_LOG_2PI = 0.9189385332046727


@take_plain_values
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
        return log_probabilities.log_ndtr(self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), exact in both tails."""
        return log_probabilities.log_ndtr(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * special.ndtri(value)


@take_plain_values
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


@take_plain_values
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


_EULER_GAMMA = 0.5772156649015329


@take_plain_values
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
        return log_probabilities.log_passed(-self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc - self.scale * (-value.log()).log()


@take_plain_values
class ReverseGumbel(Distribution):
    """Gumbel of minima, skewed to the left, with mode `loc` and variance (π · `scale`)²/6, both (n,) in target units."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool = False) -> None:
        self.loc, self.scale = tensors.parameters(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ReverseGumbel:
        expanded: ReverseGumbel = tensors.expanded(self, batch_shape)
        return expanded

    @property
    def mean(self) -> Tensor:
        return self.loc - _EULER_GAMMA * self.scale

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
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._z(value)
        return z - special.saturating_exp(z) - self.scale.log()

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        return gumbel_log_survival(-self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        return -special.saturating_exp(self._z(value))

    def cdf(self, value: Tensor) -> Tensor:
        return -torch.expm1(-self._z(value).exp())

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return (-self._z(value).exp()).exp()

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * (-torch.log1p(-value)).log()


@take_plain_values
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

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable."""
        z = self._z(value)
        return (torch.atan2(torch.ones_like(z), -z) / math.pi).log()

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable."""
        z = self._z(value)
        return (torch.atan2(torch.ones_like(z), z) / math.pi).log()

    def icdf(self, value: Tensor) -> Tensor:
        tail = torch.minimum(value, 1.0 - value)
        return self.loc + self.scale * torch.sign(value - 0.5) / torch.tan(math.pi * tail)


def gumbel_log_survival(z: Tensor) -> Tensor:
    """log(1 - exp(-exp(-z))), the log survival of the standard Gumbel."""
    # exp(-40) and its square are one number to rounding.
    return torch.where(z > 40.0, -z, log_probabilities.log1mexp(-special.saturating_exp(-z.clamp(max=40.0))))
