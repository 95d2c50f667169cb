"""What was seen of each row's target: exact, censored, rounded or truncated, from the columns of `data.censoring`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import joined, numbers
from disttrain.data.messages import Origin, raise_any, row_finding, rows_have
from disttrain.data.schema import Schema
from disttrain.data.targets import Target, no_target, read_target
from disttrain.data.value_checks import checked_numbers, counted
from disttrain.errors import Finding

Numbers = NDArray[np.float64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class CensoredTarget:
    """That each of n targets lies in [lower, upper], (n,), and was seen only if above `entry` (n,), -inf where it would always have been.

    `above` (n,) marks rows whose target exceeds `lower`, which is left out; None without a column of events. `measured` (n,) marks rows
    whose ends are those of a rounding interval around a measurement, which may reach out of a support.
    """

    lower: Numbers
    upper: Numbers
    entry: Numbers | None
    measured: Rows
    above: Rows | None = None


def read_censored_target(batch: Any, schema: Schema, section: Any, origin: Origin | None = None) -> CensoredTarget:
    """What the columns of a table or record batch say of a target that is one number; `section` is the config's `data.censoring`.

    Raises DataError with rows: events that are not 0 or 1, ends in the wrong order, entries at or above the target, nothing known at all.
    """
    start = origin or Origin()
    lower, upper, missing = bounded(batch, schema, start) if {"lower", "upper"} & set(schema.observed) else exact(batch, schema, start)
    nor = ", neither itself nor an end of its interval" if {"lower", "upper"} & set(schema.observed) else ""
    findings = [no_target(target_columns(schema), missing, start, nor)] if missing.any() else []
    above = None
    if "event" in schema.observed:
        above = ~happened(batch, schema.observed["event"], start)
        upper = np.where(above, np.inf, upper)
    ends = lower
    lower, upper = limited(batch, schema, section, lower, upper, start)
    # A row above its limit is only known to reach that, whatever its event says.
    above = None if above is None else above & (lower == ends)
    entry = column(batch, schema, "entry", start)
    if entry is not None:
        entry = np.where(np.isnan(entry), -np.inf, entry)
        findings += late(schema, entry, lower, upper, start)
    raise_any(findings)
    measured = (lower == upper) & (section.rounding is not None)
    half = np.where(measured, 0.5 * (section.rounding or 0.0), 0.0)
    return CensoredTarget(lower - half, upper + half, entry, measured, above)


def exact(batch: Any, schema: Schema, origin: Origin) -> tuple[Numbers, Numbers, Rows]:
    """Both ends at the target, and the rows without one."""
    target: Target = read_target(batch, schema.target, kind="number", origin=origin)
    return target.values, target.values.copy(), target.missing


def bounded(batch: Any, schema: Schema, origin: Origin) -> tuple[Numbers, Numbers, Rows]:
    """The ends of each row's interval, and the rows where nothing is known.

    An empty lower end is open below and an empty upper one open above. Where both are empty, and for an end that has no column, the
    target itself counts.
    """
    ends = [column(batch, schema, part, origin) for part in ("lower", "upper")]
    has_target = schema.target[0] not in (schema.observed.get("lower"), schema.observed.get("upper"))
    target, missing = np.full(len(batch), np.nan), np.ones(len(batch), dtype=bool)
    if has_target:
        target, _, missing = exact(batch, schema, origin)
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
        raise_any(
            [
                row_finding(
                    "reversed-interval", what, column=names, rows=reversed_, values=lambda r: f"{lower[r]:g} .. {upper[r]:g}", origin=origin
                )
            ]
        )
    return lower, upper, unknown & missing


def column(batch: Any, schema: Schema, part: str, origin: Origin) -> Numbers | None:
    """The numbers of one part, nan where empty; infinite ones are ends that are open. None where the part has no column."""
    name = schema.observed.get(part)
    if name is None:
        return None
    if name not in batch.schema.names:
        raise_any([Finding("missing-column", f"there is no column `{name}`, `data.censoring.{part}`", origin.names[0])])
    _, _, findings = checked_numbers(name, batch.column(name), origin)
    raise_any(finding for finding in findings if finding.code != "infinite-value")
    return numbers(joined(batch.column(name)))[0]


def happened(batch: Any, name: str, origin: Origin) -> Rows:
    """Whether the event of each row was seen. Raises DataError where the column has anything but 0 and 1."""
    values, missing, findings = checked_numbers(name, batch.column(name), origin)
    raise_any(findings)
    wrong = missing | ~np.isin(values, (0.0, 1.0))
    if wrong.any():
        what = f"{counted(wrong)} neither 1 (seen exactly) nor 0 (right-censored)"
        hints = ("write 0 and 1, or false and true, for other codes such as 1 and 2; of several causes of an end each has a column",)
        finding = row_finding("bad-event", what, column=name, rows=wrong, values=lambda row: f"{values[row]:g}", origin=origin, hints=hints)
        raise_any([finding])
    return np.asarray(values == 1.0)


def limited(batch: Any, schema: Schema, section: Any, lower: Numbers, upper: Numbers, origin: Origin) -> tuple[Numbers, Numbers]:
    """The ends where targets at or above a limit, a number or a column, are only known to reach it."""
    limit = column(batch, schema, "limit", origin)
    if limit is None and section.limit is None:
        return lower, upper
    limits = np.full(len(lower), float(section.limit)) if limit is None else np.where(np.isnan(limit), np.inf, limit)
    at_limit = lower >= limits
    return np.where(at_limit, limits, lower), np.where(at_limit, np.inf, upper)


def target_columns(schema: Schema) -> tuple[str, ...]:
    """The columns that say where a target lies, each once."""
    return tuple(dict.fromkeys((*schema.target, *(schema.observed[part] for part in ("lower", "upper") if part in schema.observed))))


def late(schema: Schema, entry: Numbers, lower: Numbers, upper: Numbers, origin: Origin) -> list[Finding]:
    """Rows whose target lies at or below the value above which they could be seen, or that left observation before that."""
    impossible = np.where(lower == upper, lower <= entry, np.where(np.isinf(upper), lower < entry, upper <= entry))
    if not impossible.any():
        return []
    what = f"{rows_have(impossible)} a target that is not above their entry, and could not have been seen"
    name = schema.observed["entry"]
    hints = ("an entry is the value that a target had to exceed to be in the data; leave it empty where there was none",)
    ends = np.where(np.isinf(upper), lower, upper)
    return [
        row_finding(
            "late-entry", what, column=name, rows=impossible, origin=origin, hints=hints,
            values=lambda row: f"{entry[row]:g}, target {ends[row]:g}",
        )
    ]  # fmt: skip
