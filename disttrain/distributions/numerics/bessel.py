"""Logarithms of Bessel functions of a large order or argument, and of small ones, with their derivatives written out."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from disttrain.distributions.numerics.tensors import Context

# From here on twelve terms of the series in 1/s are exact to 2e-15.
LARGE = 30.0
_TERMS = 12
# Of a product below 225, where (order² + argument²) < 30², the 50th term of the power series is below 1e-20 of the sum.
_POWERS = 50


@cache
def _debye() -> tuple[tuple[float, ...], ...]:
    """U_k(p)/p^k, a polynomial in p², for k = 1 ... 12. Source: NIST DLMF 10.41.9."""
    last, polynomials = {0: Fraction(1)}, []
    for _ in range(_TERMS):
        following: dict[int, Fraction] = {}
        for power, c in last.items():
            up = c * power / 2 + c / (8 * (power + 1))
            down = -c * power / 2 - 5 * c / (8 * (power + 3))
            following[power + 1] = following.get(power + 1, Fraction(0)) + up
            following[power + 3] = following.get(power + 3, Fraction(0)) + down
        last = following
        polynomials.append(tuple(float(c) for _, c in sorted(last.items())))
    return tuple(polynomials)


def _double_polynomial(q: Tensor, r: Tensor, coefficients: list[list[float]]) -> Tensor:
    """Σ_k r^k Σ_j coefficients[k][j] q^j by Horner's rule in both."""
    total = torch.zeros_like(r + q)
    for row in reversed(coefficients):
        inner = torch.full_like(q, row[-1])
        for c in row[-2::-1]:
            inner.mul_(q).add_(c)
        total.mul_(r).add_(inner)
    return total


class _LogDebye(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, q: Tensor, r: Tensor) -> Tensor:
        ctx.save_for_backward(q, r)
        return torch.log1p(_double_polynomial(q, r, [[0.0], *map(list, _debye())]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        q, r = ctx.saved_tensors
        table = [[0.0], *map(list, _debye())]
        value = 1.0 + _double_polynomial(q, r, table)
        by_q = _double_polynomial(q, r, [[j * c for j, c in enumerate(row)][1:] or [0.0] for row in table])
        by_r = _double_polynomial(q, r, [[k * c for c in row] for k, row in enumerate(table)][1:])
        return (grad * by_q / value).sum_to_size(q.shape), (grad * by_r / value).sum_to_size(r.shape)


def log_debye(order: Tensor, s: Tensor, sign: float) -> Tensor:
    """log Σ sign^k U_k(order/s) / order^k with s = sqrt(order² + argument²): the correction of I (sign 1) or K (sign -1) to its leading term.

    Exact to 2e-15 for s >= 30 and any order >= 0, 0 included. Source: NIST DLMF 10.41.3 and 10.41.4.
    """
    result: Tensor = _LogDebye.apply((order / s).square(), sign / s)  # type: ignore[no-untyped-call]
    return result


def _power_series(q: Tensor, order: Tensor) -> Tensor:
    total = torch.ones_like(q + order)
    for k in range(_POWERS, 0, -1):
        total = total.mul_(q / (k * (k + order))).add_(1.0)
    return total


class _LogSeries(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, q: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(q, order)
        return _power_series(q, order).log_()

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        q, order = ctx.saved_tensors
        slope = _power_series(q, order + 1.0) / ((order + 1.0) * _power_series(q, order))
        return (grad * slope).sum_to_size(q.shape), None


def log_series(q: Tensor, order: Tensor) -> Tensor:
    """log [order! I_order(2 √q) / q^(order/2)] for 0 <= q <= 225 by the power series, of positive terms: DLMF 10.25.2."""
    result: Tensor = _LogSeries.apply(q, order)  # type: ignore[no-untyped-call]
    return result


def log_spherical(n: Tensor, x: Tensor) -> Tensor:
    """log [K_(n + ½)(x) exp(x) sqrt(2x/π)] for n = 0 ... 30 and x > 0, a finite sum of positive terms: DLMF 10.49.12.

    The sum is a polynomial in 1/(2x) where that is below 1, else in 2x.
    """
    n = n.detach()
    double = 2.0 * x
    small = double < 1.0
    z = torch.where(small, double, 1.0 / torch.where(small, 1.0, double))
    total = torch.ones_like(z + n)
    for k in range(int(n.max()) - 1 if n.numel() else 0, -1, -1):
        left = (n - k).clamp(min=0.0)
        ratio = torch.where(small, left / ((2.0 * n - k).clamp(min=1.0) * (k + 1.0)), (n + k + 1.0) * left / (k + 1.0))
        total = 1.0 + total * z * ratio
    front = torch.lgamma(2.0 * n + 1.0) - torch.lgamma(n + 1.0)
    return total.log() + torch.where(small, front - n * torch.where(small, double, 1.0).log(), 0.0)
