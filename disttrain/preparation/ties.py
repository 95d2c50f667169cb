"""Repeated targets: where a density could earn any number of nats by spikes, and what to fit instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from disttrain.families import FAMILIES, Family
from disttrain.messages import shown

Array = np.ndarray[Any, Any]

_FEW_ROWS = 20
# Continuous data that were merely written with three or four digits repeat some values, yet most rows have one of their own: 845 distinct
# strengths in 1,030 rows. Rounded measurements do not. And with ten thousand distinct values there is no place for so many spikes.
_OWN_VALUES = 0.5
_MANY_VALUES = 10_000
# A component of a mixture on a value that a share s of the rows has earns s log(1/floor) = 14 s nats per row: from 0.14 nats on that is
# what a good feature brings. Below five rows it may be chance.
_COMMON, _COMMON_ROWS = 0.01, 5
_SHOWN = 3
# Every number is a multiple of 1e-8 as it is written in most files; rounding explains ties where a fair part of the steps is in use.
_EMPTY_STEPS = 100
_STEPS = (1.0, 0.5, *(10.0**-k for k in range(1, 9)))


@dataclass(frozen=True)
class Ties:
    """Heavy ties among n targets: the share of rows whose value another row has too, the distinct values, the commonest with their rows.

    `step` is the largest of 1, 0.5, 0.1, 0.01, ... of which every value is a multiple, None where that explains nothing; `counts` says that
    the values are whole and not negative.
    """

    rows: int
    repeated: float
    distinct: int
    commonest: tuple[tuple[float, int], ...]
    lowest: float
    step: float | None
    counts: bool

    def text(self) -> str:
        """The finding in words."""
        common = ", ".join(f"{value:.10g} in {rows:,} rows" for value, rows in self.commonest)
        return f"{100 * self.repeated:.1f} % of {self.rows:,} rows repeat a value; {self.distinct:,} distinct values; commonest: {common}"

    def remedy(self, family: Family) -> str:
        """What to fit instead of the density of `family`, from what the table of families has."""
        value, rows = self.commonest[0]
        ways = []
        if self.step is not None and family.tails:
            ways.append(f"`data.censoring.rounding: {self.step:.10g}`")
        if self.counts:
            ways.append("a family of counts such as negative_binomial")
        if ways:
            return " or ".join(ways)
        if value == 0.0 == self.lowest and "hurdle" in FAMILIES:
            return "{family: hurdle, of: gamma}"
        if rows >= _COMMON * self.rows:
            return f"`data.filter` to take the rows at {value:.10g} out, and model them apart"
        return "the column that this one was computed from, if that was rounded"


def ties(y: Array) -> Ties | None:
    """The heavy ties among the numbers `y` (n,), or None where there are none worth a word.

    Heavy: more than 20 rows of which fewer than half have a value of their own, or one value in five rows and 1 % of them at least.
    """
    if y.ndim != 1 or len(y) <= _FEW_ROWS:
        return None
    values, rows = np.unique(y, return_counts=True)
    own = float((rows == 1).sum()) / len(y)
    rounded = own < _OWN_VALUES and len(values) <= _MANY_VALUES
    if not (rounded or rows.max() >= max(_COMMON_ROWS, _COMMON * len(y))):
        return None
    most = np.argsort(-rows, kind="stable")[:_SHOWN]
    commonest = tuple((float(values[place]), int(rows[place])) for place in most if rows[place] > 1)
    step = next((step for step in _STEPS if _multiples(values, step)), None)
    counts = step == 1.0 and bool(values[0] >= 0)
    return Ties(len(y), 1.0 - own, len(values), commonest, float(values[0]), step, counts)


def tie_notes(family: Family, column: str, y: Array) -> tuple[str, ...]:
    """The warning that the nll of a density is to be read with: one line where targets `y` of `family` have heavy ties, else none."""
    found = None if family.support.discrete or family.event else ties(y[~np.isin(y, family.atoms)])
    if found is None:
        return ()
    told = (
        f"`{shown(column)}`: {found.text()}. A density scores repeated values as well as it likes by narrow spikes, so its nll says little"
    )
    return (f"{told}; use {found.remedy(family)}",)


def _multiples(values: Array, step: float) -> bool:
    """Whether the distinct values, in order, are multiples of the step, and fill enough of its steps for that to be no accident of digits."""
    steps = values / step
    if steps[-1] - steps[0] > _EMPTY_STEPS * len(values):
        return False
    return bool(np.all(np.abs(steps - np.round(steps)) <= 1e-9 * np.maximum(1.0, np.abs(steps))))
