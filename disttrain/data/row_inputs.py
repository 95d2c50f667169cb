"""Numeric inputs of each row besides its features, such as the exposure: complete and in range, or an error with rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import Batch, joined
from disttrain.data.messages import BatchFinding, missing_column, raise_in_batch
from disttrain.data.value_checks import checked_numbers, value_findings

Inside = Callable[[NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True)
class RowColumn:
    """A column of numbers with a role, `part`. `title` is its name in messages, `inside(values)` a mask of the valid values, `needs` the
    range in words.

    Infinite values are never valid.
    """

    part: str
    column: str
    title: str
    inside: Inside
    needs: str


def read_row_inputs(batch: Batch, columns: Sequence[RowColumn]) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of each part, {part: (n,)}. Raises DataError with every absent column and every invalid row."""
    result, findings = {}, []
    for part in columns:
        if part.column not in batch.schema.names:
            findings.append(missing_column(part.column, f", the {part.title} of each row"))
            continue
        values, missing, faults = checked_numbers(part.column, joined(batch.column(part.column)))
        # What an infinite value should have been is known here better than there.
        faults = [fault for fault in faults if fault.code != "infinite-value"]
        findings += faults
        if not faults:
            findings += wrong(part, values, missing)
        result[part.part] = values
    raise_in_batch(findings)
    return result


def wrong(part: RowColumn, values: NDArray[np.float64], missing: NDArray[np.bool_]) -> list[BatchFinding]:
    """Return the findings about a column of numbers: missing values, and values out of range."""
    inside = part.inside(np.where(missing, 0.0, values)) & np.isfinite(values)
    name = part.title.replace("_", "-")
    kinds = (
        (f"missing-{name}", f"missing: the {part.title} of a row is never imputed", missing),
        (f"bad-{name}", f"not possible: {part.needs}", ~missing & ~inside),
    )
    return value_findings(part.column, values, kinds, ("mend the rows, or take them out with `data.filter`",))
