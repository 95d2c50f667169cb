"""NDJSON: a row is a line, and a column has one type, whatever it is called."""

import io
import json
import math
import time
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain.data.column_types import AS_WRITTEN, NUMBER
from disttrain.data.io.formats import FORMATS
from disttrain.data.io.record_batches import of_length
from disttrain.data.source import Source
from disttrain.errors import DataError


def lines_file(folder: Path, text: str) -> Source:
    (folder / "t.ndjson").write_text(text, encoding="utf-8")
    return Source([folder / "t.ndjson"])


@pytest.mark.parametrize(
    "name", ["kind", "Price (EUR)", "km/h", "a) changed from number to string in row", "größe/m", "(", ")", "/", "a/b/c", 'the "x"', ""]
)
@pytest.mark.parametrize("cells", [[1.5, "a"], ["a", 1.5], [True, "a"]])
def test_a_column_of_numbers_and_text_is_text_whatever_its_name(tmp_path, name, cells):
    source = lines_file(tmp_path, "".join(json.dumps({"a": {"b": 1}, name: cell, "z": 1.0}) + "\n" for cell in cells))
    assert str(source.schema.field(name).type) == "string"
    expected = [cell if isinstance(cell, str) else json.dumps(cell) for cell in cells]
    assert source.read({name: AS_WRITTEN}).table.column(name).to_pylist() == expected


@pytest.mark.parametrize(
    "text", ['{"x":1} {"x":2}\n', '{"x":1}{"x":2}', '{\n"x":1\n}\n{\n"x":2}\n', '{"x":\n1}\n', '\n{"x":1} {"x":2}\n', '{"x":1} {"x":2}\n\n']
)
def test_rows_that_are_not_one_a_line_are_refused_before_their_numbers_could_be_wrong(tmp_path, text):
    for read in (lambda source: source.schema, lambda source: source.counts and source.read({"x": NUMBER})):
        with pytest.raises(DataError, match=r"needs a line of its own"):
            read(lines_file(tmp_path, text))


@pytest.mark.parametrize(
    "text", ['{"x":1}\n{"x":2}', '\ufeff{"x":1}\r\n\r\n{"x":2}\r\n', ' {"x":1}\n\n \n{"x":2}\n\n', '\n{"x": 1}\n{"x":2}\n\t']
)
def test_blank_lines_are_no_rows(tmp_path, text):
    source = lines_file(tmp_path, text)
    assert source.read({"x": NUMBER}).table.column("x").to_pylist() == [1, 2]
    assert source.counts == (2,)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if "x" in line]
    assert source.lines(0, np.array([0, 1])).tolist() == lines


VALUES = {
    "text": ["a", 'the "b"', "back\\slash", "".join(map(chr, range(40))), "größe 😀\x7f\u2028", "", None],
    "float": [1.0, -0.0, 1e16, 1e-7, 123456789.0, 0.1, 1 / 3, 1e300, 5e-324, math.nan, math.inf, -math.inf, None],
    "whole": [2**63 - 1, -(2**63), 0, None],
    "truth": [True, False, None],
    "day": [date(2024, 1, 31), None],
    "time": [datetime(2024, 1, 31, 12, 30), datetime(2024, 1, 31, 12, 30, 0, 5), None],
    "exact": [Decimal("1.10"), None],
    "list": [[1.5, None, math.nan], [], None],
    "struct": [{"a": 'the "b"', "c": math.inf}, None],
    "null": [None, None],
}


@pytest.mark.parametrize("kind", VALUES)
def test_each_value_is_written_as_it_reads_back(tmp_path, kind):
    column = pa.array(VALUES[kind])
    table = pa.table({"row": np.arange(len(column)), 'the "name"': column})
    path = tmp_path / "t.ndjson"
    with FORMATS["ndjson"].writer(path, table.schema) as writer:
        writer.write_table(table.slice(1))
        writer.write_table(table.slice(0, 1))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    expected = [{"row": row, 'the "name"': plain(value)} for row, value in enumerate(VALUES[kind])]
    assert rows == [*expected[1:], expected[0]]
    assert [type(row['the "name"']) for row in rows] == [type(row['the "name"']) for row in [*expected[1:], expected[0]]]


def plain(value):
    """A value as Python's own JSON has it."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text(), st.floats(), st.floats(width=32)), max_size=8), st.text(max_size=5))
def test_lines_are_those_of_another_writer(rows, name):
    table = pa.table(
        {f"t{name}": pa.array([row[0] for row in rows], pa.string()), "x": pa.array([row[1] for row in rows], pa.float64()),
         "f": pa.array([row[2] for row in rows], pa.float32())}
    )  # fmt: skip
    sink = io.BytesIO()
    with FORMATS["ndjson"].writer(sink, table.schema) as writer:
        writer.write_table(table)
    assert [json.loads(line) for line in sink.getvalue().decode().split("\n")[:-1]] == [plain(row) for row in table.to_pylist()]


def test_rows_without_columns_are_empty_objects():
    sink = io.BytesIO()
    with FORMATS["ndjson"].writer(sink, pa.schema([])) as writer:
        writer.write_batch(of_length([], [], 3))
    assert sink.getvalue() == b"{}\n" * 3


def test_many_rows_are_written_at_once():
    rows = 100_000
    table = pa.table({"x": np.arange(rows) * 0.1, "y": np.arange(rows) * 0.3, "s": [f"id {row}" for row in range(rows)]})
    start = time.perf_counter()
    with FORMATS["ndjson"].writer(io.BytesIO(), table.schema) as writer:
        writer.write_table(table)
    # Row by row it takes a second.
    assert time.perf_counter() - start < 0.5
