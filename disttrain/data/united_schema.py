"""The common schema of several files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from disttrain.data.common_types import Types, common_types
from disttrain.data.io.arrow_arrays import plain
from disttrain.data.io.hive import partitions
from disttrain.data.messages import column_location, display_path, raise_any
from disttrain.errors import Finding


def united(files: Sequence[Path], schemas: Sequence[pa.Schema]) -> tuple[list[pa.Field], dict[str, Finding], dict[str, Types]]:
    """Return the columns of all files in common types, {column: finding} for types that only text can hold, and {column: types} with the
    candidate types, the best first, if the common type depends on the values.

    Raises DataError if a column is not in all files.
    """
    first, findings = schemas[0], []
    kinds: dict[str, dict[pa.DataType, Path]] = {}
    for path, schema in zip(files, schemas, strict=True):
        findings += missing_here(files[0], path, first.names, schema.names)
        findings += missing_here(path, files[0], schema.names, first.names)
        for field in schema:
            kinds.setdefault(field.name, {}).setdefault(plain(field.type), path)
    raise_any([*findings, *unlike_folders(files, set(first.names))])
    types = {name: common_types(stored) for name, stored in kinds.items()}
    conflicts = {name: differing(name, kinds[name]) for name, left in types.items() if not left}
    fields = [pa.field(field.name, (types[field.name] or (pa.string(),))[0], metadata=field.metadata) for field in first]
    return fields, conflicts, {name: left for name, left in types.items() if len(left) > 1}


def differing(name: str, kinds: Mapping[pa.DataType, Path]) -> Finding:
    """Return the finding about a column with types that only text can hold. `kinds` is {type: the first file that has it}."""
    (kind, path), *others = [(kind, path) for kind, path in kinds.items() if not pa.types.is_null(kind)]
    other, where = next((one, path_of_other) for one, path_of_other in others if not common_types((kind, one)))
    hint = "write both files with one type, or declare it: `type: categorical`"
    return Finding(
        "type-differs", f"it is {other} here and {kind} in {display_path(path)}", column_location(display_path(where), name), hints=(hint,)
    )


def missing_here(has: Path, lacks: Path, names: Sequence[str], others: Sequence[str]) -> list[Finding]:
    """Return the findings about columns of the file `has` that the file `lacks` does not have."""
    absent = sorted(set(names) - set(others))
    return [
        Finding("column-differs", f"it is in {display_path(has)} and not in this file", column_location(display_path(lacks), name))
        for name in absent
    ]


def repeated(files: Sequence[Path], schemas: Sequence[pa.Schema], columns: Iterable[str]) -> Iterator[Finding]:
    """Yield the findings about columns that a file has more than once."""
    names = tuple(dict.fromkeys(columns))
    for path, schema in zip(files, schemas, strict=True):
        times = Counter(schema.names)
        for name in names:
            if times[name] > 1:
                yield Finding("duplicate-column", f"{times[name]} columns have this name", column_location(display_path(path), name))


def unlike_folders(files: Sequence[Path], inside: Collection[str]) -> Iterator[Finding]:
    """Yield the findings about partition columns that only some of the files have."""
    keys = [[key for key in partitions(path) if key not in inside] for path in files]
    for path, here in zip(files, keys, strict=True):
        for has, lacks, names, others in ((files[0], path, keys[0], here), (path, files[0], here, keys[0])):
            for name in (name for name in names if name not in others):
                what = f"a folder above {display_path(has)} says what it is, and none above this file"
                hints = ("let all files of a source stand below `key=value` folders of the same keys",)
                yield Finding("column-differs", what, column_location(display_path(lacks), name), hints=hints)
