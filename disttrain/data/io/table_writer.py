"""Writing of consecutive tables into one file of any format."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from disttrain import config as configs
from disttrain import storage
from disttrain.data.io.files import Sink
from disttrain.data.io.formats import FORMATS
from disttrain.data.output_columns import in_format


def written(output: str, tables: Iterator[pa.Table], form: str, facts: dict[bytes, bytes], replace: bool) -> int:
    """Write tables into the file `output`, or to standard output (`-`), with `facts` as its metadata. Returns the number of rows.

    Raises StorageError, OutputExists if the file exists and `replace` is False, and any error of the iterator; no file is left then.
    """
    if output == "-":
        rows = _write_tables(sys.stdout.buffer, tables, form, facts)
        sys.stdout.buffer.flush()
        return rows
    # A file that is open: given a name, pyarrow would look for its own home folder in it.
    with storage.replacing(configs.expanded(output), overwrite=replace) as path, pa.OSFile(os.fsencode(path), "wb") as file:
        return _write_tables(file, tables, form, facts)


def _write_tables(sink: Sink, tables: Iterator[pa.Table], form: str, facts: dict[bytes, bytes]) -> int:
    """Write tables in order, each while the next is computed, and return the number of rows. There is at least one table, possibly
    empty.
    """
    tables = (in_format(table, form) for table in tables)
    first = next(tables)
    rows = 0
    writing: Future[None] | None = None
    with FORMATS[form].writer(sink, first.schema.with_metadata(facts)) as writer, ThreadPoolExecutor(1) as thread:
        for table in itertools.chain([first], tables):
            if writing is not None:
                writing.result()
            writing = thread.submit(writer.write_table, table.replace_schema_metadata(facts))
            rows += table.num_rows
        if writing is not None:
            writing.result()
    return rows
