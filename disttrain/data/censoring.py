"""Censored targets: exact, censored, rounded or truncated observations, from the columns of `data.censoring`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disttrain.config.sections.data import CensoringSection
from disttrain.data.io.arrow_arrays import Batch, joined, numbers
from disttrain.data.messages import BatchError, BatchFinding, missing_column, raise_in_batch, row_finding, rows_have
from disttrain.data.schema import Schema
from disttrain.data.targets import Target, no_target, read_target
from disttrain.data.value_checks import checked_numbers, counted

Numbers = NDArray[np.float64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class CensoredTarget:
    """The intervals of n targets. Each target lies in [lower, upper], (n,), and is in the data only if it exceeds `entry`, (n,); -inf means
    always.

    `above` (n,) marks the rows whose target exceeds `lower` strictly; None without an event column. `measured` (n,) marks the rows whose
    interval is the rounding interval of a measurement, which may extend beyond the support.
    """

    lower: Numbers
    upper: Numbers
    entry: Numbers | None
    measured: Rows
    above: Rows | None = None


def read_censored_target(batch: Batch, schema: Schema, section: CensoringSection) -> CensoredTarget:
    """Read the censored target of a table or record batch: one number per row. `section` is the config's `data.censoring`.

    Raises DataError with rows: events other than 0 and 1, reversed intervals, entries at or above the target, rows without any observation.
    """
    lower, upper, missing = bounded(batch, schema) if {"lower", "upper"} & set(schema.observed) else exact(batch, schema)
    nor = ", neither itself nor an end of its interval" if {"lower", "upper"} & set(schema.observed) else ""
    findings = [no_target(target_columns(schema), missing, nor)] if missing.any() else []
    above = None
    if "event" in schema.observed:
        above = ~happened(batch, schema.observed["event"])
        upper = np.where(above, np.inf, upper)
    ends = lower
    lower, upper = limited(batch, schema, section, lower, upper)
    # A target above its limit is right-censored at the limit, for every event value.
    above = None if above is None else above & (lower == ends)
    entry = column(batch, schema, "entry")
    if entry is not None:
        entry = np.where(np.isnan(entry), -np.inf, entry)
        findings += late(schema, entry, lower, upper)
    raise_in_batch(findings)
    measured = (lower == upper) & (section.rounding is not None)
    half = np.where(measured, 0.5 * (section.rounding or 0.0), 0.0)
    return CensoredTarget(lower - half, upper + half, entry, measured, above)


def exact(batch: Batch, schema: Schema) -> tuple[Numbers, Numbers, Rows]:
    """Return the target as both ends, (n,) each, and a mask (n,) of the rows without a target."""
    target: Target = read_target(batch, schema.target, kind="number")
    return target.values, target.values.copy(), target.missing


def bounded(batch: Batch, schema: Schema) -> tuple[Numbers, Numbers, Rows]:
    """Return both ends of each row's interval, (n,) each, and a mask (n,) of the rows without any observation.

    An empty lower end is −∞ and an empty upper end is +∞. If both are empty, or an end has no column, the target itself replaces them.
    Raises DataError for rows with a lower end above the upper one.
    """
    ends = [column(batch, schema, part) for part in ("lower", "upper")]
    has_target = schema.target[0] not in (schema.observed.get("lower"), schema.observed.get("upper"))
    target, missing = np.full(len(batch), np.nan), np.ones(len(batch), dtype=bool)
    if has_target:
        target, _, missing = exact(batch, schema)
    empty = [np.isnan(end) if end is not None else missing for end in ends]
    unknown = empty[0] & empty[1]
    lower, upper = (target if end is None else end for end in ends)
    lower = np.where(np.isnan(lower), -np.inf, lower)
    upper = np.where(np.isnan(upper), np.inf, upper)
    lower, upper = np.where(unknown, target, lower), np.where(unknown, target, upper)
    reversed_ = lower > upper
    if reversed_.any():
        what = f"{rows_have(reversed_)} a lower end above the upper one"
        names = ", ".join(dict.fromkeys(schema.observed.get(part, schema.target[0]) for part in ("lower", "upper")))
        raise BatchError(
            row_finding("reversed-interval", what, column=names, rows=reversed_, values=lambda r: f"{lower[r]:g} .. {upper[r]:g}")
        )
    return lower, upper, unknown & missing


def column(batch: Batch, schema: Schema, part: str) -> Numbers | None:
    """Return the numbers of one part, (n,), nan if empty; None if the part has no column. An infinite number is an open end.

    Raises DataError if the column is absent or holds values that are not numbers.
    """
    name = schema.observed.get(part)
    if name is None:
        return None
    if name not in batch.schema.names:
        raise BatchError(missing_column(name, f", `data.censoring.{part}`"))
    _, _, findings = checked_numbers(name, batch.column(name))
    raise_in_batch(finding for finding in findings if finding.code != "infinite-value")
    return numbers(joined(batch.column(name)))[0]


def happened(batch: Batch, name: str) -> Rows:
    """Return a mask (n,) of the rows with an observed event. Raises DataError if the column has values other than 0 and 1."""
    values, missing, findings = checked_numbers(name, batch.column(name))
    raise_in_batch(findings)
    wrong = missing | ~np.isin(values, (0.0, 1.0))
    if wrong.any():
        what = f"{counted(wrong)} neither 1 (seen exactly) nor 0 (right-censored)"
        hints = ("write 0 and 1, or false and true, for other codes such as 1 and 2; of several causes of an end each has a column",)
        finding = row_finding("bad-event", what, column=name, rows=wrong, values=lambda row: f"{values[row]:g}", hints=hints)
        raise BatchError(finding)
    return np.asarray(values == 1.0)


def limited(batch: Batch, schema: Schema, section: CensoringSection, lower: Numbers, upper: Numbers) -> tuple[Numbers, Numbers]:
    """Return both ends, (n,) each, with targets at or above the limit (a number or a column) replaced by the interval from the limit to
    +∞.
    """
    limit = column(batch, schema, "limit")
    if limit is not None:
        limits = np.where(np.isnan(limit), np.inf, limit)
    elif section.limit is not None:
        limits = np.full(len(lower), float(section.limit))
    else:
        return lower, upper
    at_limit = lower >= limits
    return np.where(at_limit, limits, lower), np.where(at_limit, np.inf, upper)


def target_columns(schema: Schema) -> tuple[str, ...]:
    """Return the columns that determine the target's interval, each once."""
    return tuple(dict.fromkeys((*schema.target, *(schema.observed[part] for part in ("lower", "upper") if part in schema.observed))))


def late(schema: Schema, entry: Numbers, lower: Numbers, upper: Numbers) -> list[BatchFinding]:
    """Return the finding about rows whose target is not above their entry, or whose observation ended before it."""
    impossible = np.where(lower == upper, lower <= entry, np.where(np.isinf(upper), lower < entry, upper <= entry))
    if not impossible.any():
        return []
    what = f"{rows_have(impossible)} a target that is not above their entry, and could not have been seen"
    name = schema.observed["entry"]
    hints = ("an entry is the value that a target had to exceed to be in the data; leave it empty where there was none",)
    ends = np.where(np.isinf(upper), lower, upper)
    return [
        row_finding(
            "late-entry", what, column=name, rows=impossible, hints=hints,
            values=lambda row: f"{entry[row]:g}, target {ends[row]:g}",
        )
    ]  # fmt: skip
