"""Checks of the columns of a file: present, unambiguous, and of a type that their role can be read from."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from disttrain.config.messages import listing
from disttrain.data.io.arrow_arrays import is_bytes, is_number, is_text, is_time, plain
from disttrain.data.io.csv_dialect import separator_name
from disttrain.data.messages import BatchFinding, Origin, column_location, display
from disttrain.errors import Finding

LABEL = "label"
# The finding about a column whose types differ between files; None if they do not.
Conflict = Callable[[str], Finding | None]
# The row numbers that data frames leave in a file; no part of the data.
SAVED_INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+")


def is_simple(kind: pa.DataType) -> bool:
    """True if an Arrow type holds numbers, text, times or truth values."""
    return is_number(kind) or is_text(kind) or is_time(kind) or bool(pa.types.is_boolean(kind))


# What a column of each kind may be in a file; text is read cell by cell. A column that is all null fits every kind.
KINDS: dict[str, Callable[[pa.DataType], bool]] = {
    "numeric": lambda kind: is_number(kind) or bool(pa.types.is_boolean(kind)) or is_text(kind),
    "categorical": is_simple,
    "boolean": lambda kind: bool(pa.types.is_boolean(kind)) or is_number(kind) or is_text(kind),
    "datetime": lambda kind: is_time(kind) or is_text(kind),
}
FITTING: dict[str, Callable[[pa.DataType], bool]] = {
    **KINDS,
    LABEL: lambda kind: is_number(kind) or is_text(kind) or bool(pa.types.is_boolean(kind)),
}
MEANT = {
    "numeric": "numbers", "categorical": "categories", "boolean": "true or false", "datetime": "dates or times",
    LABEL: "labels: text, whole numbers, true and false",
}  # fmt: skip


def kind_of(kind: pa.DataType) -> str | None:
    """Return the kind of feature of a column of this Arrow type; None if it cannot be a feature."""
    if is_number(kind) or pa.types.is_null(kind):
        return "numeric"
    if pa.types.is_boolean(kind):
        return "boolean"
    if is_text(kind):
        return "categorical"
    return "datetime" if is_time(kind) else None


def fits(kind: str, stored: pa.DataType) -> bool:
    """True if a column of the Arrow type `stored` can be read as `kind`."""
    return bool(pa.types.is_null(stored)) or FITTING[kind](stored)


def is_passed_over(name: str) -> bool:
    """True if `*` skips the column: it has no name, or is the saved index of a data frame."""
    return not name.strip() or SAVED_INDEX.fullmatch(name) is not None


def lookup(required: Iterable[str], arrow_schema: pa.Schema, where: str, parts: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Yield the findings about required columns that are absent, duplicated, or differ from another column only in case or blanks.

    `parts` {column: role} describes absent columns in the message.
    """
    names = arrow_schema.names
    by_folded_name: dict[str, list[str]] = {}
    for name in names:
        by_folded_name.setdefault(folded(name), []).append(name)
    for name in required:
        same = by_folded_name.get(folded(name), [])
        if name not in same:
            suggestions = same or difflib.get_close_matches(name, names, n=1)
            hints = (
                f"did you mean `{display(suggestions[0])}`?"
                if suggestions
                else f"the columns are {listing(map(display, names))}"
                if names
                else "it has no columns at all",
            )
            part = (parts or {}).get(name)
            yield Finding("missing-column", f"there is no column `{display(name)}`" + (f", {part}" if part else ""), where, hints=hints)
        elif same.count(name) > 1:
            yield Finding("duplicate-column", f"{same.count(name)} columns have this name", column_location(where, name))
        elif len(same) > 1:
            other = next(column for column in same if column != name)
            what = f"`{display(other)}` is there too, which differs only in case or blanks"
            yield Finding("ambiguous-column", what, column_location(where, name), hints=("rename or remove one of them",))


def unseparated(columns: Iterable[str], names: Sequence[str], separator: str, where: str, configured: bool) -> Finding | None:
    """Return the finding that a text file has another separator: with it the header contains more of the required `columns`. None if there
    is no such separator.

    `names` are the columns as read. `configured` is True if a config can set the separator.
    """
    required = set(columns)
    if required & set(names):
        return None
    # In a header of several columns one that is wanted may be a part of another's name.
    header, best, most = separator.join(names), "", int(len(names) > 1)
    for mark in sorted(mark for mark in set(header) if not mark.isalnum() and mark not in "_\"'\r\n" and mark != separator):
        cells = {cell.strip(" \"'") for cell in header.split(mark)}
        if len(required & cells) > most and "" not in cells:
            best, most = mark, len(required & cells)
    if not best:
        return None
    what = f"its columns are separated by {separator_name(best)}, and it is read as separated by {separator_name(separator)}"
    return Finding("wrong-separator", what, where, hints=(separated(best, separator, configured),))


def separated(mark: str, separator: str, configured: bool) -> str:
    """Return the hint for a file that is separated by `mark` instead of `separator`."""
    if not mark.isascii():
        return f"write `{display(separator)}` in its place: `sed 's/{mark}/{separator}/g' OLD.csv > NEW.csv`"
    if configured:
        return f"set `data.csv: {{separator: {json.dumps(mark)}}}`"
    old, new = (f"\\{ord(one):03o}" if one in "\\'-" or not one.isprintable() else one for one in (mark, separator))
    return f"write `{display(separator)}` in its place: `tr '{old}' '{new}' < OLD.csv > NEW.csv`"


def folded(name: str) -> str:
    """Return the name without case and blanks."""
    return "".join(name.casefold().split())


def unusable(name: str, stored: pa.DataType, kind: str | None, starred: bool = False) -> BatchFinding:
    """Return the finding about a column whose type cannot be a feature (`kind` None) or cannot be read as `kind`."""
    what = (
        f"its type {display(stored)} cannot be a feature" if kind is None else f"its type {display(stored)} cannot be read as {MEANT[kind]}"
    )
    hints = [f"leave it out: `data.exclude: [{display(name)}]`"] if starred else []
    return BatchFinding("unusable-type", what, name, hints=(*hints, *ways_out(stored, kind)))


def ways_out(stored: pa.DataType, kind: str | None) -> Iterator[str]:
    """Yield the hints for a column of a type that cannot be read as `kind`."""
    if pa.types.is_duration(stored):
        yield "make a column of numbers of it in the data: hours, days or seconds"
    elif is_time(stored) or pa.types.is_time(stored):
        yield "make a number of it in the data: days or hours since a fixed date, or between two dates"
    elif is_bytes(stored):
        yield "if it is text, store it as UTF-8 text"
    elif pa.types.is_nested(stored) and kind is not None:
        yield "put each element into a column of its own, and list these columns"


def mistyped(
    columns: Iterable[str], kind: str, arrow_schema: pa.Schema, where: str, conflict: Conflict = lambda column: None
) -> Iterator[Finding]:
    """Yield the findings about columns whose type cannot be read as the kind, or differs between files so that only text holds all
    values.
    """
    for name in columns:
        if len(indices := arrow_schema.get_all_field_indices(name)) != 1:
            continue
        stored = plain(arrow_schema.field(indices[0]).type)
        if not fits(kind, stored):
            yield unusable(name, stored, kind).at(Origin((where,)))
        elif kind not in ("categorical", LABEL) and (differing := conflict(name)) is not None:
            yield differing
