"""NDJSON: a row is a line, and a column has one type, whatever it is called."""

import json
from pathlib import Path

import numpy as np
import pytest

from disttrain.data.column_types import AS_WRITTEN, NUMBER
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
