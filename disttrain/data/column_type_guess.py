"""The type of a column in a file without types: the narrowest that all of its cells fit; and text that looks like something else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from disttrain.data.arrays import text_column
from disttrain.data.io.csv_dialect import Dialect, number_text
from disttrain.data.text_values import cast_or_none, without_marks, without_missing_words

__all__ = ["ColumnTypeGuess", "Resemblance"]

LONG_WHOLE = pa.decimal128(38, 0)
NUMBERS = (pa.int64(), LONG_WHOLE, pa.float64())
# Narrowest first in each: what fits one of them fits those after it.
CHAINS = (
    NUMBERS,
    (pa.bool_(),),
    (pa.date32(), pa.timestamp("us"), pa.timestamp("ns")),
    (pa.timestamp("us", tz="UTC"), pa.timestamp("ns", tz="UTC")),
)
CANDIDATES = tuple(kind for chain in CHAINS for kind in chain)
FIRST_CELLS = 32
# What no number is cast from: a scalar of Python's would import pandas.
NO_NUMBER = text_column(["no number"])[0]


@dataclass
class ColumnTypeGuess:
    """The types that all cells of a column so far fit; `padded` where one looks like 007, which is a name and not the number 7."""

    types: list[Any] = field(default_factory=lambda: list(CANDIDATES))
    padded: bool = False
    empty: bool = True

    def see(self, text: Any, dialect: Dialect) -> None:
        """Narrow the types by some cells."""
        cells = text.drop_null()
        fitting = narrowed(self.types, cells, dialect)
        if not fitting:
            # Perhaps words for missing values stand between them.
            cells = without_missing_words(cells, dialect).drop_null()
            fitting = narrowed(self.types, cells, dialect)
        if not len(cells):
            return
        self.types, self.empty = fitting, False
        self.padded = self.padded or (bool(fitting) and fitting[0] in NUMBERS and has_padded(cells))

    def result(self) -> Any:
        """The type; null where no cell has a value."""
        if self.empty:
            return pa.null()
        named = not self.types or (self.padded and self.types[0] in NUMBERS)
        return pa.string() if named else self.types[0]


def narrowed(types: list[Any], cells: Any, dialect: Dialect) -> list[Any]:
    """Those of the types that all cells fit."""
    if not len(cells) or not types:
        return types
    first = str(cells[0]).strip()
    found: list[Any] = []
    for chain in CHAINS:
        left = [kind for kind in chain if kind in types]
        if not left or not POSSIBLE[chain](first):
            continue
        if chain is NUMBERS:
            marked = with_plain_marks(cells, dialect)
            if "." in str(marked[0]):
                left = [kind for kind in left if kind == pa.float64()]
        else:
            marked = cells
        narrowest = next((number for number, kind in enumerate(left) if fits(marked, kind)), len(left))
        found += left[narrowest:]
    return found


def may_be_time(cell: str) -> bool:
    return cell[4:5] == "-"


# What the first of the cells must look like, so that a chain of types is tried at all.
POSSIBLE = {
    CHAINS[0]: lambda cell: cell[:1] in "+-.0123456789iInN",
    CHAINS[1]: lambda cell: cell.lower() in ("true", "false", "1", "0"),
    CHAINS[2]: may_be_time,
    CHAINS[3]: may_be_time,
}


def with_plain_marks(cells: Any, dialect: Dialect) -> Any:
    """Cells that are numbers with the marks of a dialect written 1234.5; the others as they are, but for a comma that is no mark."""
    if dialect.decimal == "." and not dialect.thousands:
        return cells
    right = pc.match_substring_regex(cells, number_text(dialect))
    return pc.if_else(right, without_marks(cells, dialect), NO_NUMBER)


def fits(cells: Any, kind: Any) -> bool:
    # A cast that fails words an error for every cell it cannot take: a few cells first are a hundred times cheaper.
    if cast_or_none(cells.slice(0, FIRST_CELLS), kind) is None:
        return False
    return cast_or_none(cells, kind) is not None


def has_padded(cells: Any) -> bool:
    return bool(pc.any(pc.match_substring_regex(cells, "^0[0-9xX]")).as_py())


# What numbers and dates look like where they are written for people: $1,169.77, 45 %, 12 km, 31/12/24.
GROUPED = r"\d{1,3}(?:[,.' \x{a0}\x{202f}]\d{3})+(?:[.,]\d+)?"
BARE = rf"[+-]?(?:{GROUPED}|\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][+-]?\d+)?"
PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
MARKED = rf"^[(]?[$€£¥₹]?\s?{BARE}\s?[%$€£¥₹]?[)]?$"
WITH_UNIT = rf"^{BARE}\s?(?P<unit>[A-Za-zµ°/²³]{{1,8}})$"
DATE = (
    r"^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/](?:\d{4}|\d{2})|\d{1,2}\.\d{1,2}\.\d{4})(?:[ T].*)?$"
    r"|^\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}$|^[A-Za-z]{3,9} \d{1,2},? \d{4}$"
)
TRUTH = r"^(?i:true|false)$"
# A unit is the same in nearly all rows, and numbers with one are many: `3 doors` and `5 doors` are categories.
FEW_DISTINCT, SAME_UNIT = 20, 0.9
MOST = 0.5


@dataclass
class Resemblance:
    """How many cells of a text column there are, are plain numbers, numbers with marks or a unit, dates, and truth values; the first `distinct` ones."""

    cells: int = 0
    plain: int = 0
    marked: int = 0
    dates: int = 0
    truth: int = 0
    padded: bool = False
    units: dict[str, int] = field(default_factory=dict)
    distinct: set[str] = field(default_factory=set)

    def see(self, text: Any, dialect: Dialect) -> None:
        """Count some cells."""
        cells = without_missing_words(text, dialect).drop_null()
        self.cells += len(cells)
        if not len(cells):
            return
        plain, marked, dates = (matching(cells, pattern) for pattern in (PLAIN, MARKED, DATE))
        self.plain, self.dates = self.plain + plain, self.dates + dates
        self.marked += marked - plain
        self.padded = self.padded or bool(matching(cells, r"^0(?:\d+|[xX].*)$"))
        self.truth += matching(cells, TRUTH)
        if len(self.distinct) <= FEW_DISTINCT:
            self.distinct.update(pc.unique(cells)[: FEW_DISTINCT + 1].to_pylist())
        units = pc.struct_field(pc.extract_regex(cells, WITH_UNIT), "unit").drop_null().value_counts()
        for unit in units.to_pylist()[:1000]:
            self.units[unit["values"]] = self.units.get(unit["values"], 0) + unit["counts"]

    @property
    def of_unit(self) -> int:
        """How many cells are numbers with the one unit that nearly all such cells have."""
        most, total = max(self.units.values(), default=0), sum(self.units.values())
        return most if total and most >= SAME_UNIT * total and len(self.distinct) > FEW_DISTINCT else 0

    @property
    def kind(self) -> str:
        """numbers, where most cells are; dates and truth values likewise; empty for names."""
        if not self.cells or self.padded:
            return "dates" if self.cells and self.dates > MOST * self.cells else ""
        if self.plain + self.marked + self.of_unit >= MOST * self.cells and self.plain + self.marked + self.of_unit > self.dates:
            return "numbers"
        if MOST * self.cells <= self.truth < self.cells:
            return "truth values"
        return "dates" if self.dates > MOST * self.cells else ""


def matching(cells: Any, pattern: str) -> int:
    count = pc.sum(pc.match_substring_regex(cells, pattern)).as_py()
    return int(count or 0)


def unlike(text: Any, dialect: Dialect, kind: str) -> Any:
    """Which cells are neither missing nor plain numbers (ISO dates), as an Arrow boolean array."""
    cells = without_missing_words(text, dialect)
    pattern = {"numbers": PLAIN, "truth values": TRUTH}.get(kind, r"^\d{4}-\d{2}-\d{2}(?:[ T].*)?$")
    return pc.invert(pc.match_substring_regex(cells, pattern)).fill_null(False)
