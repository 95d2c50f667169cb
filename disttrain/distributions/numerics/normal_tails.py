"""Log lower tails of the skew normal and of the sum of a normal and an exponential.

The derivatives are densities and closed forms, written out. Upper tails follow by reflection or by adding positive terms.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from disttrain.distributions.numerics.constants import HALF_LOG_2PI, LOG_2, LOG_PI, ROOT_HALF, ROOT_TWO_OVER_PI
from disttrain.distributions.numerics.tensors import Context

# Gauss-Legendre on (0, 1): 40 points integrate exp(-40 x)/(x + 1/8), the worst of what stands below, to rounding.
_NODES, _WEIGHTS = (
    (0.5 * (values + shift)).tolist() for values, shift in zip(np.polynomial.legendre.leggauss(40), (1.0, 0.0), strict=True)
)


def _rule(like: Tensor) -> tuple[Tensor, Tensor]:
    """Points and weights with one axis in front of the axes of `like`."""
    shape = (-1, *(1 for _ in like.shape))
    return like.new_tensor(_NODES).reshape(shape), like.new_tensor(_WEIGHTS).reshape(shape)


def _mills_excess(x: Tensor) -> Tensor:
    """φ(x)/Φ(x) + x, which tends to -1/x for x → -∞: there by its series, as the sum cancels."""
    below, above = x.clamp(-50.0, 0.0), x.clamp(min=0.0)
    lower = below + ROOT_TWO_OVER_PI / torch.special.erfcx(below * -ROOT_HALF)
    upper = above + (-0.5 * above * above - HALF_LOG_2PI - torch.special.log_ndtr(above)).exp()
    direct = torch.where(x < 0.0, lower, upper)
    inverse = x.clamp(max=-50.0).reciprocal().neg()
    square = inverse * inverse
    series = inverse * (1.0 - square * (2.0 - square * (10.0 - square * (74.0 - square * 706.0))))
    return torch.where(x < -50.0, series, direct)


def _scaled_ndtr(x: Tensor) -> Tensor:
    result: Tensor = torch.special.erfcx(x * -ROOT_HALF).log() - LOG_2
    return result


class _LogScaledNdtr(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _scaled_ndtr(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope: Tensor = _mills_excess(x) * grad
        return slope


def log_scaled_ndtr(x: Tensor) -> Tensor:
    """log Φ(x) + x²/2 for x <= 0, about -log(-x) for x → -∞; its derivative φ(x)/Φ(x) + x is exact too.

    Source: NIST DLMF 7.12.1.
    """
    result: Tensor = _LogScaledNdtr.apply(x)  # type: ignore[no-untyped-call]
    return result


def _half_square(z: Tensor) -> Tensor:
    """z²/2 below 0, else 0: this file returns log lower tails without this term, as it would round off their digits."""
    below = z.clamp(max=0.0)
    return 0.5 * below * below


def _exponential_part(z: Tensor, b: Tensor) -> Tensor:
    """log of exp(b²/2 - b z) Φ(z - b), plus z²/2 where z < 0."""
    above = z.clamp(min=0.0)
    left = _scaled_ndtr((z - b).clamp(max=0.0)) - 0.5 * above * above
    return torch.where(z < b, left, -b * (z - 0.5 * b) + torch.special.log_ndtr(z - b))


def _slope_in_rate(z: Tensor, b: Tensor) -> Tensor:
    """log of exp(b²/2 - b z) [(z - b) Φ(z - b) + φ(z - b)], the derivative of the lower tail in b, plus z²/2 where z < 0."""
    return _exponential_part(z, b) + _mills_excess(z - b).log()


def _ex_gaussian_lower(z: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the lower tail, plus z²/2 where z < 0."""
    nodes, weights = _rule(z)
    # Where Φ(z) and the other term nearly cancel: the integral of the derivative in b, from b = 0 where nothing lies below.
    cancels = (b < torch.clamp(-z, min=1.0)) & (b * z < 1.0)
    short, where = torch.where(cancels, b, 0.5), torch.where(cancels, z, 0.0)
    integral = (_slope_in_rate(where, short * nodes) + weights.log()).logsumexp(0) + short.log()
    lower, part = torch.where(z < 0, _scaled_ndtr(z.clamp(max=0.0)), torch.special.log_ndtr(z)), _exponential_part(z, b)
    ratio = torch.where(cancels, -1.0, part - lower)
    survival = torch.logaddexp(torch.special.log_ndtr(-z), part).exp()
    certain = (z > 0) & (survival < 0.5)
    direct = torch.where(certain, torch.log1p(-torch.where(certain, survival, 0.5)), lower + torch.log1p(-ratio.exp()))
    return torch.where(cancels, integral, direct)


class _LogExGaussianLower(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, z: Tensor, b: Tensor) -> Tensor:
        excess = _ex_gaussian_lower(z, b)
        ctx.save_for_backward(z, b, excess)
        return excess - _half_square(z)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        z, b, excess = ctx.saved_tensors
        in_z = (_exponential_part(z, b) + b.log() - excess).exp()
        return in_z * grad, (_slope_in_rate(z, b) - excess).exp() * grad


def log_ex_gaussian_lower(z: Tensor, b: Tensor) -> Tensor:
    """log P(N + E/b <= z) for N standard normal, E standard exponential, b > 0; z and b of one shape.

    P = Φ(z) - exp(b²/2 - b z) Φ(z - b), and where this cancels the integral of its derivative in b from 0.
    """
    result: Tensor = _LogExGaussianLower.apply(z, b)  # type: ignore[no-untyped-call]
    return result


