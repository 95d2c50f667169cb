"""Terms of log-densities without cancellation for large parameters: remainders of log-gamma, the deviance of two positive numbers.

All functions work elementwise on tensors of one dtype, broadcast, and have their derivatives written out.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from disttrain.distributions.numerics.constants import HALF_LOG_2PI, ROOT_HALF
from disttrain.distributions.numerics.tensors import Context

# From here on five terms of the asymptotic series of log-gamma are exact to 1e-16.
_LARGE = 16.0
# Bernoulli numbers B(2n) / (2n (2n - 1)): log Γ(x) = (x - ½) log x - x + ½ log 2π + Σ c_n / x^(2n - 1).
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)
_STIRLING_SLOPE = tuple(-(2 * n + 1) * c for n, c in enumerate(_STIRLING))
# log Γ(x + ½) - log Γ(x) - ½ log x = Σ c_n / x^(2n - 1), from the same series at x + ½ and x.
_HALF_STEP = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432)
_HALF_STEP_SLOPE = tuple(-(2 * n + 1) * c for n, c in enumerate(_HALF_STEP))
# Below this square of (m - x)/(m + x) the deviance is summed as a series of that ratio, above it has lost no digits that matter.
_SERIES_LIMIT = 0.01
_ATANH = tuple(1 / (2 * n + 3) for n in range(6))
# exp(700) = 1e304: the last power of e that ten thousand rows can add up.
_EXP_LIMIT = 700.0
# The slope beyond it leaves room for the inner derivatives, which are large there too.
_EXP_SLOPE = 1e200


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """Σ coefficients[n] x^n by Horner's rule, in one buffer."""
    total = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        total.add_(coefficient).mul_(x)
    return total.add_(coefficients[0])


def _inverse_series(x: Tensor, coefficients: tuple[float, ...], power: int) -> Tensor:
    """x^-power · Σ coefficients[n] x^(-2n)."""
    inverse = x.reciprocal()
    square = inverse * inverse
    return _polynomial(square, coefficients).mul_(inverse if power == 1 else square)


class _StirlingRemainder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        direct = torch.lgamma(x).sub_((x - 0.5).mul_(x.log())).add_(x).sub_(HALF_LOG_2PI)
        return torch.where(x > _LARGE, _inverse_series(x, _STIRLING, 1), direct)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        direct = torch.digamma(x).sub_(x.log()).add_(x.reciprocal().mul_(0.5))
        return torch.where(x > _LARGE, _inverse_series(x, _STIRLING_SLOPE, 2), direct).mul_(grad)


class _HalfStep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        direct = torch.lgamma(x + 0.5).sub_(torch.lgamma(x)).sub_(x.log().mul_(0.5))
        return torch.where(x > _LARGE, _inverse_series(x, _HALF_STEP, 1), direct)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        direct = torch.digamma(x + 0.5).sub_(torch.digamma(x)).sub_(x.reciprocal().mul_(0.5))
        return torch.where(x > _LARGE, _inverse_series(x, _HALF_STEP_SLOPE, 2), direct).mul_(grad)


class _Deviance(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor, m: Tensor) -> Tensor:
        difference = m - x
        ratio = difference / (m + x)
        square = ratio * ratio
        series = _polynomial(square, _ATANH).mul_(square)
        ctx.save_for_backward(x, m, difference, ratio, series)
        by_series = torch.addcmul(difference, x, series, value=-2.0).mul_(ratio)
        direct = (torch.xlogy(x, x) - torch.xlogy(x, m)).add_(difference)
        return torch.where(square < _SERIES_LIMIT, by_series, direct)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, m, difference, ratio, series = ctx.saved_tensors
        slopes: list[Tensor | None] = [None, None]
        if ctx.needs_input_grad[0]:
            by_series = series.add(1.0).mul_(ratio).mul_(-2.0)
            slopes[0] = torch.where(ratio * ratio < _SERIES_LIMIT, by_series, x.log() - m.log()).mul_(grad).sum_to_size(x.shape)
        if ctx.needs_input_grad[1]:
            slopes[1] = (difference / m).mul_(grad).sum_to_size(m.shape)
        return slopes[0], slopes[1]


