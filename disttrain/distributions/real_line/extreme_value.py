"""The generalized extreme value distribution of maxima."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Positive, Real, parametrised
from disttrain.distributions.numerics.constants import EULER_GAMMA
from disttrain.distributions.numerics.log_probabilities import log_passed
from disttrain.distributions.numerics.tensors import Context

# Riemann's ζ(2) ... ζ(7): log Γ(1 - x) = γ x + Σ ζ(k) x^k / k.
_ZETA = (1.6449340668482264, 1.2020569031595943, 1.0823232337111382, 1.0369277551433699, 1.0173430619844491, 1.0083492773819228)
# Below this shape the moments are taken from that series.
_SMALL_SHAPE = 5e-3
# 1 + shape z at which a score stops following the density and goes on in a straight line. Steeper ends (a later edge, or exp(-z) up to
# its last power of e) give gradients beyond float32 to every row that starts outside.
_EDGE = 1e-8
_STEEP = 30.0


@parametrised
class GeneralizedExtremeValue(Distribution):
    """Generalized extreme value: maxima with F(y) = exp(-(1 + `shape` z)^(-1/`shape`)), z = (y - `loc`)/`scale`: all (n,), loc and scale in target units.

    shape > 0 has a heavy upper tail and a lower end at loc - scale/shape, shape < 0 an upper end there, shape 0 is the Gumbel, the exact
    limit. A y beyond the end has probability 0; the log-density is continued there linearly, so that such a row keeps a finite score and
    a gradient towards the support.
    Source: Coles (2001), section 3.1; scipy.stats.genextreme with c = -shape.

    >>> from disttrain.distributions import GeneralizedExtremeValue
    >>> GeneralizedExtremeValue(loc=0.0, scale=1.0, shape=0.2).cdf(1.0)  # scipy.stats.genextreme(-0.2).cdf(1.0)
    tensor(0.6691, dtype=torch.float64)
    """

    # Where the density ends depends on the parameters; every real target has a score.
    support = constraints.real
    loc: Real
    scale: Positive
    shape: Real

    @property
    def mean(self) -> Tensor:
        """loc + scale (Γ(1 - shape) - 1)/shape; inf where shape >= 1."""
        finite = torch.where(self.shape < 1, self.shape, 0.5)
        safe = torch.where(finite == 0, 1.0, finite)
        first = torch.where(finite == 0, EULER_GAMMA, torch.expm1(_log_gamma_one_minus(finite)) / safe)
        return torch.where(self.shape < 1, self.loc + self.scale * first, math.inf)

    @property
    def mode(self) -> Tensor:
        """loc + scale ((1 + shape)^-shape - 1)/shape; the upper end where shape <= -1."""
        inner = torch.where((self.shape == 0) | (self.shape <= -1), 1.0, self.shape)
        distance = torch.expm1(-inner * torch.log1p(inner)) / inner
        distance = torch.where(self.shape <= -1, -self.shape.clamp(max=-1.0).reciprocal(), distance)
        return self.loc + self.scale * torch.where(self.shape == 0, 0.0, distance)

    @property
    def variance(self) -> Tensor:
        """scale² (Γ(1 - 2 shape) - Γ(1 - shape)²)/shape²; inf where shape >= ½, nan where the mean is infinite."""
        shape = torch.where(self.shape < 0.5, self.shape, 0.25)
        # Squares and higher of the series: Σ ζ(k) (2^k - 2) shape^(k - 2) / k.
        series = sum(zeta * (2.0**k - 2.0) / k * shape ** (k - 2) for k, zeta in enumerate(_ZETA, 2))
        large = torch.where(shape.abs() < _SMALL_SHAPE, 0.25, shape)
        single = torch.lgamma(1.0 - large)
        direct = torch.expm1(torch.lgamma(1.0 - 2.0 * large) - 2.0 * single)
        small = torch.expm1(series * shape.square()) / torch.where(shape == 0, 1.0, shape.square())
        small = torch.where(shape == 0, _ZETA[0], small)
        factor = torch.where(shape.abs() < _SMALL_SHAPE, small, direct / large.square())
        finite = self.scale.square() * factor * (2.0 * _log_gamma_one_minus(shape)).exp()
        return torch.where(self.shape < 0.5, finite, torch.where(self.shape < 1, math.inf, math.nan))

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def _reduced(self, value: Tensor) -> Tensor:
        """log(1 + shape z)/shape: Gumbel distributed, z for shape 0; continued linearly beyond the end of the support."""
        z = self._z(value)
        return z * _log1p_share(self.shape * z)

    def log_prob(self, value: Tensor) -> Tensor:
        reduced = self._reduced(value)
        # For shapes below -1 the density rises to infinity at the end: beyond it must fall nevertheless.
        penalty = (_EDGE - 1.0 - self.shape * self._z(value)).clamp(min=0.0) * (2.0 / _EDGE)
        return -(1.0 + self.shape) * reduced - _bounded_exp(-reduced) - self.scale.log() - penalty

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable; steep but finite below a lower end."""
        return -_bounded_exp(-self._reduced(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable; steep but finite above an upper end."""
        return log_passed(-self._reduced(value))

    def cdf(self, value: Tensor) -> Tensor:
        return (-(-self._ended(value)).exp()).exp()

    def survival(self, value: Tensor) -> Tensor:
        return -torch.expm1(-(-self._ended(value)).exp())

    def _ended(self, value: Tensor) -> Tensor:
        outside = self.shape * self._z(value) <= -1.0
        reduced = self._reduced(torch.where(value.isinf(), self.loc, value))
        ended = torch.where(outside, torch.where(self.shape > 0, -math.inf, math.inf), reduced)
        return torch.where(value.isinf(), value.double(), ended)

    def icdf(self, value: Tensor) -> Tensor:
        reduced = -(-value.log()).log()
        shape = torch.where(self.shape == 0, 1.0, self.shape)
        bent = torch.expm1(shape * reduced) / shape
        return self.loc + self.scale * torch.where(self.shape == 0, reduced, bent)


class _Log1pShare(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return torch.where(u == 0, 1.0, _log1p_continued(u) / torch.where(u == 0, 1.0, u))

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        by_series = u.abs() < 0.05
        small, large = torch.where(by_series, u, 0.0), torch.where(by_series, 1.0, u)
        series = torch.full_like(u, 14.0 / 15.0)
        for k in range(13, 0, -1):
            series = k / (k + 1.0) - small * series
        direct = ((1.0 + large).clamp(min=_EDGE).reciprocal() - _log1p_continued(large) / large) / large
        return torch.where(by_series, -series, direct) * grad


def _log1p_continued(u: Tensor) -> Tensor:
    """log(1 + u), continued linearly below 1 + u = 1e-8."""
    inside = torch.log1p(u.clamp(min=_EDGE - 1.0))
    return inside + (1.0 + u - _EDGE).clamp(max=0.0) / _EDGE


def _log1p_share(u: Tensor) -> Tensor:
    """log(1 + u)/u and its derivative, by series near 0, where the derivative would cancel."""
    result: Tensor = _Log1pShare.apply(u)  # type: ignore[no-untyped-call]
    return result


def _bounded_exp(x: Tensor) -> Tensor:
    """exp(x), continued linearly above exp(30), where the density is below exp(-1e13)."""
    inside = x.clamp(max=_STEEP)
    return inside.exp() * (1.0 + (x - inside))


def _log_gamma_one_minus(x: Tensor) -> Tensor:
    """log Γ(1 - x) with all its digits for small x."""
    series = EULER_GAMMA + sum(zeta / k * x ** (k - 1) for k, zeta in enumerate(_ZETA, 2))
    large = torch.where(x.abs() < _SMALL_SHAPE, 0.25, x)
    return torch.where(x.abs() < _SMALL_SHAPE, x * series, torch.lgamma(1.0 - large))
