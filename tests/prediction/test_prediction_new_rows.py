"""A file to predict has the format of its suffix, whether it is named alone, by a pattern or by its folder."""

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from disttrain.config import parse
from disttrain.errors import DataError
from disttrain.prediction.new_rows import new_source

TABLE = pa.table({"x": [1.0, 2.0]})


@pytest.fixture
def config_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new").mkdir()
    return lambda format: parse(
        {"recipe": "plain", "distribution": "normal", "data": {"train": "t.csv", "target": "y", "features": "*", "format": format}}
    )


@pytest.mark.parametrize("configured", ["auto", "csv", "parquet"])
@pytest.mark.parametrize("data", ["new", "new/*", "new/a.parquet"])
def test_the_format_of_new_rows_is_that_of_their_suffix(config_with, configured, data):
    pq.write_table(TABLE, "new/a.parquet")
    source = new_source(data, config_with(configured))
    assert source.format.name == "parquet"
    assert source.counts == (2,)


def test_of_a_folder_of_several_formats_the_files_of_the_configs_are_meant(config_with):
    pq.write_table(TABLE, "new/a.parquet")
    arrow_csv.write_csv(TABLE, "new/b.csv")
    for format, name in (("csv", "b.csv"), ("parquet", "a.parquet")):
        assert [file.name for file in new_source("new", config_with(format)).files] == [name]
    for data, format in (("new", "auto"), ("new/*", "csv")):
        with pytest.raises(DataError, match="mixes the formats"):
            new_source(data, config_with(format)).counts  # noqa: B018
    arrow_csv.write_csv(TABLE, "new/rows.dat")
    assert new_source("new/rows.dat", config_with("csv")).counts == (2,)
    assert new_source("new/b.csv", config_with("parquet"), "csv").counts == (2,)
