"""Text columns that resemble numbers or dates: an error or a warning, never silently categories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from disttrain.data.column_type_guess import Resemblance, unlike
from disttrain.data.io.arrow_arrays import bits
from disttrain.data.messages import MOST_ROWS, BatchFinding, display
from disttrain.data.source import Source
from disttrain.data.wrong_cells import COMMA, ways_out_of_numbers
from disttrain.errors import Finding


def resembling(source: Source, columns: Sequence[str], starred: bool) -> tuple[list[Finding], list[str]]:
    """Return the findings about undeclared text features that resemble numbers or dates, and remarks on text that holds only numbers.

    `starred` is True if the features come from `*`, for the hint.
    """
    if not columns:
        return [], []
    counts = {name: Resemblance() for name in columns}
    for batch, dialect, _ in source.pieces(columns, columns):
        for name, column in zip(columns, batch.columns, strict=True):
            counts[name].update(column, dialect)
    candidates = {name: count for name, count in counts.items() if count.kind}
    numeric = [name for name, count in candidates.items() if count.kind == "numbers" and count.plain == count.cells]
    odd = {name: count for name, count in candidates.items() if name not in numeric}
    remarks = [
        f"`{display(name)}` is text that holds numbers, taken as categories: `{{name: {display(name)}, type: numeric}}` reads them as numbers,"
        f" `type: categorical` says that they are names"
        for name in numeric
    ]
    return list(findings(source, odd, starred)), remarks


def findings(source: Source, counts: dict[str, Resemblance], starred: bool) -> Iterator[Finding]:
    """Yield the finding about each column, with its first cells that are not plain values."""
    positions: dict[str, list[int]] = {name: [] for name in counts}
    cells: dict[str, list[str]] = {name: [] for name in counts}
    totals = dict.fromkeys(counts, 0)
    for batch, dialect, first in source.pieces(tuple(counts), tuple(counts)) if counts else ():
        for (name, count), column in zip(counts.items(), batch.columns, strict=True):
            rows = np.flatnonzero(bits(unlike(column, dialect, count.kind)))
            totals[name] += len(rows)
            more = rows[: max(0, 1_000 - len(cells[name]))].tolist()
            positions[name] += [first + row for row in more]
            cells[name] += [str(column[row].as_py()) for row in more]
    for name, count in counts.items():
        rows = np.array(positions[name][:MOST_ROWS], dtype=np.int64)
        hints = (*ways_out(count, cells[name], source), as_category(name, starred))
        code, what = words(count, totals[name], cells[name])
        yield BatchFinding(code, what, name, rows, totals[name], cells[name][:MOST_ROWS], hints=hints).at(source.origin)


def words(count: Resemblance, total: int, cells: Sequence[str]) -> tuple[str, str]:
    """Return the code and the sentence of a finding about `total` cells."""
    some = f"{total:,} of {count.cells:,} cells {'are' if total > 1 else 'is'}"
    if count.kind == "dates":
        return "dates-as-text", f"it looks like dates, and {some} not written 2026-01-31"
    if count.kind == "truth values":
        return "booleans-as-text", f"it looks like true and false, and {some} neither"
    if all(COMMA.fullmatch(cell) for cell in cells):
        return "decimal-comma", f"it looks like numbers, and {some} written with a comma"
    return "numbers-as-text", f"it looks like numbers, and {some} no plain number{'s' if total > 1 else ''}"


def ways_out(count: Resemblance, cells: Sequence[str], source: Source) -> list[str]:
    """Return the hints for cells that are not plain values."""
    if count.kind == "dates":
        return ["write dates as 2026-01-31, or 2026-01-31T12:00:00"]
    if count.kind == "truth values":
        return ["write true and false, or leave the field empty where it is not known"]
    return ways_out_of_numbers(cells, source.format.name, source.missing_words)


def as_category(name: str, starred: bool) -> str:
    """Return the hint to declare a column as a category."""
    item = f"{{name: {display(name)}, type: categorical}}"
    return f'or if these are names: `features: ["*", {item}]`' if starred else f"or if these are names: `{item}`"
