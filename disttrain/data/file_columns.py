"""Columns of one file in a form, and in the one type that this form has in all files of a source."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa

from disttrain.data.column_types import BOOLEAN, EVENT, NAME, NATIVE, NUMBER, TIME, Conformed, conformed
from disttrain.data.common_types import exactly, in_type
from disttrain.data.io.arrow_arrays import is_bytes, is_number, is_text, is_time, joined
from disttrain.data.io.csv_dialect import Dialect


def type_of(common: pa.DataType, form: str) -> pa.DataType:
    """Return the type of a column in a form. `common` is its type over all files."""
    if form == NAME:
        return common if pa.types.is_nested(common) or is_bytes(common) else pa.string()
    if form in (NUMBER, EVENT):
        return pa.float64() if is_text(common) else common
    if form == TIME and (is_text(common) or is_time(common)):
        return pa.timestamp("us")
    return pa.bool_() if form == BOOLEAN and (is_text(common) or is_number(common)) else common


def in_form(column: pa.Array, form: str, kind: pa.DataType, common: pa.DataType | None, dialect: Dialect) -> Conformed:
    """Return the column of a file in a form and in the type `kind` of that form. `common` is its type over all files."""
    array, wrong = joined(column), None
    if not is_text(array.type):
        if form == NAME:
            array = named(array, common)
        elif form == NATIVE:
            array, wrong = in_type(array, kind)
    result = conformed(array, form, dialect, kind)
    values, unheld = in_type(result.array, kind)
    masks = [mask for mask in (wrong, result.wrong, unheld) if mask is not None]
    return replace(result, array=values, wrong=reduce(np.logical_or, masks) if masks else None)


def named(array: pa.Array, common: pa.DataType) -> pa.Array:
    """Return the values of a column of names in their common type, so that equal values have equal names: 7 is 7.00 if another file has
    cents.
    """
    same = exactly(array, common)
    return array if same is None else same


def kind_of_cells(form: str, kind: pa.DataType) -> str:
    """Return the form that a message names for some cells. A column in its native type is TIME or NUMBER."""
    if form != NATIVE:
        return form
    return TIME if is_time(kind) else NUMBER
