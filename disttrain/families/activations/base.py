"""The class of output activations, and the softplus that most of them use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from disttrain import lazy
from disttrain.families.supports import Support

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")

FLOOR = 1e-6
# Open bounds at 0 and 1 must stay open in float64; this is ten steps of float64 at 1.
EDGE = 2e-15


@dataclass(frozen=True)
class Activation:
    """A function from raw outputs (any real number) into `range`, elementwise or over the last axis, and back.

    `formula` is its formula, with `z` as the raw output. `logits`, if any, returns the logits of the probabilities that
    `forward` returns. `adds` is the meaning of a number added to the raw output: an addend in the `units` of the parameter, the logarithm
    of a factor (`factors`), or neither (`raw`). `raw_shape` maps the shape of a parameter to the shape of its raw outputs. `remark`
    describes its use.
    """

    name: str
    range: Support
    forward: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]
    formula: str
    remark: str
    logits: Callable[[Tensor], Tensor] | None = None
    adds: Literal["units", "factors", "raw"] = "raw"
    raw_shape: Callable[[tuple[int, ...]], tuple[int, ...]] = tuple


def softplus(raw: Tensor) -> Tensor:
    """log(1 + exp(raw)), elementwise."""
    # torch's own threshold of 20 is off by 2e-9 there.
    return torch.nn.functional.softplus(raw, threshold=40.0)


def inverse_softplus(value: Tensor) -> Tensor:
    """The raw output whose softplus is the positive `value`."""
    return value + torch.log(-torch.expm1(-value))


def in_units(activation: Activation, unit: Callable[[Tensor], Any], name: str) -> Activation:
    """The activation of positive values, multiplied by a unit: its `name`, and `unit`, which returns its value for a tensor."""
    return replace(
        activation,
        forward=lambda raw: unit(raw) * activation.forward(raw),
        inverse=lambda value: activation.inverse(value / unit(value)),
        formula=f"{name} · ({activation.formula})",
    )
