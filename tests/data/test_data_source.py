"""Files of every format, in every layout, whole and broken: the same rows, or one DataError that names the file."""

import os
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disttrain import data
from disttrain.data import Source, messages
from disttrain.data.column_types import NAME, NATIVE, NUMBER
from disttrain.data.io import files as io_files
from disttrain.errors import DataError


def table_of(rows: int) -> pa.Table:
    numbers = np.arange(rows)
    return pa.table(
        {
            "whole": numbers,
            "real": numbers * 0.1 - 3,
            "name": [None if n % 7 == 0 else f"n{n % 13}" for n in range(rows)],
            "yes": numbers % 2 == 0,
        }
    )


def written(path, table, form=None):
    with data.format_of(path, form or "auto").writer(path, table.schema) as writer:
        writer.write_table(table)
    return path


def read_all(files, columns=None, format="auto"):
    source = Source(files, format)
    return source.read(dict.fromkeys(columns or source.schema.names, NATIVE)).table


def streamed(files, columns, **options):
    return Source(files).batches(dict.fromkeys(columns, NATIVE), **options)


def fault_of(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_all(data.files(name, tmp_path))
    finding = caught.value.findings[0]
    assert name in finding.where
    assert "\n" not in finding.what
    return finding


@pytest.mark.parametrize("form", data.FORMATS)
def test_a_table_written_in_a_format_reads_back_the_same(tmp_path, form):
    table = table_of(1000)
    path = written(tmp_path / f"t{data.FORMATS[form].suffixes[0]}", table)
    assert read_all([path]).equals(table.combine_chunks())
    assert Source([path]).counts == (1000,)
    assert Source([path]).fingerprint[0]["rows"] == 1000


@pytest.mark.parametrize("form", data.FORMATS)
def test_only_the_columns_asked_for_are_read_in_the_order_asked(tmp_path, form):
    path = written(tmp_path / f"t{data.FORMATS[form].suffixes[0]}", table_of(10))
    assert read_all([path], ["yes", "whole"]).schema.names == ["yes", "whole"]


@pytest.mark.parametrize("rows", [0, 1, 65_535, 65_536, 65_537])
@pytest.mark.parametrize("layout", ["one file", "row groups of 1000", "three files", "arrow in one block"])
def test_every_batch_is_full_but_the_last_whatever_the_layout(tmp_path, rows, layout):
    table = pa.table({"x": np.arange(rows) * 0.5, "s": [str(n % 5) for n in range(rows)]})
    if layout == "three files":
        cuts = [0, rows // 5, rows // 5 + rows // 3, rows]
        files = [tmp_path / f"{part}.parquet" for part in range(3)]
        for path, start, stop in zip(files, cuts, cuts[1:], strict=False):
            pq.write_table(table.slice(start, stop - start), path, row_group_size=777)
    elif layout == "arrow in one block":
        files = [written(tmp_path / "a.arrow", table.combine_chunks())]
    else:
        files = [tmp_path / "a.parquet"]
        pq.write_table(table, files[0], row_group_size=1000 if "1000" in layout else None)
    batches = list(streamed(files, ["x", "s"]))
    full, rest = divmod(rows, 65_536)
    assert [batch.num_rows for batch in batches] == [65_536] * full + ([rest] if rest or not rows else [])
    assert pa.Table.from_batches(batches).equals(table)


def test_sizes_of_batches_follow_the_rows_asked_for(tmp_path):
    path = written(tmp_path / "t.csv", table_of(1001))
    assert [batch.num_rows for batch in streamed([path], ["real"], rows=250)] == [250, 250, 250, 250, 1]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2"], "int64"),
        (["1", " 2 "], "int64"),
        (["1", "2.5"], "double"),
        (["1", ""], "int64"),
        (["1", "x"], "string"),
        (["007", "12"], "string"),
        (["0x1F", "12"], "string"),
        (["0", "0.5"], "double"),
        (["1,5", "2,5"], "string"),
        (["99999999999999999999", "1"], "decimal128(38, 0)"),
        (["2024-01-31", "2024-02-01"], "date32[day]"),
        (["2024-01-31", "2024-02-01 10:00:00"], "timestamp[us]"),
        (["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+02:00"], "timestamp[us, tz=UTC]"),
        (["true", "False"], "bool"),
        (["", "NA"], "null"),
    ],
)
def test_a_csv_column_has_the_narrowest_type_that_all_values_have_wherever_they_stand(tmp_path, cells, kind):
    """In one file, in two files of one value each, and with the decisive value far beyond the first block."""
    lines = [f'"{cell}",k\n' if "," in cell else f"{cell},k\n" for cell in cells]
    (tmp_path / "both.csv").write_text("x,k\n" + "".join(lines))
    (tmp_path / "late.csv").write_text("x,k\n" + lines[0] * 300_000 + lines[1])
    for number, line in enumerate(lines):
        (tmp_path / f"part{number}.csv").write_text("x,k\n" + line)
    for source in ("both.csv", "late.csv", "part*.csv"):
        assert str(Source(data.files(source, tmp_path)).native_types(["x"])["x"]) == kind, source


