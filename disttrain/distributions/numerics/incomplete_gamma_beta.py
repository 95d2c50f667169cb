"""Logarithms of the incomplete gamma and beta functions, differentiable in every argument, far tails included.

Values are scipy's where these do not underflow, else continued fractions or quadrature in logarithms. Derivatives in the value are
densities; derivatives in a shape have no closed form and are central differences of order six of the logarithm, with steps in proportion
to the scale of its curvature.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Context

# Below this a probability of scipy's has lost digits, or is 0.
_TINY = 1e-280
_STEPS = 400
# Nodes and weights of ∫ exp(-u) f(u) du.
_LAGUERRE = np.polynomial.laguerre.laggauss(24)
# f'(x) = Σ c_k (f(x + k h) - f(x - k h)) / h, k = 1, 2, 3. Source: Fornberg (1988), table 1.
_STENCIL = (3 / 4, -3 / 20, 1 / 60)
# Steps of the difference, relative to the width over which the logarithm bends: 0.03^6 / 140 = 5e-12 is left out.
_STEP = 0.03


def _front_gamma(a: Tensor, x: Tensor) -> Tensor:
    """log(x^a exp(-x) / Γ(a)), without cancellation for large a."""
    return 0.5 * a.log() - HALF_LOG_2PI - special.stirling_remainder(a) - special.deviance(a, x)


def _front_beta(a: Tensor, b: Tensor, x: Tensor, rest: Tensor) -> Tensor:
    """log(x^a rest^b / B(a, b)), without cancellation for large a and b."""
    total = a + b
    remainders = special.stirling_remainder(total) - special.stirling_remainder(a) - special.stirling_remainder(b)
    kernel = special.deviance(a, total * x) + special.deviance(b, total * rest)
    return 0.5 * (a / total * b).log() - HALF_LOG_2PI + remainders - kernel


def _fraction(step: Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]], first: tuple[Tensor, Tensor]) -> Tensor:
    """A continued fraction by Lentz's method; `step` gives the next pair of D and C. Source: Numerical Recipes, section 5.2."""
    d, c = first
    total = d
    for number in range(1, _STEPS):
        d, c = step(number, d, c)
        change = d * c
        total = total * change
        if bool(((change - 1.0).abs() < 1e-15).all()):
            break
    return total


def _extreme_gamma_lower(a: Tensor, x: Tensor) -> Tensor:
    """log P(a, x) for x well below a: x^a exp(-x)/Γ(a) · ∫ exp(x (1 - exp(-u)) - a u) du over u > 0 by Gauss-Laguerre.

    In the unit 1/(a - x) of u the integrand is exp(-u) times a nearly linear factor; the power series needs √a terms.
    Source: DLMF 8.6.3 with t = u.
    """
    nodes, weights = (torch.from_numpy(row).to(a.device) for row in _LAGUERRE)
    u = nodes / (a - x).unsqueeze(-1)
    bend = x.unsqueeze(-1) * (-torch.expm1(-u) - u)
    return _front_gamma(a, x) - (a - x).log() + (weights * bend.exp()).sum(-1).log()


