"""Categorical features as input columns of the network: one-hot columns, or a code for an embedding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import Column, bits, boolean_column, joined, missing_values, plain_values, text_column, texts
from disttrain.data.json_state import Json, JsonObject, fields_of, flag, integer, items, refuse, text
from disttrain.data.messages import BatchFinding, row_finding, rows_have
from disttrain.data.schema import MOST_DIMENSIONS, Feature

MOST_ONE_HOT = 50
MOST_CATEGORIES = 100_000
MOST_DEFAULT_DIMENSIONS = 16


@dataclass(frozen=True)
class Embedding:
    """An input column of codes 0 … categories − 1, each looked up as a vector of `dimensions` numbers. Code 0 is never trained."""

    column: int
    categories: int
    dimensions: int


@dataclass(frozen=True)
class Categorical:
    """The encoding of a categorical column. A category is an exact text: `1.1` and `1.10` are different, as are `7` and `007`.

    One-hot: one column for each category, all 0 for an unseen category, and a column for missing values if training had any (`indicator`).
    Embedding (`dimensions` > 0): one column of codes. Code 0 is an unseen category, code 1 the first of `categories`, and the last code a
    missing value if training had any.
    """

    name: str
    categories: tuple[str, ...]
    dimensions: int
    indicator: bool

    @staticmethod
    def fit(feature: Feature, column: Column) -> tuple[Categorical, list[BatchFinding]]:
        """Fit the encoding to the training rows `column`, (n,). Returns it with the findings about these rows."""
        values = texts(column)
        categories = sorted(pc.unique(values.drop_null()).to_pylist())
        findings = faults(feature, categories)
        embedded = feature.encoding == "embedding" or (feature.encoding == "auto" and len(categories) > MOST_ONE_HOT)
        default = min(MOST_DEFAULT_DIMENSIONS, math.ceil(math.sqrt(max(len(categories), 1))))
        dimensions = (feature.dimensions or default) if embedded else 0
        return Categorical(feature.name, tuple(categories), dimensions, bool(values.null_count)), findings

    @property
    def constant(self) -> bool:
        """True if training had one category only."""
        return len(self.categories) + self.indicator < 2

    @property
    def codes(self) -> int:
        """The number of codes of an embedding."""
        return len(self.categories) + 1 + self.indicator

    @property
    def columns(self) -> tuple[str, ...]:
        """Readable names of the input columns."""
        if self.dimensions:
            return (self.name,)
        return (*(f"{self.name}={category}" for category in self.categories), *([f"{self.name} missing"] if self.indicator else []))

    @cached_property
    def _category_texts(self) -> pa.Array:
        return text_column(self.categories)

    def positions(self, column: Column) -> NDArray[np.int64]:
        """Return the index of each row's category in `categories`, (n,). A missing value has the next index if training had any; an
        unseen category has -1.
        """
        values = texts(column)
        positions = positions_in(values, self._category_texts)
        return np.where(bits(values.is_valid()), positions, len(self.categories) if self.indicator else -1)

    def unseen(self, column: Column) -> NDArray[np.bool_]:
        """Return a mask (n,) of the rows with a category that training did not have. A missing value is not such a category."""
        return (self.positions(column) < 0) & ~missing_values(column)

    def unseen_finding(self, column: Column) -> list[BatchFinding]:
        """Return the finding about unseen categories, for `unknown_category: error`."""
        rows = self.unseen(column)
        if not rows.any():
            return []
        array = joined(column)
        return [
            row_finding(
                "unknown-category",
                f"{rows_have(rows)} a category that training did not have",
                column=self.name,
                rows=rows,
                values=lambda row: array[row].as_py(),
                hints=("`data.unknown_category: other` takes them as one that is none of the known",),
            )
        ]

    def encode(self, column: Column, out: NDArray[np.float64]) -> list[BatchFinding]:
        """Write the input columns of `column`, (n,), into `out`, (n, width). Returns no findings: every value is valid."""
        positions = self.positions(column)
        if self.dimensions:
            out[:, 0] = positions + 1
            return []
        out[:] = 0.0
        rows = np.flatnonzero(positions >= 0)
        out[rows, positions[rows]] = 1.0
        return []

    def state(self) -> JsonObject:
        """Return the encoding as JSON."""
        return {"name": self.name, "categories": list(self.categories), "dimensions": self.dimensions, "indicator": self.indicator}

    @staticmethod
    def from_state(state: Json) -> Categorical:
        """Return the encoding of `state()`. Raises RunUnreadable if `state` is invalid."""
        name, categories, dimensions, indicator = fields_of(state, "categorical", ("name", "categories", "dimensions", "indicator"))
        listed = tuple(text(category, f"categories[{position}]") for position, category in enumerate(items(categories, "categories")))
        if any(later <= earlier for earlier, later in pairwise(listed)):
            raise refuse("`categories` must be sorted, each once", "categories")
        return Categorical(text(name, "name"), listed, integer(dimensions, "dimensions", 0, MOST_DIMENSIONS), flag(indicator, "indicator"))


def positions_in(values: pa.Array, categories: pa.Array) -> NDArray[np.int64]:
    """Return the index of each text in `categories`, an Arrow array, (n,); -1 if absent. Another spelling of a category matches it.

    The index of a text does not depend on the other texts of the column.
    """
    positions = index_in(values, categories)
    missed = bits(values.is_valid()) & (positions < 0)
    if missed.any():
        others = values.filter(boolean_column(missed)).dictionary_encode()
        positions[missed] = respelled(others.dictionary, categories)[plain_values(others.indices, np.int32)]
    return positions


def index_in(values: pa.Array, categories: pa.Array) -> NDArray[np.int64]:
    result = pc.index_in(values, value_set=categories)
    return np.where(bits(result.is_valid()), plain_values(result, np.int32).astype(np.int64), -1)


# How software writes the same value otherwise: whole numbers in a column with gaps as 7.0, truth values with a capital.
SPELLINGS: tuple[Callable[[pa.Array], pa.Array], ...] = (
    lambda text: pc.replace_substring_regex(text, r"^(-?\d+)\.0$", r"\1"),
    lambda text: pc.replace_substring_regex(text, r"^(-?\d+)$", r"\1.0"),
    lambda text: pc.if_else(is_truth(text), pc.utf8_lower(text), text),
    lambda text: pc.if_else(is_truth(text), pc.utf8_capitalize(text), text),
)


def is_truth(text: pa.Array) -> pa.Array:
    return pc.is_in(pc.utf8_lower(text), value_set=text_column(["true", "false"]))


def respelled(values: pa.Array, categories: pa.Array) -> NDArray[np.int64]:
    """Return the index of texts that match a category only in another spelling, (n,); -1 if there is no match."""
    positions = np.full(len(values), -1, dtype=np.int64)
    for spelled in SPELLINGS:
        others = spelled(values)
        positions = positions if others.equals(values) else np.where(positions < 0, index_in(others, categories), positions)
    if pc.all(is_truth(categories)).as_py():
        # Where there are only truth values, they may have any case on both sides: R writes TRUE. Among other words a case may be a name.
        positions = np.where(positions < 0, index_in(pc.utf8_lower(values), pc.utf8_lower(categories)), positions)
    return positions


def faults(feature: Feature, categories: list[str]) -> list[BatchFinding]:
    if len(categories) > MOST_CATEGORIES:
        what = f"it has {len(categories):,} categories; at most {MOST_CATEGORIES:,} can be learned"
        return [
            BatchFinding("too-many-categories", what, feature.name, hints=("an identifier belongs into `data.id`; or group the rare ones",))
        ]
    return []
