"""Wide Parquet files are read with work that grows with their columns, and not with the square of them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disttrain.data import Source


@pytest.fixture
def schemas_made(monkeypatch):
    """Counts how often Arrow is asked for the schema of a whole file."""
    made, getter = [], pq.ParquetFile.schema_arrow.fget
    monkeypatch.setattr(pq.ParquetFile, "schema_arrow", property(lambda file: made.append(1) or getter(file)))
    return made


def test_the_schema_is_made_as_often_for_many_columns_as_for_few(tmp_path, schemas_made):
    counts = []
    for columns in (2, 300):
        path = tmp_path / f"{columns}.parquet"
        pq.write_table(pa.table({f"x{number}": [1.0, 2.0] for number in range(columns)}), path)
        schemas_made.clear()
        source = Source([path])
        assert source.read(dict.fromkeys(source.schema.names, "number")).table.num_columns == columns
        counts.append(len(schemas_made))
    assert counts[0] == counts[1]
