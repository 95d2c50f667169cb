"""FORMATS: the reader and writer of each file format. A further format is one row here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.choices import SUFFIXES
from disttrain.config.sections.data import CsvSection
from disttrain.data.io import csv, ndjson, parquet_arrow
from disttrain.data.io.csv_dialect import TYPED, Dialect, dialect_of
from disttrain.data.io.files import COMPRESSIONS, STDIN, UNPACKING, Sink, head, looks_like
from disttrain.data.messages import display_path
from disttrain.errors import DataError, Finding

Lines = Callable[[Path, Dialect, NDArray[np.int64]], NDArray[np.int64]]


def typed(path: Path, options: CsvSection | None) -> Dialect:  # noqa: ARG001
    """Return the dialect of a file whose format has types."""
    return TYPED


class Writer(Protocol):
    """A context manager that writes tables and record batches of one schema."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *fault: object) -> None: ...

    def write_table(self, table: pa.Table) -> None: ...

    def write_batch(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Format:
    """A file format.

    `dialect(path, options)` returns the dialect of its text, `schema(path, dialect)` its Arrow schema, `rows(path, schema, dialect)` the
    number of rows. `batches(path, columns, schema, dialect, text, rows)` yields record batches of `columns`, of which those in `text` are
    the text of their values; a batch has at most `rows` rows if the format has no blocks. `lines(path, dialect, rows)` returns the line of
    each of some rows, for formats with lines. `writer(sink, schema)` returns a Writer.
    Raises DataError for broken files.
    """

    name: str
    suffixes: tuple[str, ...]
    dialect: Callable[[Path, CsvSection | None], Dialect]
    schema: Callable[[Path, Dialect], pa.Schema]
    batches: Callable[[Path, Sequence[str], pa.Schema, Dialect, Collection[str], int], Iterator[pa.RecordBatch]]
    rows: Callable[[Path, pa.Schema, Dialect], int]
    writer: Callable[[Sink, pa.Schema], Writer]
    lines: Lines | None = None

    @property
    def typed(self) -> bool:
        """True if the format has types; a text format has none."""
        return self.dialect is typed


PARQUET = Format(
    "parquet", SUFFIXES["parquet"], typed,
    lambda path, dialect: parquet_arrow.parquet_schema(path),
    lambda path, columns, schema, dialect, text, rows: parquet_arrow.parquet_batches(path, columns, rows),
    lambda path, schema, dialect: parquet_arrow.parquet_rows(path),
    parquet_arrow.parquet_writer,
)  # fmt: skip
CSV = Format(
    "csv", SUFFIXES["csv"], dialect_of, csv.csv_schema,
    lambda path, columns, schema, dialect, text, rows: csv.csv_batches(path, columns, schema, dialect, rows),
    csv.csv_rows, csv.csv_writer, csv.csv_lines,
)  # fmt: skip
FEATHER = Format(
    "feather", SUFFIXES["feather"], typed,
    lambda path, dialect: parquet_arrow.arrow_schema(path),
    lambda path, columns, schema, dialect, text, rows: parquet_arrow.arrow_batches(path, columns),
    lambda path, schema, dialect: parquet_arrow.arrow_rows(path),
    parquet_arrow.arrow_writer,
)  # fmt: skip
ARROW = Format("arrow", SUFFIXES["arrow"], typed, FEATHER.schema, FEATHER.batches, FEATHER.rows, parquet_arrow.arrow_writer)
NDJSON = Format(
    "ndjson", SUFFIXES["ndjson"], typed,
    lambda path, dialect: ndjson.ndjson_schema(path),
    lambda path, columns, schema, dialect, text, rows: ndjson.ndjson_batches(path, columns, schema, text),
    lambda path, schema, dialect: ndjson.ndjson_rows(path),
    ndjson.ndjson_writer,
    lambda path, dialect, rows: ndjson.ndjson_lines(path, rows),
)  # fmt: skip

FORMATS = {"parquet": PARQUET, "csv": CSV, "feather": FEATHER, "arrow": ARROW, "ndjson": NDJSON}


FORMAT_HINT = "or name the format: `data.format: csv` in a config, `--input-format csv` of `predict` and `evaluate`"


def suffix_of(path: Path) -> str:
    """Return the suffix that names the format: the one before `.gz`, `.zst` or `.bz2`."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in COMPRESSIONS else suffix


def format_of(path: Path, name: str = "auto") -> Format:
    """Return the format called `name`. With `auto` it follows from the file's suffix, and for standard input from the first bytes.

    Raises DataError if no format has the suffix.
    """
    if name != "auto":
        return FORMATS[name]
    if path == STDIN:
        return FORMATS.get(looks_like(head(path)), CSV)
    suffix = suffix_of(path)
    for form in FORMATS.values():
        if suffix in form.suffixes:
            return form
    suffixes = " ".join(suffix for form in FORMATS.values() for suffix in form.suffixes)
    what = f"the suffix `{suffix}` is of no format known here" if suffix else "the name has no suffix that tells the format"
    unpack = UNPACKING.get(suffix.removeprefix("."), "")
    hints = (
        (unpack,)
        if unpack
        else (
            f"known are {suffixes}, text also with .gz .zst .bz2",
            FORMAT_HINT,
        )
    )
    raise DataError(Finding("unknown-format", what, display_path(path), hints=hints))
