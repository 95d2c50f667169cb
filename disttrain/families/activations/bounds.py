"""Bounds: activations with values inside an interval, whose raw outputs level off at its ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from disttrain import lazy
from disttrain.families.activations.base import Activation, softplus
from disttrain.families.supports import Support

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")


def level(raw: Tensor, lower: float | Tensor, upper: float | Tensor) -> Tensor:
    """A smooth clamp to (lower, upper): about the identity inside, levelling off at each finite end."""
    risen = _where_finite(lower, raw, raw, lambda end: end + softplus(raw - end))
    return _where_finite(upper, raw, risen, lambda end: risen - softplus(raw - end))


def unlevel(value: Tensor, lower: float | Tensor, upper: float | Tensor) -> Tensor:
    """The raw output that `level` maps to `value`."""
    lifted = _where_finite(lower, value, value, lambda end: end + torch.log(torch.expm1(value - end)))
    return _where_finite(upper, value, lifted, lambda end: lifted - torch.log(-torch.expm1(value - end)))


def _where_finite(end: float | Tensor, like: Tensor, free: Tensor, ended: Callable[[Any], Tensor]) -> Tensor:
    """`ended` where `end` is finite, `free` where it is infinite; `end` is one number, or one for each target."""
    if isinstance(end, float):
        return free if math.isinf(end) else ended(end)
    here = end.to(like)
    return torch.where(here.isinf(), free, ended(torch.where(here.isinf(), 0.0, here)))


def bounded(activation: Activation, lower: float | tuple[Any, ...] | None, upper: float | tuple[Any, ...] | None) -> Activation:
    """The activation with values inside (lower, upper): raw outputs level off at the bounds, not clamped, so gradients stay nonzero.

    Bounds are numbers, or tuples with a number for each target. A lower bound below the floor of the activation has no effect.
    """
    low, high = _raw_end(activation, lower, -math.inf), _raw_end(activation, upper, math.inf)
    if _endless(low) and _endless(high):
        return activation
    bottom = activation.range.lower if lower is None or _endless(low) else float(torch.tensor(lower, dtype=torch.float64).min())
    top = activation.range.upper if upper is None or _endless(high) else float(torch.tensor(upper, dtype=torch.float64).max())
    many = isinstance(lower, tuple) or isinstance(upper, tuple)
    return replace(
        activation,
        range=Support(lower=bottom, upper=top),
        forward=lambda raw: activation.forward(level(raw, low, high)),
        inverse=lambda value: unlevel(activation.inverse(value), low, high),
        formula=f"{activation.formula} kept in {'the bounds of each target' if many else f'({bottom:g}, {top:g})'}",
        logits=None,
    )


def _raw_end(activation: Activation, bound: float | tuple[Any, ...] | None, end: float) -> float | Tensor:
    """The raw output at a bound; `end` where the bound is outside the range of the activation."""
    if bound is None:
        return end
    value = torch.tensor(bound, dtype=torch.float64)
    outside = value <= activation.range.lower if end < 0 else value >= activation.range.upper
    raw = torch.where(outside, end, activation.inverse(torch.where(outside, torch.nan, value)))
    if end < 0:
        # Between the bound of the range and the floor above it there are no values either, and no raw output stands for one.
        raw = torch.where(raw.isnan(), end, raw)
    if raw.ndim == 0:
        return float(raw)
    return end if bool(raw.isinf().all()) else raw


def _endless(end: float | Tensor) -> bool:
    return isinstance(end, float) and math.isinf(end)
