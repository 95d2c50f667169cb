"""Encoder: the features of a table as float64 input columns of the network. Fitted on training rows only, constant afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.data.features.categorical import Categorical, Embedding
from disttrain.data.features.datetime import Datetime
from disttrain.data.features.numeric import Boolean, Numeric
from disttrain.data.io.arrow_arrays import Batch, Column, boolean_column, missing_values
from disttrain.data.json_state import Json, JsonObject, each, fields_of, refuse, text
from disttrain.data.messages import BatchError, BatchFinding, display, missing_column, raise_in_batch, row_finding, rows_have
from disttrain.data.schema import Feature, Schema
from disttrain.errors import DataError, Finding

Part = Numeric | Boolean | Categorical | Datetime
Weight = NDArray[np.float64]
Fit = Callable[[Feature, Column, str, Weight | None], tuple[Part, list[BatchFinding]]]

# How each kind of feature is encoded, and fitted to a column with a scaling and weights; a further kind is one row here and one in schema.KINDS.
PARTS: dict[str, tuple[type[Numeric] | type[Boolean] | type[Categorical] | type[Datetime], Fit]] = {
    "numeric": (Numeric, lambda feature, column, scaling, weight: Numeric.fit(feature.name, column, scaling, weight)),
    "boolean": (Boolean, lambda feature, column, scaling, weight: Boolean.fit(feature.name, column)),
    "categorical": (Categorical, lambda feature, column, scaling, weight: Categorical.fit(feature, column)),
    "datetime": (Datetime, lambda feature, column, scaling, weight: Datetime.fit(feature.name, column, weight)),
}
MISSING = ("impute", "drop", "error")
UNKNOWN = ("other", "error")


@dataclass(frozen=True)
class FeatureCounts:
    """Counts for one feature of a batch: rows without a value, and rows with a category that training did not have."""

    missing: int
    unseen: int


@dataclass(frozen=True)
class Encoder:
    """The encoding of all features. `missing` is impute, drop or error; `unknown_category` is other or error.

    Each step treats each value by itself, so the result has the same bits for every division of the rows into batches.
    """

    parts: tuple[Part, ...]
    missing: str
    unknown_category: str

    @staticmethod
    def fit(
        schema: Schema,
        table: pa.Table,
        *,
        missing: str = "impute",
        unknown_category: str = "other",
        scaling: str = "standard",
        rows: NDArray[np.bool_] | None = None,
        weight: Weight | None = None,
    ) -> Encoder:
        """Fit the encoder to the schema's features, on the rows of the table in the mask `rows`, or on all rows.

        A row counts `weight` (n,) times; a row of weight 0 has no effect.
        Raises DataError with all faults: no rows, an empty column, values that are not numbers, and missing values if `missing` is error.
        """
        if not (table.num_rows if rows is None else rows.sum()):
            raise BatchError(BatchFinding("no-rows", "there is no row to train on"))
        raise_in_batch(absent(schema.feature_columns, table))
        rows = rows if weight is None else (weight > 0) & (True if rows is None else rows)
        used = rows_with_all(schema, table, rows) if missing == "drop" else rows
        masses = weight if weight is None or used is None else weight[used]
        mask = None if used is None else boolean_column(used)
        parts, findings = [], []
        for feature in schema.features:
            column = table.column(feature.name) if mask is None else table.column(feature.name).filter(mask)
            part, faults = fitted(feature, column, scaling, masses)
            parts.append(part)
            findings += [*faults, *(missing_findings(feature.name, column) if missing == "error" else ())]
        raise_in_batch(findings if used is None else [finding.among(np.flatnonzero(used)) for finding in findings])
        return Encoder(tuple(parts), missing, unknown_category)

    @property
    def columns(self) -> tuple[str, ...]:
        """Readable names of the input columns: `driver_age`, `driver_age missing`, `region=north`."""
        return tuple(name for part in self.parts for name in part.columns)

    @property
    def width(self) -> int:
        """The number of input columns."""
        return len(self.columns)

    @property
    def slices(self) -> dict[str, slice]:
        """The input columns of each feature."""
        return {part.name: slice(start, stop) for part, start, stop in self.spans()}

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The input columns of codes."""
        embedded = [(part, start) for part, start, _ in self.spans() if isinstance(part, Categorical) and part.dimensions]
        return tuple(Embedding(start, part.codes, part.dimensions) for part, start in embedded)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The input columns of numbers, without the indicators of missing values."""
        return tuple(start for part, start, _ in self.spans() if isinstance(part, Numeric))

    @property
    def constants(self) -> tuple[str, ...]:
        """The features with one value in all training rows, which carry no information."""
        return tuple(part.name for part in self.parts if part.constant)

    def categories(self, name: str) -> tuple[str, ...]:
        """Return the training categories of a feature; none if it is not categorical."""
        return next((part.categories for part in self.parts if part.name == name and isinstance(part, Categorical)), ())

    def spans(self) -> Iterator[tuple[Part, int, int]]:
        """Yield each part with the first and the one-past-last of its input columns."""
        start = 0
        for part in self.parts:
            yield part, start, start + len(part.columns)
            start += len(part.columns)

    def features(self, batch: Batch) -> NDArray[np.float64]:
        """Return the input columns of a table or record batch of n rows: (n, width) float64, finite.

        Raises DataError with all faults: absent columns, infinite values, text for numbers; by policy missing values and unknown
        categories.
        """
        raise_in_batch(absent([part.name for part in self.parts], batch))
        out = np.empty((batch.num_rows, self.width))
        raise_in_batch(self.write(batch, out))
        return out

    def write(self, batch: Batch, out: NDArray[np.float64]) -> Iterator[BatchFinding]:
        """Fill `out`, (n, width), with the input columns of the batch. Yields the findings about its values."""
        for part, first, last in self.spans():
            column = batch.column(part.name)
            yield from part.encode(column, out[:, first:last])
            if self.missing == "error":
                yield from missing_findings(part.name, column)
            if self.unknown_category == "error" and isinstance(part, Categorical):
                yield from part.unseen_finding(column)

    def usable(self, batch: Batch) -> NDArray[np.bool_]:
        """Return a mask (n,) of the usable rows. `missing: drop` removes rows without a value in some feature; other policies keep all
        rows.
        """
        complete = np.ones(batch.num_rows, dtype=bool)
        if self.missing == "drop":
            for part in self.parts:
                complete &= ~missing_values(batch.column(part.name))
        return complete

    def notes(self, batch: Batch) -> dict[str, FeatureCounts]:
        """Return the counts of missing values and unknown categories in a batch, for the features that have any."""
        notes = {}
        for part in self.parts:
            column = batch.column(part.name)
            unseen = int(part.unseen(column).sum()) if isinstance(part, Categorical) else 0
            notes[part.name] = FeatureCounts(int(missing_values(column).sum()), unseen)
        return {name: note for name, note in notes.items() if note.missing or note.unseen}

    def state(self) -> JsonObject:
        """Return the encoder as JSON."""
        kinds = {part: kind for kind, (part, _) in PARTS.items()}
        parts = [{"kind": kinds[type(part)], **part.state()} for part in self.parts]
        return {"missing": self.missing, "unknown_category": self.unknown_category, "parts": parts}

    @staticmethod
    def from_state(state: Json) -> Encoder:
        """Return the encoder of `state()`. Raises RunUnreadable if `state` is invalid: a scale of 0, a repeated name, an unknown kind."""
        missing, unknown, stored = fields_of(state, "encoder", ("missing", "unknown_category", "parts"))
        parts = each(stored, "parts", part_from)
        if len({part.name for part in parts}) < len(parts):
            raise refuse("two features have one name", "parts")
        return Encoder(parts, text(missing, "missing", MISSING), text(unknown, "unknown_category", UNKNOWN))


def part_from(state: Json) -> Part:
    if not isinstance(state, dict):
        raise refuse("a feature must be an object")
    kind = text(state.get("kind"), "kind", tuple(PARTS))
    part, _ = PARTS[kind]
    return part.from_state({key: value for key, value in state.items() if key != "kind"})


def fitted(feature: Feature, column: Column, scaling: str, weight: Weight | None) -> tuple[Part, list[BatchFinding]]:
    _, fit = PARTS[feature.kind]
    part, findings = fit(feature, column, scaling, weight)
    if part.constant and missing_values(column).all():
        what = "it has no value in any training row"
        hints = (f"leave it out of the features: `{display(feature.name)}`",)
        return Boolean(feature.name, True, False), [BatchFinding("empty-column", what, feature.name, hints=hints)]
    return part, findings


def rows_with_all(schema: Schema, table: pa.Table, rows: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return a mask (n,) of those `rows` that have a value in every feature. Raises DataError if there is none."""
    complete = np.ones(table.num_rows, dtype=bool) if rows is None else rows.copy()
    for feature in schema.features:
        complete &= ~missing_values(table.column(feature.name))
    if not complete.any():
        raise DataError(
            Finding("no-rows", "every row misses a value, and `data.missing: drop` leaves none", hints=("use `missing: impute`",))
        )
    return complete


def missing_findings(name: str, column: Column) -> Iterator[BatchFinding]:
    rows = missing_values(column)
    if rows.any():
        what = f"{rows_have(rows)} no value, and `data.missing` is error"
        hints = ("`data.missing: impute` or `drop`",)
        yield row_finding("missing-value", what, column=name, rows=rows, hints=hints)


def absent(names: Sequence[str], batch: Batch) -> Iterator[BatchFinding]:
    for name in names:
        if len(batch.schema.get_all_field_indices(name)) != 1:
            yield missing_column(name)
