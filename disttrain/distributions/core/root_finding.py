"""Quantiles by search: the root of a continuous cdf at a probability, the smallest count whose cdf is at least the probability."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

_SIGN = -(2**63)
_EPS = 2.0**-52


def invert(
    cdf: Callable[[Tensor], Tensor], survival: Callable[[Tensor], Tensor], p: Tensor, lower: Tensor | float, upper: Tensor | float
) -> Tensor:
    """The y in [lower, upper] with cdf(y) = p, of the shape of `p`; the bounds at p = 0 and 1, nan for p outside [0, 1].

    The bounds are numbers, or tensors with one bound for each p.

    Above the median it solves survival(y) = 1 - p, which keeps the digits of the tail. It needs no scale: far from the root it bisects
    the float64 numbers of the bracket, near the root it interpolates.
    Source: Chandrupatla (1997), A new hybrid quadratic/bisection algorithm.
    """
    p = p.detach().double()
    inside = torch.where((p > 0) & (p < 1), p, 0.5)

    high = inside > 0.5

    def residual(y: Tensor) -> Tensor:
        if not bool(high.any()):
            return cdf(y).detach() - inside
        above = (1.0 - inside) - survival(y).detach()
        return above if bool(high.all()) else torch.where(high, above, cdf(y).detach() - inside)

    lower, upper = (torch.as_tensor(end, dtype=torch.float64, device=p.device).expand(p.shape) for end in (lower, upper))
    root = _root(residual, lower, upper, -inside, 1.0 - inside)
    root = torch.where(p == 0, lower, torch.where(p == 1, upper, root))
    return torch.where((p >= 0) & (p <= 1), root, math.nan)


def _root(residual: Callable[[Tensor], Tensor], old: Tensor, new: Tensor, f_old: Tensor, f_new: Tensor) -> Tensor:
    """The root of an increasing function between `old` and `new`, of each row independently."""
    step = torch.full_like(new, math.nan)
    converged = torch.zeros_like(new, dtype=torch.bool)
    for _ in range(160):
        y = torch.where(step.isnan(), _middle(new, old), new + step * (old - new))
        y = torch.where(converged, new, y)
        f = torch.where(converged, f_new, residual(y))
        same = torch.sign(f) == torch.sign(f_new)
        third, f_third = torch.where(same, new, old), torch.where(same, f_new, f_old)
        old, f_old = torch.where(same | converged, old, new), torch.where(same | converged, f_old, f_new)
        new, f_new = y, f
        converged = converged | (f_new == 0) | f_new.isnan() | ((new - old).abs() <= 2.0 * _EPS * new.abs()) | (_middle(new, old) == new)
        if bool(converged.all()):
            break
        step = _interpolated_step(new, old, third, f_new, f_old, f_third)
    return torch.where(f_new.isnan(), math.nan, torch.where(f_new.abs() <= f_old.abs(), new, old))


def _interpolated_step(a: Tensor, b: Tensor, c: Tensor, fa: Tensor, fb: Tensor, fc: Tensor) -> Tensor:
    """The root by inverse quadratic interpolation, as a fraction of the interval from a to b; nan where it is not reliable."""
    xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
    trusted = (phi.square() < xi) & ((1.0 - phi).square() < 1.0 - xi)
    share = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    least = _EPS * a.abs() / (b - a).abs()
    return torch.where(trusted & share.isfinite(), torch.minimum(torch.maximum(share, least), 1.0 - least), math.nan)


def _middle(a: Tensor, b: Tensor) -> Tensor:
    """The midpoint of `a` and `b` in the order of float64 numbers: it halves magnitudes first, then digits."""
    low, high = _rank(a), _rank(b)
    rank = (low & high) + ((low ^ high) >> 1)
    return torch.where(rank < 0, -rank | _SIGN, rank).view(torch.float64)


def _rank(y: Tensor) -> Tensor:
    bits = y.contiguous().view(torch.int64)
    return torch.where(bits < 0, -(bits & ~_SIGN), bits)


def smallest_count(cdf: Callable[[Tensor], Tensor], p: Tensor, start: Tensor, lowest: float = 0.0, highest: float = math.inf) -> Tensor:
    """The smallest integer k with cdf(k) >= p, of the shape of `p`: from the guess `start` by doubling steps, then bisection.

    `lowest`, which may be -inf, at p = 0, `highest` at p = 1, nan outside [0, 1]. The cdf must be 0 below `lowest` and float64.
    """
    p = p.detach().double()
    target = torch.where((p > 0) & (p < 1), p, 0.5)
    ends = (max(lowest, -(2.0**53)), min(highest, 2.0**53))
    high = torch.nan_to_num(start.double(), nan=0.0, posinf=ends[1], neginf=ends[0]).clamp(*ends).floor().expand(p.shape)
    low = torch.full_like(p, lowest - 1.0)
    above = cdf(high) >= target
    low, high, step = torch.where(above, low, high), torch.where(above, high, math.inf), torch.ones_like(p)
    start = torch.where(above, high, low)
    for _ in range(60):
        y = torch.where(above, torch.maximum(start - step, low), start + step)
        enough = cdf(y) >= target
        low, high = torch.where(enough, low, torch.maximum(low, y)), torch.where(enough, torch.minimum(high, y), high)
        if bool((enough != above).all()):
            break
        step = step * 2.0
    low, high = _bisected(cdf, target, low, high)
    count = torch.where(p == 0, lowest, torch.where(p == 1, highest, high))
    return torch.where((p >= 0) & (p <= 1), count, math.nan)


def _bisected(cdf: Callable[[Tensor], Tensor], target: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Neighbouring counts low < high with cdf(low) < target <= cdf(high)."""
    for _ in range(64):
        open_ = (high - low > 1.0) & high.isfinite()
        if not bool(open_.any()):
            break
        middle = torch.where(open_, ((low + high) / 2.0).floor(), high)
        enough = cdf(middle) >= target
        low, high = torch.where(open_ & ~enough, middle, low), torch.where(open_ & enough, middle, high)
    return low, high
