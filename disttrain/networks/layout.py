"""The plan of a network: the output of each parameter and the hidden layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from disttrain.families import Activation, Fixed, Parameter
from disttrain.networks.input_layer import CategoryCodes


@dataclass(frozen=True)
class Output:
    """The output of one parameter of the family.

    `columns` are the encoded columns that it uses (None: all; empty: one learned constant for all rows), `hidden` its own extra layers,
    `fixed` its value in units of the standardised target if it is not learned. A parameter that a column gives is not learned either.
    """

    parameter: Parameter
    activation: Activation
    columns: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = ()
    fixed: Fixed | None = None

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """The shape of one row's raw outputs for this parameter."""
        return self.activation.raw_shape(self.parameter.shape)

    @property
    def size(self) -> int:
        """The number of raw outputs of one row for this parameter; 0 if it is not learned."""
        return 0 if self.fixed is not None or isinstance(self.parameter.given, str) else math.prod(self.raw_shape)


@dataclass(frozen=True)
class Layout:
    """The plan of a network: `inputs` encoded columns, hidden layers shared by parameters with the same columns, one head for each parameter.

    With `separate` every parameter has its own trunk. `members` is the number of networks side by side. The trunk receives each of the
    `numbers` among the columns as it is and in its `numeric_embedding`. With `linear_path` the heads add a linear model of the columns.
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
    """The groups of parameters that share a trunk: those with the same columns."""
    if layout.separate:
        return [[output] for output in outputs]
    return _by(outputs, lambda output: output.columns if output.columns != tuple(range(layout.inputs)) else None)


def groups_of(outputs: Sequence[Output]) -> list[list[Output]]:
    """The groups of parameters of a trunk that share their last layers."""
    return _by(outputs, lambda output: output.hidden)


def _by(outputs: Sequence[Output], key: Callable[[Output], object]) -> list[list[Output]]:
    groups: dict[object, list[Output]] = {}
    for output in outputs:
        groups.setdefault(key(output), []).append(output)
    return list(groups.values())
