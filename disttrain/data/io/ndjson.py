"""NDJSON files: one JSON object a line. Blocks of whole lines are read with types that hold for all blocks of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import LARGEST_WHOLE, Column, is_number, joined, text_column
from disttrain.data.io.durations import duration_text, spelled
from disttrain.data.io.files import Sink, empty_file, head, opened_text, reading, require_text
from disttrain.errors import DataError

BLOCK_BYTES = 4 << 20
BLOCK_ROWS = 65_536
LONGEST_LINE = 64 << 20
# Arrow's message about a column that mixes text with numbers or truth values; it begins with the column's name, before the names of nested values.
CHANGED = re.compile(r"JSON parse error: Column\(/(.*)\) changed from \w+ to \w+ in row", re.DOTALL)
# Text whose offsets have 64 bits: a block of lines may be long.
LONG = pa.large_string()
# Marks the columns of a schema that hold text in some rows and other values in others, and those of numbers with some beyond 2^53.
MIXED, LARGE = {b"values": b"mixed"}, {b"values": b"large"}
UTF8_MARK = b"\xef\xbb\xbf"
SCALAR = rb"(-?\d[\d.eE+-]*|true|false)(?=\s*[,}])"


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the file in blocks of whole lines, of about 4 MiB each."""
    with opened_text(path) as file:
        # What follows the mark of UTF-8, where there is one.
        rest = bytes(file.read(len(UTF8_MARK))).removeprefix(UTF8_MARK)
        while block := bytes(file.read(BLOCK_BYTES)):
            end = block.rfind(b"\n") + 1
            if not end and len(rest) > LONGEST_LINE:
                raise ValueError("a line is longer than 64 MiB")
            if end:
                yield rest + block[:end]
            rest = block[end:] if end else rest + block
    if rest.strip():
        yield rest


def parsed(block: bytes, text: Collection[str] = (), schema: pa.Schema | None = None) -> pa.Table:
    """Return the rows of a block. Columns in `text` are the text of their values; the others follow `schema`, or are inferred without
    one.
    """
    fields = [pa.field(name, pa.string()) for name in text] if schema is None else list(schema)
    options = pj.ParseOptions(explicit_schema=pa.schema(fields), unexpected_field_behavior="infer" if schema is None else "ignore")
    content = quoted(block, text) if text else block
    # One Arrow block each, so that types are inferred over the whole of it.
    read = pj.ReadOptions(use_threads=False, block_size=len(content) + 1)
    rows = pj.read_json(pa.BufferReader(content), read_options=read, parse_options=options)
    require_lines(block, rows.num_rows)
    return rows


def require_lines(block: bytes, rows: int) -> None:
    """Raise ValueError unless a block has one row on each line that is not blank. Rows are counted and named by their lines."""
    if block.count(b"\n{") + block.startswith(b"{") == rows == block.count(b"\n") + (not block.endswith(b"\n")):
        return
    lines = len(starts_of(block))
    if rows != lines:
        some = f"{rows:,} object{'s' if rows != 1 else ''} on {lines:,} line{'s' if lines != 1 else ''}"
        raise ValueError(f"it has {some}, and each needs a line of its own: `jq -c . FILE` writes it so")


def quoted(block: bytes, names: Collection[str]) -> bytes:
    """Put the numbers and truth values of some columns of a block in quotes, which keeps 1.10 and integers of twenty digits unchanged.

    `"name":` with unescaped quotes occurs in no JSON string, because a quote inside a string is escaped.
    """
    spelled = {json.dumps(name, ensure_ascii=ascii).encode() for name in names for ascii in (True, False)}
    keys = b"|".join(re.escape(name) for name in sorted(spelled))
    return re.sub(rb"((?:" + keys + rb")\s*:\s*)" + SCALAR, rb'\1"\2"', block)


def inferred(block: bytes, text: set[str]) -> pa.Table:
    """Return the block with inferred types. Columns that mix text and other values are added to `text` and read as text."""
    while True:
        try:
            return parsed(block, text)
        except pa.ArrowInvalid as fault:
            match = CHANGED.match(str(fault))
            name = None if match is None else column_at(match[1], block)
            if name is None or name in text:
                raise
            text.add(name)


def column_at(path: str, block: bytes) -> str | None:
    """Return the column that contains `path`, names joined by slashes. A name may contain slashes; the longest name of a row matches."""
    names = ["/".join(path.split("/")[:length]) for length in range(path.count("/") + 1, 0, -1)]
    rows = (json.loads(line) for line in block.decode("utf-8-sig").split("\n") if line.strip())
    return next((name for row in rows for name in names if name in row), None)


def ndjson_schema(path: Path) -> pa.Schema:
    """Return the schema of the file, with types that hold for all of its values: text if some values are text and some are not."""
    require_text(path, "ndjson", head(path))
    types: dict[str, pa.DataType] = {}
    text: set[str] = set()
    large: set[str] = set()
    empty = True
    with reading(path, "ndjson"):
        for block in blocks(path):
            rows = inferred(block, text)
            empty = empty and not rows.num_rows
            large.update(name for name, values in zip(rows.column_names, rows.columns, strict=True) if has_magnitude(values, LARGEST_WHOLE))
            for column in rows.schema:
                before = types.get(column.name, pa.null())
                types[column.name] = both = wider(before, column.type)
                if pa.types.is_string(both) and not (written_in_quotes(before) and written_in_quotes(column.type)):
                    text.add(column.name)
    if empty:
        raise DataError(empty_file(path))
    marks = dict.fromkeys(large, LARGE) | dict.fromkeys(text, MIXED)
    return pa.schema([pa.field(name, kind, metadata=marks.get(name)) for name, kind in types.items()])


