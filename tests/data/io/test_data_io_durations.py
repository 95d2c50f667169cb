"""Durations are one text in CSV and in NDJSON, whatever their unit, and never a number that has lost it."""

from __future__ import annotations

import csv
import json
from datetime import timedelta

import pyarrow as pa
import pytest

from disttrain.data.io.formats import FORMATS

SECONDS = [1, 0, -1, 90_061, 359_999, None]
SPELLED = ["0:00:01", "0:00:00", "-0:00:01", "25:01:01", "99:59:59", None]
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def written(tmp_path, form, table):
    path = tmp_path / f"t.{form}"
    with FORMATS[form].writer(str(path), table.schema) as writer:
        writer.write_table(table)
    if form == "csv":
        with path.open(newline="") as file:
            return [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize("unit", UNITS)
def test_a_duration_is_hours_minutes_and_seconds(tmp_path, form, unit):
    counts = [None if second is None else second * UNITS[unit] for second in SECONDS]
    column = pa.array(counts, pa.int64()).cast(pa.duration(unit))
    assert [row["d"] for row in written(tmp_path, form, pa.table({"d": column, "n": range(6)}))] == SPELLED


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize(("unit", "text"), [("ms", "0:00:00.001"), ("us", "-0:00:00.000001"), ("ns", "0:00:00.000000001")])
def test_a_part_of_a_second_is_written_to_the_last_digit(tmp_path, form, unit, text):
    column = pa.array([-1 if text[0] == "-" else 1], pa.int64()).cast(pa.duration(unit))
    assert written(tmp_path, form, pa.table({"d": column}))[0]["d"] == text


def test_durations_in_lists_are_spelled_alike(tmp_path):
    table = pa.table({"d": pa.array([[timedelta(seconds=1), timedelta(days=-1)]], pa.list_(pa.duration("us"), 2))})
    assert written(tmp_path, "csv", table) == [{"d_0": "0:00:01", "d_1": "-24:00:00"}]
    assert written(tmp_path, "ndjson", table) == [{"d": ["0:00:01", "-24:00:00"]}]
