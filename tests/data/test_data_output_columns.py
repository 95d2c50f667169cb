"""Columns as text formats hold them: UUIDs and bytes as text, and what they cannot hold refused by name."""

from __future__ import annotations

import uuid

import pyarrow as pa
import pyarrow.csv
import pytest

from disttrain import choices, data
from disttrain.errors import DataError

IDS = [uuid.uuid5(uuid.NAMESPACE_URL, str(number)) for number in range(200)]
COLUMNS = {
    "uuid": (pa.array([None if n % 7 == 3 else i.bytes for n, i in enumerate(IDS)], pa.uuid()), lambda n: str(IDS[n])),
    "bytes": (pa.array([None if n % 7 == 3 else f"é{n}".encode() for n in range(200)], pa.binary()), lambda n: f"é{n}"),
    "large": (pa.array([None if n % 7 == 3 else f"é{n}".encode() for n in range(200)], pa.large_binary()), lambda n: f"é{n}"),
    "view": (pa.array([None if n % 7 == 3 else f"é{n}".encode() for n in range(200)], pa.binary_view()), lambda n: f"é{n}"),
    "fixed": (pa.array([None if n % 7 == 3 else f"{n:04d}".encode() for n in range(200)], pa.binary(4)), lambda n: f"{n:04d}"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_bytes_that_are_text_are_written_as_text(name):
    column, text = COLUMNS[name]
    for start in (0, 3, 11):
        # A slice, and several chunks: offsets must be counted from where the column begins.
        chunks = pa.chunked_array([column.slice(start, 50), column.slice(start + 50)])
        written = data.in_format(pa.table({name: chunks}), "csv").column(name)
        assert written.to_pylist() == [None if n % 7 == 3 else text(n) for n in range(start, 200)]


@pytest.mark.parametrize("row", [0, 77, 199])
def test_bytes_that_are_no_text_are_named_by_their_row(row):
    values = [b"\xff\x00" if number == row else b"ok" for number in range(200)]
    with pytest.raises(DataError) as caught:
        data.in_format(pa.table({"key": pa.array(values)}), "ndjson", first=1000)
    assert caught.value.findings[0].where == f"row {1000 + row:,}, column `key`"


NOT_IN_CSV = [pa.list_(pa.int8()), pa.large_list(pa.string()), pa.struct({"a": pa.int8()}), pa.map_(pa.string(), pa.int8())]


@pytest.mark.parametrize("kind", NOT_IN_CSV, ids=str)
def test_what_csv_cannot_hold_is_refused_with_a_format_that_can(kind):
    schema = pa.schema({"fine": pa.string(), "nested": kind})
    with pytest.raises(DataError) as caught:
        data.require_format(schema, ["fine", "nested"], "csv")
    (finding,) = caught.value.findings
    assert (finding.where, finding.hints) == ("column `nested`", ("`--format parquet`",))
    data.require_format(schema, ["fine", "nested"], "parquet")


def test_each_format_that_can_be_read_can_be_written_and_named():
    assert tuple(data.FORMATS) == tuple(choices.SUFFIXES) == choices.FORMATS[1:]
    assert all(form.suffixes == choices.SUFFIXES[name] for name, form in data.FORMATS.items())


def test_formulas_get_an_apostrophe_and_all_else_is_left_alone(tmp_path):
    texts = ["=1+1", "+49", "-x", "@SUM(A1)", "\tx", "\rx", "a=b", " =1", "", None, "'quoted"]
    table = pa.table({"=name": texts, "number": range(-5, 6)})
    made = data.for_spreadsheets(table)
    assert made.column_names == ["'=name", "number"]
    assert made["'=name"].to_pylist() == ["'=1+1", "'+49", "'-x", "'@SUM(A1)", "'\tx", "'\rx", *texts[6:]]
    assert made["number"].equals(table["number"])
