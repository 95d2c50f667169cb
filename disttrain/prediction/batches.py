"""The rows to predict, batch by batch, from a run or from new files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.choices import SPLITS
from disttrain.config import Config
from disttrain.data import AS_WRITTEN, VERBATIM, Origin, Source, ahead, integer_column, rows_at, rows_from
from disttrain.model import Model
from disttrain.preparation.load import Dataset

BLOCK = 65_536


@dataclass(frozen=True)
class Batch:
    """Rows of a file or of a run: all or some rows of the block `number`.

    `row` is the number of each row in its source, `index` its number in all sources together. For a run's own rows, `split` is the split of
    each row and `table_index` its position in the run's table.
    """

    rows: pa.Table | pa.RecordBatch
    row: NDArray[np.int64]
    index: NDArray[np.int64]
    number: int
    origin: Origin
    split: NDArray[np.int8] | None = None
    table_index: NDArray[np.int64] | None = None


def own_batches(rows: Dataset, config: Config) -> Iterator[Batch]:
    """The batches of a run's own rows, of the splits in `predictions.splits`."""
    split_codes = [SPLITS.index(split) for split in config.predictions.splits]
    table_index = np.flatnonzero(np.isin(rows.split, split_codes))
    for number, start in enumerate(range(0, max(1, len(table_index)), BLOCK)):
        part = table_index[start : start + BLOCK]
        # Contiguous rows are a slice without a copy; other rows are gathered.
        contiguous = len(part) and part[-1] - part[0] + 1 == len(part)
        table = rows_from(rows.table, part[0], len(part)) if contiguous else rows_at(rows.table, integer_column(part))
        yield Batch(table, rows.row[part], rows.position[part], number, rows.origin.rows(rows.position[part]), rows.split[part], part)


def file_batches(source: Source, model: Model, kept_columns: Sequence[str]) -> Iterator[Batch]:
    """The batches of a source, with the columns of the model and the kept columns."""
    forms = model.schema.forms(target=False, ids=False)
    forms |= {VERBATIM + name if name in forms else name: AS_WRITTEN for name in kept_columns}
    first = 0
    for batch in ahead(source.batches(forms, BLOCK)):
        row = np.arange(first, first + batch.num_rows)
        yield Batch(batch, row, row, first // BLOCK, source.origin.at(first))
        first += batch.num_rows


def take_shard(batches: Iterable[Batch], shard: tuple[int, int]) -> Iterator[Batch]:
    """The batches of one shard: every n-th block. All shards together have the same numbers as a single run.

    A shard without blocks starts with an empty batch, so that its file has all columns.
    """
    share, shares = shard
    for batch in batches:
        if batch.number % shares == share:
            yield batch
        elif batch.number == 0:
            split = None if batch.split is None else batch.split[:0]
            yield Batch(batch.rows.slice(0, 0), batch.row[:0], batch.index[:0], 0, batch.origin, split)
