"""A cache of the text of small files, so that one parse serves all passes over a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from disttrain.data.io.csv_dialect import Dialect
from disttrain.data.io.files import STDIN, stamp
from disttrain.data.io.formats import CSV, Format
from disttrain.errors import DataError

# Larger files, or more text, are parsed again in every pass, and optional columns of files larger than this apart.
MOST_BYTES, MOST_OPTIONAL = 64 << 20, 16 << 20


class ChunkCache:
    """The chunks of CSV files of up to 64 MiB. Types of CSV columns take passes of their own before the rows are read.

    Later passes need the columns `expected`, and may ask for those that are `optional`, whose cells may be unreadable.
    """

    def __init__(self) -> None:
        self.expected: tuple[str, ...] = ()
        self.optional: tuple[str, ...] = ()
        self._chunks: dict[Path, list[pa.RecordBatch]] = {}
        self._columns: dict[Path, set[str]] = {}

    def clear(self) -> None:
        """Release the memory."""
        self._chunks.clear()
        self._columns.clear()

    def batches(
        self, format: Format, path: Path, columns: Sequence[str], schema: pa.Schema, dialect: Dialect, text: Collection[str], rows: int
    ) -> Iterator[pa.RecordBatch]:  # fmt: skip
        """Yield the record batches of `format.batches`; a parse includes the `expected` columns of the file, for later passes."""
        if not set(columns) <= self._columns.get(path, set()):
            if format is not CSV or not self.expected or path == STDIN or stamp(path)[0] > MOST_BYTES:
                yield from format.batches(path, columns, schema, dialect, text, rows)
                return
            yield from self._parsed(path, columns, schema, dialect, rows)
            return
        for batch in self._chunks[path]:
            yield batch.select(list(columns))

    def _parsed(self, path: Path, columns: Sequence[str], schema: pa.Schema, dialect: Dialect, rows: int) -> Iterator[pa.RecordBatch]:
        once = {name for name, times in Counter(schema.names).items() if times == 1}
        later = {*self.expected, *self._columns.get(path, ())} & once
        parsed = list(dict.fromkeys((*columns, *sorted(later))))
        batches: Iterable[pa.RecordBatch] = ()
        optional = sorted({*self.optional} & once - {*parsed}) if stamp(path)[0] <= MOST_OPTIONAL else []
        if optional:
            # A column that nobody needs must not stop what can do without it.
            with suppress(DataError):
                batches = list(CSV.batches(path, [*parsed, *optional], schema, dialect, (), rows))
                parsed += optional
        chunks: list[pa.RecordBatch] | None = []
        size = 0
        for batch in batches or CSV.batches(path, parsed, schema, dialect, (), rows):
            yield batch.select(list(columns))
            size += batch.nbytes
            if chunks is not None and size <= MOST_BYTES:
                chunks.append(batch)
            else:
                chunks = None
        if chunks is not None:
            self._chunks[path], self._columns[path] = chunks, set(parsed)
