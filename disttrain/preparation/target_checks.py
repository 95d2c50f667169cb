"""Checks for targets that a family cannot produce: the rows, and the families that can produce them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from disttrain.data import BatchError, BatchFinding, row_finding
from disttrain.families import FAMILIES, Family, build, needs
from disttrain.families.supports import Support
from disttrain.outcomes import Outcome

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]
# The largest distance from 1 of the sum of shares that were rounded to two or three digits.
_ROUNDED = 0.01 + 1e-9


def fitting_families(y: Numbers) -> list[str]:
    """The families for such numbers whose support contains every number of `y`, the narrowest support first.

    Families that give a probability to a value that is repeated, such as an exact 0, come before those that do not.
    """
    built = [build(name, {}) for name in FAMILIES if "classes" not in needs(name, {})]
    fitting = [family for family in built if not family.event and bool(np.all(family.support.contains(y)))]

    def order(family: Family) -> tuple[bool, ...]:
        """For counts or shares, families with that support fit better than those on the whole line."""
        repeated = any(np.count_nonzero(y == atom) > 1 for atom in family.atoms)
        return not family.support.discrete, not repeated, not np.isfinite(family.support.upper), not np.isfinite(family.support.lower)

    fitting.sort(key=order)
    return [family.name for family in fitting]


def require_inside(
    family: Family,
    column: str,
    outcome: Outcome,
    reaching: Mask | None,
    trained: Mask | None = None,
    more: Sequence[str] = (),
) -> None:
    """Raise DataError if outcomes (n, *event) lie outside the support. `trained` (n,) is a mask of the training rows.

    `column` names the target columns, and `more` are further hints. Both ends of a censored outcome must lie in the support or on its
    bounds. If `reaching` (n,) is True for a row, as for a rounded value, it is enough that its interval overlaps the support.
    """
    y = outcome.value.numpy()
    exact = outcome.kinds == {"exact"}
    wrong = ~np.asarray(family.support.contains(y)) if exact else ~_possible(family, outcome, reaching)
    if not wrong.any():
        return
    _require_larger(column, outcome, np.full(len(outcome), family.support.upper), f"of {family.name}", wrong)
    count = int(wrong.sum())
    kind = "row" if family.event else "value"
    what = f"`{column}` has {count:,} {kind}{'s' if count > 1 else ''} that {family.name} cannot produce"
    if trained is not None and not (wrong & trained).any():
        what += ", none of them among the training rows"
    hints = _vector_remedies(family, y) if family.event else _remedies(family, column if exact else None, y)
    raise BatchError(
        row_finding(
            "target-outside-support", what, column=column, rows=wrong, values=lambda row: _number_text(y[row]),
            detail=_kinds(family.support, y[wrong]), needs=f"{family.name} needs {family.support.text('y')}", hints=(*hints, *more),
        )
    )  # fmt: skip


def _possible(family: Family, outcome: Outcome, reaching: Mask | None) -> Mask:
    """A mask (n,) of the outcomes that the family can produce."""
    support, lower, upper = family.support, outcome.lower.numpy(), outcome.upper.numpy()
    inside = np.isinf(lower) | (lower >= support.lower)
    inside &= np.isinf(upper) | (upper <= support.upper)
    if reaching is not None:
        inside |= reaching
    below = upper >= support.lower if support.closed_lower else upper > support.lower
    last = np.asarray(lower <= support.upper if support.closed_upper else lower < support.upper)
    above = last if outcome.above is None else np.where(outcome.above.numpy(), lower < support.upper, last)
    return np.asarray(np.where(lower == upper, support.contains(lower), inside & below & above))


def _require_larger(column: str, outcome: Outcome, edge: Numbers, of: str, among: Mask) -> None:
    """Raise DataError if a right-censored target, which exceeds its value, has no larger value below the `edge` (n,)."""
    if outcome.above is None or not (wrong := among & outcome.above.numpy() & (outcome.lower.numpy() >= edge)).any():
        return
    count, lower = int(wrong.sum()), outcome.lower.numpy()
    what = f"`{column}` has {count:,} right-censored value{'s' if count > 1 else ''} (event 0) that no value {of} exceeds"
    hints = ("an event of 0 says that the target is larger than its value; where it may be equal, use `data.censoring.limit`",)
    raise BatchError(
        row_finding(
            "target-outside-support", what, column=column, rows=wrong, values=lambda row: f"> {_number_text(lower[row])}", hints=hints
        )
    )


def require_between(family: Family, column: str, outcome: Outcome, row_parameters: Mapping[str, Tensor]) -> None:
    """Raise DataError if a target lies outside the bounds that `row_parameters` give for its row, such as more successes than trials."""
    for name, end, compare in zip(family.ends, (outcome.lower, outcome.upper), (torch.lt, torch.gt), strict=True):
        if not name:
            continue
        edge = row_parameters[name].reshape(-1, *(1 for _ in family.event)).expand(end.shape)
        finite = torch.where(end.isinf(), outcome.value, end)
        wrong = compare(finite, edge).reshape(len(end), -1).any(1).numpy()
        if compare is torch.gt:
            title = f"of the `{family.by_column[name]}` of their row, the {name} of {family.name},"
            _require_larger(column, outcome, edge.numpy(), title, np.ones(len(end), dtype=bool))
        if not wrong.any():
            continue
        side, sign = ("below", "<") if compare is torch.lt else ("above", ">")
        count = int(wrong.sum())
        what = f"`{column}` has {count:,} value{'s' if count > 1 else ''} {side} the `{family.by_column[name]}` of their row, the {name} of {family.name}"
        values = outcome.value.numpy()
        raise BatchError(
            row_finding(
                "target-outside-support", what, column=column, rows=wrong,
                values=lambda row: f"{_number_text(values[row])} {sign} {float(row_parameters[name][row]):g}",  # noqa: B023
                hints=("mend the rows, or take them out with `data.filter`",),
            )
        )  # fmt: skip


def closed(y: Numbers, columns: Sequence[str], family: str) -> Numbers:
    """Shares (n, d) divided by their sum. Raises DataError with the rows whose sum differs from 1 by more than 1 %."""
    sums = y.sum(axis=1)
    wrong = ~(np.abs(sums - 1.0) <= _ROUNDED)
    if not wrong.any():
        shares: Numbers = y / sums[:, None]
        return shares
    count = int(wrong.sum())
    what = f"{count:,} row{'s' if count > 1 else ''} of the {len(columns)} target columns do not sum to 1, as shares for {family} must"
    hints = ["divide each row by its sum"] if wrong.any() and bool((sums[wrong] > 0).all()) else []
    names = ", ".join(columns)
    raise BatchError(
        row_finding("target-outside-support", what, column=names, rows=wrong, values=lambda row: f"sum {sums[row]:,.6g}", hints=hints)
    )


def require_variety(column: str, y: Numbers) -> None:
    """Raise DataError if the target has only one class."""
    if len(np.unique(y)) >= 2:
        return
    what = f"`{column}` shows one class only among the training rows; there is nothing to tell apart"
    hint = "check `data.filter`, `data.split` and the column itself"
    raise BatchError(BatchFinding("one-class", what, column, hints=(hint,)))


def _number_text(value: float | Numbers) -> str:
    return " ".join(f"{number:,.6g}" for number in np.atleast_1d(value))


def _vector_remedies(family: Family, y: Numbers) -> list[str]:
    if family.support.kind == "simplex" and bool((y >= 0).all()):
        return ["add a small amount to every component and divide by the new sum, or merge columns", "no family of shares takes an exact 0"]
    built = [build(name, {"targets": y.shape[1]}) for name in FAMILIES if "targets" in needs(name, {})]
    fitting = [other.name for other in built if bool(np.all(other.support.contains(y)))]
    return [f"families that can: {', '.join(fitting)}"] if fitting else []


def _kinds(support: Support, values: Numbers) -> str:
    """The text that counts values outside the support by kind: 0, of the wrong sign, or not whole."""
    zero, negative, positive = values == 0, values < 0, values > 0
    reasons = {
        "exactly 0": zero if not np.all(support.contains(np.zeros(1))) else np.zeros_like(zero),
        "negative": negative if support.lower >= 0 else np.zeros_like(zero),
        "positive": positive if support.upper <= 0 else np.zeros_like(zero),
        "no whole number": (values % 1 != 0) & support.discrete,
    }
    counts = {reason: int(rows.sum()) for reason, rows in reasons.items() if rows.any()}
    texts = [
        f"{count:,} {'is' if count == 1 else 'are'} {reason}{'s' if count > 1 and 'whole' in reason else ''}"
        for reason, count in counts.items()
    ]
    return ", ".join(texts)


def _remedies(family: Family, column: str | None, y: Numbers) -> list[str]:
    """Hints for numbers `y` outside the support. `column` is the column that a filter can name, or None."""
    fitting = fitting_families(y)
    hints = [f"families that can: {', '.join(fitting[:6])}"] if fitting else []
    support = family.support
    if column is not None and np.isfinite(support.lower) and not support.discrete:
        conditions = [f"{column} > {support.lower:g}"] + ([f"{column} < {support.upper:g}"] if np.isfinite(support.upper) else [])
        filter_text = conditions[0] if len(conditions) == 1 else "[" + ", ".join(conditions) + "]"
        hints.append(f"or drop those rows: `data.filter: {filter_text}`")
    return hints
