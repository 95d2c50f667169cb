"""Row filters of `data.filter`. A comparison is COLUMN (== != < <= > >=) VALUE with text in quotes; several, joined by `and` or in a
list, must all hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.data.comparing import Incomparable, compare
from disttrain.data.io.arrow_arrays import Batch, is_number, joined
from disttrain.data.messages import display, raise_any
from disttrain.errors import ConfigError, DataError, Finding

GRAMMAR = re.compile(r"\s*(?:`(?P<quoted>[^`]+)`|(?P<name>[^=!<>`]+?))\s*(?P<sign>==|!=|<=|>=|<|>)\s*(?P<value>[^=].*?|)\s*", re.DOTALL)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
TEXT = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"", re.DOTALL)

# One comparison and the `and` after it.
CONJUNCT = re.compile(
    r"\s*(?:`(?P<quoted>[^`]+)`|(?P<name>[^=!<>`]+?))\s*(?P<sign>==|!=|<=|>=|<|>)\s*"
    r"(?P<value>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|true|false|'[^']*'|\"[^\"]*\")(?:\s+(?:and|AND)\s+(?=\S)|\s*$)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Comparison:
    """A parsed comparison. `value` is a number with all its digits, a truth value or text."""

    column: str
    sign: str
    value: Decimal | bool | str


def parsed(filter: str) -> Comparison:
    match = GRAMMAR.fullmatch(filter)
    if not match:
        raise bad(filter, "it is not COLUMN (== != < <= > >=) VALUE")
    return Comparison(match["quoted"] or match["name"], match["sign"], literal(match["value"], filter))


def conjuncts(filter: str) -> list[Comparison]:
    """Return the comparisons that a filter joins by `and`. The word may also occur in a column name and in a text."""
    comparisons: list[Comparison] = []
    start = 0
    while start < len(filter):
        match = CONJUNCT.match(filter, start)
        if not match:
            return [parsed(filter)]
        comparisons.append(Comparison(match["quoted"] or match["name"], match["sign"], literal(match["value"], filter)))
        start = match.end()
    return comparisons or [parsed(filter)]


def literal(value: str, filter: str) -> Decimal | bool | str:
    if NUMBER.fullmatch(value):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise bad(filter, f"the exponent of `{display(value, 40)}` is beyond that of any number") from None
    if value in ("true", "false"):
        return value == "true"
    if quoted := TEXT.fullmatch(value):
        return quoted["single"] if quoted["single"] is not None else quoted["double"]
    raise bad(filter, f"`{display(value)}` is neither a number, true, false, nor text in quotes")


def bad(filter: str, why: str) -> ConfigError:
    hints = ("for example `claim_amount > 0` or `region == 'north'`; several are joined by `and`, or a list",)
    return ConfigError(Finding("bad-filter", f"`{display(filter)}` is not a filter: {why}", "data.filter", hints=hints))


def parsed_all(filters: Sequence[str]) -> list[Comparison]:
    comparisons: list[Comparison] = []
    findings: list[Finding] = []
    for filter in filters:
        try:
            comparisons += conjuncts(filter)
        except ConfigError as fault:
            findings += fault.findings
    if findings:
        raise ConfigError(*findings)
    return comparisons


def columns_of(filters: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns that the filters compare, each once. Raises ConfigError for filters that cannot be parsed."""
    return tuple(dict.fromkeys(comparison.column for comparison in parsed_all(filters)))


def columns_of_names(filters: Sequence[str]) -> frozenset[str]:
    """Return the columns that the filters only test for equality or inequality with a text. Raises ConfigError like `columns_of`."""
    comparisons = parsed_all(filters)
    others = {each.column for each in comparisons if not isinstance(each.value, str) or each.sign not in ("==", "!=")}
    return frozenset(each.column for each in comparisons) - others


def keep(batch: Batch, filters: Sequence[str]) -> NDArray[np.bool_]:
    """Return a mask (n,) of the rows of a table or record batch for which all `filters` hold. No comparison holds for a missing value.

    Raises ConfigError if a filter cannot be parsed, DataError if its column is absent or holds another kind of value.
    """
    mask = np.ones(batch.num_rows, dtype=bool)
    findings: list[Finding] = []
    for comparison in parsed_all(filters):
        try:
            mask &= holds(batch, comparison)
        except DataError as fault:
            findings += fault.findings
    raise_any(findings)
    return mask


def holds(batch: Batch, comparison: Comparison) -> NDArray[np.bool_]:
    if len(batch.schema.get_all_field_indices(comparison.column)) != 1:
        what = f"there is no column `{display(comparison.column)}`, which the filter compares"
        raise DataError(Finding("missing-column", what, "data.filter"))
    column = joined(batch.column(comparison.column))
    try:
        return compare(column, comparison.sign, comparison.value)
    except Incomparable:
        raise DataError(mismatch(comparison, column.type)) from None


def mismatch(comparison: Comparison, kind: pa.DataType) -> Finding:
    value = comparison.value
    written = f"'{display(value)}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{value:g}"
    hints = ["numbers stand bare, text and dates ('2026-01-31') in quotes, true and false bare"]
    if isinstance(value, str) and is_number(kind):
        hints.append("what is `data.id` or `type: categorical` is compared with text as it is written")
    return Finding(
        "filter-type",
        f"column `{display(comparison.column)}` is {kind}, and the filter compares it with {written}",
        "data.filter",
        hints=hints,
    )
