"""NDJSON: a row is a line, and a column has one type, whatever it is called."""

import json
from pathlib import Path

import pytest

from disttrain.data.column_types import AS_WRITTEN
from disttrain.data.source import Source


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