def has_magnitude(values: Column, limit: int) -> bool:
    """True if the absolute value of some number reaches the limit; False for columns of other types."""
    if not is_number(values.type):
        return False
    least, most = pc.min_max(values).values()
    return bool(least.is_valid and (most.as_py() >= limit or least.as_py() <= -limit))


def is_large(field: pa.Field) -> bool:
    """True if a column of the schema of a file holds integers that Arrow may have rounded."""
    return bool(field.metadata == LARGE)


def wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Return the narrowest type that holds both types; text if there is no other."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if pa.types.is_timestamp(one) and pa.types.is_timestamp(other):
        return pa.timestamp("ns")
    return other if pa.types.is_nested(other) else one if pa.types.is_nested(one) else pa.string()


def ndjson_rows(path: Path) -> int:
    """Count the rows of the file: its lines that are not blank."""
    with reading(path, "ndjson"):
        return sum(len(starts_of(block)) for block in blocks(path))


def starts_of(block: bytes) -> NDArray[np.int64]:
    """Return the lines of a block, from 0, that hold a row: the lines that are not blank."""
    characters = np.frombuffer(block, dtype=np.uint8)
    ends = characters == ord("\n")
    lines = np.cumsum(ends) - ends
    return np.asarray(np.unique(lines[~np.isin(characters, np.frombuffer(b" \t\r\n", dtype=np.uint8))]))


def ndjson_lines(path: Path, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the line of the file, from 1, of each of some rows."""
    first, starts = 1, []
    for block in blocks(path):
        starts.append(starts_of(block) + first)
        first += block.count(b"\n")
        if sum(map(len, starts)) > rows.max():
            break
    return np.concatenate(starts)[rows]


def ndjson_batches(path: Path, columns: Sequence[str], schema: pa.Schema, text: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Yield record batches of about 4 MiB of text each, with `columns` in the types of `schema`. Columns in `text` are the text of their
    values.
    """
    chosen = [schema.field(name) for name in columns]
    plain = {field.name for field in chosen if field.name in text and not pa.types.is_nested(field.type)}
    bare = {field.name for field in chosen if field.metadata == MIXED or (field.name in plain and not written_in_quotes(field.type))}
    fields = pa.schema([pa.field(field.name, pa.string()) if field.name in plain else field.remove_metadata() for field in chosen])
    with reading(path, "ndjson"):
        for block in blocks(path):
            for batch in parsed(block, bare, fields).to_batches():
                batch.validate(full=True)
                yield batch


def written_in_quotes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_timestamp(kind) or pa.types.is_null(kind))


class LineWriter:
    """A writer of tables and record batches as one JSON object a line, with the interface of Arrow's writers."""

    def __init__(self, sink: Sink) -> None:
        self.sink = open(sink, "wb") if isinstance(sink, str | Path) else sink  # noqa: SIM115 - closed by close(), as Arrow's writers are
        self.owns_sink = self.sink is not sink

    def write_batch(self, batch: pa.RecordBatch) -> None:
        if not batch.num_columns:
            self.sink.write(b"{}\n" * batch.num_rows)
        elif batch.num_rows:
            self.sink.write(lines_of(batch))

    def write_table(self, table: pa.Table) -> None:
        for batch in table.to_batches(max_chunksize=BLOCK_ROWS):
            self.write_batch(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.owns_sink:
            self.sink.close()


def ndjson_writer(sink: Sink, schema: pa.Schema) -> LineWriter:  # noqa: ARG001
    """Return a writer of one JSON object a line. `sink` is a path or an open binary file. NaN and infinities become null."""
    return LineWriter(sink)


def lines_of(batch: pa.RecordBatch) -> memoryview:
    """Return the rows of a batch as bytes: JSON objects, one a line."""
    parts = []
    for index, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        parts += [literal(("{", ", ")[index > 0] + json.dumps(name, ensure_ascii=False) + ": "), json_text(joined(column))]
    lines = pc.binary_join_element_wise(*parts, literal("}\n"), literal(""))
    ends = np.frombuffer(lines.buffers()[1], dtype=np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(lines.buffers()[2])[ends[0] : ends[-1]]


def literal(text: str) -> pa.Scalar:
    # pa.scalar would import pandas.
    return text_column([text]).cast(LONG)[0]


def json_text(array: pa.Array) -> pa.Array:
    """Return the JSON of each value, an Arrow array of text. Null, NaN and infinities are `null`."""
    array = duration_text(array) if pa.types.is_duration(array.type) else array
    kind = array.type
    if pa.types.is_string(kind):
        text = pc.binary_join_element_wise(literal('"'), escaped(array.cast(LONG)), literal('"'), literal(""))
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        text = array.cast(LONG)
    elif pa.types.is_floating(kind):
        # A float32 is the double that it is equal to; a whole number stays a float.
        doubles = array.cast(pa.float64())
        numbers = pc.replace_substring_regex(doubles.cast(LONG), r"^(-?\d+)$", r"\1.0")
        text = pc.if_else(pc.is_finite(doubles), numbers, pa.nulls(1, LONG)[0])
    else:
        text = text_column([json.dumps(storable(value), ensure_ascii=False) for value in array.to_pylist()]).cast(LONG)
    return pc.coalesce(text, literal("null")) if text.null_count else text


def escaped(text: pa.Array) -> pa.Array:
    """Escape texts for the inside of a JSON string."""
    if not pc.any(pc.match_substring_regex(text, r'["\\\x00-\x1f]')).as_py():
        return text
    for character in ("\\", '"', *map(chr, range(32))):
        text = pc.replace_substring(text, character, json.dumps(character)[1:-1])
    return text


def storable(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, list | tuple):
        return [storable(part) for part in value]
    if isinstance(value, dict):
        return {name: storable(part) for name, part in value.items()}
    if isinstance(value, timedelta):
        return spelled(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