class _Log1pSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        size = x.abs()
        # The square of a larger number would overflow, and the 1 no longer counts.
        return torch.where(size > 1e18, size.log().mul_(2.0), torch.log1p(x * x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        # In the form of 1/x far out, where the square would overflow.
        large = x.abs() > 1.0
        inverse = torch.where(large, x, 1.0).reciprocal()
        small = torch.where(large, 0.0, x)
        slope = torch.where(large, 2.0 * inverse / (inverse * inverse + 1.0), 2.0 * small / (small * small + 1.0))
        return slope.mul_(grad)


class _SaturatingExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor, steepest: float) -> Tensor:
        result = x.clamp(max=_EXP_LIMIT).exp_()
        ctx.save_for_backward(x, result)
        ctx.steepest = steepest
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        x, result = ctx.saved_tensors
        slope: Tensor = torch.where(x > _EXP_LIMIT, _EXP_SLOPE, result.clamp(max=ctx.steepest))
        return slope.mul_(grad), None


class _LogRatio(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        ratio = x / y
        ordinary = (ratio > 1e-290) & (ratio < 1e290)
        return torch.where(ordinary, ratio.log(), x.log() - y.log())

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        needed = ctx.needs_input_grad
        return (grad / x).sum_to_size(x.shape) if needed[0] else None, (-grad / y).sum_to_size(y.shape) if needed[1] else None


def _applied(function: type[torch.autograd.Function], *values: Tensor) -> Tensor:
    result: Tensor = function.apply(*values)  # type: ignore[no-untyped-call]
    return result


def stirling_remainder(x: Tensor) -> Tensor:
    """log Γ(x) - [(x - ½) log x - x + ½ log 2π] for x > 0, about 1/(12 x).

    Source: NIST DLMF 5.11.1.
    """
    return _applied(_StirlingRemainder, x)


def half_step(x: Tensor) -> Tensor:
    """log Γ(x + ½) - log Γ(x) - ½ log x for x > 0, about -1/(8 x): a term of the normaliser of Student's t.

    Source: difference of two series of NIST DLMF 5.11.8.
    """
    return _applied(_HalfStep, x)


def deviance(x: Tensor, m: Tensor) -> Tensor:
    """x log(x/m) - x + m for x >= 0, m > 0: half the Poisson deviance, without cancellation where x is close to m.

    Source: C. Loader (2000), Fast and accurate computation of binomial probabilities, section 3.
    """
    return _applied(_Deviance, x, m)


def log1p_square(x: Tensor) -> Tensor:
    """log(1 + x²), also where the square overflows."""
    return _applied(_Log1pSquare, x)


def saturating_exp(x: Tensor, steepest: float = torch.inf) -> Tensor:
    """exp(x), constant at exp(700) above 700 with a large finite gradient: an extreme row keeps a finite score and a useful gradient.

    `steepest` bounds the gradient, where a later factor would make it overflow float64.
    """
    result: Tensor = _SaturatingExp.apply(x, steepest)  # type: ignore[no-untyped-call]
    return result


def log_ratio(x: Tensor, y: Tensor) -> Tensor:
    """log(x / y) for positive numbers, also where the ratio over- or underflows."""
    return _applied(_LogRatio, x, y)


def log_factorial_remainder(count: Tensor) -> Tensor:
    """log(count!) - (count log count - count) for count >= 0, about ½ log(2π count); it has no gradient."""
    count = count.detach()
    large = count.clamp(min=_LARGE)
    series = _inverse_series(large, _STIRLING, 1).add_(large.log().mul_(0.5)).add_(HALF_LOG_2PI)
    direct = torch.lgamma(count + 1.0).sub_(torch.xlogy(count, count)).add_(count)
    return torch.where(count > _LARGE, series, direct)


def ndtr(z: Tensor) -> Tensor:
    """The standard normal cdf, exact in the lower tail, where torch.special.ndtr (2.13) rounds to 0 below -8.3."""
    return 0.5 * torch.erfc(z * -ROOT_HALF)


def xlog1py(x: Tensor, y: Tensor) -> Tensor:
    """x log(1 + y), 0 where x is 0."""
    result: Tensor = torch.special.xlog1py(x, y)
    return result


def ndtri(p: Tensor) -> Tensor:
    """The standard normal quantile, exact for the smallest p."""
    result: Tensor = torch.special.ndtri(p)
    return result
