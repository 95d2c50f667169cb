"""A data source: its files, their properties, and their rows in batches of a fixed length, each column in the form of its role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.config.sections.data import CsvSection
from disttrain.data.column_checks import unseparated
from disttrain.data.column_type_guess import ColumnTypeGuess
from disttrain.data.column_types import AS_WRITTEN, NAME, NATIVE, NUMBER
from disttrain.data.common_types import exactly
from disttrain.data.file_columns import in_form, kind_of_cells, type_of
from disttrain.data.filters import columns_of, columns_of_names, keep
from disttrain.data.io.arrow_arrays import Batch, boolean_column, is_text
from disttrain.data.io.chunk_cache import ChunkCache
from disttrain.data.io.csv_dialect import Dialect
from disttrain.data.io.files import digest, half_of_memory, reading, stamp
from disttrain.data.io.formats import Format, format_of
from disttrain.data.io.hive import constant, partition_types, partitions
from disttrain.data.io.ndjson import is_large
from disttrain.data.io.record_batches import gathered, no_rows, of_length, plain_parts, regrouped, rows_from
from disttrain.data.messages import Origin, column_location, display, display_path, located, raise_any
from disttrain.data.united_schema import repeated, united
from disttrain.data.wrong_cells import WrongCells
from disttrain.errors import DataError, Finding

BATCH_ROWS = 65_536
# Offsets of Arrow's text have 31 bits.
MOST_TEXT = 2**31 - 1
# A record batch, its dialect, and the position of its first row.
Piece: TypeAlias = "tuple[pa.RecordBatch, Dialect, int]"
# Prefixes of the key of a column that is read a second time, besides the form of its role: in its native type to compare, or verbatim.
COMPARED, VERBATIM = "compared\0", "kept\0"


@dataclass(frozen=True)
class Rows:
    """The rows of a source that pass its filters: the columns in the forms of their roles, the columns to compare in their native types,
    and the position of each row among the `total` rows of the source.
    """

    table: pa.Table
    compared: pa.Table
    row: NDArray[np.int64]
    total: int


class Source:
    """Files of one format. Their properties (schemas, types, counts, checksums) are computed once.

    `options` are the config's `data.csv`; `renamed` {name: name in the file} renames columns. `configured` is True if hints may name config
    keys.
    """

    def __init__(
        self, files: Sequence[Path], format: str = "auto", options: CsvSection | None = None, renamed: Mapping[str, str] | None = None,
        configured: bool = True,
    ) -> None:  # fmt: skip
        self.files = tuple(files)
        self.named = format
        self.options = options
        self.configured = configured
        self.renamed = dict(renamed or {})
        self._native_types: dict[str, pa.DataType] = {}
        self._common_types: dict[str, pa.DataType] = {}
        self._counts: dict[Path, int] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}
        self.cache = ChunkCache()

    @cached_property
    def format(self) -> Format:
        """The format of all files. Raises DataError if they differ, or if no format has the suffix."""
        forms = {form.name: form for form in (format_of(path, self.named) for path in self.files)}
        if len(forms) > 1:
            what = f"the source mixes the formats {' and '.join(forms)}"
            hints = ("name the files of one, with a glob",)
            raise DataError(Finding("formats-differ", what, display_path(self.files[0].parent), hints=hints))
        return next(iter(forms.values()))

    @cached_property
    def dialects(self) -> tuple[Dialect, ...]:
        """The dialect of the text in each file."""
        return tuple(self.format.dialect(path, self.options) for path in self.files)

    @cached_property
    def _schemas(self) -> tuple[pa.Schema, ...]:
        """The schema of each file."""
        return tuple(self.format.schema(path, dialect) for path, dialect in zip(self.files, self.dialects, strict=True))

    @cached_property
    def _partitions(self) -> dict[str, pa.DataType]:
        """The columns that occur in folder names and not in the files, with their types."""
        inside = set(self._schemas[0].names)
        return {name: kind for name, kind in partition_types(self.files, ()).items() if name not in inside}

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of all files and folders, in types that hold for all files; text if the format has no types.

        A dictionary has the type of its values. A column that is all null in one file has its type in the other files.
        Raises DataError if a column is not in all files.
        """
        fields, self._conflicts, self._doubts = united(self.files, self._schemas)
        self._require_renamed([field.name for field in fields])
        names = {file_name: name for name, file_name in self.renamed.items()}
        fields = [
            field.with_name(names.get(field.name, field.name)) for field in fields if field.name not in set(self.renamed) - set(names)
        ]
        return pa.schema([*fields, *(pa.field(name, kind) for name, kind in self._partitions.items())])

    def require_separated(self, columns: Iterable[str]) -> None:
        """Raise DataError if the header of a text file contains the required columns only with another separator."""
        file_names = [self.renamed.get(name, name) for name in columns]
        for path, dialect, schema in zip(self.files, self.dialects, self._schemas, strict=True) if not self.typed else ():
            if fault := unseparated(file_names, schema.names, dialect.separator, display_path(path), self.configured):
                raise DataError(fault)

    def _require_renamed(self, present: Sequence[str]) -> None:
        missing = [name for name in self.renamed.values() if name not in present]
        if missing:
            hints = (f"it has {', '.join(f'`{display(name, 40)}`' for name in present[:12])}",)
            what = f"there is no column `{display(missing[0])}`, which `--map` names"
            raise DataError(Finding("missing-column", what, self.location, hints=hints))

    @property
    def location(self) -> str:
        """The first file, for messages."""
        return display_path(self.files[0])

    @property
    def typed(self) -> bool:
        """True if the files have column types."""
        return self.format.typed

    def conflict(self, column: str) -> Finding | None:
        """Return the finding that a column has types in two files that only text can hold; None if there is none."""
        return self._conflicts.get(column) if self.schema is not None else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """The dialects of the text files that differ from plain CSV."""
        paths = {
            dialect.remark: path for path, dialect in zip(reversed(self.files), reversed(self.dialects), strict=True) if dialect.remark
        }
        return tuple(f"{display_path(path)}: {remark}" for remark, path in reversed(paths.items()))

    @property
    def missing_words(self) -> tuple[str, ...]:
        """The missing-value words in the files."""
        return tuple(dict.fromkeys(word for dialect in self.dialects for word in dialect.words))

    def native_types(self, columns: Sequence[str]) -> dict[str, pa.DataType]:
        """Return the types of some columns: those of the files, or the narrowest types that all cells of all files fit."""
        if self.typed:
            return {name: self.schema.field(name).type for name in columns}
        return self._guessed(columns)

    def _guessed(self, columns: Sequence[str]) -> dict[str, pa.DataType]:
        """Return the narrowest types that all cells of all files fit."""
        unknown = [name for name in dict.fromkeys(columns) if name not in self._native_types and name not in self._partitions]
        if unknown:
            guesses = {name: ColumnTypeGuess() for name in unknown}
            for batch, dialect, _ in self.pieces(unknown, unknown):
                for name, column in zip(unknown, batch.columns, strict=True):
                    guesses[name].update(column, dialect)
            self._native_types |= {name: guess.result() for name, guess in guesses.items()}
        return {name: self._native_types[name] if name in self._native_types else self._partitions[name] for name in columns}

    def _common(self, columns: Sequence[str]) -> dict[str, pa.DataType]:
        """Return the types of some columns over all files: of several candidates, the first that holds all values."""
        schema = self.schema
        doubts = {name: self._doubts.get(self.renamed.get(name, name), ()) for name in columns if name not in self._partitions}
        unknown = {name: list(left) for name, left in doubts.items() if left and name not in self._common_types}
        for batch, _, _ in self.pieces(list(unknown)) if unknown else ():
            for name, column in zip(unknown, batch.columns, strict=True):
                left = unknown[name]
                unknown[name] = [kind for kind in left[:-1] if exactly(column, kind) is not None] + left[-1:]
        self._common_types |= {name: left[0] for name, left in unknown.items()}
        return {name: self._common_types.get(name, schema.field(name).type) for name in columns}

    def _require_once(self, columns: Sequence[str]) -> None:
        """Raise DataError with the absent and the duplicated columns."""
        present = set(self.schema.names)
        file_names = [self.renamed.get(name, name) for name in columns if name in present and name not in self._partitions]
        absent, what = [name for name in columns if name not in present], "there is no such column"
        missing = [Finding("missing-column", what, column_location(self.location, name)) for name in absent]
        raise_any([*repeated(self.files, self._schemas, file_names), *missing])

    def pieces(self, columns: Sequence[str], text: Collection[str] = ()) -> Iterator[Piece]:
        """Yield the rows of `columns` in the chunks of the files: a record batch, its dialect, and the position of its first row.

        Columns in `text` are the text of their values. Raises DataError for missing or ambiguous columns and unreadable files.
        """
        self._require_once(columns)
        position = 0
        for path, dialect, schema in zip(self.files, self.dialects, self._schemas, strict=True):
            first, before = position, self._stamps.setdefault(path, stamp(path))
            for batch in self._file_pieces(path, columns, schema, dialect, text):
                yield batch, dialect, position
                position += batch.num_rows
            if stamp(path) != before:
                raise DataError(Finding("file-changed", "the file changed while it was read", display_path(path)))
            self._counts[path] = position - first

    def _file_pieces(
        self, path: Path, columns: Sequence[str], schema: pa.Schema, dialect: Dialect, text: Collection[str]
    ) -> Iterator[pa.RecordBatch]:
        values = partitions(path)
        file_names = {name: self.renamed.get(name, name) for name in columns if name not in self._partitions}
        inside = list(file_names.values())
        # Where no column of the file is asked for, some column must still tell the number of rows.
        inside = inside or [name for name, times in Counter(schema.names).items() if times == 1][:1]
        text_columns = {file_names[name] for name in text if name in file_names}
        for piece in gathered(self.cache.batches(self.format, path, inside, schema, dialect, text_columns, BATCH_ROWS)):
            for batch in plain_parts(piece):
                read = dict(zip(inside, batch.columns, strict=True))
                arrays = [
                    read[file_names[name]] if name in file_names
                    else constant(values.get(name), pa.string() if name in text else self._partitions[name], batch.num_rows)
                    for name in columns
                ]  # fmt: skip
                fields = [pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)]
                yield of_length(arrays, fields, batch.num_rows)

    def batches(self, forms: Mapping[str, str], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all files in order, each column in its form, in record batches that end at each multiple of `rows` rows.

        A column in two forms is requested twice, once under its name after VERBATIM or COMPARED. A source without rows yields one empty
        batch with the columns. The batches do not depend on files, row groups or blocks; long texts end a batch earlier. Memory is bounded
        by a few batches.
        Raises DataError with all cells that cannot be read in the form of their column.
        """
        some = False
        for batch in regrouped((batch for batch, _ in self._conformed(forms)), rows):
            some = True
            yield batch
        if not some:
            yield no_rows(self._fields(forms))

    def read(self, forms: Mapping[str, str], compared: Sequence[str] = (), filters: Sequence[str] = (), limit: int | None = None) -> Rows:
        """Return the rows that pass the filters, of the first `limit` rows. Rows after the limit are not read, and the data is held once.

        Raises DataError like `batches`, and if the table would take more than half of the machine's memory.
        """
        parts, size, most, rows = [], 0, half_of_memory(), []
        used = tuple(dict.fromkeys((*compared, *columns_of(filters))))
        # What plays the part of a name is compared with a text as it is written.
        named = {name for name in columns_of_names(filters) if forms.get(name) in (NAME, AS_WRITTEN)} - set(compared)
        every = {**forms, **{COMPARED + name: NAME if name in named else NATIVE for name in used}}
        for part, first in self._conformed(every, limit):
            if filters:
                mask = keep(comparisons(part, used), filters)
                rows.append(np.flatnonzero(mask) + first)
                part = part.filter(boolean_column(mask))
            else:
                rows.append(np.arange(first, first + part.num_rows))
            size += part.nbytes
            if size > most:
                what = f"the columns in use take more than {most >> 30} GiB, half of this machine's memory"
                raise DataError(Finding("too-large", what, self.location, hints=("use fewer columns or rows",)))
            parts.append(part)
        table = pa.Table.from_batches(parts, schema=pa.schema(self._fields(every)))
        self._require_one_array(table, every)
        row = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        return Rows(table.select(list(forms)), comparisons(table, compared), row, sum(self.counts))

    def _require_one_array(self, table: pa.Table, forms: Mapping[str, str]) -> None:
        """Raise DataError if the texts of a column that is processed as one array are too long for it."""
        long = [key for key, form in forms.items() if form in (NAME, NATIVE) and is_text(table[key].type) and table[key].nbytes > MOST_TEXT]
        if long:
            what, hints = f"its texts take more than {MOST_TEXT / 2**30:.0f} GiB", ("use shorter names, or fewer rows",)
            raise DataError(Finding("too-large", what, column_location(self.location, column_of(long[0])), hints=hints))

    def _conformed(self, forms: Mapping[str, str], limit: int | None = None) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Yield the batches of the first `limit` rows with every column in its form, and the position of each batch's first row."""
        columns = tuple(dict.fromkeys(map(column_of, forms)))
        self._require_once(columns)
        fields, common = self._fields(forms), self._common([column_of(key) for key, form in forms.items() if form == NAME])
        text = {column_of(key) for key, form in forms.items() if self._as_text(column_of(key), form)}
        wrong = WrongCells()
        for batch, dialect, first in first_rows(self.pieces(columns, text), limit):
            by_name = dict(zip(columns, batch.columns, strict=True))
            arrays = []
            for form, field in zip(forms.values(), fields, strict=True):
                name = column_of(field.name)
                with reading(self.files[0], "a table"):
                    result = in_form(by_name[name], form, field.type, common.get(name), dialect)
                wrong.update(name, form if result.wrong is None else kind_of_cells(form, field.type), by_name[name], result, first)
                arrays.append(result.array)
            if not wrong.any:
                yield of_length(arrays, fields, batch.num_rows), first
        with located(self.origin):
            wrong.require_none(self.format.name if self.configured else "", self.missing_words)

    def _compared_types(self, columns: Sequence[str]) -> dict[str, pa.DataType]:
        """Return the types in which some columns are compared."""
        if not self.typed:
            return self._guessed(columns)
        stored = {name: self.schema.field(name).type for name in columns}
        # Numbers are never compared as text, even if only text holds all of them: numbers that no float holds are reported.
        types = {name: stored[name] if is_text(kind) else kind for name, kind in self._common(columns).items()}
        return types | self._guessed([name for name in columns if self._is_rounded(name)])

    def _fields(self, forms: Mapping[str, str]) -> list[pa.Field]:
        """Return the fields of the batches for `forms`."""
        native = self._compared_types([column_of(key) for key, form in forms.items() if form == NATIVE])
        verbatim = self._common([column_of(key) for key, form in forms.items() if form == AS_WRITTEN])
        return [pa.field(key, self._type_of(column_of(key), form, native, verbatim)) for key, form in forms.items()]

    def _type_of(self, name: str, form: str, native: Mapping[str, pa.DataType], verbatim: Mapping[str, pa.DataType]) -> pa.DataType:
        if form == NATIVE:
            return native[name]
        if form == AS_WRITTEN:
            return pa.string() if self._is_text(name) else verbatim[name]
        return type_of(self.schema.field(name).type, form)

    def _as_text(self, name: str, form: str) -> bool:
        """True if a form is computed from the text of the values."""
        return form == NAME or (form == AS_WRITTEN and self._is_text(name)) or (form in (NUMBER, NATIVE) and self._is_rounded(name))

    def _is_rounded(self, name: str) -> bool:
        """True if Arrow reads a column of numbers as floats although some are integers too long for a float, as in NDJSON."""
        if not (self.typed and self._has_lines and pa.types.is_floating(self.schema.field(name).type)):
            return False
        return any(is_large(schema.field(self.renamed.get(name, name))) for schema in self._schemas)

    def _is_text(self, name: str) -> bool:
        """True if values are copied as text: text itself, and NDJSON values whose digits or time zone Arrow would lose."""
        kind = self.schema.field(name).type
        exact = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind) or pa.types.is_nested(kind)
        return is_text(kind) or (self._has_lines and not exact)

    @property
    def _has_lines(self) -> bool:
        return self.format.lines is not None

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of rows of each file; from the footer for Parquet, counted for other formats."""
        for path, dialect, schema in zip(self.files, self.dialects, self._schemas, strict=True):
            if path not in self._counts:
                self._counts[path] = self.format.rows(path, schema, dialect)
        return tuple(self._counts[path] for path in self.files)

    @cached_property
    def origin(self) -> Origin:
        """The origin of the rows, for messages."""
        return origin_of([self])

    def lines(self, file: int, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the line of each of some rows of a file, from 1; None if the format has no lines."""
        lines = self.format.lines
        return None if lines is None else lines(self.files[file], self.dialects[file], rows)

    @cached_property
    def fingerprint(self) -> list[dict[str, str | int]]:
        """Name, size in bytes, SHA-256 and number of rows of each file."""
        return [{"path": display_path(path), **digest(path), "rows": rows} for path, rows in zip(self.files, self.counts, strict=True)]