def _owen(h: Tensor, a: Tensor) -> Tensor:
    """2π exp(h²/2) T(h, a): ∫ exp(-h² s²/2)/(1 + s²) ds from 0 to a, for 0 <= a <= 1 and h a of a few units at most."""
    nodes, weights = _rule(h)
    s = a * nodes
    return (weights * (-0.5 * (h * s).square()).exp() / (1.0 + s * s)).sum(0) * a


def _log_steep_tail(h: Tensor, a: Tensor) -> Tensor:
    """log P(Y <= -h) + h² (1 + a²)/2 for skewness a > 0, a h >= 1.

    P is ∫ exp(-h² (1 + s²)/2) / (π (1 + s²)) ds from a to infinity, here in ρ = h s.
    """
    nodes, weights = _rule(h)
    first = a * h
    # The integrand falls by exp(-40) until there.
    x = 80.0 / (first + (first * first + 80.0).sqrt())
    step = x * nodes
    falling = weights * (-step * (first + 0.5 * step)).exp() / ((first + step).square() + h * h)
    return falling.sum(0).log() + x.log() + h.log() - LOG_PI


def _log_thin_tail(h: Tensor, a: Tensor) -> Tensor:
    """log P(Y <= -h) + h² (1 + a²)/2 for h >= 0 and skewness a >= 0."""
    product = a * h
    steep = product >= 1.0
    tail = _log_steep_tail(torch.where(steep, h, 1.0), torch.where(steep, a, 1.0))
    shallow, sharp = (~steep) & (a <= 1.0), (~steep) & (a > 1.0)
    h_shallow, a_shallow = torch.where(shallow, h, 0.0), torch.where(shallow, a, 0.0)
    # exp(-h²/2)/Φ(-h) is 2/erfcx.
    ratio = _owen(h_shallow, a_shallow) * (2.0 / math.pi) / torch.special.erfcx(h_shallow * ROOT_HALF)
    shallow_tail = _scaled_ndtr(-h_shallow) + torch.log1p(-ratio) + 0.5 * (a_shallow * h_shallow).square()
    h_sharp, a_sharp = torch.where(sharp, h, 0.0), torch.where(sharp, a, 2.0)
    product = h_sharp * a_sharp
    twice = _owen(product, a_sharp.reciprocal()) * (-0.5 * product * product).exp() / math.pi
    sharp_tail = (twice - 0.5 * torch.erfc(product * ROOT_HALF) * torch.erf(h_sharp * ROOT_HALF)).log()
    sharp_tail = sharp_tail + 0.5 * (h_sharp * h_sharp + product * product)
    return torch.where(steep, tail, torch.where(shallow, shallow_tail, sharp_tail))


def _skew_normal_lower(z: Tensor, a: Tensor) -> Tensor:
    """The logarithm of the lower tail plus `_dropped`."""
    h, steepness = z.abs(), a.abs()
    half, product = 0.5 * h * h, steepness * h
    thin, normal_tail = _log_thin_tail(h, steepness), _scaled_ndtr(-h)
    thick = LOG_2 + normal_tail + torch.log1p(-0.5 * (thin - 0.5 * product * product - normal_tail).clamp(max=0.0).exp())
    survival = torch.where(a > 0, thick - half, thin - half - 0.5 * product * product).exp()
    # Above 0 with a steep rise: Φ(a h) erf(h/√2) + 2 T(a h, 1/a), two positive terms.
    rising = (z >= 0) & (a > 1.0) & (survival > 0.5)
    h_rise, a_rise = torch.where(rising, h, 0.0), torch.where(rising, a, 2.0)
    product = h_rise * a_rise
    risen = 0.5 * torch.erfc(product * -ROOT_HALF) * torch.erf(h_rise * ROOT_HALF)
    risen = (risen + _owen(product, a_rise.reciprocal()) * (-0.5 * product * product).exp() / math.pi).log()
    above = torch.where(rising, risen, torch.log1p(-torch.where(rising | (z < 0), 0.5, survival)))
    return torch.where(z < 0, torch.where(a > 0, thin, thick), above)


def _dropped(z: Tensor, a: Tensor) -> Tensor:
    """The term dropped from the log lower tail: z²/2 below 0, and a² z²/2 more for skewness above 0."""
    return _half_square(z) + _half_square(z * a.clamp(min=0.0))


class _LogSkewNormalLower(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, z: Tensor, a: Tensor) -> Tensor:
        # Beyond 1e140 the squares would overflow; the probability is 0 long before.
        z = z.clamp(-1e140, 1e140)
        excess = _skew_normal_lower(z, a)
        ctx.save_for_backward(z, a, excess)
        return excess - _dropped(z, a)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        z, a, excess = ctx.saved_tensors
        product, above = a * z, z.clamp(min=0.0)
        steep = (z < 0) & (a > 0)
        rise = torch.where(steep, _scaled_ndtr(product.clamp(max=0.0)), torch.special.log_ndtr(product))
        in_z = (LOG_2 - HALF_LOG_2PI - 0.5 * above * above + rise - excess).exp()
        rest = torch.where(steep, 0.0, 0.5 * product * product) + 0.5 * above * above
        in_a = (-rest - LOG_PI - torch.log1p(a * a) - excess).exp()
        return in_z * grad, -in_a * grad


def log_skew_normal_lower(z: Tensor, a: Tensor) -> Tensor:
    """log P(Y <= z) for the standard skew normal of skewness a, both of one shape; the upper tail at z is the lower tail at -z with skewness -a.

    Φ(z) - 2 T(z, a) with Owen's T by quadrature, rearranged so that nothing cancels.
    Source: Owen (1956), Tables for computing bivariate normal probabilities, eq. 2.3 and 2.7; checked against scipy.stats.skewnorm.
    """
    result: Tensor = _LogSkewNormalLower.apply(z, a)  # type: ignore[no-untyped-call]
    return result
