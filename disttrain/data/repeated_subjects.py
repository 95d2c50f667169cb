"""Repeated subjects: a column of few values, such as a patient or a machine, that determines most features of a row or names them jointly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.hashing import Hashes, column_hash, mixed
from disttrain.data.io.arrow_arrays import boolean_column, integer_column, is_number, is_text, joined, missing_values, numbers, plain_values
from disttrain.data.io.csv_dialect import TYPED
from disttrain.data.text_values import as_times, cast_or_none

Rows = NDArray[np.int64]

# Rows, pairs of rows, values and features that are looked at; more say nothing new.
MOST_ROWS, MOST_PAIRS, FIRST_PAIRS, MOST_VALUES, FIRST_FEATURES, MOST_COLUMNS = 50_000, 10_000, 500, 5_000, 32, 8
# A table of no more cells is hashed as a whole, once.
MOST_CELLS = 5_000_000
# A column of fewer values does not tell subjects, and so does one with less than this many rows to each of them.
FEWEST_VALUES, ROWS_PER_VALUE = 5, 2
# The share of the variety of a feature that two rows with one value of a column must lack: all but a wrong cell.
DETERMINED = 0.98
# Pairs that would differ by chance, where none or next to none does; the probability of that is exp(-8).
EXPECTED = 8.0
# Of values in a random order, neighbours differ as much as others, a ratio of 1. Below this one the feature follows the column, like the
# month the day. Source: von Neumann (1941), Distribution of the ratio of the mean square successive difference to the variance.
IN_ORDER = 0.5
# From so many values on, two features that are hardly ever shared by two values name the subject.
VALUES_TO_NAME = 10


@dataclass(frozen=True)
class RepeatedSubjects:
    """A `column` of `values` different values, in whose rows `same` of `features` other features are the same; in all rows if `exact`."""

    column: str
    values: int
    same: int
    features: int
    exact: bool


@dataclass(frozen=True)
class Labels:
    """A column of names or whole numbers: the positions of some rows with a value, its hash in each, and the number if all are numbers.

    `count` is the number of different values in these rows.
    """

    name: str
    rows: Rows
    codes: Hashes
    numbers: NDArray[np.float64] | None
    is_feature: bool
    count: int = 0

    @property
    def repeat(self) -> bool:
        """True if there are more than a few values, with two rows or more to each."""
        return FEWEST_VALUES <= self.count <= len(self.codes) / ROWS_PER_VALUE

    def ordered(self) -> tuple[Rows, NDArray[np.bool_]]:
        """The indices of the rows with equal values side by side, else at random, and a mask of those equal to the one before."""
        # A file may be in an order of its own, as of time, in which neighbours are alike whatever their value.
        shuffled = np.random.default_rng(0).permutation(len(self.codes))
        order = shuffled[np.argsort(self.codes[shuffled], kind="stable")]
        return order, np.r_[False, self.codes[order][1:] == self.codes[order][:-1]]

    def pairs(self, most: int) -> tuple[Rows, Rows]:
        """At most so many pairs of rows with one value, as two arrays of positions."""
        order, same = self.ordered()
        second = np.flatnonzero(same)
        second = second[np.linspace(0, len(second) - 1, most).astype(np.int64)] if len(second) > most else second
        return self.rows[order[second - 1]], self.rows[order[second]]

    def firsts(self) -> tuple[Rows, NDArray[np.float64] | None]:
        """The position of one row of each value, in the order of their numbers if there are numbers, and these."""
        order, same = self.ordered()
        first = order[~same]
        if self.numbers is None:
            return self.rows[first[:MOST_VALUES]], None
        first = first[np.argsort(self.numbers[first], kind="stable")][:MOST_VALUES]
        return self.rows[first], self.numbers[first]


def repeated_subjects(features: pa.Table, others: pa.Table) -> RepeatedSubjects | None:
    """Return the column, among the features and the `others` (n rows each), whose values look like subjects with several rows each.

    Its values determine most features, or features that tell at least every second value from all others, as age and height tell persons.
    Features that follow from the column do not count: those that go up and down with its numbers, marks of one value, and, where the
    column is a feature itself, other names of its values. A feature is determined if pairs of rows with one value agree in it, far more
    often than any two rows do. None if no column looks so.
    """
    cells = Cells(features)
    columns = [*labelled(others, is_feature=False), *labelled(features, is_feature=True)]
    hits = [(len(cells.determined(labels, FIRST_PAIRS, cells.some(labels.name))), labels) for labels in columns]
    likely = sorted((pair for pair in hits if pair[0]), key=lambda pair: (pair[1].is_feature, -pair[0]))[:MOST_COLUMNS]
    subjects = [(labels, found) for _, labels in likely if (found := subjects_of(cells, labels)) is not None]
    if not subjects:
        return None
    labels, best = min(subjects, key=lambda pair: (pair[0].is_feature, -pair[1].same, pair[1].values, pair[0].numbers is not None))
    table = features if labels.is_feature else others
    return RepeatedSubjects(best.column, pc.count_distinct(joined(table.column(labels.name))).as_py(), best.same, best.features, best.exact)


def subjects_of(cells: Cells, labels: Labels) -> RepeatedSubjects | None:
    """Return what a column says about the features if its values look like subjects; else None."""
    names = [name for name in cells.varying() if name != labels.name]
    determined = cells.determined(labels, MOST_PAIRS, names)
    positions, order = labels.firsts()
    codes = {name: cells.codes(name, positions) for name in determined}
    counts = {name: np.unique(codes[name], return_counts=True)[1] for name in determined}
    copies = {name for name in determined if len(counts[name]) == len(positions)}
    derived = {
        name for name in determined
        if (len(counts[name]) == 2 and counts[name].min() == 1)
        or (name in copies and labels.is_feature and not cells.is_fractional(name, positions))
        or (order is not None and succession(cells.numbers(name, positions), codes[name]) < IN_ORDER)
    }  # fmt: skip
    attributes = [name for name in determined if name not in derived]
    if len(attributes) < 2 or (labels.is_feature and copies.issuperset(attributes)):
        return None
    profile = np.zeros(len(positions), dtype=np.uint64)
    for name in attributes:
        profile = mixed(profile ^ codes[name])
    most = len(attributes) > (len(names) - len(derived)) / 2
    named = len(positions) >= VALUES_TO_NAME and len(np.unique(profile)) >= len(positions) / 2
    if not (most or named):
        return None
    return RepeatedSubjects(labels.name, len(positions), len(determined), len(names), all(share == 1.0 for share in determined.values()))


def hashes(column: pa.Array) -> Hashes:
    """Return a hash of each value, (n,); the same for all values of a nested type."""
    if is_text(column.type):
        # Names repeat: each is hashed once.
        encoded = column.dictionary_encode()
        codes = np.append(np.asarray(column_hash(encoded.dictionary)), np.uint64(0))
        return codes[plain_values(encoded.indices.fill_null(len(encoded.dictionary)), np.int32)]
    codes_or_none = column_hash(column)
    return np.zeros(len(column), dtype=np.uint64) if codes_or_none is None else codes_or_none


def succession(values: NDArray[np.float64] | None, codes: Hashes) -> float:
    """Return how much neighbours differ of how much any two values do: about 1 in a random order, near 0 for a smooth sequence."""
    if values is None or not np.isfinite(values).all():
        chance = 1.0 - agreement_by_chance(codes)
        return float((codes[1:] != codes[:-1]).mean() / chance) if chance else 0.0
    variance = values.var()
    return float(np.square(np.diff(values)).mean() / (2.0 * variance)) if variance else 0.0


def agreement_by_chance(codes: Hashes) -> float:
    """Return the share of the pairs of different rows that are equal."""
    counts = np.unique(codes, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1.0)).sum() / max(1.0, len(codes) * (len(codes) - 1.0)))


class Cells:
    """The cells of the features, looked at by some rows at a time; the variety of each feature is computed once."""

    def __init__(self, features: pa.Table) -> None:
        self.columns = {name: joined(features.column(name)) for name in features.column_names}
        self._is_small = features.num_rows * features.num_columns <= MOST_CELLS
        self._codes: dict[str, Hashes] = {}
        self.spread = spread_positions(features.num_rows, MOST_PAIRS)
        self._chances: dict[str, float] = {}

    def codes(self, name: str, positions: Rows) -> Hashes:
        """A hash of the cells of a feature in some rows, (n,)."""
        if not self._is_small:
            return hashes(self.columns[name].take(integer_column(positions)))
        if name not in self._codes:
            self._codes[name] = hashes(self.columns[name])
        return self._codes[name][positions]

    def numbers(self, name: str, positions: Rows) -> NDArray[np.float64] | None:
        """The numbers of a feature in some rows, (n,); None if it has none."""
        column = self.columns[name].take(integer_column(positions))
        return numbers(column)[0] if is_number(column.type) else None

    def is_fractional(self, name: str, positions: Rows) -> bool:
        """True if a feature holds numbers that are not whole."""
        values = self.numbers(name, positions)
        return values is not None and not is_whole(values[np.isfinite(values)])

    def chance(self, name: str) -> float:
        """The share of the pairs of rows that agree in a feature; 1 for a constant feature."""
        if name not in self._chances:
            self._chances[name] = agreement_by_chance(self.codes(name, self.spread))
        return self._chances[name]

    def varying(self) -> list[str]:
        """The features that are not the same in all rows."""
        return [name for name in self.columns if self.chance(name) < 1.0]

    def some(self, without: str) -> list[str]:
        """Some of the features, spread evenly, without one."""
        names = [name for name in self.columns if name != without]
        return [names[place] for place in spread_positions(len(names), FIRST_FEATURES)]

    def determined(self, labels: Labels, most: int, names: Sequence[str]) -> dict[str, float]:
        """The features in which pairs of rows with one value of a column agree, each with the share of these pairs."""
        first, second = labels.pairs(most)
        result = {}
        for name in names:
            different = 1.0 - self.chance(name)
            if len(first) * different < EXPECTED:
                continue
            share = float((self.codes(name, first) == self.codes(name, second)).mean())
            if 1.0 - share <= (1.0 - DETERMINED) * different:
                result[name] = share
        return result


def labelled(table: pa.Table, *, is_feature: bool) -> Iterator[Labels]:
    """Yield the columns of few values: names or whole numbers, each with two rows or more to a value, which are no dates."""
    spread = spread_positions(table.num_rows, MOST_ROWS)
    for name in table.column_names:
        column = joined(table.column(name))
        labels = labels_of(name, column, spread, is_feature)
        if labels is not None and table.num_rows > MOST_ROWS and not labels.repeat:
            # Of many values each has few rows among those that are spread over the file: some values with all of their rows.
            lowest = mixed(hashes(column)) < np.uint64(int(MOST_ROWS / len(column) * 2.0**64))
            labels = labels_of(name, column, np.flatnonzero(lowest)[:MOST_ROWS], is_feature)
        if labels is not None and labels.repeat:
            yield labels


def labels_of(name: str, column: pa.Array, positions: Rows, is_feature: bool) -> Labels | None:
    """Return the labels of a column in some rows; None if it does not hold names or whole numbers."""
    if not (is_number(column.type) or is_text(column.type)):
        return None
    part = column.take(integer_column(positions))
    absent = missing_values(part)
    if absent.any():
        part, positions = part.filter(boolean_column(~absent)), positions[~absent]
    values = values_of(part)
    if not (values is None or is_whole(values)):
        return None
    if values is None and not as_times(part.unique(), TYPED)[1].any():
        return None
    codes = hashes(part)
    return Labels(name, positions, codes, values, is_feature, len(np.unique(codes)))


def values_of(column: pa.Array) -> NDArray[np.float64] | None:
    """Return the numbers that a column without missing values holds, also as text (with a point or a comma); None if a cell is none."""
    if is_number(column.type):
        return numbers(column)[0]
    encoded = column.dictionary_encode()
    cells = cast_or_none(pc.replace_substring(encoded.dictionary, ",", "."), pa.float64())
    return None if cells is None else numbers(cells)[0][plain_values(encoded.indices, np.int32)]


def is_whole(values: NDArray[np.float64]) -> bool:
    return bool((np.isfinite(values) & (values == np.floor(values))).all())


def spread_positions(rows: int, most: int) -> Rows:
    """Return at most so many positions, spread evenly over the rows."""
    return np.arange(rows) if rows <= most else np.linspace(0, rows - 1, most).astype(np.int64)


def naming_column(codes: Hashes, others: pa.Table) -> str | None:
    """Return the column of `others` that rows of equal `codes` (n,) share, so that a split by it keeps them together; None without one."""
    spread, cells = spread_positions(others.num_rows, MOST_ROWS), Cells(others)
    same = Labels("", np.arange(len(codes)), codes, None, is_feature=False)
    names = [
        name for name in others.column_names
        if (labels := labels_of(name, cells.columns[name], spread, is_feature=False)) is not None and labels.count >= FEWEST_VALUES
    ]  # fmt: skip
    return next(iter(cells.determined(same, MOST_PAIRS, names)), None)
