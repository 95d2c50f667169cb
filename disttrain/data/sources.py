"""The rows of a source, whatever files they lie in: one schema, one order, batches of a set length."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from disttrain.data.arrays import plain
from disttrain.data.findings import Origin, column_place, place, raise_any
from disttrain.data.formats import format_of
from disttrain.data.opening import STDIN, opened, reading
from disttrain.data.partitions import constant, partition_types, partitions
from disttrain.errors import DataError, Finding

__all__ = ["ahead", "fingerprint", "origin_of", "read", "row_counts", "schema_of", "stream"]

BATCH_ROWS = 65_536
# Marks the fields of a schema that stand in folder names and not in the files.
PARTITION = {"partition": "hive"}


def schema_of(files: Sequence[Path], format: str = "auto", text: Collection[str] = ()) -> Any:
    """The Arrow schema of all files together, Hive partitions as last columns.

    Types of CSV and NDJSON are inferred over all values of all files; there, the columns named in `text` are text whatever they look like.
    Dictionaries read as their values, and a column that is all null in one file has the type it has in the others.
    Raises DataError where a column is not in all files or differs in type.
    """
    forms = {format_of(path, format).name: format_of(path, format) for path in files}
    if len(forms) > 1:
        what = f"the source mixes the formats {' and '.join(forms)}"
        raise DataError(Finding("formats-differ", what, place(files[0].parent), hints=("name the files of one, with a glob",)))
    own = next(iter(forms.values())).schemas(files, text)
    types = partition_types(files, text)
    schemas = [completed(path, schema, types) for path, schema in zip(files, own, strict=True)]
    return united(files, schemas)


def completed(path: Path, schema: Any, types: dict[str, Any]) -> Any:
    with reading(path, "a table"):
        fields = [pa.field(field.name, plain(field.type)) for field in schema]
    keys = [key for key in partitions(path) if key not in schema.names]
    return pa.schema(fields + [pa.field(key, types[key], metadata=PARTITION) for key in keys])


def united(files: Sequence[Path], schemas: Sequence[Any]) -> Any:
    first, findings = schemas[0], []
    types = {field.name: field.type for field in first}
    # A name that stands twice is an error only where it is used; it has no one type to compare.
    twice = {name for schema in schemas for name, times in Counter(schema.names).items() if times > 1}
    for path, schema in zip(files[1:], schemas[1:], strict=True):
        findings += missing_here(files[0], path, first.names, schema.names)
        findings += missing_here(path, files[0], schema.names, first.names)
        for field in schema:
            known = types.get(field.name, field.type)
            if pa.types.is_null(known):
                types[field.name] = field.type
            elif known != field.type and not pa.types.is_null(field.type) and field.name not in twice:
                what = f"it is {field.type} here and {known} in {place(files[0])}"
                hint = "write both files with one type"
                findings.append(Finding("type-differs", what, column_place(place(path), field.name), hints=(hint,)))
    raise_any(findings)
    return pa.schema([field if field.name in twice else field.with_type(types[field.name]) for field in first])


def missing_here(has: Path, lacks: Path, names: Sequence[str], others: Sequence[str]) -> list[Finding]:
    absent = sorted(set(names) - set(others))
    return [Finding("column-differs", f"it is in {place(has)} and not in this file", column_place(place(lacks), name)) for name in absent]


def stream(
    files: Sequence[Path], columns: Sequence[str], format: str = "auto", rows: int = BATCH_ROWS, *, schema: Any = None
) -> Iterator[Any]:
    """The rows of all files in order, as record batches of exactly `rows` rows (the last may be shorter), with `columns` in that order.

    Where there are no rows at all, one batch of none: whoever writes what comes of it knows the columns.

    How the rows lie in files, row groups or blocks does not show. Memory is bounded by a few batches. `schema` is what `schema_of` gave
    for these files; without it, it is asked again. Raises DataError for missing or ambiguous columns and unreadable files.
    """
    wanted = schema_of(files, format) if schema is None else schema
    pending: list[Any] = []
    count, told = 0, False
    for batch in pieces(files, columns, format, rows, wanted):
        pending.append(batch)
        count += batch.num_rows
        if count >= rows:
            whole = one_batch(pending)
            full = count - count % rows
            yield from (whole.slice(start, rows) for start in range(0, full, rows))
            pending, count, told = [whole.slice(full)], count - full, True
    if count or not told:
        yield one_batch(pending) if count else no_rows(columns, wanted)


def no_rows(columns: Sequence[str], schema: Any) -> Any:
    fields = [pa.field(name, schema.field(name).type) for name in columns]
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in fields], schema=pa.schema(fields))


def one_batch(batches: Sequence[Any]) -> Any:
    filled = [batch for batch in batches if batch.num_rows]
    if len(filled) == 1:
        return filled[0]
    schema = filled[0].schema
    arrays = [pa.concat_arrays([batch.column(index) for batch in filled]) for index in range(len(schema))]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def read(files: Sequence[Path], columns: Sequence[str], format: str = "auto", *, schema: Any = None) -> Any:
    """The rows of all files in order as one Arrow table with `columns`; it holds the data once.

    Raises DataError like `stream`, and where the table would take more than half of the machine's memory.
    """
    wanted = schema_of(files, format) if schema is None else schema
    batches, size, most = [], 0, memory() // 2
    for batch in pieces(files, columns, format, BATCH_ROWS, wanted):
        size += batch.nbytes
        if size > most:
            what = f"the columns in use take more than {most >> 30} GiB, half of this machine's memory"
            raise DataError(Finding("too-large", what, place(files[0]), hints=("use fewer columns or rows",)))
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=pa.schema([(name, wanted.field(name).type) for name in columns]))


def memory() -> int:
    """Bytes of memory of this machine; where it does not say, more than there can be."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        # Windows has no such call, and others not these names.
        return 1 << 62


