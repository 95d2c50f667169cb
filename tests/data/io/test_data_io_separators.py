"""A text file whose separator is not recognised is told by one sentence with the step that reads it; a first line `sep=;` says it."""

import json
import subprocess

import numpy as np
import pytest

from disttrain.config.sections.data import CsvSection
from disttrain.config.yaml import parser
from disttrain.data.column_types import NAME, NUMBER
from disttrain.data.schema import Feature, Schema
from disttrain.data.source import Source
from disttrain.errors import DataError

SCHEMA = Schema((Feature("x", "numeric"), Feature("km/h", "numeric")), ("y",), None)
# All of ASCII that no name is made of; quotes and line ends separate nothing.
MARKS = [mark for mark in map(chr, range(1, 127)) if not mark.isalnum() and mark not in "_\"'\r\n./"]


def source(tmp_path, text, separator="auto", configured=True, encoding="utf-8"):
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    return Source([tmp_path / "t.csv"], options=CsvSection(separator=separator), configured=configured)


def fault(source):
    with pytest.raises(DataError) as caught:
        SCHEMA.check(source, target=True)
    (finding,) = caught.value.findings
    assert finding.code == "wrong-separator"
    return finding


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark not in ",;\t|"], ids=ascii)
@pytest.mark.parametrize("header", ["x:km/h:y", "x:other:y", '"x":"km/h":"y"'])
def test_the_hint_names_the_separator_that_joins_the_wanted_columns(tmp_path, mark, header):
    text = "\n".join([header, "1.5:2.5:3.5", ""]).replace(":", mark)
    (hint,) = fault(source(tmp_path, text)).hints
    assert hint.startswith("set `data.csv: {separator: ")
    said = parser.read(hint.removeprefix("set `data.csv: ")[:-1].encode()).value
    assert source(tmp_path, text, **said).read({"x": NUMBER}).table.column("x").to_pylist() == [1.5]


@pytest.mark.parametrize("mark", [":", " ", "^", "\x01", "-", "\\", "§"], ids=ascii)
def test_without_a_config_the_hint_is_a_command_that_writes_the_file_anew(tmp_path, mark):
    (hint,) = fault(source(tmp_path, f"x{mark}y\n1{mark}2\n", configured=False)).hints
    command = hint.split("`")[-2].replace("OLD", "t").replace("NEW", "new")
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "new.csv").read_text() == "x,y\n1,2\n"


@pytest.mark.parametrize(("said", "mark"), [(";", ","), (",", "\t"), (":", ";"), ("|", " ")])
def test_a_separator_of_the_config_that_is_not_that_of_the_file_is_told(tmp_path, said, mark):
    (hint,) = fault(source(tmp_path, f"x{mark}km/h{mark}y\n1{mark}2{mark}3\n", said)).hints
    assert hint == f"set `data.csv: {{separator: {json.dumps(mark)}}}`"


@pytest.mark.parametrize("header", ["x y,km/h", "z", "x pos,y pos,z pos", "x,y z", "xy"])
def test_a_column_that_is_not_there_is_no_matter_of_separators(tmp_path, header):
    with pytest.raises(DataError) as caught:
        SCHEMA.check(source(tmp_path, f"{header}\n"), target=True)
    assert {finding.code for finding in caught.value.findings} == {"missing-column"}


def test_a_file_without_columns_that_are_needed_is_read(tmp_path):
    read = source(tmp_path, "x:y\n1\n")
    Schema((), ("y",), None).check(read, target=False)
    assert read.schema.names == ["x:y"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize(("line", "mark"), [("sep=;", ";"), ('"sep=^"', "^"), ("sep=\t", "\t"), ("sep=,", ",")])
def test_a_first_line_of_spreadsheets_says_the_separator(tmp_path, encoding, end, line, mark):
    text = end.join([line, f"x{mark}é", f"a{mark}1", f"b{mark}2", ""])
    rows = source(tmp_path, text, encoding=encoding)
    assert rows.schema.names == ["x", "é"]
    assert rows.read({"x": NAME, "é": NUMBER}).table.to_pydict() == {"x": ["a", "b"], "é": [1.0, 2.0]}
    assert rows.counts == (2,)
    first = 2 if len(end) == 1 or "\r" in end else 4
    assert rows.lines(0, np.array([0, 1])).tolist() == [first + 1, first + 2 + (end == "\n\n")]


def test_a_separator_of_the_config_goes_before_that_of_the_first_line(tmp_path):
    assert source(tmp_path, "sep=;\nx:y;z\n", ":").schema.names == ["x", "y;z"]


def test_a_name_that_begins_like_the_line_of_a_separator_is_a_name(tmp_path):
    assert source(tmp_path, "sep=1;y\n1;2\n").schema.names == ["sep=1", "y"]
    assert source(tmp_path, "sep=a,b\n1,2\n").schema.names == ["sep=a", "b"]
