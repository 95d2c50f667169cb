"""The plan of a network: how each parameter leaves it, and the layers it goes through."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from disttrain.families import Activation, Parameter
from disttrain.networks.input_layer import CategoryCodes

__all__ = ["Layout", "Output", "branches_of", "groups_of"]


@dataclass(frozen=True)
class Output:
    """How one parameter leaves the network.

    `columns` are the encoded columns it may see (None: all; empty: one learned constant for all rows), `hidden` its own extra layers,
    `fixed` its value in units of the standardised target where it is not learned at all; nor is one that a column gives.
    """

    parameter: Parameter
    activation: Activation
    columns: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = ()
    fixed: float | tuple[Any, ...] | None = None

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """The shape of one row's raw outputs for this parameter."""
        return self.activation.raw_shape(self.parameter.shape)

    @property
    def size(self) -> int:
        """How many raw outputs one row has for this parameter."""
        return 0 if self.fixed is not None or isinstance(self.parameter.given, str) else math.prod(self.raw_shape)


@dataclass(frozen=True)
class Layout:
    """The plan of a network: `inputs` encoded columns, hidden layers shared by parameters that see the same columns, one head each.

    With `separate` every parameter has a network of its own. `members` are networks of this plan side by side. Each of the `numbers` among
    the columns is given to the trunk as it is and as `numeric_embedding` spreads it out. With `linear_path` the heads add a linear model
    of the columns to what they make of the hidden values.
    """

    inputs: int
    codes: tuple[CategoryCodes, ...] = ()
    hidden: tuple[int, ...] = ()
    activation: str = "silu"
    normalization: str = "none"
    dropout: float = 0.0
    residual: bool = False
    separate: bool = False
    members: int = 1
    numbers: tuple[int, ...] = ()
    numeric_embedding: str = "none"
    linear_path: bool = False


def branches_of(outputs: Sequence[Output], layout: Layout) -> list[list[Output]]:
    """The parameters that grow on one trunk each: those that see the same columns."""
    if layout.separate:
        return [[output] for output in outputs]
    return _by(outputs, lambda output: output.columns if output.columns != tuple(range(layout.inputs)) else None)


def groups_of(outputs: Sequence[Output]) -> list[list[Output]]:
    """The parameters of a trunk that share their last layers."""
    return _by(outputs, lambda output: output.hidden)


def _by(outputs: Sequence[Output], key: Callable[[Output], object]) -> list[list[Output]]:
    groups: dict[object, list[Output]] = {}
    for output in outputs:
        groups.setdefault(key(output), []).append(output)
    return list(groups.values())
