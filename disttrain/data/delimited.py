"""CSV: comma-separated UTF-8 text, whose types are inferred over all files before any value is believed.

Arrow infers types from the first block of each file. One file, cut in two or with a word in its last row, would then read differently;
so all values are seen once as text, and a column has the narrowest type that every value of every file fits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from disttrain.data.findings import place
from disttrain.data.opening import SMALL_FILE, opened, reading, require_utf8, size_of
from disttrain.errors import DataError, Finding

__all__ = ["csv_batches", "csv_rows", "csv_schemas", "csv_writer"]

# Narrowest first: whole numbers are also numbers, dates also points in time.
CANDIDATES = (
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("us", tz="UTC"),
    pa.timestamp("ns"),
    pa.timestamp("ns", tz="UTC"),
)
NUMBERS = CANDIDATES[:2]
FIRST_VALUES = 32
SMALLEST_BLOCK, LARGEST_BLOCK = 1 << 10, 16 << 10


@dataclass
class Guess:
    """The types that all values of a column seen so far have; `padded` where one looks like 007, which is a name and not the number 7."""

    types: list[Any] = field(default_factory=lambda: list(CANDIDATES))
    padded: bool = False
    seen: bool = False

    def see(self, values: Any) -> None:
        if values.null_count == len(values):
            return
        self.seen = True
        self.types = [kind for kind in self.types if fits(values, kind)]
        if self.types and self.types[0] in NUMBERS and not self.padded:
            self.padded = has_padded(values)

    def result(self) -> Any:
        if not self.seen:
            return pa.null()
        return self.types[0] if self.types and not (self.padded and self.types[0] in NUMBERS) else pa.string()


def fits(values: Any, kind: Any) -> bool:
    # A cast that fails words an error for every value it cannot take: a few values first are a hundred times cheaper.
    return all_fit(values.slice(0, FIRST_VALUES), kind) and all_fit(values, kind)


def all_fit(values: Any, kind: Any) -> bool:
    try:
        pc.cast(values, kind)
    except pa.ArrowInvalid:
        # The reader takes blanks around a number, the cast does not.
        return kind in NUMBERS and trimmed_fits(values, kind)
    return True


def trimmed_fits(values: Any, kind: Any) -> bool:
    trimmed = pc.utf8_trim_whitespace(values)
    if trimmed.equals(values):
        return False
    try:
        pc.cast(trimmed, kind)
    except pa.ArrowInvalid:
        return False
    return True


def has_padded(values: Any) -> bool:
    starts = values.filter(pc.starts_with(values, "0"))
    if not len(starts):
        return False
    starts = starts.filter(pc.greater(pc.utf8_length(starts), 1))
    starts = starts.filter(pc.invert(pc.starts_with(starts, "0.")))
    return bool(pc.any(pc.match_substring_regex(starts, "^0[0-9xX]")).as_py())


def source(path: Path) -> Any:
    """The file for the CSV reader, which refuses a header without a line end: small files get one."""
    handle = opened(path)
    if size_of(path) > SMALL_FILE:
        return handle
    with handle:
        content = bytes(handle.read())
    return pa.BufferReader(content if content.endswith(b"\n") else content + b"\n")


def reader(path: Path, types: dict[str, Any], columns: Sequence[str] = (), wide: int = 0) -> Any:
    """The CSV reader of a file of about `wide` columns, which is read in blocks of so many KiB: work on a block is by column."""
    block = min(max(wide, SMALLEST_BLOCK), LARGEST_BLOCK) << 10
    return csv.open_csv(
        source(path),
        # One thread, so that errors know their row.
        read_options=csv.ReadOptions(use_threads=False, block_size=block),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=types, include_columns=list(columns), strings_can_be_null=True),
    )


def csv_schemas(paths: Sequence[Path], text: Collection[str]) -> list[Any]:
    """The schema of each file, with types that hold for all of them; the columns in `text` are text whatever they look like."""
    guesses: dict[str, Guess] = {}
    headers = [survey(path, guesses) for path in paths]
    types = {name: pa.string() if name in text else guess.result() for name, guess in guesses.items()}
    return [pa.schema([(name, types[name]) for name in names]) for names in headers]


def survey(path: Path, guesses: dict[str, Guess]) -> list[str]:
    """Let the guesses of the columns see all values of a file; returns the names in its header."""
    require_utf8(path, "csv")
    with reading(path, "csv"):
        names = list(reader(path, {}).schema.names)
        last = None
        for batch in reader(path, dict.fromkeys(names, pa.string()), wide=len(names)):
            for name, values in zip(names, batch.columns, strict=True):
                guesses.setdefault(name, Guess()).see(values)
            last = batch if batch.num_rows else last
        for name in names:
            guesses.setdefault(name, Guess())
        require_closed_quotes(path, last)
    return names


def require_closed_quotes(path: Path, last: Any) -> None:
    """A quote that is never closed turns the rest of the file into one value, of which Arrow says nothing."""
    if last is None or "\n" not in str(last.column(last.num_columns - 1)[-1]):
        return
    quotes = 0
    with opened(path) as file:
        while block := file.read(SMALL_FILE):
            quotes += bytes(block).count(b'"')
    if quotes % 2:
        raise DataError(
            Finding("open-quote", 'a quote (") is opened and never closed, and swallows the end of the file', place(path)),
        )


def csv_rows(path: Path) -> int:
    """Rows of the file, by reading its first column."""
    with reading(path, "csv"):
        first = reader(path, {}).schema.names[0]
        return sum(batch.num_rows for batch in reader(path, {first: pa.string()}, [first]))


def csv_batches(path: Path, columns: Sequence[str], schema: Any, rows: int) -> Iterator[Any]:  # noqa: ARG001
    """Record batches of about 1 MiB of text each, with `columns` in the types of `schema`."""
    types = {name: schema.field(name).type for name in columns}
    with reading(path, "csv"):
        yield from reader(path, types, columns, wide=len(schema))


def csv_writer(sink: Any, schema: Any) -> Any:
    """A writer of CSV with a header; `sink` is a path or an open binary file."""
    return _Writer(sink, schema)


class _Writer:
    """Writes lists of K numbers as K columns, `loc_0` the first of `loc`: CSV has no lists."""

    def __init__(self, sink: Any, schema: Any) -> None:
        self.writer = csv.CSVWriter(sink, _unfolded(pa.Table.from_batches([], schema)).schema)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def write_table(self, table: Any) -> None:
        """Append the rows of a table."""
        self.writer.write_table(_unfolded(table))

    def write_batch(self, batch: Any) -> None:
        """Append the rows of a record batch."""
        self.write_table(pa.Table.from_batches([batch]))

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


def _unfolded(table: Any) -> Any:
    names, columns = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        folded = range(column.type.list_size) if pa.types.is_fixed_size_list(column.type) else ()
        names += [f"{name}_{number}" for number in folded] or [name]
        columns += [pc.list_element(column, number) for number in folded] or [column]
    return pa.Table.from_arrays(columns, names)
