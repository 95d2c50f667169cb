"""Files of many tables: their order, and what is left where something goes wrong in the middle."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disttrain import data
from disttrain.data.io.table_writer import written
from disttrain.errors import DataError, Finding

PIECES = [list(range(10 * number, 10 * number + 10)) for number in range(20)]


def tables(values=PIECES):
    return iter([pa.table({"x": piece}) for piece in values])


def failing(batches, after):
    for number, batch in enumerate(batches):
        if number == after:
            raise DataError(Finding("broken", "it ends here"))
        yield batch


@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_tables_are_written_in_the_order_in_which_they_come(tmp_path, form):
    path = tmp_path / f"out.{form}"
    assert written(str(path), data.ahead(tables()), form, {b"key": b"value"}, replace=False) == 200
    assert data.Source([path]).read({"x": "native"}).table.column("x").to_pylist() == list(range(200))


def test_a_fault_in_the_reading_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="it ends here"):
        written(str(tmp_path / "out.parquet"), data.ahead(failing(tables(), after=5)), "parquet", {}, replace=False)
    assert not list(tmp_path.iterdir())


def test_a_fault_in_the_writing_is_told_and_leaves_what_was_there(tmp_path):
    path = tmp_path / "out.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    before = path.read_bytes()
    for place in (1, 19):
        others = [pa.table({"y": [1]}) if number == place else table for number, table in enumerate(tables())]
        with pytest.raises(ValueError, match="schema"):
            written(str(path), iter(others), "parquet", {}, replace=True)
        assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
