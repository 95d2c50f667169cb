"""How text files are written is recognised from their first rows, and obeyed where the config says it."""

import bz2
import gzip
from types import SimpleNamespace

import pyarrow as pa
import pytest

from disttrain.data import Source
from disttrain.data.column_types import NAME, NATIVE, NUMBER
from disttrain.data.io.csv_dialect import Dialect, dialect_of
from disttrain.errors import DataError


def said(**options):
    return SimpleNamespace(
        **{"separator": "auto", "decimal": "auto", "thousands": "auto", "encoding": "auto", "missing": "auto", **options}
    )


def dialect(tmp_path, text, encoding="utf-8", **options):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return dialect_of(path, said(**options))


@pytest.mark.parametrize(
    ("text", "separator", "decimal", "thousands"),
    [
        ("x,y\n1.5,2\n", ",", ".", ""),
        ("x;y\n1,5;2\n", ";", ",", ""),
        ("x;y\n1.5;2\n", ";", ".", ""),
        ("x\ty\n1.5\t2\n", "\t", ".", ""),
        ("x|y\n1|2\n", "|", ".", ""),
        ("x;y\n1.234,5;2\n", ";", ",", "."),
        ('x,y\n"1,234.50",2\n', ",", ".", ","),
        ('x,y\n"1,234,567",2\n', ",", ".", ","),
        ("x;y\n1 234 567,8;2\n", ";", ",", " "),
        ("x;y\n1'234.5;2\n", ";", ".", "'"),
        # A number that can be read in two ways tells nothing.
        ('x,y\n"1,234",2\n', ",", ".", ""),
        # Versions look like numbers with a point; numbers with a comma are numbers.
        ("v;x\n1.10;0,25\n1.20;0,5\n", ";", ",", ""),
        # Commas and semicolons inside text are no separators.
        ('a,b\n"x; y",1\n"z; w",2\n', ",", ".", ""),
        ("note\nred; green\nblue\n", ",", ".", ""),
        ("x\n1.5\n", ",", ".", ""),
    ],
)
def test_separator_and_marks_are_recognised(tmp_path, text, separator, decimal, thousands):
    found = dialect(tmp_path, text)
    assert (found.separator, found.decimal, found.thousands) == (separator, decimal, thousands)


@pytest.mark.parametrize(
    ("encoding", "text", "found"),
    [
        ("utf-8", "größe\n1\n", "utf-8"),
        ("utf-8-sig", "größe\n1\n", "utf-8"),
        ("latin-1", "größe\n1\n", "latin-1"),
        ("cp1252", "preis\n5 €\n", "cp1252"),
        ("utf-16", "größe\n1\n", "utf-16"),
    ],
)
def test_the_encoding_is_recognised(tmp_path, encoding, text, found):
    assert dialect(tmp_path, text, encoding).encoding == found
    name = text.split("\n")[0]
    assert Source([tmp_path / "t.csv"]).schema.names == [name]
    assert Source([tmp_path / "t.csv"]).read({name: NAME}).table.column(0).to_pylist() == [text.split("\n")[1]]


def test_a_character_that_the_sample_cuts_is_no_other_encoding(tmp_path):
    (tmp_path / "t.csv").write_text("x\n" + "é" * 70_000 + "\n")
    assert dialect_of(tmp_path / "t.csv").encoding == "utf-8"


def test_what_the_config_says_counts(tmp_path):
    found = dialect(tmp_path, "x:y\n1,5:?\n", separator=":", decimal=",", thousands="none", missing=("", "?"))
    assert found == Dialect(":", ",", "", "utf-8", ("", "?"), words=())
    path = tmp_path / "t.csv"
    assert Source([path], options=said(separator=":", decimal=",", missing=("", "?"))).read(
        {"x": NUMBER, "y": NUMBER}
    ).table.to_pydict() == {
        "x": [1.5],
        "y": [None],
    }
    words = tmp_path / "u.csv"
    words.write_text("größe\n1\n")
    with pytest.raises(DataError, match="cannot be read as ascii"):
        dialect_of(words, said(encoding="ascii"))


