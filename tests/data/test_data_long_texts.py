"""Long texts come in memory that has a bound, or in words that say why not."""

import numpy as np
import pyarrow as pa
import pytest

from disttrain import data
from disttrain.data.column_types import AS_WRITTEN, NAME, NUMBER
from disttrain.data.source import Source
from disttrain.errors import DataError


def written(path, table):
    with data.format_of(path).writer(path, table.schema) as writer:
        writer.write_table(table)
    return path


@pytest.mark.parametrize("kind", ["text", "text stored once", "large text", "bytes", "lists"])
@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_long_values_make_batches_short_and_lose_nothing(tmp_path, monkeypatch, kind, form):
    most, rows, length = 1 << 20, 1000, 8_000
    texts = pa.array(["y" * length, "", None, "z" * length] * (rows // 4))
    column = {
        "text": texts, "text stored once": texts.dictionary_encode(), "large text": texts.cast(pa.large_string()), "bytes": texts.cast(pa.binary()),
        "lists": pa.array([[0.0] * (length // 8)] * rows),
    }[kind]  # fmt: skip
    path = written(tmp_path / f"long.{form}", pa.table({"x": np.arange(rows), "long": column}))
    monkeypatch.setattr("disttrain.data.io.record_batches.MOST_BYTES", most)
    monkeypatch.setattr("disttrain.data.io.parquet_arrow.TEXT_ROWS", 50)
    batches = list(Source([path]).batches({"x": NUMBER, "long": AS_WRITTEN}, 400))
    # Whole parts are gathered until the bound is passed.
    assert max(batch.nbytes for batch in batches) < 2.2 * most
    ends = np.cumsum([batch.num_rows for batch in batches]).tolist()
    assert {400, 800, 1000} <= set(ends)
    made = pa.Table.from_batches(batches)
    assert made.column("x").to_pylist() == list(range(rows))
    assert made.column("long").to_pylist() == column.to_pylist()


@pytest.mark.parametrize(("form", "filters"), [(NAME, ()), (AS_WRITTEN, ("s != 'c'",))])
def test_names_that_are_too_long_together_are_told_and_copied_texts_are_not(tmp_path, monkeypatch, form, filters):
    path = written(tmp_path / "t.parquet", pa.table({"s": ["a" * 40, "b" * 40] * 100}))
    assert Source([path]).read({"s": form}, filters=filters).total == 200
    monkeypatch.setattr("disttrain.data.source.MOST_TEXT", 5_000)
    with pytest.raises(DataError, match=r"column `s`: its texts take more than"):
        Source([path]).read({"s": form}, filters=filters)
    assert Source([path]).read({"s": AS_WRITTEN}).total == 200
