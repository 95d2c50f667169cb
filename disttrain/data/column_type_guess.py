"""Type inference for files without types: the narrowest type that all cells of a column fit; and text that resembles another type."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from disttrain.data.io.arrow_arrays import text_column
from disttrain.data.io.csv_dialect import Dialect, number_text
from disttrain.data.text_values import cast_or_none, without_marks, without_missing_words

LONG_WHOLE = pa.decimal128(38, 0)
NUMBERS = (pa.int64(), LONG_WHOLE, pa.float64())
# Narrowest first in each: what fits one of them fits those after it.
TYPE_HIERARCHIES = (
    NUMBERS,
    (pa.bool_(),),
    (pa.date32(), pa.timestamp("us"), pa.timestamp("ns")),
    (pa.timestamp("us", tz="UTC"), pa.timestamp("ns", tz="UTC")),
)
CANDIDATES = tuple(kind for chain in TYPE_HIERARCHIES for kind in chain)
FIRST_CELLS = 32
# What no number is cast from: a scalar of Python's would import pandas.
NO_NUMBER = text_column(["no number"])[0]


@dataclass
class ColumnTypeGuess:
    """The types that all cells of a column fit so far, and the counts that recognise codes such as 007, which are names and not the
    number 7.
    """

    types: list[pa.DataType] = field(default_factory=lambda: list(CANDIDATES))
    codes: CodeCounts = field(default_factory=lambda: CodeCounts())
    empty: bool = True

    def update(self, text: pa.Array, dialect: Dialect) -> None:
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
        if fitting and fitting[0] in NUMBERS:
            self.codes.update(cells)
            if matching(cells, "^[+-]?0[xX]"):
                # Arrow reads them as integers; floats, which numbers become, do not.
                self.types = [kind for kind in fitting if kind not in NUMBERS]

    def result(self) -> pa.DataType:
        """Return the narrowest type; null if no cell has a value."""
        if self.empty:
            return pa.null()
        named = not self.types or (self.types[0] in NUMBERS and self.codes.are_codes)
        return pa.string() if named else self.types[0]


def narrowed(types: list[pa.DataType], cells: pa.Array, dialect: Dialect) -> list[pa.DataType]:
    """Return those of the types that all cells fit."""
    if not len(cells) or not types:
        return types
    first = str(cells[0]).strip()
    result: list[pa.DataType] = []
    for chain in TYPE_HIERARCHIES:
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
        result += left[narrowest:]
    return result


def may_be_time(cell: str) -> bool:
    """True if the cell may begin with a date such as 2026-01-31."""
    return cell[4:5] == "-"


# What the first of the cells must look like, so that a chain of types is tried at all.
POSSIBLE = {
    TYPE_HIERARCHIES[0]: lambda cell: cell[:1] in "+-.0123456789iInN",
    TYPE_HIERARCHIES[1]: lambda cell: cell.lower() in ("true", "false", "1", "0"),
    TYPE_HIERARCHIES[2]: may_be_time,
    TYPE_HIERARCHIES[3]: may_be_time,
}


def with_plain_marks(cells: pa.Array, dialect: Dialect) -> pa.Array:
    """Return numbers in the dialect's notation in the form 1234.5; other cells become NO_NUMBER. The plain notation is returned
    unchanged.
    """
    if dialect.decimal == "." and not dialect.thousands:
        return cells
    right = pc.match_substring_regex(cells, number_text(dialect))
    return pc.if_else(right, without_marks(cells, dialect), NO_NUMBER)


def in_plain_marks(cells: pa.Array, dialect: Dialect) -> pa.Array:
    """Return the cells with each number written 1234.5, and all other cells unchanged."""
    if dialect.decimal == "." and not dialect.thousands:
        return cells
    return pc.if_else(pc.match_substring_regex(cells, number_text(dialect)), without_marks(cells, dialect), cells)


def fits(cells: pa.Array, kind: pa.DataType) -> bool:
    # A cast that fails words an error for every cell it cannot take: a few cells first are a hundred times cheaper.
    """True if all cells can be cast to the type."""
    if cast_or_none(cells.slice(0, FIRST_CELLS), kind) is None:
        return False
    return cast_or_none(cells, kind) is not None


@dataclass
class CodeCounts:
    """Counts of the integers among some cells: all, those with a leading 0, the fewest and most digits; and the presence of fractions."""

    integers: int = 0
    padded: int = 0
    widths: tuple[int, int] = (1 << 30, 0)
    fractions: bool = False

    def update(self, cells: pa.Array) -> None:
        """Count some cells that are numbers or resemble them."""
        digits = cells.filter(pc.match_substring_regex(cells, r"^\d+$"))
        self.fractions = self.fractions or bool(pc.any(pc.match_substring_regex(cells, r"^[+-]?\d*[.]\d*(?:[eE][+-]?\d+)?$")).as_py())
        if not len(digits):
            return
        self.integers += len(digits)
        self.padded += matching(digits, "^0[0-9]")
        widths = pc.min_max(pc.utf8_length(digits))
        self.widths = min(self.widths[0], widths["min"].as_py()), max(self.widths[1], widths["max"].as_py())

    @property
    def are_codes(self) -> bool:
        """True if the cells are codes: some have a leading 0, none is a fraction, and all have one length or many have a leading 0. A
        single 007 among numbers is 7.
        """
        several = self.widths[0] == self.widths[1] or self.padded >= MANY_PADDED * self.integers
        return bool(self.padded) and not self.fractions and several


# What numbers and dates look like where they are written for people: $1,169.77, 45 %, 12 km, 31/12/24.
GROUPED = r"\d{1,3}(?:[,.' \x{a0}\x{202f}_]\d{3})+(?:[.,]\d+)?"
BARE = rf"[+\-\x{{2212}}\x{{2013}}]?(?:{GROUPED}|\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][+-]?\d+)?"
PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
MARKED = rf"^[(]?[$€£¥₹]?\s?{BARE}\s?[%$€£¥₹]?[)]?$"
WITH_UNIT = rf"^{BARE}\s?(?P<unit>[A-Za-zµ°/²³]{{1,8}})$"
# Of many distinct ones: with the code of a currency, a minus or a star after it, in hexadecimal or full-width digits, a time of day, a duration.
CURRENCY = r"USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|ZAR|SGD|HKD|KRW|TRY|RUB|US\$|C\$|A\$|R\$|Rs\.?|kr\.?|Fr\.?"
SPELLED = (
    rf"^(?:{CURRENCY})\s?{BARE}$|^{BARE}(?:-|\*+)$|^[+-]?0[xX][0-9a-fA-F]+(?:[pP][+-]?\d+)?$|^[+-]?[\x{{ff10}}-\x{{ff19}}\x{{ff0c}}\x{{ff0e}}.,]+$"
    r"|^\d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[aApP]\.?[mM]\.?)?$|^(?:\d+(?:\.\d+)?\s?(?:d|h|m|s|min|sec|hrs?|days?)\s?){2,}$"
)
DATE = (
    r"^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/](?:\d{4}|\d{2})|\d{1,2}\.\d{1,2}\.\d{4})(?:[ T].*)?$"
    r"|^\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}$|^[A-Za-z]{3,9} \d{1,2},? \d{4}$"
)
TRUTH = r"^(?i:true|false)$"
# A unit is the same in nearly all rows, and numbers with one are many: `3 doors` and `5 doors` are categories.
FEW_DISTINCT, SAME_UNIT = 20, 0.9
MOST, MANY_PADDED = 0.5, 0.05


@dataclass
class Resemblance:
    """Counts of the cells of a text column: all, plain numbers, numbers with marks or a unit, dates, truth values; and the first
    distinct cells.
    """

    cells: int = 0
    plain: int = 0
    marked: int = 0
    dates: int = 0
    truth: int = 0
    spelled: int = 0
    codes: CodeCounts = field(default_factory=CodeCounts)
    units: dict[str, int] = field(default_factory=dict)
    distinct: set[str] = field(default_factory=set)

    def update(self, text: pa.Array, dialect: Dialect) -> None:
        """Count some cells."""
        cells = in_plain_marks(without_missing_words(text, dialect).drop_null(), dialect)
        self.cells += len(cells)
        if not len(cells):
            return
        plain, marked, dates = (matching(cells, pattern) for pattern in (PLAIN, MARKED, DATE))
        self.plain, self.dates = self.plain + plain, self.dates + dates
        self.marked += marked - plain
        self.spelled += matching(cells, SPELLED)
        self.codes.update(cells)
        self.truth += matching(cells, TRUTH)
        if len(self.distinct) <= FEW_DISTINCT:
            self.distinct.update(pc.unique(cells)[: FEW_DISTINCT + 1].to_pylist())
        units = pc.struct_field(pc.extract_regex(cells, WITH_UNIT), "unit").drop_null().value_counts()
        for unit in units.to_pylist()[:1000]:
            self.units[unit["values"]] = self.units.get(unit["values"], 0) + unit["counts"]

    @property
    def of_unit(self) -> int:
        """The number of cells that are numbers with the unit of nearly all such cells, or numbers in another spelling."""
        if len(self.distinct) <= FEW_DISTINCT:
            return 0
        most, total = max(self.units.values(), default=0), sum(self.units.values())
        return self.spelled + (most if total and most >= SAME_UNIT * total else 0)

    @property
    def kind(self) -> str:
        """The kind of value that most cells resemble: `numbers`, `dates` or `truth values`; empty for names."""
        if not self.cells or self.codes.are_codes:
            return "dates" if self.cells and self.dates > MOST * self.cells else ""
        if self.plain + self.marked + self.of_unit >= MOST * self.cells and self.plain + self.marked + self.of_unit > self.dates:
            return "numbers"
        if MOST * self.cells <= self.truth < self.cells:
            return "truth values"
        return "dates" if self.dates > MOST * self.cells else ""


def matching(cells: pa.Array, pattern: str) -> int:
    """Count the cells that match a pattern."""
    count = pc.sum(pc.match_substring_regex(cells, pattern)).as_py()
    return int(count or 0)


def unlike(text: pa.Array, dialect: Dialect, kind: str) -> pa.BooleanArray:
    """Return an Arrow boolean array, true for cells that are present but are not plain values of the kind: numbers, truth values or ISO
    dates.
    """
    cells = in_plain_marks(without_missing_words(text, dialect), dialect)
    pattern = {"numbers": PLAIN, "truth values": TRUTH}.get(kind, r"^\d{4}-\d{2}-\d{2}(?:[ T].*)?$")
    return pc.invert(pc.match_substring_regex(cells, pattern)).fill_null(False)
