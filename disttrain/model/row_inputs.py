"""From columns to the conditions of each row, and those in units of the standardised target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from disttrain import data as rooms
from disttrain.config import Config
from disttrain.data import Origin, RowColumn, Schema
from disttrain.families import Family, Scaling
from disttrain.networks import Conditions, Output

__all__ = ["conditions_of", "known_columns", "standardised"]


def known_columns(config: Config, family: Family) -> dict[str, str]:
    """What the distribution needs of each row beside its features, {part: column}: `exposure`, `offset.NAME`, `given.NAME`."""
    section = config.data
    exposure = {} if section.exposure is None else {"exposure": section.exposure}
    offsets = {f"offset.{name}": column for name, column in (section.offset or {}).items()}
    return exposure | offsets | {f"given.{name}": column for name, column in family.by_column.items()}


def conditions_of(schema: Schema, family: Family, batch: Any, origin: Origin | None = None) -> Conditions:
    """The conditions of each row of a table, in target units. Raises DataError with rows where one is missing or not possible."""
    if not schema.row_inputs:
        return Conditions()
    wanted = [_known(part, column, family) for part, column in schema.row_inputs.items()]
    numbers = {part: torch.from_numpy(np.array(values)) for part, values in rooms.read_row_inputs(batch, wanted, origin).items()}
    kinds: dict[str, dict[str, Tensor]] = {"exposure": {}, "offset": {}, "given": {}}
    for part, values in numbers.items():
        kind, _, name = part.partition(".")
        kinds[kind][name] = values
    return Conditions(kinds["exposure"].get(""), kinds["offset"], kinds["given"])


def _known(part: str, column: str, family: Family) -> RowColumn:
    kind, _, name = part.partition(".")
    if kind == "exposure":
        return RowColumn(part, column, "exposure", lambda values: values > 0, "an exposure is a number > 0")
    if kind == "offset":
        return RowColumn(part, column, "offset", np.isfinite, "an offset is a number")
    support = family.parameter(name).support
    return RowColumn(part, column, name, lambda values: np.asarray(support.contains(values)), f"{family.name} needs {support.text(name)}")


def standardised(conditions: Conditions, family: Family, outputs: Sequence[Output], scaling: Scaling) -> Conditions:
    """The conditions of the standardised target: an offset in target units is one in its spread, and so is what a column gives."""
    adds = {output.parameter.name: output.activation.adds for output in outputs}
    offsets = {
        name: scaling.reduced_offset(family, name, value) if adds[name] == "units" else value for name, value in conditions.offsets.items()
    }
    return Conditions(conditions.exposure, offsets, scaling.reduced(family, conditions.given))
