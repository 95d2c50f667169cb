"""Integrals of densities, one per row, by double exponential quadrature: ends may be infinite, and the density singular there."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

_STEP = 1 / 24
_T_MAX = 4.3


def integral(function: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, width: Tensor, t_max: float = _T_MAX) -> Tensor:
    """∫ function(y) dy from `start` to `end`, all of the shape of one batch; the argument of `function` has one more axis in front.

    One of the two ends may be infinite; `width` is the length over which the function then falls off. Values beyond the float64
    range, and values that are not finite, count as 0. The rule runs over [-`t_max`, `t_max`] in its transformed variable.
    Source: Takahasi & Mori (1974), Double exponential formulas for numerical integration.
    """
    t = torch.arange(-t_max, t_max + _STEP / 2, _STEP, dtype=torch.float64, device=start.device)
    t = t.reshape(-1, *(1 for _ in start.shape))
    stretch, slope = 0.5 * math.pi * t.sinh(), 0.5 * math.pi * t.cosh()
    finite = start.isfinite() & end.isfinite()
    # Distances from the nearer end, as the end itself may be where the density is singular.
    share = torch.sigmoid(-2.0 * stretch.abs())
    length = torch.where(finite, end - start, 1.0)
    inner = torch.where(stretch < 0, start + length * share, end - length * share)
    jump = width * stretch.exp()
    outer = torch.where(end.isfinite(), end - jump, start + jump)
    weight = torch.where(finite, 2.0 * length * share * (1.0 - share), jump) * slope
    y = torch.where(finite, inner, outer)
    usable = weight.isfinite() & (weight > 0) & y.isfinite() & (y > start) & (y < end)
    values = function(torch.where(usable, y, _inside(start, end, width))) * torch.where(usable, weight, 0.0)
    return torch.where(values.isfinite(), values, 0.0).sum(0) * _STEP


def _inside(start: Tensor, end: Tensor, width: Tensor) -> Tensor:
    """A point between the ends; its value is evaluated and then masked out."""
    bounded = torch.where(end.isfinite(), end - width, start + width)
    return torch.where(start.isfinite() & end.isfinite(), 0.5 * (start + end), bounded)
