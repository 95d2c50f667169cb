"""What a file that cannot be read is told, with the step that mends it."""

from __future__ import annotations

import bz2
import gzip
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


PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "zst": pa.Codec("zstd").compress}
UNPACK = {"gz": "gunzip -k FILE", "bz2": "bunzip2 -k FILE", "zst": "zstd -d FILE"}


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("form", ["parquet", "feather", "arrow"])
def test_a_binary_file_that_is_compressed_is_to_be_unpacked(tmp_path, suffix, form):
    table, plain = pa.table({"x": [1.0]}), tmp_path / f"t.{form}"
    pq.write_table(table, plain) if form == "parquet" else feather.write_feather(table, plain)
    path = tmp_path / f"t.{form}.{suffix}"
    path.write_bytes(bytes(PACKED[suffix](plain.read_bytes())))
    assert finding(path).hints == (f"only text is read compressed; unpack it: `{UNPACK[suffix]}`",)


@pytest.mark.parametrize("outer", PACKED)
@pytest.mark.parametrize("inner", PACKED)
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_text_that_is_compressed_twice_is_to_be_unpacked_once(tmp_path, outer, inner, form):
    path = tmp_path / f"t.{form}.{outer}"
    path.write_bytes(bytes(PACKED[outer](bytes(PACKED[inner](b'{"x": 1}\n' if form == "ndjson" else b"x\n1\n")))))
    said = finding(path)
    assert "compressed twice" in said.what
    assert UNPACK[inner] in said.hints[0]


@pytest.mark.parametrize("suffix", ["xlsx", "XLS", "ods", "sav", "rds", "dta", "pkl"])
def test_a_file_of_another_program_is_not_to_be_named_csv(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(b"PK\x03\x04")
    (hint,) = finding(path).hints
    assert "Parquet" in hint
    assert "data.format" not in hint


@pytest.mark.parametrize(
    "text", ['x,"y\n' + "1,2\n" * 50_000, "x" * 200_000, '"' + "x" * 200_000 + '"\n1\n'], ids=["quote", "line", "name"]
)
def test_a_header_whose_names_are_too_long_is_told_what_it_may_lack(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    said = finding(tmp_path / "t.csv")
    assert said.what == "a name in the first line is longer than 131,072 characters"
    assert "quote" in said.hints[0]
