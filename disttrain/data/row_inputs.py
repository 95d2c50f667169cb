"""Numbers that are known of each row beside its features, such as its exposure: complete and inside their range, or an error with rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import joined
from disttrain.data.messages import Origin, display, raise_any, row_finding
from disttrain.data.value_checks import checked_numbers, counted
from disttrain.errors import Finding

Inside = Callable[[NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True)
class RowColumn:
    """A column of numbers with a `part` to play: its `title` in messages, which of its values can be, `inside(values)`, and that in words.

    Infinite values can never be.
    """

    part: str
    column: str
    title: str
    inside: Inside
    needs: str


def read_row_inputs(batch: Any, columns: Sequence[RowColumn], origin: Origin | None = None) -> dict[str, NDArray[np.float64]]:
    """The numbers of each part, {part: (n,)}. Raises DataError with every column that is not there, and with rows that cannot be."""
    start, result, findings = origin or Origin(), {}, []
    for part in columns:
        if part.column not in batch.schema.names:
            what = f"there is no column `{display(part.column)}`, the {part.title} of each row"
            findings.append(Finding("missing-column", what, start.names[0]))
            continue
        values, missing, faults = checked_numbers(part.column, joined(batch.column(part.column)), start)
        # What an infinite value should have been is known here better than there.
        faults = [fault for fault in faults if fault.code != "infinite-value"]
        findings += faults
        if not faults:
            findings += wrong(part, values, missing, start)
        result[part.part] = values
    raise_any(findings)
    return result


def wrong(part: RowColumn, values: NDArray[np.float64], missing: NDArray[np.bool_], origin: Origin) -> list[Finding]:
    """What cannot be in a column of numbers: gaps, and values outside their range."""
    inside = part.inside(np.where(missing, 0.0, values)) & np.isfinite(values)
    kinds = (
        ("missing", f"missing: the {part.title} of a row is never imputed", missing),
        ("bad", f"not possible: {part.needs}", ~missing & ~inside),
    )
    return [
        row_finding(
            f"{code}-{part.title.replace('_', '-')}", f"{counted(rows)} {what}", column=part.column, rows=rows,
            values=lambda row: f"{values[row]:g}", origin=origin, hints=("mend the rows, or take them out with `data.filter`",),
        )
        for code, what, rows in kinds
        if rows.any()
    ]  # fmt: skip
