"""The dialect of a text file: separator, decimal and thousands marks, words for missing values, encoding; recognised or configured."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from disttrain.config.sections.data import CsvSection
from disttrain.data.io.files import HEAD_BYTES, empty_file, head, opened_text, reading, require_text
from disttrain.data.messages import display, display_path
from disttrain.errors import DataError, Finding

# Those that are recognised, and how they are called.
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|"}
# The first line that declares the separator to spreadsheets; it is no header.
SEPARATOR_LINE = re.compile('"?sep=([\t -~])"?(\r\n|\n|\r|$)')
# Words that stand for a missing number, date or truth value, in any case and with blanks around; of names only the empty field is missing.
MISSING_WORDS = ("", "na", "n/a", "#n/a", "#na", "nan", "-nan", "null", "none", "<na>", "nat")
# With a mark that is a comma, a point or a blank: numbers that can be read in one way only.
BLANK = "' \u00a0\u202f"
DECIMAL_COMMA = re.compile(rf"[+-]?(\d{{4,}}|0|\d{{1,3}}([.{BLANK}]\d{{3}})+),\d+|[+-]?\d{{1,3}},(\d{{1,2}}|\d{{4,}})")
DECIMAL_POINT = re.compile(rf"[+-]?(\d{{4,}}|0|\d{{1,3}}([,{BLANK}]\d{{3}})+)\.\d+|[+-]?\d{{1,3}}\.(\d{{1,2}}|\d{{4,}})")
GROUPED = {
    ",": re.compile(r"[+-]?\d{1,3}((,\d{3})+\.\d+|(,\d{3}){2,})"),
    ".": re.compile(r"[+-]?\d{1,3}((\.\d{3})+,\d+|(\.\d{3}){2,})"),
    "'": re.compile(r"[+-]?\d{1,3}('\d{3})+([.,]\d+)?"),
    " ": re.compile(r"[+-]?\d{1,3}( \d{3})+([.,]\d+)?"),
    "\u00a0": re.compile("[+-]?\\d{1,3}(\u00a0\\d{3})+([.,]\\d+)?"),
    "\u202f": re.compile("[+-]?\\d{1,3}(\u202f\\d{3})+([.,]\\d+)?"),
}
MOST_SAMPLE_ROWS = 2_000
MOST_CELLS = 0.8


@dataclass(frozen=True)
class Dialect:
    """The rules that turn text into values.

    `missing` are the configured words for missing values, matched exactly in columns of names and in any case in other columns; None means
    the usual words, in columns of numbers, dates and truth values only. `words` are the missing-value words in the sample. `before_header`
    is the length, in characters, of a first line that declares the separator.
    """

    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    missing: tuple[str, ...] | None = None
    words: tuple[str, ...] = ()
    before_header: int = 0

    @property
    def plain(self) -> bool:
        """True if numbers are written like 1234.5 and no missing-value word is itself a number."""
        return self.decimal == "." and not self.thousands and not any(map(is_float, self.missing or ()))

    @property
    def remark(self) -> str:
        """Describe the differences from plain comma-separated UTF-8 with decimal points, for the screen. Empty if there are none."""
        parts = []
        if self.separator != ",":
            parts.append(f"separated by {separator_name(self.separator)}")
        if self.decimal != ".":
            parts.append("decimal comma")
        if self.thousands:
            parts.append(f"thousands mark {BLANKS.get(self.thousands, f'`{self.thousands}`')}")
        if self.encoding != "utf-8":
            parts.append(f"{self.encoding} text, not UTF-8 (`iconv -f {self.encoding.upper()} -t UTF-8` converts it)")
        if self.words:
            parts.append("missing: " + ", ".join(display(word, 20) for word in self.words))
        return ", ".join(parts)


def separator_name(separator: str) -> str:
    """Return the name of a separator in messages."""
    return "blank" if separator == " " else SEPARATORS.get(separator, f"`{display(separator)}`")


def is_float(word: str) -> bool:
    """True if Python reads the word as a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


BLANKS = {" ": "blank", "\u00a0": "blank", "\u202f": "blank"}
PLAIN = Dialect()
# Text in a file whose format has types: read as it is, without words or marks of its own.
TYPED = Dialect(missing=())


def dialect_of(path: Path, options: CsvSection | None = None) -> Dialect:
    """Return the dialect of a text file: from `options` (the config's `data.csv`), and otherwise recognised in the first 64 KiB.

    Raises DataError if the file is empty, is not text, or has another encoding than `options` says.
    """
    first = head(path)
    encoding = _option(options, "encoding") or recognised_encoding(first)
    if encoding != "utf-16":
        require_text(path, "csv", first)
    sample = decoded(path, first, encoding)
    declared = SEPARATOR_LINE.match(sample)
    sample = sample[0 if declared is None else declared.end() :]
    separator = _option(options, "separator") or (recognised_separator(sample) if declared is None else declared[1])
    columns = columns_of(rows_of(sample, separator)[1:])
    decimal = _option(options, "decimal") or recognised_decimal(columns, separator)
    thousands = _option(options, "thousands")
    missing = getattr(options, "missing", "auto")
    missing = None if missing == "auto" else tuple(missing)
    marks = recognised_thousands(columns, decimal) if thousands is None else ("" if thousands == "none" else thousands)
    dialect = Dialect(separator, decimal, marks, encoding, missing, before_header=0 if declared is None else declared.end())
    return replace(dialect, words=words_in(columns, dialect))


def columns_of(rows: Sequence[Sequence[str]]) -> list[set[str]]:
    """Return the distinct cells of each column of the sample, stripped of blanks, without empty cells."""
    return [{cell.strip() for cell in column} - {""} for column in zip(*rows, strict=False)]


