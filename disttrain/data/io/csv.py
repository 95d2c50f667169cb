"""CSV files: text between separators. Every cell is read as text; the role of its column decides its type."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from disttrain.data.io.csv_dialect import Dialect, header_of
from disttrain.data.io.durations import duration_text
from disttrain.data.io.files import HEAD_BYTES, Sink, opened_text, reading
from disttrain.data.messages import display_path
from disttrain.errors import DataError, Finding

SMALLEST_BLOCK, LARGEST_BLOCK = 1 << 20, 16 << 20
# A row must lie in one block; where one does not, the blocks become larger, up to this.
LONGEST_ROW = 256 << 20
UTF8_MARK = b"\xef\xbb\xbf"


def csv_schema(path: Path, dialect: Dialect) -> pa.Schema:
    """Return the schema of the file: all columns are text."""
    return pa.schema([(name, pa.string()) for name in header_of(path, dialect)])


def source(path: Path, dialect: Dialect) -> pa.NativeFile:
    """Return the text for the CSV reader, from the header on. The reader refuses a header without a line end, so small files get one."""
    before = before_header(path, dialect)
    with from_header(path, dialect, before) as file:
        content = bytes(file.read(HEAD_BYTES))
        if len(content) < HEAD_BYTES and b"\n" not in content:
            return pa.BufferReader(content + bytes(file.read()) + b"\n")
    return from_header(path, dialect, before)


def before_header(path: Path, dialect: Dialect) -> int:
    """Return the number of bytes before the header: a byte order mark, a line that declares the separator, and empty lines.

    In a file of one column the CSV reader would take the first empty line for the header.
    """
    size = 0
    with opened_text(path, dialect.encoding) as file:
        while block := bytes(file.read(HEAD_BYTES)):
            # The line of the separator is ASCII.
            text = block if size else block.removeprefix(UTF8_MARK)[dialect.before_header :]
            blank = len(text) - len(text.lstrip(b"\r\n"))
            size += blank + (len(block) - len(text) if blank or dialect.before_header else 0)
            if blank < len(text):
                break
    return size


def from_header(path: Path, dialect: Dialect, before: int) -> pa.NativeFile:
    file = opened_text(path, dialect.encoding)
    while before:
        before -= len(file.read(min(before, HEAD_BYTES)))
    return file


def blocks(path: Path, columns: Sequence[str], names: Sequence[str], dialect: Dialect, size: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of `columns` from a file with the columns `names`, as text. Only an empty field is null."""
    yield from arrow_csv.open_csv(
        source(path, dialect),
        # One thread, so that errors know their row.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=size),
        # In a file of one column an empty line is an empty field.
        parse_options=arrow_csv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True, ignore_empty_lines=len(names) > 1),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=list(columns), strings_can_be_null=True, null_values=[""]
        ),
    )


def csv_batches(path: Path, columns: Sequence[str], schema: pa.Schema, dialect: Dialect, rows: int) -> Iterator[pa.RecordBatch]:  # noqa: ARG001
    """Yield record batches of `columns` as text, of about 1 MiB each (more in files of many columns)."""
    names = schema.names
    # A quote that is never closed shows in the last column.
    read = [*columns, *([names[-1]] if names[-1] not in columns and names.count(names[-1]) == 1 else [])]
    # Work on a block is by column.
    size, done, last = min(max(len(names) << 10, SMALLEST_BLOCK), LARGEST_BLOCK), 0, None
    with reading(path, "csv"):
        while True:
            first = 0
            try:
                for batch in blocks(path, read, names, dialect, size):
                    fresh = batch.slice(min(max(done - first, 0), batch.num_rows))
                    first += batch.num_rows
                    done, last = max(done, first), fresh if fresh.num_rows else last
                    yield fresh.select(list(columns))
                break
            except pa.ArrowInvalid as fault:
                # A row that is too long for a block: once more with larger ones, without the rows that have come already.
                if "straddling" not in str(fault) or size >= LONGEST_ROW:
                    raise
                size *= 16
        if last is not None and names[-1] in last.schema.names and "\n" in str(last.column(names[-1])[-1]):
            require_closed_quotes(path, dialect)