@pytest.mark.parametrize("word", ["NA", "n/a", " N/A ", "null", "None", "<NA>"])
def test_usual_words_are_missing_numbers_and_names_all_the_same(tmp_path, word):
    (tmp_path / "t.csv").write_text(f"x,k\n1,{word}\n{word},b\n")
    source = Source([tmp_path / "t.csv"])
    assert source.read({"x": NUMBER, "k": NAME}).table.to_pydict() == {"x": [1.0, None], "k": [word, "b"]}
    assert word.strip() in source.dialects[0].remark
    assert source.native_types(["x"])["x"] == pa.int64()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".zst", pa.compress)])
def test_compressed_text_is_read_whatever_it_is_called(tmp_path, suffix, pack):
    content = b"x,k\n" + b"1.5,a\n" * 50_000
    packed = pa.Codec("zstd").compress(content, asbytes=True) if suffix == ".zst" else pack(content)
    for name in (f"t.csv{suffix}", "t.csv"):
        (tmp_path / name).write_bytes(packed)
        rows = Source([tmp_path / name]).read({"x": NUMBER, "k": NAME})
        assert (rows.total, rows.table.column("x")[-1].as_py()) == (50_000, 1.5)
    lines = b'{"x": 1}\n' * 10
    (tmp_path / f"t.ndjson{suffix}").write_bytes(pa.Codec("zstd").compress(lines, asbytes=True) if suffix == ".zst" else pack(lines))
    assert Source([tmp_path / f"t.ndjson{suffix}"]).counts == (10,)


def test_a_row_of_many_megabytes_is_read(tmp_path):
    long = "w" * (18 << 20)
    (tmp_path / "t.csv").write_text("x,note\n" + "0,ok\n" * 300_000 + f"1,{long}\n2,ok\n")
    rows = Source([tmp_path / "t.csv"]).read({"x": NUMBER})
    assert rows.table.column("x").to_pylist() == [0.0] * 300_000 + [1.0, 2.0]


def test_an_empty_line_is_a_row_in_a_file_of_one_column_and_none_elsewhere(tmp_path):
    (tmp_path / "one.csv").write_text("x\n1.0\n\n3.0\n\n")
    (tmp_path / "two.csv").write_text("x,y\n1.0,2\n\n3.0,4\n\n")
    assert Source([tmp_path / "one.csv"]).read({"x": NUMBER}).table.column("x").to_pylist() == [1.0, None, 3.0, None]
    assert Source([tmp_path / "two.csv"]).read({"x": NATIVE}).table.column("x").to_pylist() == [1.0, 3.0]


def test_rows_are_told_by_the_line_of_the_file(tmp_path):
    (tmp_path / "t.csv").write_text('x,note\n1,"two\nlines"\n\n2,ok\nthree,ok\n')
    with pytest.raises(DataError) as caught:
        Source([tmp_path / "t.csv"]).read({"x": NUMBER})
    assert caught.value.findings[0].excerpt == ("line 6  three",)
    (tmp_path / "t.ndjson").write_text('{"x": "1"}\n\n{"x": "three"}\n')
    with pytest.raises(DataError) as caught:
        Source([tmp_path / "t.ndjson"]).read({"x": NUMBER})
    assert caught.value.findings[0].excerpt == ("line 3  three",)


def test_declared_words_are_missing_names_letter_for_letter_and_missing_numbers_in_any_case(tmp_path):
    (tmp_path / "t.csv").write_text("x,k\n1,ABC\nabc,abc\nABC, ABC \n2,  \n")
    source = Source([tmp_path / "t.csv"], options=said(missing=("ABC",)))
    assert source.read({"x": NUMBER, "k": NAME}).table.to_pydict() == {"x": [1.0, None, None, 2.0], "k": [None, "abc", None, None]}
