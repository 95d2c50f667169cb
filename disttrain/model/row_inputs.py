"""The conditions of each row from columns, and in units of the standardised target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from disttrain.config import Config
from disttrain.data import Origin, RowColumn, Schema, read_row_inputs
from disttrain.families import Family, Scaling
from disttrain.networks import Conditions, Output


def known_columns(config: Config, family: Family) -> dict[str, str]:
    """The columns of the conditions, {part: column}, with the parts `exposure`, `offset.NAME` and `given.NAME`."""
    section = config.data
    exposure = {} if section.exposure is None else {"exposure": section.exposure}
    offsets = {f"offset.{name}": column for name, column in (section.offset or {}).items()}
    return exposure | offsets | {f"given.{name}": column for name, column in family.by_column.items()}


def conditions_of(schema: Schema, family: Family, batch: pa.Table | pa.RecordBatch, origin: Origin | None = None) -> Conditions:
    """The conditions of each row of a table, in target units. Raises DataError with the rows that have a missing or impossible one."""
    if not schema.row_inputs:
        return Conditions()
    columns = [_row_column(part, column, family) for part, column in schema.row_inputs.items()]
    numbers = {part: torch.from_numpy(np.array(values)) for part, values in read_row_inputs(batch, columns, origin).items()}
    kinds: dict[str, dict[str, Tensor]] = {"exposure": {}, "offset": {}, "given": {}}
    for part, values in numbers.items():
        kind, _, name = part.partition(".")
        kinds[kind][name] = values
    return Conditions(kinds["exposure"].get(""), kinds["offset"], kinds["given"])


def _row_column(part: str, column: str, family: Family) -> RowColumn:
    kind, _, name = part.partition(".")
    if kind == "exposure":
        return RowColumn(part, column, "exposure", lambda values: values > 0, "an exposure is a number > 0")
    if kind == "offset":
        return RowColumn(part, column, "offset", np.isfinite, "an offset is a number")
    support = family.parameter(name).support
    return RowColumn(part, column, name, lambda values: np.asarray(support.contains(values)), f"{family.name} needs {support.text(name)}")


def standardised(conditions: Conditions, family: Family, outputs: Sequence[Output], scaling: Scaling) -> Conditions:
    """The conditions of the standardised target: offsets and given parameters in target units are divided by the scale."""
    adds = {output.parameter.name: output.activation.adds for output in outputs}
    offsets = {
        name: scaling.reduced_offset(family, name, value) if adds[name] == "units" else value for name, value in conditions.offsets.items()
    }
    return Conditions(conditions.exposure, offsets, scaling.reduced(family, conditions.given))
