"""Distributions of an increasing function y(z) of a number z that follows a standard law: they need the law and the function alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, dataclass_transform

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.nn.functional import logsigmoid

from disttrain.distributions.core.parametrised import add_methods, parametrised, stored
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.constants import EULER_GAMMA, HALF_LOG_2PI, LOG_2, LOG_PI
from disttrain.distributions.numerics.log_probabilities import log1mexp, log_ndtr, log_passed
from disttrain.distributions.numerics.special import log1p_square, log_ratio, ndtr, ndtri, saturating_exp

Function = Callable[[Tensor], Tensor]
Class = TypeVar("Class", bound=type[Distribution])


@dataclass(frozen=True)
class Law:
    """A law of a real number z without parameters.

    `log_density` takes z and log dy/dz, and returns the log-density of y. `quantile` keeps the digits of a level near 0. `slope` is the
    derivative of the log-density in z, in closed form.
    """

    log_density: Callable[[Tensor, Tensor], Tensor]
    log_cdf: Function
    log_survival: Function
    cdf: Function
    survival: Function
    quantile: Function
    mean: float
    variance: float
    slope: Function | None = None


class _Mapped(Protocol):
    """The increasing function of a class: z of y, y of z, and the logarithm of dy/dz at y."""

    support: constraints.Constraint

    def _z(self, value: Tensor) -> Tensor: ...
    def _y(self, z: Tensor) -> Tensor: ...
    def _log_stretch(self, value: Tensor) -> Tensor: ...


class _Located(Protocol):
    """A class with a location and a scale."""

    loc: Tensor
    scale: Tensor


class _Powered(Protocol):
    """A class with a scale, and a power of y as its concentration."""

    scale: Tensor
    concentration: Tensor


@dataclass_transform(field_specifiers=(stored,))
def increasing(law: Law) -> Callable[[Class], Class]:
    """A class decorator for y(z), z of this law: the class defines z of y as `_z`, y of z as `_y` and log dy/dz as `_log_stretch`.

    It adds log_prob, the tails and the quantile where the class does not define them itself, and all that `parametrised` adds. A class
    with its own log_prob needs no `_log_stretch`.
    """

    def log_prob(self: _Mapped, value: Tensor) -> Tensor:
        return law.log_density(self._z(value), self._log_stretch(value))

    def log_cdf(self: _Mapped, value: Tensor) -> Tensor:
        return law.log_cdf(self._z(value))

    def log_survival(self: _Mapped, value: Tensor) -> Tensor:
        return law.log_survival(self._z(value))

    def cdf(self: _Mapped, value: Tensor) -> Tensor:
        return law.cdf(self._z(tensors.inside(self.support, value)))

    def survival(self: _Mapped, value: Tensor) -> Tensor:
        return law.survival(self._z(tensors.inside(self.support, value)))

    def icdf(self: _Mapped, value: Tensor) -> Tensor:
        return self._y(law.quantile(value))

    def decorated(cls: Class) -> Class:
        add_methods(cls, log_prob=log_prob, log_cdf=log_cdf, log_survival=log_survival, cdf=cdf, survival=survival, icdf=icdf)
        return parametrised(cls)

    return decorated


# The laws of the classes whose log-density is that of `location_scale`.
_LAWS: dict[type, Law] = {}


def law_of(cls: type) -> Law | None:
    """The law of z of a class with y = loc + scale z; None for other classes."""
    return _LAWS.get(cls)


@dataclass_transform(field_specifiers=(stored,))
def location_scale(law: Law) -> Callable[[Class], Class]:
    """The decorator `increasing` for y = loc + scale z, of real y, with the moments that follow and the mode at loc."""

    def z(self: _Located, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def y(self: _Located, z: Tensor) -> Tensor:
        return self.loc + self.scale * z

    def log_prob(self: _Located, value: Tensor) -> Tensor:
        return law.log_density((value - self.loc) / self.scale, self.scale.log())

    def mean(self: _Located) -> Tensor:
        """nan where the mean of the law does not exist."""
        return self.loc + law.mean * self.scale if law.mean else self.loc

    def variance(self: _Located) -> Tensor:
        """nan where the variance of the law does not exist."""
        return law.variance * self.scale.square()

    def mode(self: _Located) -> Tensor:
        return self.loc

    def decorated(cls: Class) -> Class:
        cls.support = constraints.real  # type: ignore[assignment]
        if "log_prob" not in vars(cls):
            _LAWS[cls] = law
        add_methods(cls, _z=z, _y=y, log_prob=log_prob, mean=property(mean), variance=property(variance), mode=property(mode))
        return increasing(law)(cls)

    return decorated


@dataclass_transform(field_specifiers=(stored,))
def power(law: Law) -> Callable[[Class], Class]:
    """The decorator `increasing` for (y/scale)^concentration = exp(z): log y has location log(scale) and scale 1/concentration."""

    def z(self: _Powered, value: Tensor) -> Tensor:
        return self.concentration * log_ratio(value, self.scale)

    def y(self: _Powered, z: Tensor) -> Tensor:
        return self.scale * (z / self.concentration).exp()

    def log_stretch(self: _Powered, value: Tensor) -> Tensor:
        return value.log() - self.concentration.log()

    def decorated(cls: Class) -> Class:
        add_methods(cls, _z=z, _y=y, _log_stretch=log_stretch)
        return increasing(law)(cls)

    return decorated


def _symmetric(
    log_density: Callable[[Tensor, Tensor], Tensor], log_cdf: Function, cdf: Function, lower: Function, mean: float, variance: float,
    slope: Function,
) -> Law:  # fmt: skip
    """A law symmetric around 0; `lower` is the quantile of levels up to one half."""

    def quantile(p: Tensor) -> Tensor:
        return lower(torch.minimum(p, 1.0 - p)) * torch.sign(0.5 - p)

    return Law(log_density, log_cdf, lambda z: log_cdf(-z), cdf, lambda z: cdf(-z), quantile, mean, variance, slope)


def _laplace_cdf(z: Tensor) -> Tensor:
    tail = 0.5 * (-z.abs()).exp()
    return torch.where(z < 0, tail, 1.0 - tail)


def _laplace_log_cdf(z: Tensor) -> Tensor:
    below, above = z.clamp(max=0.0), z.clamp(min=0.0)
    return torch.where(z < 0, below - LOG_2, torch.log1p(-0.5 * (-above).exp()))


def _cauchy_cdf(z: Tensor) -> Tensor:
    # ½ + arctan(z)/π would round a far lower tail to 0.
    return torch.atan2(torch.ones_like(z), -z) / math.pi


NORMAL = Law(
    lambda z, log_stretch: -0.5 * z.square() - log_stretch - HALF_LOG_2PI,
    log_ndtr, lambda z: log_ndtr(-z), ndtr, lambda z: ndtr(-z), ndtri, 0.0, 1.0, torch.neg,
)  # fmt: skip
# The density is σ(z) σ(-z): neither factor loses its tail.
LOGISTIC = Law(
    lambda z, log_stretch: logsigmoid(z) + logsigmoid(-z) - log_stretch,
    logsigmoid, lambda z: logsigmoid(-z), torch.sigmoid, lambda z: torch.sigmoid(-z), torch.logit, 0.0, math.pi**2 / 3.0,
    lambda z: -torch.tanh(0.5 * z),
)  # fmt: skip
LAPLACE = _symmetric(
    lambda z, log_stretch: -z.abs() - log_stretch - LOG_2, _laplace_log_cdf, _laplace_cdf, lambda p: (2.0 * p).log(), 0.0, 2.0,
    lambda z: -torch.sign(z),
)  # fmt: skip
CAUCHY = _symmetric(
    lambda z, log_stretch: -log1p_square(z) - log_stretch - LOG_PI, lambda z: _cauchy_cdf(z).log(), _cauchy_cdf,
    lambda p: -1.0 / torch.tan(math.pi * p), math.nan, math.nan, lambda z: -2.0 / (z + z.reciprocal()),
)  # fmt: skip
EXPONENTIAL = Law(
    lambda z, log_stretch: -z - log_stretch,
    lambda z: log1mexp(-z), torch.neg, lambda z: -torch.expm1(-z), lambda z: (-z).exp(), lambda p: -torch.log1p(-p), 1.0, 1.0,
)  # fmt: skip


def gumbel(steepest: float = math.inf) -> Law:
    """The law of maxima, with the cdf exp(-exp(-z)); `steepest` bounds the slope of a score, as in `saturating_exp`."""

    def log_density(z: Tensor, log_stretch: Tensor) -> Tensor:
        rare = -z
        return rare - log_stretch - saturating_exp(rare, steepest)

    return Law(
        log_density, lambda z: -saturating_exp(-z, steepest), lambda z: log_passed(-z), lambda z: (-(-z).exp()).exp(),
        lambda z: -torch.expm1(-(-z).exp()), lambda p: -(-p.log()).log(), EULER_GAMMA, math.pi**2 / 6.0,
    )  # fmt: skip


def gumbel_of_minima(steepest: float = math.inf) -> Law:
    """The law of minima, with the survival exp(-exp(z)): z is the logarithm of an exponential."""

    def log_density(z: Tensor, log_stretch: Tensor) -> Tensor:
        return z - log_stretch - saturating_exp(z, steepest)

    return Law(
        log_density, log_passed, lambda z: -saturating_exp(z, steepest), lambda z: -torch.expm1(-z.exp()), lambda z: (-z.exp()).exp(),
        lambda p: (-torch.log1p(-p)).log(), -EULER_GAMMA, math.pi**2 / 6.0,
    )  # fmt: skip
