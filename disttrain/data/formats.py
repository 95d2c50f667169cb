"""FORMATS: how each kind of file is read and written. A further format is one row here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disttrain.config.names import SUFFIXES
from disttrain.data import columnar, delimited, lines
from disttrain.data.findings import place
from disttrain.data.opening import STDIN, head, looks_like
from disttrain.errors import DataError, Finding

__all__ = ["FORMATS", "Format", "format_of"]


@dataclass(frozen=True)
class Format:
    """One kind of file.

    `schemas(paths, text)` gives the Arrow schema of each file; the columns named in `text` stay text where the format itself has no types.
    `batches(path, columns, schema, rows)` streams record batches of `columns`, of at most `rows` rows where the format has no blocks of its
    own; `rows(path)` counts; `writer(sink, schema)` gives an object with `write_batch`,
    `write_table` and `close`, also to be used as a context. Broken files are DataErrors.
    """

    name: str
    suffixes: tuple[str, ...]
    schemas: Callable[[Sequence[Path], Collection[str]], list[Any]]
    batches: Callable[[Path, Sequence[str], Any, int], Iterator[Any]]
    rows: Callable[[Path], int]
    writer: Callable[[Any, Any], Any]


def form(name: str, *functions: Any) -> Format:
    return Format(name, SUFFIXES[name], *functions)


ARROW = (columnar.arrow_schemas, columnar.arrow_batches, columnar.arrow_rows, columnar.arrow_writer)
PARQUET = form("parquet", columnar.parquet_schemas, columnar.parquet_batches, columnar.parquet_rows, columnar.parquet_writer)
CSV = form("csv", delimited.csv_schemas, delimited.csv_batches, delimited.csv_rows, delimited.csv_writer)
NDJSON = form("ndjson", lines.ndjson_schemas, lines.ndjson_batches, lines.ndjson_rows, lines.ndjson_writer)

FORMATS = {"parquet": PARQUET, "csv": CSV, "feather": form("feather", *ARROW), "arrow": form("arrow", *ARROW), "ndjson": NDJSON}


def format_of(path: Path, name: str = "auto") -> Format:
    """The format called `name`; with `auto` the one that has the file's suffix, and for standard input the one its first bytes show.

    Raises DataError where no format has the suffix.
    """
    if name != "auto":
        return FORMATS[name]
    if path == STDIN:
        return FORMATS.get(looks_like(head(path)), CSV)
    suffix = path.suffix.lower()
    for known in FORMATS.values():
        if suffix in known.suffixes:
            return known
    suffixes = " ".join(suffix for known in FORMATS.values() for suffix in known.suffixes)
    what = f"the suffix `{suffix}` is of no format known here" if suffix else "the name has no suffix that tells the format"
    raise DataError(Finding("unknown-format", what, place(path), hints=(f"known are {suffixes}; or set `data.format`",)))
