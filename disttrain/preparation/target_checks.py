"""Targets that a family cannot produce: which rows, and which families would take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from disttrain.data import Origin, column_place, row_finding
from disttrain.errors import DataError, Finding
from disttrain.families import FAMILIES, Family, build, needs
from disttrain.families.supports import Support
from disttrain.outcomes import Outcome

Array = np.ndarray[Any, Any]
# How far from 1 the sum of shares may be that were rounded to two or three digits.
_ROUNDED = 0.01 + 1e-9


def fitting_families(y: Array) -> list[str]:
    """The families whose support holds every one of the numbers `y` and that are meant for such numbers, nearest support first."""
    built = [build(name, {}) for name in FAMILIES if "classes" not in needs(name, {})]
    fitting = [family for family in built if not family.event and bool(np.all(family.support.contains(y)))]
    # A family of counts or of shares says more about such targets than one of the whole line.
    fitting.sort(
        key=lambda family: (not family.support.discrete, not np.isfinite(family.support.upper), not np.isfinite(family.support.lower))
    )
    return [family.name for family in fitting]


def require_inside(
    family: Family,
    column: str,
    outcome: Outcome,
    reaching: Array | None,
    origin: Origin,
    trained: Array | None = None,
    more: Sequence[str] = (),
) -> None:
    """Raise DataError where the outcome of rows from `origin`, (n, *event), lies outside the support; `trained` says which are training rows.

    `column` names the columns that were read, and `more` are hints to add.
    Of a row that was not seen exactly both ends must belong to the support or to its bounds; where `reaching` (n,), as the interval of a
    rounded value may, it is enough that they hold some of it.
    """
    y = outcome.value.numpy()
    exact = outcome.kinds == {"exact"}
    wrong = ~np.asarray(family.support.contains(y)) if exact else ~_possible(family, outcome, reaching)
    if not wrong.any():
        return
    _require_larger(column, outcome, np.full(len(outcome), family.support.upper), f"of {family.name}", wrong, origin)
    count = int(wrong.sum())
    kind = "row" if family.event else "value"
    what = f"`{column}` has {count:,} {kind}{'s' if count > 1 else ''} that {family.name} cannot produce"
    if trained is not None and not (wrong & trained).any():
        what += ", none of them among the training rows"
    hints = _ways_out_of_vectors(family, y) if family.event else _ways_out(family, column if exact else None, y)
    found = row_finding(
        "target-outside-support", what, column=column, rows=wrong, values=lambda row: _shown(y[row]), origin=origin,
        detail=_kinds(family.support, y[wrong]), hints=(*hints, *more),
    )  # fmt: skip
    raise DataError(replace(found, where=f"{found.where}: {family.name} needs {family.support.text('y')}"))


def _possible(family: Family, outcome: Outcome, reaching: Array | None) -> Array:
    """Which outcomes the family can produce, (n,)."""
    support, lower, upper = family.support, outcome.lower.numpy(), outcome.upper.numpy()
    inside = np.isinf(lower) | (lower >= support.lower)
    inside &= np.isinf(upper) | (upper <= support.upper)
    if reaching is not None:
        inside |= reaching
    below = upper >= support.lower if support.closed_lower else upper > support.lower
    last = np.asarray(lower <= support.upper if support.closed_upper else lower < support.upper)
    above = last if outcome.above is None else np.where(outcome.above.numpy(), lower < support.upper, last)
    return np.asarray(np.where(lower == upper, support.contains(lower), inside & below & above))


def _require_larger(column: str, outcome: Outcome, edge: Array, of: str, among: Array, origin: Origin) -> None:
    """Raise DataError where a right-censored target, known to be larger than its value, has no larger value below the `edge` (n,)."""
    if outcome.above is None or not (wrong := among & outcome.above.numpy() & (outcome.lower.numpy() >= edge)).any():
        return
    count, lower = int(wrong.sum()), outcome.lower.numpy()
    what = f"`{column}` has {count:,} right-censored value{'s' if count > 1 else ''} (event 0) that no value {of} exceeds"
    hints = ("an event of 0 says that the target is larger than its value; where it may be equal, use `data.censoring.limit`",)
    raise DataError(
        row_finding(
            "target-outside-support",
            what,
            column=column,
            rows=wrong,
            values=lambda row: f"> {_shown(lower[row])}",
            origin=origin,
            hints=hints,
        )
    )


def require_between(family: Family, column: str, outcome: Outcome, given: Mapping[str, Tensor], origin: Origin) -> None:
    """Raise DataError where a target lies beyond the end that a column gives for its row: more successes than trials, say."""
    for name, end, beyond in zip(family.ends, (outcome.lower, outcome.upper), (torch.lt, torch.gt), strict=True):
        if not name:
            continue
        edge = given[name].reshape(-1, *(1 for _ in family.event)).expand(end.shape)
        finite = torch.where(end.isinf(), outcome.value, end)
        wrong = beyond(finite, edge).reshape(len(end), -1).any(1).numpy()
        if beyond is torch.gt:
            title = f"of the `{family.by_column[name]}` of their row, the {name} of {family.name},"
            _require_larger(column, outcome, edge.numpy(), title, np.ones(len(end), dtype=bool), origin)
        if not wrong.any():
            continue
        side, sign = ("below", "<") if beyond is torch.lt else ("above", ">")
        count = int(wrong.sum())
        what = f"`{column}` has {count:,} value{'s' if count > 1 else ''} {side} the `{family.by_column[name]}` of their row, the {name} of {family.name}"
        values = outcome.value.numpy()
        raise DataError(
            row_finding(
                "target-outside-support", what, column=column, rows=wrong,
                values=lambda row: f"{_shown(values[row])} {sign} {float(given[name][row]):g}", origin=origin,  # noqa: B023
                hints=("mend the rows, or take them out with `data.filter`",),
            )
        )  # fmt: skip


def closed(y: Array, columns: Sequence[str], family: str, origin: Origin) -> Array:
    """Shares (n, d) divided by their sum, which rounding may have moved by 1 %. Raises DataError with rows whose sum is further from 1."""
    sums = y.sum(axis=1)
    wrong = ~(np.abs(sums - 1.0) <= _ROUNDED)
    if not wrong.any():
        made: Array = y / sums[:, None]
        return made
    count = int(wrong.sum())
    what = f"{count:,} row{'s' if count > 1 else ''} of the {len(columns)} target columns do not sum to 1, as shares for {family} must"
    hints = ["divide each row by its sum"] if wrong.any() and bool((sums[wrong] > 0).all()) else []
    raise DataError(
        row_finding(
            "target-outside-support", what, column=", ".join(columns), rows=wrong, values=lambda row: f"sum {sums[row]:,.6g}",
            origin=origin, hints=hints,
        )
    )  # fmt: skip


def require_variety(column: str, y: Array, origin: Origin) -> None:
    """Raise DataError where a target of classes shows one class only."""
    if len(np.unique(y)) >= 2:
        return
    what = f"`{column}` shows one class only among the training rows; there is nothing to tell apart"
    hint = "check `data.filter`, `data.split` and the column itself"
    raise DataError(Finding("one-class", what, column_place(origin.names[0], column), hints=(hint,)))


def _shown(value: Any) -> str:
    return " ".join(f"{number:,.6g}" for number in np.atleast_1d(value))


def _ways_out_of_vectors(family: Family, y: Array) -> list[str]:
    if family.support.kind == "simplex" and bool((y >= 0).all()):
        return ["add a small amount to every component and divide by the new sum, or merge columns", "no family of shares takes an exact 0"]
    built = [build(name, {"targets": y.shape[1]}) for name in FAMILIES if "targets" in needs(name, {})]
    fitting = [other.name for other in built if bool(np.all(other.support.contains(y)))]
    return [f"families that can: {', '.join(fitting)}"] if fitting else []


def _kinds(support: Support, values: Array) -> str:
    """What is wrong with values outside a support: how many are 0, of the wrong sign, or not whole."""
    zero, negative, positive = values == 0, values < 0, values > 0
    reasons = {
        "exactly 0": zero if not np.all(support.contains(np.zeros(1))) else np.zeros_like(zero),
        "negative": negative if support.lower >= 0 else np.zeros_like(zero),
        "positive": positive if support.upper <= 0 else np.zeros_like(zero),
        "no whole number": (values % 1 != 0) & support.discrete,
    }
    counts = {reason: int(rows.sum()) for reason, rows in reasons.items() if rows.any()}
    said = [
        f"{count:,} {'is' if count == 1 else 'are'} {reason}{'s' if count > 1 and 'whole' in reason else ''}"
        for reason, count in counts.items()
    ]
    return ", ".join(said)


def _ways_out(family: Family, column: str | None, y: Array) -> list[str]:
    """Hints for numbers `y` outside the support; `column` where all of them stand in one that a filter can name."""
    fitting = fitting_families(y)
    hints = [f"families that can: {', '.join(fitting[:6])}"] if fitting else []
    support = family.support
    if column is not None and np.isfinite(support.lower) and not support.discrete:
        conditions = [f"{column} > {support.lower:g}"] + ([f"{column} < {support.upper:g}"] if np.isfinite(support.upper) else [])
        said = conditions[0] if len(conditions) == 1 else "[" + ", ".join(conditions) + "]"
        hints.append(f"or drop those rows: `data.filter: {said}`")
    return hints