def require_closed_quotes(path: Path, dialect: Dialect) -> None:
    """Raise DataError if a quote is opened and never closed. Such a quote turns the rest of the file into one value, without an error of
    Arrow.
    """
    with opened_text(path, dialect.encoding) as file:
        unclosed = ends_inside_quotes(iter(lambda: bytes(file.read(1 << 20)), b""), dialect.separator)
    if unclosed:
        raise DataError(
            Finding("open-quote", 'a quote (") is opened and never closed, and swallows the end of the file', display_path(path)),
        )


def ends_inside_quotes(blocks: Iterator[bytes], separator: str) -> bool:
    """True if a text ends inside a quoted field.

    A quote opens a field at its start, and reopens it directly after a closing quote (two quotes are one literal quote). Inside an unquoted
    field a quote is a character, as in 5".
    """
    opening = re.compile(b"(?:(?<=[\r\n" + re.escape(separator.encode()) + b"])|(?<=\n" + UTF8_MARK + b'))"')
    inside, closed, last = False, False, b"\n"
    for block in blocks:
        text, index = last + block, 1
        if closed and block.startswith(b'"'):
            inside, index = True, 2
        closed = False
        while (quote := text.find(b'"', index) if inside else end_of(opening.search(text, index)) - 1) >= 0:
            index = quote + 1
            if inside:
                inside, closed = text.startswith(b'"', index), index == len(text)
                index += inside
            else:
                inside = True
        last = text[-1:]
    return inside


def end_of(match: re.Match[bytes] | None) -> int:
    return 0 if match is None else match.end()


def csv_rows(path: Path, schema: pa.Schema, dialect: Dialect) -> int:
    """Count the rows of the file, by reading its first column."""
    return sum(batch.num_rows for batch in csv_batches(path, schema.names[:1], schema, dialect, 0))


def csv_lines(path: Path, dialect: Dialect, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the line of the file, from 1, on which each of some ascending rows begins. Reads the file up to the last of them."""
    requested, lines, count, line = set(rows.tolist()), {}, -1, 1
    with opened_text(path, dialect.encoding) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        first = 1 + bool(text.read(dialect.before_header))
        reader = csv.reader(text, delimiter=dialect.separator)
        width = len(next((cells for cells in cells_of(reader) if cells), []))
        line = reader.line_num + first
        for cells in cells_of(reader):
            # Arrow passes over empty lines, but for files of one column.
            count += bool(cells) or width == 1
            if count in requested and count not in lines:
                lines[count] = line
                if len(lines) == len(requested):
                    break
            line = reader.line_num + first
    return np.array([lines.get(row, row + 2) for row in rows.tolist()], dtype=np.int64)


def cells_of(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield the rows before the first one that Python's reader refuses, such as a row with a field of more than 128 KiB."""
    with suppress(csv.Error):
        yield from reader


def csv_writer(sink: Sink, schema: pa.Schema) -> _Writer:
    """Return a writer of CSV with a header. `sink` is a path or an open binary file."""
    return _Writer(sink, schema)


class _Writer:
    """A CSV writer for types that CSV lacks: a list of K numbers becomes K columns (`loc_0` is the first of `loc`), a duration becomes
    text.
    """

    def __init__(self, sink: Sink, schema: pa.Schema) -> None:
        self.writer = arrow_csv.CSVWriter(sink, _unfolded(pa.Table.from_batches([], schema)).schema)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def write_table(self, table: pa.Table) -> None:
        """Append the rows of a table."""
        self.writer.write_table(_unfolded(table))

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Append the rows of a record batch."""
        self.write_table(pa.Table.from_batches([batch]))

    def close(self) -> None:
        """Write the remaining rows and close the file."""
        self.writer.close()


def _unfolded(table: pa.Table) -> pa.Table:
    names, columns = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        folded = range(column.type.list_size) if pa.types.is_fixed_size_list(column.type) else ()
        names += [f"{name}_{number}" for number in folded] or [name]
        columns += [pc.list_element(column, number) for number in folded] or [column]
    # Arrow writes the bare number, and its unit is lost.
    columns = [duration_text(column) if pa.types.is_duration(column.type) else column for column in columns]
    return pa.Table.from_arrays(columns, names)
