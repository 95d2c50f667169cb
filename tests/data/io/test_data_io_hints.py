"""What a file that cannot be read is told, with the step that mends it."""

from __future__ import annotations

import subprocess

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from disttrain.data.column_checks import lookup
from disttrain.data.column_types import AS_WRITTEN
from disttrain.data.source import Source
from disttrain.errors import DataError


def finding(path, **options):
    """The one finding about a file, of its columns or its rows."""
    source = Source([path], **options)
    with pytest.raises(DataError) as caught:
        source.read(dict.fromkeys(source.schema.names, AS_WRITTEN))
    (found,) = caught.value.findings
    return found


LATIN = {
    "value.ndjson": '{"x": 1, "k": "h\xf6"}\n',
    "key.ndjson": '{"x": 1, "h\xf6": 3}\n',
    "late.ndjson": '{"x": 1}\n' * 20_000 + '{"x": 1, "h\xf6": 3}\n',
    "mixed.ndjson": '{"x": 1, "h\xf6": 3}\n{"x": "a"}\n',
    "late.csv": "x,k\n" + "1,a\n" * 20_000 + "1,h\xf6\n",
    "header.csv": ",".join(f"column {n}" for n in range(9_000)) + ",h\xf6\n1\n",
}


@pytest.mark.parametrize("name", LATIN)
def test_latin_text_anywhere_is_told_with_the_command_that_converts_it(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(LATIN[name].encode("latin-1"))
    said = finding(path)
    command = said.hints[0].split("`")[1].replace("OLD", path.stem).replace("NEW", "new")
    assert command.startswith("iconv -f LATIN1 -t UTF-8")
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / f"new{path.suffix}").read_text() == LATIN[name]
    assert len(said.hints) == 1 + (path.suffix == ".csv")


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_binary_files_of_other_text_are_not_to_be_converted_as_text(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    table = pa.table({"k": broken(b"h\xf6")})
    pq.write_table(table, path) if suffix == "parquet" else feather.write_feather(table, path)
    assert finding(path).hints == ("write it anew with its text, and the names of its columns, in UTF-8",)


def broken(cell):
    """An Arrow text of one cell whose bytes are no UTF-8."""
    return pa.Array.from_buffers(pa.string(), 1, pa.array([cell]).buffers())


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
@pytest.mark.parametrize("text", ["", "\n\n", "\r\n", "\ufeff", "\ufeff\n", "\n" * 200_000], ids=len)
def test_a_file_of_line_ends_only_is_an_empty_one(tmp_path, suffix, text):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(text.encode())
    said = finding(path)
    assert (said.code, said.what, said.hints) == ("empty-file", "the file is empty", ())


def test_a_file_without_columns_says_so():
    (said,) = lookup(["x"], pa.schema([]), "t.parquet")
    assert said.hints == ("it has no columns at all",)
