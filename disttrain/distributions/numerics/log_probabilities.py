"""Log-probabilities without underflow or cancellation, each with its derivative written out."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from disttrain.distributions.numerics import special
from disttrain.distributions.numerics.constants import HALF_LOG_2PI, LOG_2, ROOT_HALF, ROOT_TWO_OVER_PI
from disttrain.distributions.numerics.tensors import Context

# Of the nearer tail: what the difference of two of its probabilities cannot tell from 0, where they are good to a few units of 1e-13.
_UNRESOLVED, _NARROW = 3e-13, 1e-3


class _LogNdtr(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        result: Tensor = torch.special.log_ndtr(z)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        # torch's own derivative subtracts two squares: wrong by half at z = -1e8.
        lower = ROOT_TWO_OVER_PI / torch.special.erfcx(z.clamp(max=0.0) * -ROOT_HALF)
        above = z.clamp(min=0.0)
        upper = (-0.5 * above * above - HALF_LOG_2PI - torch.special.log_ndtr(above)).exp()
        return torch.where(z < 0, lower, upper) * grad


class _Log1mExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x > -LOG_2, (-torch.expm1(x)).log(), torch.log1p(-x.exp()))

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        # -exp(x)/(1 - exp(x)); bounded, as at x = 0 the value is -inf and no slope would lead away from it.
        slope: Tensor = torch.expm1(-x).clamp(min=1e-290).reciprocal().neg()
        return slope * grad


def log_ndtr(z: Tensor) -> Tensor:
    """log Φ(z), the logarithm of the standard normal cdf, exact with its slope for z of any size."""
    result: Tensor = _LogNdtr.apply(z)  # type: ignore[no-untyped-call]
    return result


def log1mexp(x: Tensor) -> Tensor:
    """log(1 - exp(x)) for x <= 0, exact at both ends; -inf at 0.

    Source: M. Mächler (2012), Accurately computing log(1 - exp(-|a|)).
    """
    result: Tensor = _Log1mExp.apply(x)  # type: ignore[no-untyped-call]
    return result


def log_difference(larger: Tensor, smaller: Tensor) -> Tensor:
    """log(exp(larger) - exp(smaller)) for larger >= smaller; -inf where they are equal, with finite slopes in both.

    `smaller` may be -inf.
    """
    nothing = smaller == -math.inf
    distance = torch.where(nothing, -1.0, smaller) - larger.clamp(min=-1e300)
    return torch.where(nothing, larger, larger + log1mexp(distance.clamp(max=0.0)))


def log_passed(log_hazard: Tensor) -> Tensor:
    """log(1 - exp(-H)) of the logarithm of a cumulative hazard H, also where H underflows or overflows."""
    small = log_hazard < -37.0
    hazard = special.saturating_exp(torch.where(small, 0.0, log_hazard), 1e290)
    return torch.where(small, log_hazard, log1mexp(-hazard))


def log_interval(log_cdf: tuple[Tensor, Tensor], log_survival: tuple[Tensor, Tensor]) -> Tensor:
    """log(F(b) - F(a)) from (log F(a), log F(b)) and (log S(a), log S(b)), as the difference in the nearer tail.

    In the other tail both probabilities may round to 1, which loses their difference; the unused branch gets no gradient.
    """
    (below_a, below_b), (above_a, above_b) = log_cdf, log_survival
    # Where the survival at the lower end is the smaller of the two, the interval lies in the upper tail.
    upper = above_a < below_b
    larger, smaller = torch.where(upper, above_a, below_b), torch.where(upper, above_b, below_a)
    return log_difference(larger, smaller)


@torch.no_grad()
def lost(difference: Tensor, approximation: Tensor, larger: Tensor) -> Tensor:
    """A mask of the log differences from `larger` that rounding has lost, and that `approximation` replaces.

    There the two differ by no more than the resolution of the difference, or the difference is -inf. A difference of more than a
    thousandth of `larger` is exact enough.
    """
    share = (difference - larger).exp()
    apart = (share - (approximation - larger).exp()).abs()
    return ((apart <= _UNRESOLVED) & (share < _NARROW)) | (difference == -math.inf)