def _extreme_gamma_upper(a: Tensor, x: Tensor) -> Tensor:
    """log Q(a, x) for x well above a: the continued fraction. Source: DLMF 8.9.2."""
    b = x + 1.0 - a
    first = b.reciprocal()

    def step(number: int, d: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        numerator, denominator = -number * (number - a), b + 2.0 * number
        return (numerator * d + denominator).reciprocal(), denominator + numerator / c

    return _front_gamma(a, x) + _fraction(step, (first, torch.full_like(b, 1e300))).log()


def extreme_beta(a: Tensor, b: Tensor, x: Tensor, rest: Tensor) -> Tensor:
    """log I_x(a, b) for x well below the mean: the continued fraction. Source: DLMF 8.17.22."""
    first = (1.0 - (a + b) * x / (a + 1.0)).reciprocal()

    def step(number: int, d: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        half, odd = divmod(number + 1, 2)
        if odd:
            numerator = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            numerator = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        return (1.0 + numerator * d).reciprocal(), 1.0 + numerator / c

    return _front_beta(a, b, x, rest) - a.log() + _fraction(step, (first, torch.ones_like(first))).log()


def replaced(value: Tensor, where: Tensor, formula: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
    """The value, replaced by `formula` of the arguments where `where` is True."""
    if not bool(where.any()):
        return value
    expanded = torch.broadcast_tensors(value, *arguments)  # type: ignore[no-untyped-call]
    value, where = expanded[0].clone(), where.expand(expanded[0].shape)
    value[where] = formula(*(argument[where] for argument in expanded[1:]))
    return value


def log_of_pair(smaller: Tensor, other: Tensor) -> Tensor:
    """log p from a probability p and its complement 1 - p: from the complement where p is near 1."""
    return torch.where(other < 0.5, torch.log1p(-other), smaller.clamp(min=5e-324).log())


def _gamma_lower(a: Tensor, x: Tensor) -> Tensor:
    lower = tensors.on_arrays(scipy.special.gammainc, a, x)
    value = log_of_pair(lower, tensors.on_arrays(scipy.special.gammaincc, a, x))
    value = replaced(value, (lower < _TINY) & (x > 0) & x.isfinite(), _extreme_gamma_lower, a, x)
    return torch.where(x > 0, value, -math.inf)


def _gamma_upper(a: Tensor, x: Tensor) -> Tensor:
    upper = tensors.on_arrays(scipy.special.gammaincc, a, x)
    value = log_of_pair(upper, tensors.on_arrays(scipy.special.gammainc, a, x))
    value = replaced(value, (upper < _TINY) & x.isfinite() & (x > a), _extreme_gamma_upper, a, x)
    return torch.where(x == math.inf, -math.inf, value)


def _beta_lower(a: Tensor, b: Tensor, x: Tensor, rest: Tensor) -> Tensor:
    by_x = x < rest
    ends = torch.where(by_x, a, b), torch.where(by_x, b, a), torch.where(by_x, x, rest)
    below, above = tensors.on_arrays(scipy.special.betainc, *ends), tensors.on_arrays(scipy.special.betaincc, *ends)
    lower, upper = torch.where(by_x, below, above), torch.where(by_x, above, below)
    value = log_of_pair(lower, upper)
    value = replaced(value, (lower < _TINY) & (x > 0), extreme_beta, a, b, x, rest)
    return torch.where(x > 0, value, -math.inf)


def slope_in_shape(function: Callable[..., Tensor], position: int, arguments: tuple[Tensor, ...]) -> Tensor:
    """The derivative of `function` in its argument at `position`, a shape, by central differences; 0 where these are not finite."""
    shape = arguments[position]
    step = _STEP * shape / (1.0 + shape).sqrt()
    total = torch.zeros(1, dtype=torch.float64, device=shape.device)
    for number, weight in enumerate(_STENCIL, 1):
        up, down = (function(*arguments[:position], shape + sign * number * step, *arguments[position + 1 :]) for sign in (1, -1))
        total = total + weight * (up - down)
    return (total / step).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def bounded_exp(log_slope: Tensor) -> Tensor:
    """exp of the logarithm of a derivative: 0 at an infinite value, bounded where the probability is nearly 0."""
    return log_slope.nan_to_num(nan=-math.inf).clamp(max=650.0).exp()


def _upper_slope(a: Tensor, x: Tensor, log_upper: Tensor) -> Tensor:
    """The derivative of log Q(a, x) in a; of a small a from log P, which is nearly linear there, where log Q curves like log a."""
    slope = slope_in_shape(_gamma_upper, 0, (a, x))
    small = (a < 0.5) & (log_upper > -500.0)
    if not bool(small.any()):
        return slope
    lower = slope_in_shape(_gamma_lower, 0, (a, x))
    return torch.where(small, -(_gamma_lower(a, x) - log_upper).exp() * lower, slope)


class _Gamma(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, a: Tensor, x: Tensor, upper: bool) -> Tensor:
        ctx.upper = upper
        result = (_gamma_upper if upper else _gamma_lower)(a, x)
        ctx.save_for_backward(a, x, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        a, x, result = ctx.saved_tensors
        slopes: list[Tensor | None] = [None, None]
        grad = torch.where(result == -math.inf, 0.0, grad)
        if ctx.needs_input_grad[0]:
            slopes[0] = ((_upper_slope(a, x, result) if ctx.upper else slope_in_shape(_gamma_lower, 0, (a, x))) * grad).sum_to_size(a.shape)
        if ctx.needs_input_grad[1]:
            inside = (x > 0) & x.isfinite()
            safe = torch.where(inside, x, 1.0)
            slope = torch.where(inside, bounded_exp(_front_gamma(a, safe) - safe.log() - result), 0.0)
            slopes[1] = (slope * (-grad if ctx.upper else grad)).sum_to_size(x.shape)
        return slopes[0], slopes[1], None


class _Beta(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor, x: Tensor, rest: Tensor) -> Tensor:
        result = _beta_lower(a, b, x, rest)
        ctx.save_for_backward(a, b, x, rest, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b, x, rest, result = ctx.saved_tensors
        slopes: list[Tensor | None] = [None, None, None, None]
        grad = torch.where(result == -math.inf, 0.0, grad)
        for position in (0, 1):
            if ctx.needs_input_grad[position]:
                slopes[position] = (slope_in_shape(_beta_lower, position, (a, b, x, rest)) * grad).sum_to_size((a, b)[position].shape)
        if ctx.needs_input_grad[2]:
            # All of the slope is given to x, as rest is 1 - x.
            inside = (x > 0) & (rest > 0)
            safe, safe_rest = torch.where(inside, x, 0.5), torch.where(inside, rest, 0.5)
            slope = bounded_exp(_front_beta(a, b, safe, safe_rest) - safe.log() - safe_rest.log() - result)
            slopes[2] = (torch.where(inside, slope, 0.0) * grad).sum_to_size(x.shape)
        return tuple(slopes)


def _doubles(*values: Tensor) -> tuple[Tensor, ...]:
    return tuple(value.double() for value in values)


def log_gamma_lower(a: Tensor, x: Tensor) -> Tensor:
    """log P(a, x), the regularised lower incomplete gamma function, for a > 0 and x >= 0 (inf included); float64."""
    result: Tensor = _Gamma.apply(*_doubles(a, x), False)  # type: ignore[no-untyped-call]
    return result


def log_gamma_upper(a: Tensor, x: Tensor) -> Tensor:
    """log Q(a, x) = log(1 - P(a, x)), with all its digits in the upper tail; float64."""
    result: Tensor = _Gamma.apply(*_doubles(a, x), True)  # type: ignore[no-untyped-call]
    return result


def log_beta_lower(a: Tensor, b: Tensor, x: Tensor, rest: Tensor) -> Tensor:
    """log I_x(a, b), the regularised incomplete beta function, with rest = 1 - x as an argument of its own; float64.

    The upper tail is log_beta_lower(b, a, rest, x). `rest` gets no gradient: the gradient of `x` includes it.
    """
    result: Tensor = _Beta.apply(*_doubles(a, b, x, rest.detach()))  # type: ignore[no-untyped-call]
    return result
