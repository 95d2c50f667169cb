"""Floors: rows whose parameters are at the smallest value of their activation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from disttrain.families import Scaling
from disttrain.model import Model
from disttrain.networks import Conditions, Output, activated
from disttrain.training import RowTensors

_NONE = Conditions()
# Few enough rows that the outputs of a layer stay in the processor's cache.
_AT_ONCE = 4096
# A raw output so low that every activation is at its floor. squareplus decreases as slowly as 1/|z|.
_LOWEST = -1e15
# Smaller floors only keep probabilities inside (0, 1), and do not affect densities.
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Floor:
    """A parameter at its floor, the number of its `rows` there, and the warning about it."""

    parameter: str
    rows: int
    text: str


def _floor_of(output: Output, scaling: Scaling) -> tuple[float, float] | None:
    """The smallest value of a learned parameter, and its height above the bound of the activation; None if that height is negligible.

    Both are in units of the standardised target; for the mean of counts, in units of their level.
    """
    range_ = output.activation.range
    bound = 0.0 if range_.kind == "triangle" else range_.lower
    if not output.size or range_.kind not in ("number", "triangle") or math.isinf(bound):
        return None
    # Computed by the activation itself, so that a parameter with a larger floor is no special case.
    raw = torch.full((1, *output.raw_shape), _LOWEST, dtype=torch.float64)
    lowest = float(_values(output, scaling, raw).min())
    bound = bound / float(torch.as_tensor(scaling.level_of(output.parameter, raw)).min())
    height = max(lowest - bound, output.parameter.floor)
    return (lowest, height) if height > _SMALLEST else None


def parameters_at_floor(model: Model, splits: Sequence[RowTensors]) -> list[Floor]:
    """The learned parameters that are within twice their floor, in any member, on some rows of all `splits` together."""
    watched = {output: floor for output in model.outputs if (floor := _floor_of(output, model.scaling)) is not None}
    counts = dict.fromkeys(watched, 0)
    model.network.eval()
    for rows in splits if watched else ():
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            with torch.no_grad():
                raw = model.network.raw(part.x)
            offsets = Conditions(offsets=part.repeat_members(model.members).conditions.offsets)
            for output, (lowest, height) in watched.items():
                low = _values(output, model.scaling, raw[output.parameter.name], offsets) - lowest < height
                counts[output] += int(low.reshape(model.members, len(part), -1).any(0).any(1).sum())
    total = sum(map(len, splits))
    return [_floor(model, output, watched[output][0], count, total) for output, count in counts.items() if count]


def _values(output: Output, scaling: Scaling, raw: Tensor, conditions: Conditions = _NONE) -> Tensor:
    """The values with a floor, (n, *): all values of a parameter, or the diagonal of a Cholesky factor.

    The mean of counts is relative to their level.
    """
    value: Tensor = activated([output], {output.parameter.name: raw}, len(raw), conditions)[output.parameter.name]
    value = value / scaling.level_of(output.parameter, value)
    return (value.diagonal(dim1=-2, dim2=-1) if output.activation.range.kind == "triangle" else value).reshape(len(raw), -1)


def _floor(model: Model, output: Output, lowest: float, rows: int, total: int) -> Floor:
    name = output.parameter.name
    text = f"`{name}` stands at its floor ({lowest:.7g}{_unit(model, output)}) on {rows:,} of {total:,} rows: {_consequence(model, output)}"
    return Floor(name, rows, text)


def _unit(model: Model, output: Output) -> str:
    """The unit of a floor; empty if it is the parameter's own unit."""
    role, scaling = output.parameter.role, model.scaling
    mean = "mean" if model.schema.row_inputs.get("exposure") is None else "mean per unit of exposure"
    units = {"scale": "spread", "variance": "squared spread", "mean": mean} if scaling.standardises else {}
    units |= {} if scaling.level == 1.0 else {"mean": mean}
    return f" of the target's {units[role]}" if role in units else ""


def _consequence(model: Model, output: Output) -> str:
    """The text that says what the floor means for the fit, and what to check."""
    name, role = output.parameter.name, output.parameter.role
    if model.family.support.discrete:
        cure = "what tells rows without any event apart" if role == "mean" else f"a simpler family, which does without `{name}`"
        return f"the fit would go lower still, and these rows are predicted with the floor; look for {cure}"
    unbounded = role in ("scale", "variance") or output.parameter.support.kind == "triangle"
    why = (
        "the likelihood has no bound there: those rows earn as many nats as the floor allows, and the nll says little"
        if unbounded
        else "the fit would go lower still, and where the density narrows to a point there, its likelihood has no bound"
    )
    cure = f"repeated targets, the target among the features, or set `distribution.parameters.{name}.bounds: [SMALLEST, null]`"
    return f"{why}; look for {cure}"