def pieces(files: Sequence[Path], columns: Sequence[str], format: str, rows: int, schema: Any) -> Iterator[Any]:
    raise_any(unclear(files, columns, schema))
    fields = [pa.field(name, schema.field(name).type) for name in columns]
    for path in files:
        before = stamp(path)
        yield from file_batches(path, fields, format, rows, schema)
        if stamp(path) != before:
            raise DataError(Finding("file-changed", "the file changed while it was read", place(path)))


def unclear(files: Sequence[Path], columns: Sequence[str], schema: Any) -> Iterator[Finding]:
    for name in dict.fromkeys(columns):
        times = len(schema.get_all_field_indices(name))
        if times != 1:
            code, what = (
                ("missing-column", "there is no such column") if not times else ("duplicate-column", f"{times} columns have this name")
            )
            yield Finding(code, what, column_place(place(files[0]), name))


def file_batches(path: Path, fields: Sequence[Any], format: str, rows: int, schema: Any) -> Iterator[Any]:
    form = format_of(path, format)
    keys = {field.name: partitions(path).get(field.name) for field in schema if field.metadata}
    inside = [field.name for field in fields if field.name not in keys]
    # Where only partition columns are asked for, some column of the file must still tell the number of rows.
    inside = inside or [name for name, times in Counter(schema.names).items() if times == 1 and name not in keys][:1]
    for batch in form.batches(path, inside, schema, rows):
        with reading(path, form.name):
            found = dict(zip(inside, batch.columns, strict=True))
            arrays = [
                constant(keys[f.name], f.type, batch.num_rows) if f.name in keys else conformed(found[f.name], f.type) for f in fields
            ]
            complete = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
        yield complete


def conformed(array: Any, kind: Any) -> Any:
    return array if array.type == kind else array.cast(kind)


def stamp(path: Path) -> tuple[int, int]:
    if path == STDIN:
        return 0, 0
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches, each read in a thread while the one before is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch


def row_counts(files: Sequence[Path], format: str = "auto") -> tuple[int, ...]:
    """Rows of each file; read from the footer for Parquet, counted for the others."""
    return tuple(format_of(path, format).rows(path) for path in files)


def origin_of(files: Sequence[Path], format: str = "auto") -> Origin:
    """Where rows of these files come from, for messages; rows are counted only when a message needs it."""
    counts: Callable[[], Sequence[int]] = cache(lambda: row_counts(files, format))
    return Origin(tuple(place(path) for path in files), counts)


def fingerprint(files: Sequence[Path], format: str = "auto") -> list[dict[str, Any]]:
    """Name, size in bytes, SHA-256 and number of rows of each file."""
    counts: Iterable[int] = row_counts(files, format)
    return [{"path": place(path), **digest(path), "rows": rows} for path, rows in zip(files, counts, strict=True)]


def digest(path: Path) -> dict[str, Any]:
    sha, size = hashlib.sha256(), 0
    with reading(path, "a file"), opened(path) as file:
        while block := file.read(1 << 20):
            sha.update(block)
            size += len(block)
    return {"size": size, "sha256": sha.hexdigest()}
