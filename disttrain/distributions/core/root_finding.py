"""Quantiles by search: the point where a continuous cdf takes a given value, the smallest count where a discrete one reaches it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["invert", "smallest_count"]

_SIGN = -(2**63)
_EPS = 2.0**-52


def invert(
    cdf: Callable[[Tensor], Tensor], survival: Callable[[Tensor], Tensor], p: Tensor, lower: Tensor | float, upper: Tensor | float
) -> Tensor:
    """The y in [lower, upper] with cdf(y) = p, of the shape of `p`; the bounds at p = 0 and 1, nan for other p outside.

    The bounds are numbers, or one for each p.

    Above the median it solves survival(y) = 1 - p, which keeps the digits of the tail. Needs no scale: far from the root it halves
    the set of float64 numbers in between, near it it interpolates.
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
    """The sign change of an increasing function between `old` and `new`, rows independent of each other."""
    step = torch.full_like(new, math.nan)
    found = torch.zeros_like(new, dtype=torch.bool)
    for _ in range(160):
        y = torch.where(step.isnan(), _middle(new, old), new + step * (old - new))
        y = torch.where(found, new, y)
        f = torch.where(found, f_new, residual(y))
        same = torch.sign(f) == torch.sign(f_new)
        third, f_third = torch.where(same, new, old), torch.where(same, f_new, f_old)
        old, f_old = torch.where(same | found, old, new), torch.where(same | found, f_old, f_new)
        new, f_new = y, f
        found = found | (f_new == 0) | f_new.isnan() | ((new - old).abs() <= 2.0 * _EPS * new.abs()) | (_middle(new, old) == new)
        if bool(found.all()):
            break
        step = _interpolated_step(new, old, third, f_new, f_old, f_third)
    return torch.where(f_new.isnan(), math.nan, torch.where(f_new.abs() <= f_old.abs(), new, old))


def _interpolated_step(a: Tensor, b: Tensor, c: Tensor, fa: Tensor, fb: Tensor, fc: Tensor) -> Tensor:
    """The share of the way from a to b where inverse quadratic interpolation puts the root; nan where it is not to be trusted."""
    xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
    trusted = (phi.square() < xi) & ((1.0 - phi).square() < 1.0 - xi)
    share = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    least = _EPS * a.abs() / (b - a).abs()
    return torch.where(trusted & share.isfinite(), torch.minimum(torch.maximum(share, least), 1.0 - least), math.nan)


def _middle(a: Tensor, b: Tensor) -> Tensor:
    """The number with as many float64 numbers towards `a` as towards `b`: halves magnitudes first, then digits."""
    low, high = _rank(a), _rank(b)
    rank = (low & high) + ((low ^ high) >> 1)
    return torch.where(rank < 0, -rank | _SIGN, rank).view(torch.float64)


def _rank(y: Tensor) -> Tensor:
    bits = y.contiguous().view(torch.int64)
    return torch.where(bits < 0, -(bits & ~_SIGN), bits)


def smallest_count(cdf: Callable[[Tensor], Tensor], p: Tensor, start: Tensor, lowest: float = 0.0, highest: float = math.inf) -> Tensor:
    """The smallest whole k with cdf(k) >= p, in the shape of `p`: found from the guess `start` by doubling steps and halving.

    `lowest`, which may be -inf, at p = 0, `highest` at p = 1, nan outside [0, 1]. The cdf must vanish below `lowest` and be given in
    float64.
    """
    p = p.detach().double()
    target = torch.where((p > 0) & (p < 1), p, 0.5)
    ends = (max(lowest, -(2.0**53)), min(highest, 2.0**53))
    high = torch.nan_to_num(start.double(), nan=0.0, posinf=ends[1], neginf=ends[0]).clamp(*ends).floor().expand(p.shape)
    low = torch.full_like(p, lowest - 1.0)
    reached = cdf(high) >= target
    low, high, step = torch.where(reached, low, high), torch.where(reached, high, math.inf), torch.ones_like(p)
    start = torch.where(reached, high, low)
    for _ in range(60):
        y = torch.where(reached, torch.maximum(start - step, low), start + step)
        enough = cdf(y) >= target
        low, high = torch.where(enough, low, torch.maximum(low, y)), torch.where(enough, torch.minimum(high, y), high)
        if bool((enough != reached).all()):
            break
        step = step * 2.0
    low, high = _halved(cdf, target, low, high)
    count = torch.where(p == 0, lowest, torch.where(p == 1, highest, high))
    return torch.where((p >= 0) & (p <= 1), count, math.nan)


def _halved(cdf: Callable[[Tensor], Tensor], target: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Neighbouring counts low < high with cdf(low) < target <= cdf(high)."""
    for _ in range(64):
        open_ = (high - low > 1.0) & high.isfinite()
        if not bool(open_.any()):
            break
        middle = torch.where(open_, ((low + high) / 2.0).floor(), high)
        enough = cdf(middle) >= target
        low, high = torch.where(open_ & ~enough, middle, low), torch.where(open_ & enough, middle, high)
    return low, high
