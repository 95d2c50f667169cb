"""Distributions of angles."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.integration import integral
from disttrain.distributions.core.parametrised import Positive, Real, centred, parametrised
from disttrain.distributions.core.root_finding import invert
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.tensors import Context, Shape

# From here on six terms of the asymptotic series of I1/I0 are exact to 1e-12.
_LARGE = 50.0
_SERIES = (-1 / 2, -1 / 8, -1 / 8, -25 / 128, -13 / 32, -1073 / 1024)


class _LogScaledBessel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, k: Tensor) -> Tensor:
        ctx.save_for_backward(k)
        result: Tensor = torch.special.i0e(k).log()
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (k,) = ctx.saved_tensors
        # I1/I0 - 1, about -1/(2k): the two cancel for large k.
        inverse = k.clamp(min=_LARGE).reciprocal()
        series = torch.zeros_like(k)
        for coefficient in reversed(_SERIES):
            series = (series + coefficient) * inverse
        return torch.where(k > _LARGE, series, torch.special.i1e(k) / torch.special.i0e(k) - 1.0) * grad


@parametrised
@centred
class VonMises(Distribution):
    """Von Mises: angles around `loc`, the closer the larger `concentration`; `period` is a full turn in target units; all (n,).

    The density is per unit of the target, and any angle is taken modulo the period. cdf and quantiles run from half a turn below `loc`
    to half a turn above it, so that the median is `loc`; the mean is `loc`, the variance the mean square of the angle from `loc`.
    Source: Mardia & Jupp (2000), Directional Statistics, section 3.5.4.

    >>> from disttrain.distributions import VonMises
    >>> VonMises(loc=0.0, concentration=2.0, period=360.0).cdf(45.0)  # scipy.stats.vonmises(2.0).cdf(math.pi / 4)
    tensor(0.8369, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    concentration: Positive
    period: Positive

    @property
    def variance(self) -> Tensor:
        with torch.no_grad():
            k, start = self.concentration.double(), torch.zeros_like(self.concentration, dtype=torch.float64)
            half_moment = integral(lambda t: t.square() * self._density(t), start, start + math.pi, 1.0 / (1.0 + k).sqrt())
            return 2.0 * half_moment * (self.period / (2.0 * math.pi)).square()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), up to half a period from `loc` on either side, like the quantiles."""
        with torch.no_grad():
            turn = torch.distributions.VonMises(torch.zeros_like(self.loc), self.concentration, validate_args=False)
            drawn: Tensor = turn.sample(torch.Size(sample_shape))  # type: ignore[no-untyped-call]
            return self.loc + drawn * self.period / (2.0 * math.pi)

    def _turn(self, value: Tensor) -> Tensor:
        """The angle from `loc`, in radians from -π to π."""
        turns = (value - self.loc) / self.period
        return 2.0 * math.pi * (turns - turns.detach().round())

    def log_prob(self, value: Tensor) -> Tensor:
        # k (cos d - 1) = -2 k sin²(d/2), which keeps its digits where k is large and d small.
        kernel = -2.0 * self.concentration * torch.sin(0.5 * self._turn(value)).square()
        bessel: Tensor = _LogScaledBessel.apply(self.concentration)  # type: ignore[no-untyped-call]
        return kernel - bessel - self.period.log()

    def _density(self, angle: Tensor) -> Tensor:
        """The density per radian at an angle from `loc`."""
        kernel = -2.0 * self.concentration * torch.sin(0.5 * angle).square()
        height: Tensor = kernel.exp() / (2.0 * math.pi * torch.special.i0e(self.concentration))
        return height

    def _tail(self, angle: Tensor) -> Tensor:
        """P(angle from loc > |angle|): the probability between |angle| and half a turn."""
        start = angle.abs()
        # Where the density has fallen by exp(-45) nothing is left: a peak much narrower than the circle would fall between the points.
        sine = (torch.sin(0.5 * start).square() + 22.5 / self.concentration).clamp(max=1.0).sqrt()
        end = torch.where(sine >= 1.0, math.pi, torch.maximum(2.0 * torch.asin(sine), start))
        return integral(self._density, start, end, (end - start).clamp(min=1e-300))

    def cdf(self, value: Tensor) -> Tensor:
        with torch.no_grad():
            angle = self._turn(value.double())
            tail = self._tail(angle)
            return torch.where(angle < 0, tail, 1.0 - tail)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), up to half a turn above `loc`, exact in the upper tail."""
        with torch.no_grad():
            angle = self._turn(value.double())
            tail = self._tail(angle)
            return torch.where(angle < 0, 1.0 - tail, tail)

    def icdf(self, value: Tensor) -> Tensor:
        with torch.no_grad():
            p = value.double().expand(tensors.common_shape(value.shape, self.loc.shape))
            half = 0.5 * self.period.double().expand(p.shape)
            # Searched from loc = 0, as the window is closed at its upper end.
            centred: VonMises = self.expand(self.batch_shape)
            centred.loc = torch.zeros_like(self.loc)
            return self.loc + invert(
                lambda y: _clamped(centred.cdf, y, half), lambda y: _clamped(centred.survival, y, half), p, -half, half
            )


def _clamped(tail: Callable[[Tensor], Tensor], y: Tensor, half: Tensor) -> Tensor:
    """A tail probability at `y`, clamped strictly inside the window, as both of its ends are the same angle."""
    result: Tensor = tail(torch.minimum(torch.maximum(y, -half * (1.0 - 1e-16)), half * (1.0 - 1e-15)))
    return result
