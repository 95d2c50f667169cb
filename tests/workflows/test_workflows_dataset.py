"""Rows are parted by the values that a file holds, whatever else its columns are read for."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from small_runs import write_config

from disttrain.config import load
from disttrain.workflows.dataset import dataset

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
    document = {"distribution": "normal", "data": {"train": "t.csv", "target": "y", "features": ["x", "region"], **data}, **sections}
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
