"""NDJSON: one JSON object a line. Read in blocks of whole lines, with types that hold for all blocks of all files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.json as pj

from disttrain.data.findings import column_place, place
from disttrain.data.opening import opened, reading, require_utf8
from disttrain.errors import DataError, Finding

__all__ = ["ndjson_batches", "ndjson_rows", "ndjson_schemas", "ndjson_writer"]

BLOCK_BYTES = 4 << 20
BLOCK_ROWS = 65_536
LONGEST_LINE = 64 << 20


def blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks of whole lines, of about 4 MiB each."""
    rest = b""
    with opened(path) as file:
        while block := bytes(file.read(BLOCK_BYTES)):
            end = block.rfind(b"\n") + 1
            if not end and len(rest) > LONGEST_LINE:
                raise ValueError("a line is longer than 64 MiB")
            if end:
                yield rest + block[:end]
            rest = block[end:] if end else rest + block
    if rest.strip():
        yield rest


def parsed(block: bytes, schema: Any = None) -> Any:
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore")
    # One Arrow block each, so that types are inferred over the whole of it.
    read = pj.ReadOptions(use_threads=False, block_size=len(block) + 1)
    return pj.read_json(pa.BufferReader(block), read_options=read, parse_options=options)


def ndjson_schemas(paths: Sequence[Path], text: Collection[str]) -> list[Any]:
    """The schema of each file, with types that hold for all of them; the columns in `text` are text whatever they look like."""
    types: dict[str, Any] = {}
    names = [survey(path, types) for path in paths]
    chosen = {name: pa.string() if name in text and pa.types.is_timestamp(kind) else kind for name, kind in types.items()}
    return [pa.schema([(name, chosen[name]) for name in mine]) for mine in names]


def survey(path: Path, types: dict[str, Any]) -> list[str]:
    """Widen `types` by what the columns of a file hold; returns their names."""
    require_utf8(path, "ndjson")
    names: dict[str, None] = {}
    with reading(path, "ndjson"):
        for block in blocks(path):
            for column in parsed(block).schema:
                names.setdefault(column.name)
                known = types.setdefault(column.name, column.type)
                types[column.name] = wider(known, column.type, path, column.name)
    return list(names)


def wider(one: Any, other: Any, path: Path, name: str) -> Any:
    """The narrowest type that holds both."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    pair = (one, other)
    if set(pair) == {pa.int64(), pa.float64()}:
        return pa.float64()
    if all(pa.types.is_timestamp(kind) or pa.types.is_string(kind) for kind in pair):
        # Text that looks like dates in one block only; two timestamps differ in their unit.
        return pa.string() if pa.string() in pair else pa.timestamp("ns")
    raise DataError(Finding("type-differs", f"it is {one} at first and {other} further on", column_place(place(path), name)))


def ndjson_rows(path: Path) -> int:
    """Rows of the file, by parsing it."""
    with reading(path, "ndjson"):
        return sum(parsed(block).num_rows for block in blocks(path))


def ndjson_batches(path: Path, columns: Sequence[str], schema: Any, rows: int) -> Iterator[Any]:  # noqa: ARG001
    """Record batches of about 4 MiB of text each, with `columns` in the types of `schema`."""
    fields = pa.schema([schema.field(name) for name in columns])
    with reading(path, "ndjson"):
        for block in blocks(path):
            for batch in parsed(block, fields).to_batches():
                batch.validate(full=True)
                yield batch


class LineWriter:
    """Writes tables and record batches as one JSON object a line, like Arrow's writers of other formats."""

    def __init__(self, sink: Any) -> None:
        self.sink = open(sink, "wb") if isinstance(sink, str | Path) else sink  # noqa: SIM115 - closed by close(), as Arrow's writers are
        self.own = self.sink is not sink

    def write_batch(self, batch: Any) -> None:
        for row in batch.to_pylist():
            line = json.dumps({name: storable(value) for name, value in row.items()}, ensure_ascii=False)
            self.sink.write(line.encode() + b"\n")

    def write_table(self, table: Any) -> None:
        for batch in table.to_batches(max_chunksize=BLOCK_ROWS):
            self.write_batch(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.own:
            self.sink.close()


def ndjson_writer(sink: Any, schema: Any) -> Any:  # noqa: ARG001
    """A writer of one JSON object a line; `sink` is a path or an open binary file. NaN and infinities become null."""
    return LineWriter(sink)


def storable(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, list | tuple):
        return [storable(part) for part in value]
    if isinstance(value, dict):
        return {name: storable(part) for name, part in value.items()}
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
