"""Rows are parted by the values that a file holds, whatever else its columns are read for."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest

from disttrain.config import load
from disttrain.errors import DataError
from disttrain.preparation.load import dataset
from tests.small_runs import write_config

ROWS = 24
TABLE = pa.table(
    {
        "x": [float(n) for n in range(ROWS)],
        "region": [("north", "south", "east")[n % 3] for n in range(ROWS)],
        "fold": [f"{n % 4}.0" for n in range(ROWS)],
        "day": [f"2024-01-{1 + n:02}" for n in range(ROWS)],
        "y": [float(n * n) for n in range(ROWS)],
    }
)
REGION, FOLD = {"column": "region", "values": ["south"]}, {"column": "fold", "values": [1]}


def rows_of(tmp_path, data, **sections):
    arrow_csv.write_csv(TABLE, tmp_path / "t.csv")
    document = {
        "recipe": "plain",
        "distribution": "normal",
        "data": {"train": "t.csv", "target": "y", "features": ["x", "region"], **data},
        **sections,
    }
    made = dataset(load(write_config(tmp_path / "config.yaml", document)))
    return [made.part(split).tolist() for split in ("train", "validation", "test")]


@pytest.mark.parametrize("features", [["x", "region"], ["x"], ["x", {"name": "fold", "type": "categorical"}, "region"]])
def test_listed_values_and_times_part_the_rows_beside_one_another(tmp_path, features):
    south, first = list(range(1, ROWS, 3)), list(range(1, ROWS, 4))
    fold = FOLD if len(features) < 3 else {"column": "fold", "values": ["1.0"]}
    _, validation, test = rows_of(tmp_path, {"features": features, "validation": fold, "test": REGION})
    assert test == south
    assert validation == [row for row in first if row not in south]
    _, validation, test = rows_of(
        tmp_path, {"features": features, "split": {"method": "time", "by": "day"}, "validation": REGION, "test": 0.25}
    )
    assert test == list(range(18, 24))
    assert validation == [row for row in south if row < 18]


@pytest.mark.parametrize("sections", [{}, {"evaluation": {"by": ["fold"]}}])
def test_a_column_of_groups_is_compared_like_any_other(tmp_path, sections):
    assert rows_of(tmp_path, {"validation": FOLD}, **sections)[1] == list(range(1, ROWS, 4))


VERSIONS = ["1.1", "1.10", "1.2", "1.20"]
ACCOUNTS = [str(12345678901234567890 + n) for n in range(4)]
PLAYED = {
    "id": {"id": ["version", "account"]},
    "category": {"features": ["x", {"name": "version", "type": "categorical"}, {"name": "account", "type": "categorical"}]},
    "group": {"split": {"method": "group", "by": "version"}},
}


@pytest.fixture
def versions(tmp_path):
    rows = pa.table({"x": range(ROWS), "y": range(ROWS), "version": VERSIONS * (ROWS // 4), "account": ACCOUNTS * (ROWS // 4)})
    arrow_csv.write_csv(rows, tmp_path / "rows.csv", arrow_csv.WriteOptions(quoting_style="none"))
    return lambda **data: dataset(load(write_config(tmp_path / "a.yaml", {
        "recipe": "plain",
        "distribution": "normal", "data": {"train": "rows.csv", "target": "y", "features": ["x"], "validation": None} | data,
    })))  # fmt: skip


@pytest.mark.parametrize("part", PLAYED)
def test_a_name_is_compared_with_a_text_as_it_is_written(part, versions):
    held = versions(**PLAYED[part], test={"column": "version", "values": ["1.10"]})
    assert held.row[held.split == 2].tolist() == list(range(1, ROWS, 4))
    if part == "group":
        return
    kept = versions(**PLAYED[part], filter=["version != '1.10'", f"account != '{ACCOUNTS[2]}'"])
    assert kept.row.tolist() == [row for row in range(ROWS) if row % 4 not in (1, 2)]
    assert versions(**PLAYED[part], filter="version > 1.1").row.tolist() == [row for row in range(ROWS) if row % 4 > 1]


def test_a_number_is_listed_as_a_number_whatever_its_column_is_for(versions):
    held = versions(id="version", test={"column": "version", "values": [1.1]})
    assert held.row[held.split == 2].tolist() == [row for row in range(ROWS) if row % 4 < 2]
    with pytest.raises(DataError) as caught:
        versions(filter="version == '1.10'")
    assert "`data.id`" in caught.value.findings[0].hints[1]
