"""Columns of one name in files or sources of different types: every value stays what it was, and different ones stay different."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations, product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disttrain.data import Source, format_of
from disttrain.data.column_types import AS_WRITTEN, NAME, NATIVE, NUMBER, TIME
from disttrain.data.common_types import in_one_type
from disttrain.errors import DataError

# Each with the values at its ends, where a type that is too narrow for it, or coarser, shows.
NUMBERS = {
    pa.int8(): [-128, 7, 127],
    pa.uint8(): [0, 7, 255],
    pa.int32(): [-(2**31), 7, 2**31 - 1],
    pa.uint32(): [7, 2**32 - 1],
    pa.int64(): [-(2**63), 7, 2**53, 2**53 + 1, 2**63 - 1],
    pa.uint64(): [7, 2**53 + 1, 2**64 - 2, 2**64 - 1],
    pa.float32(): [7.0, 0.5, -1.5],
    pa.float64(): [7.0, 0.1, 2.0**53],
    pa.decimal128(8, 2): [Decimal("7.00"), Decimal("0.10"), Decimal("999999.99")],
    pa.decimal128(8, 0): [Decimal(7), Decimal(99999999)],
    pa.decimal128(38, 0): [Decimal(7), Decimal(10**37 + 1)],
}
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)
DAY = datetime(2024, 2, 29, 12, 30, 1)
TIMES = {
    pa.date32(): [FIRST.date(), DAY.date(), LAST.date()],
    pa.date64(): [FIRST.date(), DAY.date(), LAST.date()],
    pa.timestamp("s"): [FIRST, DAY, LAST],
    pa.timestamp("ms"): [FIRST, DAY + timedelta(milliseconds=5), LAST],
    pa.timestamp("us"): [FIRST, DAY + timedelta(microseconds=5), LAST],
    pa.timestamp("ns"): [DAY, DAY + timedelta(microseconds=5)],
}
WHEN = datetime(2024, 1, 1, tzinfo=UTC)


def exact(value):
    """A number by its exact value, whether it is stored as one or written out."""
    return Decimal(repr(value) if isinstance(value, float) else value)


def instant(value):
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else value


def two_files(folder, one, other, form="parquet"):
    paths = []
    for name, column in (("a", one), ("b", other)):
        table = pa.table({"x": column, "k": pa.nulls(len(column), pa.int64())})
        paths.append(folder / f"{name}.{form}")
        with format_of(paths[-1]).writer(paths[-1], table.schema) as writer:
            writer.write_table(table)
    return Source(paths)


@pytest.mark.parametrize(("one", "other"), list(permutations(NUMBERS, 2)), ids=str)
def test_numbers_of_two_types_stay_the_numbers_they_were(tmp_path, one, other):
    values = [exact(value) for value in (*NUMBERS[one], *NUMBERS[other])]
    columns = [pa.array(NUMBERS[kind], kind) for kind in (one, other)]
    made = in_one_type(columns)
    assert made[0].type == made[1].type
    together = [exact(value) for part in made for value in part.to_pylist()]
    read = two_files(tmp_path, *columns).read({"x": AS_WRITTEN}).table.column("x")
    # Arrow's text of 2^53 as a float is 9007199254740992, of 7.0 it is 7.
    assert together == [exact(value) for value in read.to_pylist()] == values
    assert len(read.unique()) == len(set(values))


@pytest.mark.parametrize(("one", "other"), list(permutations(NUMBERS, 2)), ids=str)
def test_as_numbers_and_in_filters_a_value_is_exact_or_refused_with_its_row(tmp_path, one, other):
    values = [exact(value) for value in (*NUMBERS[one], *NUMBERS[other])]
    source = two_files(tmp_path, *(pa.array(NUMBERS[kind], kind) for kind in (one, other)))
    rounded = pa.types.is_floating(one) or pa.types.is_floating(other)
    for form in (NUMBER, NATIVE):
        if rounded and any(abs(value) > 2**53 for value in values):
            with pytest.raises(DataError) as caught:
                source.read({"x": form})
            assert [finding.code for finding in caught.value.findings] == ["number-too-long"]
        else:
            assert [exact(value) for value in source.read({"x": form}).table.column("x").to_pylist()] == values


@pytest.mark.parametrize(("one", "other"), list(permutations(TIMES, 2)), ids=str)
def test_points_in_time_of_two_types_stay_the_instants_they_were(tmp_path, one, other):
    """Nanoseconds end in 2262: 9999-12-31, which stands for `never`, must not become a day in 1816."""
    values = [instant(value) for value in (*TIMES[one], *TIMES[other])]
    columns = [pa.array(TIMES[kind], kind) for kind in (one, other)]
    source = two_files(tmp_path, *columns)
    reads = [source.read({"x": form}).table.column("x").cast(pa.timestamp("us")).to_pylist() for form in (AS_WRITTEN, NATIVE, TIME)]
    together = [value for part in in_one_type(columns) for value in part.cast(pa.timestamp("us")).to_pylist()]
    assert reads == [values] * 3
    assert together == values
    rows = source.read({"x": TIME}, filters=["x < '2200-01-01'"]).row
    assert rows.tolist() == [row for row, value in enumerate(values) if value < datetime(2200, 1, 1)]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_nanoseconds_are_kept_where_all_times_fit_them(tmp_path, form):
    one, other = pa.array([DAY, None], pa.timestamp("us")), pa.array([10**18 + 1], pa.timestamp("ns"))
    table = two_files(tmp_path, one, other, form).read({"x": AS_WRITTEN}).table
    assert table.schema.field("x").type == pa.timestamp("ns")
    assert table.column("x").cast(pa.int64()).to_pylist()[2] == 10**18 + 1
    assert in_one_type([one, other])[1].equals(other)


def test_times_beyond_microseconds_are_refused_and_never_wrapped(tmp_path):
    column = pa.array([0, 10**15], pa.timestamp("s"))
    source = two_files(tmp_path, column, pa.array([DAY], pa.timestamp("us")))
    for form in (TIME, NATIVE, AS_WRITTEN):
        with pytest.raises(DataError) as caught:
            source.read({"x": form})
        assert [(finding.code, "row 1" in finding.excerpt[0]) for finding in caught.value.findings] == [("bad-time", True)]
    assert in_one_type([column, pa.array([DAY], pa.timestamp("us"))])[0].type == pa.string()


ONE_VALUE = {
    "units": [pa.array([WHEN.replace(tzinfo=None)], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")],
    "zones": [pa.array([WHEN], pa.timestamp("us", tz)) for tz in ("UTC", "Europe/Berlin", "America/New_York")],
    "decimals": [pa.array([7]).cast(kind) for kind in (pa.decimal128(30, 2), pa.decimal128(25, 0), pa.int64(), pa.float64())],
    "whole numbers": [pa.array([10**15], kind) for kind in (pa.int64(), pa.uint64(), pa.float64())],
    "days": [pa.array([date(2024, 1, 1)], pa.date32()), pa.array([WHEN.replace(tzinfo=None)], pa.timestamp("ms"))],
}


@pytest.mark.parametrize("what", ONE_VALUE)
def test_one_value_is_one_category_in_whatever_type_two_files_store_it(tmp_path, what):
    columns = list(ONE_VALUE[what])
    for one, other in product(columns, columns):
        names = two_files(tmp_path, one, other).read({"x": NAME}).table.column("x").to_pylist()
        assert len(set(names)) == 1, (one.type, other.type, names)


def test_names_of_decimals_have_the_places_that_their_text_has(tmp_path):
    for form in ("parquet", "csv", "ndjson"):
        source = two_files(tmp_path, pa.array([Decimal("7.00")]), pa.array([Decimal("1.10")]), form)
        assert source.read({"x": NAME}).table.column("x").to_pylist() == ["7.00", "1.10"], form


@pytest.mark.parametrize(
    "values",
    [["12345678901234567890", "12345678901234567891"], ["9007199254740993", "1.5"], ["9007199254740992", "9007199254740993", "0.5"]],
)
def test_long_whole_numbers_read_alike_in_csv_and_ndjson(tmp_path, values):
    """Arrow infers floats for them in NDJSON: as names, ids and in comparisons their digits count, and as numbers they are refused."""
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{value},1\n" for value in values))
    (tmp_path / "a.ndjson").write_text("".join(f'{{"x": {value}, "y": 1}}\n' for value in values))
    codes, reads = [], []
    for name in ("a.csv", "a.ndjson"):
        source = Source([tmp_path / name])
        with pytest.raises(DataError) as caught:
            source.read({"x": NUMBER})
        codes.append([(finding.code, finding.what) for finding in caught.value.findings])
        table = source.read({"x": NAME, "y": NUMBER}, compared=["x"], filters=[f"x >= {values[0]}"])
        reads.append((table.table.column("x").to_pylist(), table.compared.column("x").to_pylist(), table.row.tolist()))
    assert codes[0] == codes[1]
    assert codes[0][0][0] == "number-too-long"
    assert reads[0] == reads[1]
    assert set(source.read({"x": AS_WRITTEN}).table.column("x").to_pylist()) == set(values)


def test_long_whole_numbers_of_one_ndjson_file_are_refused_beside_fractions_of_another(tmp_path):
    (tmp_path / "a.ndjson").write_text('{"x": 9007199254740993}\n')
    (tmp_path / "b.ndjson").write_text('{"x": 1.5}\n')
    source = Source([tmp_path / "a.ndjson", tmp_path / "b.ndjson"])
    with pytest.raises(DataError, match="2\\^53"):
        source.read({"x": NUMBER})
    assert source.read({"x": AS_WRITTEN}).table.column("x").to_pylist() == ["9007199254740993", "1.5"]


def test_a_column_without_values_takes_the_type_of_the_other_source():
    numbers = pa.array(np.arange(3))
    assert [column.type for column in in_one_type([pa.nulls(2), numbers])] == [pa.int64()] * 2
    assert in_one_type([pa.array([True]), numbers])[0].to_pylist() == [1]
    assert in_one_type([pa.array(["a"]), numbers])[1].to_pylist() == ["0", "1", "2"]


def test_what_a_parquet_file_holds_is_what_is_written_again(tmp_path):
    """One file of one type is copied as it is, to the type."""
    for kind, values in {**NUMBERS, **TIMES}.items():
        table = pa.table({"x": pa.array(values, kind)})
        pq.write_table(table, tmp_path / "one.parquet")
        stored = pq.read_table(tmp_path / "one.parquet")
        assert Source([tmp_path / "one.parquet"]).read({"x": AS_WRITTEN}).table.equals(stored)


def test_columns_in_chunks_come_to_one_type_as_whole_ones_do():
    parts = [pa.array([-14_831_769_600_000_000], pa.timestamp("us")), pa.array([1], pa.timestamp("ns"))]
    assert [column.to_pylist() for column in in_one_type([pa.chunked_array([part]) for part in parts])] == [
        column.to_pylist() for column in in_one_type(parts)
    ]