def test_a_csv_column_of_names_stays_as_it_is_written(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1.0,2\n")
    assert Source(data.files("a.csv", tmp_path)).read({"x": NAME, "y": NATIVE}).table.to_pydict() == {"x": ["1.0"], "y": [2]}


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,x y\n2,\n", b"a,b\r\n1,x y\r\n2,\r\n", b"\xef\xbb\xbfa,b\n1,x y\n2,\n", b"a,b\n1,x y\n2,", b'"a","b"\n"1","x y"\n"2",""\n'],
)
def test_a_byte_order_mark_line_ends_and_quotes_do_not_change_a_csv(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    assert read_all(data.files("a.csv", tmp_path)).to_pydict() == {"a": [1, 2], "b": ["x y", None]}


def test_a_line_break_inside_quotes_belongs_to_the_value(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'a,b\n1,"x\ny"\n2,"z, ""w"""\n')
    assert read_all(data.files("a.csv", tmp_path)).to_pydict() == {"a": [1, 2], "b": ["x\ny", 'z, "w"']}


def test_a_csv_header_alone_is_a_table_of_no_rows(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b")
    batches = list(streamed(data.files("a.csv", tmp_path), ["b"]))
    assert [batch.num_rows for batch in batches] == [0]


@pytest.mark.parametrize(
    ("name", "content", "code", "told"),
    [
        ("a.csv", "a,b\n1,2\n".encode("utf-16-le"), "not-utf8", "UTF-16"),
        ("a.csv", b"a\n" + b"x\n" * 40_000 + b"caf\xe9\n", "unreadable-file", "UTF8"),
        ("a.csv", b"a,b\n1,2\n3\n", "unreadable-file", "Row #3"),
        ("a.csv", b'a,b\n1,"2\n3,4\n', "open-quote", "never closed"),
        ("a.csv", b"", "empty-file", "empty"),
        ("a.csv", b"PAR1\0\0\0", "unreadable-file", "NUL"),
        ("a.parquet", b"", "empty-file", "empty"),
        ("a.parquet", b"a,b\n1,2\n", "unreadable-file", "parquet"),
        ("a.parquet", b"PAR1" + b"\xff" * 40 + b"PAR1", "unreadable-file", "parquet"),
        ("a.feather", b"", "empty-file", "empty"),
        ("a.feather", b"ARROW1\0\0", "unreadable-file", "arrow"),
        ("a.arrow", b"junk", "unreadable-file", "arrow"),
        ("a.ndjson", b"", "empty-file", "empty"),
        ("a.ndjson", b"[1,2]\n", "unreadable-file", "ndjson"),
        ("a.ndjson", b'{"a":1}\n{"a":\n', "unreadable-file", "ndjson"),
        ("a.ndjson", b'{"a":1,"a":2}\n', "unreadable-file", "twice"),
        ("a.ndjson", b'{"a":"caf\xe9"}\n', "unreadable-file", "UTF8"),
        ("a.ndjson", '{"a":1}\n'.encode("utf-16"), "not-utf8", "UTF-16"),
    ],
)
def test_a_broken_file_is_named_with_what_is_broken(tmp_path, name, content, code, told):
    finding = fault_of(tmp_path, name, content)
    assert finding.code == code
    assert told in finding.what


def test_another_format_under_the_suffix_is_recognised(tmp_path):
    content = written(tmp_path / "t.parquet", table_of(10)).read_bytes()
    assert "parquet" in fault_of(tmp_path, "b.csv", content).hints[0]


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_half_a_file_is_unreadable_in_every_format_that_has_an_end(tmp_path, suffix):
    content = written(tmp_path / f"whole{suffix}", table_of(5000)).read_bytes()
    assert fault_of(tmp_path, f"half{suffix}", content[: len(content) // 2]).code == "unreadable-file"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".ndjson", ".csv"])
def test_mutated_bytes_load_or_are_a_data_error(tmp_path, suffix):
    """Seeded: 150 copies with a few bytes changed, cut out or cut off; nothing but DataError may come out."""
    whole = written(tmp_path / f"whole{suffix}", table_of(300)).read_bytes()
    random_bytes = random.Random(7)
    refused = []
    for number in range(150):
        content = bytearray(whole)
        for _ in range(random_bytes.randint(1, 6)):
            content[random_bytes.randrange(len(content))] = random_bytes.randrange(256)
        if number % 5 == 0:
            del content[random_bytes.randrange(len(content)) :]
        path = tmp_path / f"m{suffix}"
        path.write_bytes(content)
        try:
            read_all([path])
        except DataError as fault:
            refused.append(str(fault))
    assert refused
    assert all(path.name in message for message in refused)


def test_a_flipped_bit_in_a_parquet_page_with_checksums_is_found(tmp_path):
    table = pa.table({"x": np.random.default_rng(0).normal(size=10_000)})
    content = bytearray(written(tmp_path / "a.parquet", table).read_bytes())
    content[len(content) // 3] ^= 1
    assert "CRC" in fault_of(tmp_path, "b.parquet", bytes(content)).what


def test_fifos_devices_folders_and_absent_files_are_refused_without_opening_them(tmp_path):
    os.mkfifo(tmp_path / "pipe.parquet")
    for source, code in [
        ("pipe.parquet", "not-a-file"),
        ("/dev/zero", "not-a-file"),
        ("none.csv", "missing-file"),
        ("a\0b", "unreadable-file"),
    ]:
        with pytest.raises(DataError) as caught:
            data.files(source, tmp_path)
        assert [finding.code for finding in caught.value.findings] == [code]
    with pytest.raises(DataError):
        Source([tmp_path / "pipe.parquet"]).schema  # noqa: B018


def test_all_faults_of_a_list_of_sources_are_told_at_once(tmp_path):
    with pytest.raises(DataError) as caught:
        data.files(["none.csv", "*.nothing", "gone.parquet"], tmp_path)
    assert [finding.code for finding in caught.value.findings] == ["missing-file", "no-files", "missing-file"]


def test_a_glob_and_a_folder_are_sorted_a_list_keeps_its_order_and_twice_is_an_error(tmp_path):
    for name in ("b.csv", "a.csv", "_junk.csv", ".hidden.csv", "notes.txt"):
        (tmp_path / name).write_text("x\n1\n")
    assert [path.name for path in data.files("[ab].csv", tmp_path)] == ["a.csv", "b.csv"]
    assert [path.name for path in data.files(".", tmp_path)] == ["a.csv", "b.csv"]
    assert [path.name for path in data.files(["b.csv", "a.csv"], tmp_path)] == ["b.csv", "a.csv"]
    with pytest.raises(DataError, match="twice"):
        data.files(["a.csv", "*.csv"], tmp_path)
    with pytest.raises(DataError, match="suffix"):
        Source(data.files("notes.txt", tmp_path)).schema  # noqa: B018
    assert Source(data.files("notes.txt", tmp_path), "csv").schema.names == ["x"]


def test_hive_partitions_become_columns_with_one_type(tmp_path):
    for year, region in [(2023, "north"), (2024, "a%20b"), (2025, "__HIVE_DEFAULT_PARTITION__")]:
        folder = tmp_path / "claims" / f"year={year}" / f"region={region}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [1.0 * year, 0.0]}), folder / "part.parquet")
    files = data.files("claims", tmp_path)
    table = read_all(files, ["region", "x", "year"])
    assert table.to_pydict() == {
        "region": ["north", "north", "a b", "a b", None, None],
        "x": [2023.0, 0.0, 2024.0, 0.0, 2025.0, 0.0],
        "year": [2023, 2023, 2024, 2024, 2025, 2025],
    }
    assert sum(batch.num_rows for batch in streamed(files, ["year"])) == 6
    assert Source(files[:1]).read({"year": NAME}).table.to_pydict() == {"year": ["2023", "2023"]}


def test_a_column_or_type_that_differs_between_files_is_told_with_both_files(tmp_path):
    pq.write_table(
        pa.table({"x": [1], "only_here": [1], "n": pa.nulls(1), "d": pa.array(["u"]).dictionary_encode()}), tmp_path / "a.parquet"
    )
    pq.write_table(pa.table({"x": ["1"], "only_there": [1], "n": [2.5], "d": ["u"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError) as caught:
        Source(data.files("*.parquet", tmp_path)).schema  # noqa: B018
    assert [finding.code for finding in caught.value.findings] == ["column-differs", "column-differs"]
    for name in ("a", "b"):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        pq.write_table(table.select(["x", "n", "d"]), tmp_path / f"{name}.parquet")
    source = Source(data.files("*.parquet", tmp_path))
    conflict = source.conflict("x")
    assert conflict.code == "type-differs"
    assert "a.parquet" in str(conflict)
    assert "b.parquet" in str(conflict)
    assert source.conflict("n") is source.conflict("d") is None
    assert source.read({"x": NAME}).table.to_pydict() == {"x": ["1", "1"]}


def test_numbers_and_times_of_different_types_are_the_same_column(tmp_path):
    pq.write_table(pa.table({"x": [1], "t": pa.array([0], pa.date32()), "f": pa.array([1.5], pa.float32())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [2.5], "t": pa.array([10**9 + 1], pa.timestamp("ns")), "f": [0.1]}), tmp_path / "b.parquet")
    table = read_all(data.files("*.parquet", tmp_path))
    assert table.column("x").to_pylist() == [1.0, 2.5]
    assert table.column("t").cast(pa.int64()).to_pylist() == [0, 10**9 + 1]
    assert table.column("f").to_pylist() == [1.5, 0.1]


def test_all_null_in_one_file_and_dictionaries_are_no_difference(tmp_path):
    pq.write_table(pa.table({"n": pa.nulls(1), "d": pa.array(["u"]).dictionary_encode()}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"n": [2.5], "d": pa.array(["v"], pa.large_string())}), tmp_path / "b.parquet")
    assert read_all(data.files("*.parquet", tmp_path)).to_pydict() == {"n": [None, 2.5], "d": ["u", "v"]}


def test_a_column_that_is_not_there_or_there_twice_is_never_read(tmp_path):
    (tmp_path / "a.csv").write_text("x,x,y\n1,2,3\n")
    pq.write_table(pa.table({"a.b": [1], "a": [2]}), tmp_path / "dots.parquet")
    files = data.files("a.csv", tmp_path)
    with pytest.raises(DataError) as caught:
        list(streamed(files, ["x", "z", "y"]))
    assert [finding.code for finding in caught.value.findings] == ["duplicate-column", "missing-column"]
    assert read_all(files, ["y"]).to_pydict() == {"y": [3]}
    assert read_all([tmp_path / "dots.parquet"], ["a"]).to_pydict() == {"a": [2]}


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
def test_a_column_twice_in_any_of_the_files_is_named_with_its_file_in_the_same_words(tmp_path, form):
    once, twice = pa.table({"x": [1], "y": [2]}), pa.Table.from_arrays([pa.array([number]) for number in (5, 6, 7)], ["x", "x", "y"])
    files = [tmp_path / f"once.{form}", tmp_path / f"twice.{form}"]
    if form == "csv":
        files[0].write_text("x,y\n1,2\n")
        files[1].write_text("x,x,y\n5,6,7\n")
    else:
        written(files[0], once)
        written(files[1], twice)
    for order in (files, files[::-1]):
        source = Source(order)
        with pytest.raises(DataError) as caught:
            source.read({"x": NATIVE, "y": NATIVE})
        finding = caught.value.findings[0]
        assert (finding.code, finding.what) == ("duplicate-column", "2 columns have this name")
        assert finding.where.endswith(f"twice.{form}, column `x`")
        assert sorted(source.read({"y": NATIVE}).table.column("y").to_pylist()) == [2, 7]


def test_a_folder_key_that_is_not_above_every_file_is_told_like_a_column_that_differs(tmp_path):
    folder = tmp_path / "h" / "year=2020"
    folder.mkdir(parents=True)
    one = written(folder / "a.parquet", pa.table({"x": [1.0]}))
    other = written(tmp_path / "h" / "b.parquet", pa.table({"x": [2.0]}))
    for order in ([one, other], [other, one]):
        with pytest.raises(DataError) as caught:
            read_all(order)
        assert [finding.code for finding in caught.value.findings] == ["column-differs"]
        assert caught.value.findings[0].where.endswith("b.parquet, column `year`")
    # Where the files themselves have the column, folders say nothing new.
    for path in (one, other):
        written(path, pa.table({"x": [1.0], "year": [2021]}))
    assert read_all([one, other]).column("year").to_pylist() == [2021, 2021]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "arrow"])
def test_a_limit_reads_the_first_rows_and_no_cell_behind_them(tmp_path, form):
    table = pa.table({"x": ["1", "2", "3"] * 100 + ["soon"], "y": list(range(301))})
    path = written(tmp_path / f"a.{form}", table)
    with pytest.raises(DataError, match="no number"):
        Source([path]).read({"x": NUMBER})
    rows = Source([path, written(tmp_path / f"b.{form}", table)]).read({"x": NUMBER}, limit=300, filters=["y >= 298"])
    assert rows.table.column("x").to_pylist() == [2.0, 3.0]
    assert (rows.row.tolist(), rows.total) == ([298, 299], 602)
    assert Source([path]).read({"y": NATIVE}, limit=1000).table.num_rows == 301
    assert Source([path]).read({"x": NUMBER}, limit=0).table.num_rows == 0
    assert Source([path]).read({}, limit=7).row.tolist() == list(range(7))


@pytest.mark.slow
def test_thousands_of_tiny_batches_are_read_as_one(tmp_path):
    """How an Arrow file is cut into batches is the writer's affair; dictionaries may differ from batch to batch."""
    batches = [pa.record_batch({"x": pa.array([float(n)]), "d": pa.array([f"n{n}"]).dictionary_encode()}) for n in range(5000)]
    schema = pa.schema([("x", pa.float64()), ("d", pa.dictionary(pa.int8(), pa.string()))])
    with pa.ipc.new_stream(tmp_path / "a.arrow", schema) as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema))
    source = Source([tmp_path / "a.arrow"])
    assert [batch.num_rows for batch, _, _ in source.pieces(["x", "d"])] == [4096, 904]
    table = source.read({"x": NUMBER, "d": NAME}).table
    assert table.column("x").to_pylist() == list(range(5000))
    assert table.column("d").to_pylist() == [f"n{n}" for n in range(5000)]


def test_formats_are_not_mixed(tmp_path):
    written(tmp_path / "a.csv", table_of(3))
    written(tmp_path / "b.parquet", table_of(3))
    with pytest.raises(DataError, match="mixes"):
        Source(data.files(".", tmp_path)).schema  # noqa: B018


def test_standard_input_is_read_whatever_its_format(tmp_path, monkeypatch):
    for name in ("t.parquet", "t.csv", "t.ndjson", "t.arrow"):
        content = written(tmp_path / name, table_of(20)).read_bytes()
        monkeypatch.setattr(io_files, "stdin_bytes", lambda content=content: content)
        assert read_all(data.files("-", tmp_path)).equals(table_of(20).combine_chunks())
    assert messages.display_path("-") == "stdin"


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(table_of(1000), path, row_group_size=100)
    batches = streamed([path], ["real"], rows=100)
    next(batches)
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataError, match="changed"):
        list(batches)


def test_types_of_ndjson_hold_for_all_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("disttrain.data.io.ndjson.BLOCK_BYTES", 64)
    lines = ['{"a": 1, "t": "2024-01-01"}'] * 20 + ['{"a": 2.5, "t": "soon", "late": true}', '{"a": null}']
    (tmp_path / "a.ndjson").write_text("\n".join(lines))
    table = read_all(data.files("a.ndjson", tmp_path))
    assert [str(kind) for kind in table.schema.types] == ["double", "string", "bool"]
    assert table.column("a").to_pylist() == [1.0] * 20 + [2.5, None]
    assert table.column("t").to_pylist() == ["2024-01-01"] * 20 + ["soon", None]
    (tmp_path / "b.ndjson").write_text('{"a": 1.10}\n' * 20 + " " * 64 + "\n" + '{"a": "x"}\n')
    assert read_all(data.files("b.ndjson", tmp_path)).column("a").to_pylist() == ["1.10"] * 20 + ["x"]


def test_names_are_shown_without_their_control_characters():
    assert messages.display("a\x1b[31mb\nc\u202ed") == "a\\x1b[31mb\\nc\\u202ed"
    assert len(messages.display("x" * 10**6)) == 80


def test_hostile_column_names_are_escaped_in_every_message(tmp_path):
    name = "x\x1b[31m\n"
    pq.write_table(pa.table({name: [1], "y": [2]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({name: ["1"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError) as caught:
        Source(data.files("*.parquet", tmp_path)).schema  # noqa: B018
    assert "\x1b" not in str(caught.value)
    assert all("\n" not in str(finding) for finding in caught.value.findings)


def test_at_most_twenty_findings_are_shown_and_the_rest_counted(tmp_path):
    pq.write_table(pa.table({f"c{n}": [1] for n in range(50)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"c0": [1]}), tmp_path / "b.parquet")
    with pytest.raises(DataError) as caught:
        Source(data.files("*.parquet", tmp_path)).schema  # noqa: B018
    assert len(caught.value.findings) == 20
    assert "49" in caught.value.summary


def test_row_numbers_are_right_aligned_and_count_within_their_file():
    origin = messages.Origin(("a.csv", "b.csv"), lambda: (10, 5000))
    rows = np.zeros(5010, dtype=bool)
    rows[[27, 2214, 2921, 4000]] = True
    finding = messages.row_finding("code", "what", column="x", rows=rows, values=lambda row: f"{row:.2f}", detail="why").at(origin)
    assert finding.where == "b.csv, column `x`"
    assert finding.excerpt == ("row    17    27.00", "row 2,204  2214.00", "row 2,911  2921.00   ... 1 more: why")
    assert origin.at(100).numbered(np.array([1])) == ("b.csv", ["row 91"], 0)
    assert origin.rows(np.array([3, 12])).numbered(np.array([1])) == ("b.csv", ["row 2"], 0)


def test_a_finding_about_a_batch_is_located_where_its_file_is_known():
    """The innermost origin counts; without one the file is called data."""
    whole, part = messages.BatchFinding("code", "it is empty"), messages.BatchFinding("code", "what", "x", np.array([1]), 1, ["7"])
    error = messages.BatchError(whole, part.among(np.array([5, 9])))
    assert [finding.where for finding in error.findings] == ["data", "data, column `x`"]
    with (
        pytest.raises(DataError) as caught,
        messages.located(messages.Origin(("b.csv",))),
        messages.located(messages.Origin(("a.csv",)).at(100)),
    ):
        raise error
    assert type(caught.value) is DataError
    assert [finding.where for finding in caught.value.findings] == ["a.csv", "a.csv, column `x`"]
    assert [finding.excerpt for finding in caught.value.findings] == [(), ("row 109  7",)]


def test_a_table_larger_than_the_machine_is_refused_while_it_is_read(tmp_path, monkeypatch):
    """Repeated values make a small file of many rows."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": np.zeros(2_000_000)}), path)
    assert path.stat().st_size < 50_000
    monkeypatch.setattr("os.sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else 2000)
    with pytest.raises(DataError, match="memory"):
        read_all([path])
    assert sum(batch.num_rows for batch in streamed([path], ["x"])) == 2_000_000
