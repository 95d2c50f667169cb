"""Targets outside the support of a family: which rows, and which families would take them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from disttrain.data import Origin, column_place, row_finding
from disttrain.errors import DataError, Finding
from disttrain.families import FAMILIES, Family, build

__all__ = ["fitting_families", "require_inside", "require_variety"]

Array = np.ndarray[Any, Any]


def fitting_families(y: Array) -> list[str]:
    """The families whose support holds every one of the numbers `y` and that are meant for such numbers, nearest support first."""
    built = [build(name, {"classes": 2}) for name in FAMILIES if name != "categorical"]
    fitting = [family for family in built if bool(np.all(family.support.contains(y)))]
    # A family of counts or of shares says more about such targets than one of the whole line.
    fitting.sort(
        key=lambda family: (not family.support.integer, not np.isfinite(family.support.upper), not np.isfinite(family.support.lower))
    )
    return [family.name for family in fitting]


def require_inside(family: Family, column: str, y: Array, origin: Origin, trained: Array | None = None) -> None:
    """Raise DataError where targets `y` (n,) of rows from `origin` lie outside the support; `trained` says which are training rows."""
    wrong = ~np.asarray(family.support.contains(y))
    if not wrong.any():
        return
    count = int(wrong.sum())
    what = f"`{column}` has {count:,} value{'s' if count > 1 else ''} that {family.name} cannot produce"
    if trained is not None and not (wrong & trained).any():
        what += ", none of them among the training rows"
    found = row_finding(
        "target-outside-support", what, column=column, rows=wrong, values=lambda row: f"{y[row]:,.6g}", origin=origin,
        detail=_kinds(y[wrong]), hints=_ways_out(family, column, y),
    )  # fmt: skip
    raise DataError(replace(found, where=f"{found.where}: {family.name} needs {family.support.text('y')}"))


def require_variety(column: str, y: Array, origin: Origin) -> None:
    """Raise DataError where a target of classes shows one class only."""
    if len(np.unique(y)) >= 2:
        return
    what = f"`{column}` shows one class only among the training rows; there is nothing to tell apart"
    hint = "check `data.filter`, `data.split` and the column itself"
    raise DataError(Finding("one-class", what, column_place(origin.names[0], column), hints=(hint,)))


def _kinds(values: Array) -> str:
    counts = {
        "are exactly 0": int((values == 0).sum()),
        "are negative": int((values < 0).sum()),
        "are positive": int((values > 0).sum()),
    }
    fractions = int((values % 1 != 0).sum())
    said = [f"{count:,} {kind}" for kind, count in counts.items() if count]
    return ", ".join([*said, *([f"{fractions:,} are not whole numbers"] if fractions else [])])


def _ways_out(family: Family, column: str, y: Array) -> list[str]:
    fitting = fitting_families(y)
    hints = [f"families that can: {', '.join(fitting[:6])}"] if fitting else []
    support = family.support
    if np.isfinite(support.lower) and not support.integer:
        conditions = [f"{column} > {support.lower:g}"] + ([f"{column} < {support.upper:g}"] if np.isfinite(support.upper) else [])
        said = conditions[0] if len(conditions) == 1 else "[" + ", ".join(conditions) + "]"
        hints.append(f"or drop those rows: `data.filter: {said}`")
    return hints
