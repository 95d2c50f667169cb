"""The log cdf of Student's t, differentiable in both arguments, exact in extreme tails."""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI, LOG_2
from disttrain.distributions.numerics.incomplete_gamma_beta import bounded_exp, extreme_beta, log_of_pair, replaced, slope_in_shape
from disttrain.distributions.numerics.tensors import Context

# Below this a probability of scipy's has lost digits, or is 0.
_TINY = 1e-280


def _t_lower(df: Tensor, z: Tensor) -> Tensor:
    lower, upper = tensors.on_arrays(scipy.special.stdtr, df, z), tensors.on_arrays(scipy.special.stdtr, df, -z)
    value = log_of_pair(lower, upper)

    def tail(df: Tensor, z: Tensor) -> Tensor:
        # df/(df + z²) in a form that does not overflow.
        x = (1.0 + (z / df.sqrt()).square()).reciprocal()
        rest = (z / df.sqrt()).square() * x
        return extreme_beta(0.5 * df, torch.full_like(df, 0.5), x, torch.where(rest.isfinite(), rest, 1.0)) - LOG_2

    # The square of a larger z is beyond float64, and with it the power law of the tail: nothing that a row can have.
    return replaced(value, (lower < _TINY) & (z < 0) & (z > -1e150), tail, df, z)


class _StudentT(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, df: Tensor, z: Tensor) -> Tensor:
        result = _t_lower(df, z)
        ctx.save_for_backward(df, z, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        df, z, result = ctx.saved_tensors
        slopes: list[Tensor | None] = [None, None]
        grad = torch.where(result == -math.inf, 0.0, grad)
        if ctx.needs_input_grad[0]:
            slopes[0] = (slope_in_shape(_t_lower, 0, (df, z)) * grad).sum_to_size(df.shape)
        if ctx.needs_input_grad[1]:
            kernel = special.log1p_square(torch.where(z.isfinite(), z, 0.0) / df.sqrt())
            log_density = special.half_step(0.5 * df) - 0.5 * (df + 1.0) * kernel - HALF_LOG_2PI
            slope = torch.where(z.isfinite(), bounded_exp(log_density - result), 0.0)
            slopes[1] = (slope * grad).sum_to_size(z.shape)
        return slopes[0], slopes[1]


def log_t_lower(df: Tensor, z: Tensor) -> Tensor:
    """log P(T <= z) of Student's t with `df` degrees of freedom; float64."""
    result: Tensor = _StudentT.apply(df.double(), z.double())  # type: ignore[no-untyped-call]
    return result
