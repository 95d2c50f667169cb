"""Ties: repeated targets, which a density can score arbitrarily well by narrow spikes, and remedies for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disttrain.families import FAMILIES, Family
from disttrain.messages import display

Array = NDArray[np.float64]

_FEW_ROWS = 20
# Continuous data that were merely written with three or four digits repeat some values, yet most rows have one of their own: 845 distinct
# strengths in 1,030 rows. Rounded measurements do not. And with ten thousand distinct values there is no place for so many spikes.
_OWN_VALUES = 0.5
_MANY_VALUES = 10_000
# A component of a mixture on a value that a share s of the rows has earns s log(1/floor) = 14 s nats per row: from 0.14 nats on that is
# what a good feature brings. Below five rows it may be chance.
_COMMON, _COMMON_ROWS = 0.01, 5
_MAX_LISTED = 3
# In most files every number is a multiple of 1e-8. Rounding explains ties only if enough of the steps are used.
_EMPTY_STEPS = 100
_STEPS = (1.0, 0.5, *(10.0**-k for k in range(1, 9)))


@dataclass(frozen=True)
class Ties:
    """Heavy ties among n targets: the share of rows with a repeated value, the distinct values, and the commonest values with their rows.

    `step` is the largest of 1, 0.5, 0.1, 0.01, ... of which every value is a multiple; None if no such step explains the ties. `counts` is
    True if the values are whole and not negative.
    """

    rows: int
    repeated: float
    distinct: int
    commonest: tuple[tuple[float, int], ...]
    lowest: float
    step: float | None
    counts: bool

    def text(self) -> str:
        """The ties as text."""
        common = ", ".join(f"{value:.10g} in {rows:,} rows" for value, rows in self.commonest)
        return f"{100 * self.repeated:.1f} % of {self.rows:,} rows repeat a value; {self.distinct:,} distinct values; commonest: {common}"

    def remedy(self, family: Family) -> str:
        """The text that says what to fit instead of the density of `family`."""
        value, rows = self.commonest[0]
        remedies = []
        if self.step is not None and family.tails:
            remedies.append(f"`data.censoring.rounding: {self.step:.10g}`")
        if self.counts:
            remedies.append("a family of counts such as negative_binomial")
        if remedies:
            return " or ".join(remedies)
        if value == 0.0 == self.lowest and "hurdle" in FAMILIES:
            return "{family: hurdle, of: gamma}"
        if rows >= _COMMON * self.rows:
            return f"`data.filter` to take the rows at {value:.10g} out, and model them apart"
        return "the column that this one was computed from, if that was rounded"


def ties(y: Array) -> Ties | None:
    """The heavy ties among the numbers `y` (n,); None if there are none.

    Ties are heavy if, of more than 20 rows, fewer than half have a unique value, or if one value has at least five rows and 1 % of the
    rows.
    """
    if y.ndim != 1 or len(y) <= _FEW_ROWS:
        return None
    values, rows = np.unique(y, return_counts=True)
    unique_share = float((rows == 1).sum()) / len(y)
    rounded = unique_share < _OWN_VALUES and len(values) <= _MANY_VALUES
    if not (rounded or rows.max() >= max(_COMMON_ROWS, _COMMON * len(y))):
        return None
    most = np.argsort(-rows, kind="stable")[:_MAX_LISTED]
    commonest = tuple((float(values[index]), int(rows[index])) for index in most if rows[index] > 1)
    step = next((step for step in _STEPS if _multiples(values, step)), None)
    counts = step == 1.0 and bool(values[0] >= 0)
    return Ties(len(y), 1.0 - unique_share, len(values), commonest, float(values[0]), step, counts)


def tie_notes(family: Family, column: str, y: Array) -> tuple[str, ...]:
    """A warning that the nll of a density is unreliable: one line if the targets `y` of `family` have heavy ties, else none."""
    heavy_ties = None if family.support.discrete or family.event else ties(y[~np.isin(y, family.atoms)])
    if heavy_ties is None:
        return ()
    message = f"`{display(column)}`: {heavy_ties.text()}. A density scores repeated values as well as it likes by narrow spikes, so its nll says little"
    return (f"{message}; use {heavy_ties.remedy(family)}",)


def _multiples(values: Array, step: float) -> bool:
    """True if the distinct sorted values are multiples of the step, and use enough of its steps to exclude coincidence."""
    steps = values / step
    if steps[-1] - steps[0] > _EMPTY_STEPS * len(values):
        return False
    return bool(np.all(np.abs(steps - np.round(steps)) <= 1e-9 * np.maximum(1.0, np.abs(steps))))
