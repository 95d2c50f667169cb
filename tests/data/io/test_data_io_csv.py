"""CSV: quotes and empty lines mean what they mean to everybody, wherever the blocks end in which a file is read."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain.data.column_types import AS_WRITTEN, NAME
from disttrain.data.io.csv import ends_inside_quotes
from disttrain.data.source import Source
from disttrain.errors import DataError


def csv_file(folder, text):
    (folder / "t.csv").write_bytes(text.encode())
    return Source([folder / "t.csv"])


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", ["x", "x,y", '"x"'])
@pytest.mark.parametrize("blanks", [0, 1, 3, 70_000])
def test_empty_lines_before_the_header_are_no_rows(tmp_path, mark, end, header, blanks):
    rest = ",1" * header.count(",")
    source = csv_file(tmp_path, mark + end * blanks + end.join([header, f"a{rest}", f"b{rest}", ""]))
    assert source.read({"x": NAME}).table.column("x").to_pylist() == ["a", "b"]
    assert source.counts == (2,)
    assert source.lines(0, np.array([0, 1])).tolist() == [blanks + 2, blanks + 3]


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ('1,5" pipe,a\n2,b,"two\nlines"', "two\nlines"),
        ('1,"5"" pipe",a\n2,5",""\n3,b,"the\n""end"""\n', 'the\n"end"'),
        ('1,a"b"c",a\n2,b,"\n"', "\n"),
    ],
)
def test_a_quote_inside_a_field_opens_none(tmp_path, rows, last):
    assert csv_file(tmp_path, "x,y,z\n" + rows).read({"z": AS_WRITTEN}).table.column("z").to_pylist()[-1] == last


@pytest.mark.parametrize("rows", ['1,5" pipe\n2,"two\nlines', '1,"a""\n2,b\n', '1,"a\n2,b\n', '1,a\n2,"\n""\n'])
def test_a_quote_that_is_never_closed_is_told(tmp_path, rows):
    with pytest.raises(DataError) as caught:
        csv_file(tmp_path, "x,y\n" + rows).read({"y": NAME})
    assert caught.value.findings[0].code == "open-quote"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(['"', '""', ",", "\n", "a", "\r\n", '"a"', '",']), max_size=30).map("".join), st.integers(1, 5))
def test_open_quotes_are_found_as_another_reader_finds_them(text, size):
    blocks = [text.encode()[start : start + size] for start in range(0, len(text), size)]
    # An unclosed field takes what is appended, other fields do not.
    cells = [cell for row in csv.reader(io.StringIO(text + "\n#,#", newline="")) for cell in row]
    assert ends_inside_quotes(iter(blocks), ",") == (cells[-1] != "#" or len(cells) == 1)
