"""The columns of several files as one schema, in types that hold for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from disttrain.data.arrays import is_number, is_time, plain
from disttrain.data.findings import column_place, place, raise_any
from disttrain.errors import Finding

__all__ = ["unclear", "united"]


def united(files: Sequence[Path], schemas: Sequence[Any]) -> tuple[list[Any], dict[str, Finding]]:
    """The columns of all files in types that hold for all, and those whose types nothing but text could hold."""
    first, findings, conflicts = schemas[0], [], {}
    types: dict[str, Any] = {}
    for path, schema in zip(files, schemas, strict=True):
        findings += missing_here(files[0], path, first.names, schema.names)
        findings += missing_here(path, files[0], schema.names, first.names)
        for field in schema:
            kind = plain(field.type)
            known = types.get(field.name, kind)
            types[field.name] = wider(known, kind)
            if types[field.name] is None:
                what = f"it is {kind} here and {known} in {place(files[0])}"
                hint = "write both files with one type, or declare it: `type: categorical`"
                conflicts[field.name] = Finding("type-differs", what, column_place(place(path), field.name), hints=(hint,))
                types[field.name] = pa.string()
    raise_any(findings)
    return [pa.field(field.name, types[field.name], metadata=field.metadata) for field in first], conflicts


def wider(one: Any, other: Any) -> Any:
    """A type that holds the values of both; None where none but text does."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if is_number(one) and is_number(other):
        return pa.int64() if pa.types.is_signed_integer(one) and pa.types.is_signed_integer(other) else pa.float64()
    if is_time(one) and is_time(other):
        zones = {getattr(kind, "tz", None) for kind in (one, other)}
        nano = any(getattr(kind, "unit", "") == "ns" for kind in (one, other))
        return pa.timestamp("ns" if nano else "us", tz="UTC" if None not in zones else None)
    return None


def missing_here(has: Path, lacks: Path, names: Sequence[str], others: Sequence[str]) -> list[Finding]:
    absent = sorted(set(names) - set(others))
    return [Finding("column-differs", f"it is in {place(has)} and not in this file", column_place(place(lacks), name)) for name in absent]


def unclear(where: str, columns: Sequence[str], schema: Any) -> Iterator[Finding]:
    times = Counter(schema.names)
    for name in dict.fromkeys(columns):
        if times[name] != 1:
            code, what = ("duplicate-column", f"{times[name]} columns have this name") if times[name] else (
                "missing-column", "there is no such column"
            )  # fmt: skip
            yield Finding(code, what, column_place(where, name))
