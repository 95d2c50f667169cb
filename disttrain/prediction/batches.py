"""The rows that are predicted, batch by batch: those of a run, or of new files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from disttrain import data as rooms
from disttrain.choices import SPLITS
from disttrain.config import Config
from disttrain.data import Origin, Source
from disttrain.model import Model
from disttrain.preparation.load import Dataset

Array = np.ndarray[Any, Any]


BLOCK = 65_536


@dataclass(frozen=True)
class Batch:
    """Rows of a file or of a run, all or some of the `number`-th block of them. `row` is each one's number in its source, `index` that in all sources
    together; of a run's own rows `split` is each one's part and `table_index` where it stands in the run's data."""

    rows: pa.Table | pa.RecordBatch
    row: Array
    index: Array
    number: int
    origin: Origin
    split: Array | None = None
    table_index: Array | None = None


def own_batches(rows: Dataset, config: Config) -> Iterator[Batch]:
    wanted = [SPLITS.index(split) for split in config.predictions.splits]
    place = np.flatnonzero(np.isin(rows.split, wanted))
    for number, start in enumerate(range(0, max(1, len(place)), BLOCK)):
        part = place[start : start + BLOCK]
        # One run of rows is a slice, which costs nothing; otherwise they are gathered.
        whole = len(part) and part[-1] - part[0] + 1 == len(part)
        table = rooms.rows_from(rows.table, part[0], len(part)) if whole else rooms.rows_at(rows.table, rooms.integer_column(part))
        yield Batch(table, rows.row[part], rows.position[part], number, rows.origin.rows(rows.position[part]), rows.split[part], part)


def file_batches(source: Source, model: Model, kept: Sequence[str]) -> Iterator[Batch]:
    forms = model.schema.forms(target=False, ids=False)
    forms |= {rooms.KEPT + name if name in forms else name: rooms.AS_WRITTEN for name in kept}
    first = 0
    for batch in rooms.ahead(source.batches(forms, BLOCK)):
        row = np.arange(first, first + batch.num_rows)
        yield Batch(batch, row, row, first // BLOCK, source.origin.at(first))
        first += batch.num_rows


def take_shard(batches: Iterable[Batch], shard: tuple[int, int]) -> Iterator[Batch]:
    """The batches of one shard: whole blocks in turn, so that the shards together hold the very numbers of a single run.

    A shard that none falls to begins with an empty one, so that its file has all columns.
    """
    share, shares = shard
    for batch in batches:
        if batch.number % shares == share:
            yield batch
        elif batch.number == 0:
            split = None if batch.split is None else batch.split[:0]
            yield Batch(batch.rows.slice(0, 0), batch.row[:0], batch.index[:0], 0, batch.origin, split)