def words_in(columns: Sequence[set[str]], dialect: Dialect) -> tuple[str, ...]:
    """Return the missing-value words in the numeric columns of the sample."""
    words = MISSING_WORDS if dialect.missing is None else tuple(word.lower() for word in dialect.missing)
    number = re.compile(number_text(dialect))
    observed: set[str] = set()
    for cells in columns:
        absent = {cell for cell in cells if cell.lower() in words}
        if absent and any(number.match(cell) for cell in cells - absent):
            observed |= absent
    return tuple(sorted(observed))[:6]


def _option(options: CsvSection | None, key: str) -> str | None:
    value: str = getattr(options, key, "auto")
    return None if value == "auto" else value


def recognised_encoding(first: bytes) -> str:
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        first.decode("utf-8")
    except UnicodeDecodeError as fault:
        # The first 64 KiB may end inside a character.
        if len(first) == HEAD_BYTES and fault.start >= len(first) - 3:
            return "utf-8"
        # These bytes are control characters in latin-1, and quotes, dashes and the euro sign as Windows writes them.
        windows = any(0x80 <= byte <= 0x9F for byte in first) and not any(byte in first for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
        return "cp1252" if windows else "latin-1"
    return "utf-8"


def decoded(path: Path, first: bytes, encoding: str) -> str:
    """Return the sample as text, without its last line if that may be incomplete."""
    try:
        text = first.decode(encoding, errors="strict" if len(first) < HEAD_BYTES else "ignore")
    except (UnicodeDecodeError, LookupError) as fault:
        what = f"it cannot be read as {display(encoding)} text: {display(fault, 120)}"
        hints = ("leave `data.csv.encoding` out: it is recognised", "or name the one it has, such as `latin-1`, `cp1252`, `utf-16`")
        raise DataError(Finding("not-utf8", what, display(path), hints=hints)) from None
    text = text.removeprefix("\ufeff")
    cut = text.rfind("\n") if len(first) == HEAD_BYTES else -1
    return text[: cut + 1] if cut >= 0 else text


def rows_of(sample: str, separator: str) -> list[list[str]]:
    """Return the first rows of the sample as cells. An unclosed quote ends the rows."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
            if row:
                rows.append(row)
            if len(rows) >= MOST_SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    return rows


def recognised_separator(sample: str) -> str:
    """Return the separator that gives the header the most columns, provided that most rows have as many."""
    best, most = ",", 1
    for separator in SEPARATORS:
        rows = rows_of(sample, separator)
        width = len(rows[0]) if rows else 0
        agreeing = sum(len(row) == width for row in rows[1:])
        # A malformed row is reported with its number; it does not change the separator.
        if width > most and 2 * agreeing >= len(rows) - 1:
            best, most = separator, width
    return best


def recognised_decimal(columns: Sequence[set[str]], separator: str) -> str:
    """Return a comma if at least as many columns are numbers with a decimal comma as with a decimal point; always a point in a
    comma-separated file.

    Versions and section numbers look like numbers with a point; hardly anything but a number looks like one with a comma.
    """
    if separator == ",":
        return "."
    commas = sum(any(are_numbers(cells, Dialect(decimal=",", thousands=mark), DECIMAL_COMMA) for mark in f".{BLANK}") for cells in columns)
    points = sum(any(are_numbers(cells, Dialect(decimal=".", thousands=mark), DECIMAL_POINT) for mark in f",{BLANK}") for cells in columns)
    return "," if commas and commas >= points else "."


def recognised_thousands(columns: Sequence[set[str]], decimal: str) -> str:
    """Return the mark between groups of three digits, if some column requires it and no column requires another one; else empty text."""
    marks = [
        mark
        for mark, form in GROUPED.items()
        if mark != decimal and any(are_numbers(cells, Dialect(decimal=decimal, thousands=mark), form) for cells in columns)
    ]
    return marks[0] if len(marks) == 1 else ""


def are_numbers(cells: set[str], dialect: Dialect, telling: re.Pattern[str]) -> bool:
    """True if most cells are numbers in a dialect and at least one can be read in no other way (`telling`)."""
    number = re.compile(number_text(dialect))
    return any(telling.fullmatch(cell) for cell in cells) and sum(bool(number.match(cell)) for cell in cells) >= MOST_CELLS * len(cells)


def header_of(path: Path, dialect: Dialect) -> Sequence[str]:
    """Return the column names in the first line of the file, which may be longer than the sample. Raises DataError if there is none."""
    with reading(path, "csv"), opened_text(path, dialect.encoding) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        lines.read(dialect.before_header)
        try:
            header = next((row for row in csv.reader(lines, delimiter=dialect.separator) if row), None)
        except csv.Error as fault:
            raise unreadable_header(path, fault) from None
    if header is None:
        raise DataError(empty_file(path))
    return header


def unreadable_header(path: Path, fault: csv.Error) -> DataError:
    """Return the error for a first line that Python's CSV reader refuses."""
    if "field limit" not in str(fault):
        return DataError(Finding("unreadable-file", f"the header cannot be read as csv: {fault}", display_path(path)))
    what = f"a name in the first line is longer than {csv.field_size_limit():,} characters"
    hints = ('close a quote (") that is opened there', "or end the header with a line end")
    return DataError(Finding("unreadable-file", what, display_path(path), hints=hints))


def number_text(dialect: Dialect) -> str:
    """Return the regular expression of a number with the marks of a dialect."""
    decimal, mark = re.escape(dialect.decimal), re.escape(dialect.thousands)
    plain = rf"[+-]?(\d+{decimal}?\d*|{decimal}\d+)([eE][+-]?\d+)?"
    return rf"^({plain}|[+-]?\d{{1,3}}({mark}\d{{3}})+({decimal}\d+)?)$" if mark else rf"^{plain}$"
