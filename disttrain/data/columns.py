"""Whether the columns of a file are there, can be told apart, and hold what their part needs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from disttrain.config.wording import listing
from disttrain.data.arrays import is_number, is_text, is_time, plain
from disttrain.data.findings import column_place, shown
from disttrain.errors import Finding

__all__ = ["KINDS", "Examples", "fits", "kind_of", "lookup", "mistyped", "unusable"]

Examples = Callable[[str], Sequence[str]]


def is_simple(kind: Any) -> bool:
    return is_number(kind) or is_text(kind) or is_time(kind) or bool(pa.types.is_boolean(kind))


# What a column of each kind may be in a file. A column that is all null fits every kind.
KINDS: dict[str, Callable[[Any], bool]] = {
    "numeric": lambda kind: is_number(kind) or bool(pa.types.is_boolean(kind)),
    "categorical": is_simple,
    "boolean": lambda kind: bool(pa.types.is_boolean(kind)),
    "datetime": lambda kind: is_time(kind) or is_text(kind),
}
MEANT = {"numeric": "numbers", "categorical": "categories", "boolean": "true or false", "datetime": "dates or times"}


def kind_of(kind: Any) -> str | None:
    """The kind of feature that a column of this Arrow type is by itself; None where it can be none."""
    if is_number(kind) or pa.types.is_null(kind):
        return "numeric"
    if pa.types.is_boolean(kind):
        return "boolean"
    if is_text(kind):
        return "categorical"
    return "datetime" if is_time(kind) else None


def fits(kind: str, stored: Any) -> bool:
    return bool(pa.types.is_null(stored)) or KINDS[kind](stored)


def lookup(wanted: Iterable[str], arrow_schema: Any, where: str, parts: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Columns that are not there, stand twice, or could be mistaken for another one; `parts` {column: what it is there for}."""
    alike: dict[str, list[str]] = {}
    for name in arrow_schema.names:
        alike.setdefault(folded(name), []).append(name)
    for name in wanted:
        same = alike.get(folded(name), [])
        if name not in same:
            near = same or difflib.get_close_matches(name, arrow_schema.names, n=1)
            hints = (f"did you mean `{shown(near[0])}`?" if near else f"the columns are {listing(map(shown, arrow_schema.names))}",)
            part = (parts or {}).get(name)
            yield Finding("missing-column", f"there is no column `{shown(name)}`" + (f", {part}" if part else ""), where, hints=hints)
        elif same.count(name) > 1:
            yield Finding("duplicate-column", f"{same.count(name)} columns have this name", column_place(where, name))
        elif len(same) > 1:
            other = next(column for column in same if column != name)
            what = f"`{shown(other)}` is there too, which differs only in case or blanks"
            yield Finding("ambiguous-column", what, column_place(where, name), hints=("rename or remove one of them",))


def folded(name: str) -> str:
    return "".join(name.casefold().split())


def unusable(name: str, stored: Any, kind: str | None, where: str, starred: bool) -> Finding:
    what = f"its type {shown(stored)} cannot be a feature" if kind is None else f"its type {shown(stored)} cannot be read as {MEANT[kind]}"
    hints = [f"leave it out: `data.exclude: [{shown(name)}]`"] if starred else []
    if pa.types.is_binary(stored) or pa.types.is_large_binary(stored):
        hints.append("if it is text, store it as UTF-8 text")
    return Finding("unusable-type", what, column_place(where, name), hints=tuple(hints))


def mistyped(
    columns: Iterable[str], kind: str, arrow_schema: Any, where: str, examples: Examples | None, meant: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Columns whose type is not of the kind; `meant` {column: how its values are written} where that is more than numbers."""
    for name in columns:
        if len(places := arrow_schema.get_all_field_indices(name)) != 1 or fits(kind, stored := plain(arrow_schema.field(places[0]).type)):
            continue
        if kind != "numeric" or not is_text(stored):
            yield unusable(name, stored, kind, where, starred=False)
            continue
        rows = tuple(examples(name)) if examples else ()
        hints = ((meant or {}).get(name, "numbers are written 1234.5: no decimal comma, no unit, no thousands mark"),)
        yield Finding("text-for-numbers", f"`{shown(name)}` is text where numbers are meant", column_place(where, name), rows, hints=hints)
