"""FORMATS: how each kind of file is read and written. A further format is one row here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disttrain.choices import SUFFIXES
from disttrain.data.io import csv, ndjson, parquet_arrow
from disttrain.data.io.csv_dialect import TYPED, Dialect, dialect_of
from disttrain.data.io.files import COMPRESSIONS, STDIN, UNPACKING, head, looks_like
from disttrain.data.messages import place
from disttrain.errors import DataError, Finding

__all__ = ["FORMATS", "Format", "format_of", "suffix_of"]

Lines = Callable[[Path, Dialect, NDArray[np.int64]], NDArray[np.int64]]


def typed(path: Path, options: Any) -> Dialect:  # noqa: ARG001
    """The dialect of a file whose format has types of its own."""
    return TYPED


@dataclass(frozen=True)
class Format:
    """One kind of file.

    `dialect(path, options)` says how text in it is meant, `schema(path, dialect)` gives its Arrow schema, `rows(path, schema, dialect)`
    counts. `batches(path, columns, schema, dialect, text, rows)` streams record batches of `columns`, of which those in `text` come as the
    text of their values, of at most `rows` rows where the format has no blocks of its own. `lines(path, dialect, rows)` gives the line of
    each of some rows where a format has lines. `writer(sink, schema)` gives an object with `write_batch`, `write_table` and `close`, also
    to be used as a context. Broken files are DataErrors.
    """

    name: str
    suffixes: tuple[str, ...]
    dialect: Callable[[Path, Any], Dialect]
    schema: Callable[[Path, Dialect], Any]
    batches: Callable[[Path, Sequence[str], Any, Dialect, Collection[str], int], Iterator[Any]]
    rows: Callable[[Path, Any, Dialect], int]
    writer: Callable[[Any, Any], Any]
    lines: Lines | None = None

    @property
    def typed(self) -> bool:
        """Whether the format has types of its own; text alone has none."""
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
    """The suffix that tells the format: that before `.gz`, `.zst` and `.bz2`."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in COMPRESSIONS else suffix


def format_of(path: Path, name: str = "auto") -> Format:
    """The format called `name`; with `auto` the one that has the file's suffix, and for standard input the one its first bytes show.

    Raises DataError where no format has the suffix.
    """
    if name != "auto":
        return FORMATS[name]
    if path == STDIN:
        return FORMATS.get(looks_like(head(path)), CSV)
    suffix = suffix_of(path)
    for form in FORMATS.values():
        if suffix in form.suffixes:
            return form
    known = " ".join(suffix for form in FORMATS.values() for suffix in form.suffixes)
    what = f"the suffix `{suffix}` is of no format known here" if suffix else "the name has no suffix that tells the format"
    unpack = UNPACKING.get(suffix.removeprefix("."), "")
    hints = (
        (unpack,)
        if unpack
        else (
            f"known are {known}, text also with .gz .zst .bz2",
            FORMAT_HINT,
        )
    )
    raise DataError(Finding("unknown-format", what, place(path), hints=hints))