def origin_of(sources: Sequence[Source]) -> Origin:
    """Return the origin of the rows of consecutive sources. Rows and lines are counted only if a message needs them."""
    files = [(source, number) for source in sources for number in range(len(source.files))]

    def lines(file: int, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        source, number = files[file]
        return source.lines(number, rows)

    names = tuple(display_path(source.files[number]) for source, number in files)
    return Origin(names, lambda: [count for source in sources for count in source.counts], lines=lines)


def column_of(key: str) -> str:
    """Return the column of a key: its name, without the prefix VERBATIM or COMPARED."""
    return key.removeprefix(VERBATIM).removeprefix(COMPARED)


def first_rows(pieces: Iterator[Piece], limit: int | None) -> Iterator[Piece]:
    """Yield the pieces up to the first `limit` rows. Later pieces are not read."""
    for batch, dialect, first in pieces:
        left = batch.num_rows if limit is None else limit - first
        yield rows_from(batch, 0, left), dialect, first
        if left <= batch.num_rows and limit is not None:
            return


def comparisons(rows: Batch, columns: Sequence[str]) -> pa.Table:
    """Return the columns that were read for comparison, under their names; an empty table if there are none."""
    present = [name for name in columns if rows.schema.get_field_index(COMPARED + name) >= 0]
    arrays = [rows.column(COMPARED + name) for name in present]
    return pa.Table.from_arrays(arrays, present) if arrays else pa.Table.from_batches([], pa.schema([]))
