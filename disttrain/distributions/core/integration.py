"""Integrals of densities row by row, by double exponential quadrature: ends may be infinite, and the density singular there."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["integral"]

_STEP = 1 / 24
_REACH = 4.3


def integral(function: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, width: Tensor, reach: float = _REACH) -> Tensor:
    """∫ function(y) dy from `start` to `end`, all of the shape of one batch; `function` is given one more axis in front.

    One of the two ends may be infinite; `width` is the length over which the function then falls off. Values beyond the float64
    range, and those that are not finite, count as 0. `reach` says how far into the ends it looks.
    Source: Takahasi & Mori (1974), Double exponential formulas for numerical integration.
    """
    t = torch.arange(-reach, reach + _STEP / 2, _STEP, dtype=torch.float64, device=start.device)
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
    """Some point between the ends, to be evaluated and thrown away."""
    bounded = torch.where(end.isfinite(), end - width, start + width)
    return torch.where(start.isfinite() & end.isfinite(), 0.5 * (start + end), bounded)
