"""The text of a value, however it is stored."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from disttrain.data.column_types import NAME, conformed
from disttrain.data.io.arrow_arrays import is_bytes, texts
from disttrain.data.io.csv_dialect import TYPED

MOMENT = datetime(1969, 12, 31, 23, 59, 58)


@pytest.mark.parametrize("millis", [0, 5, 120])
def test_a_point_in_time_reads_the_same_in_every_unit(millis):
    moment = MOMENT + timedelta(milliseconds=millis)
    units = ("ms", "us", "ns") if millis else ("s", "ms", "us", "ns")
    read = {texts(pa.array([moment], pa.timestamp(unit)))[0].as_py() for unit in units}
    # As Python writes it, but for the zeros at the end.
    assert read == {str(moment).rstrip("0") if millis else str(moment)}


def test_a_point_in_time_with_a_zone_reads_the_same_in_every_zone():
    zones = ("UTC", "Europe/Berlin", "America/New_York", "+05:30")
    columns = [pa.array([MOMENT.replace(tzinfo=UTC, microsecond=500_000)], pa.timestamp("us", zone)) for zone in zones]
    assert {texts(column)[0].as_py() for column in columns} == {"1969-12-31 23:59:58.5Z"}


@pytest.mark.parametrize("number", [0, 7, 10**9, 10**10, 12345678901, 2**53 - 1, -(10**15), -(2**53)])
def test_a_whole_number_reads_the_same_as_integer_and_as_float(number):
    for kind in (pa.int64(), pa.float64(), pa.decimal128(20, 0)):
        column = pa.array([Decimal(number) if pa.types.is_decimal(kind) else number, None], kind)
        assert texts(column).to_pylist() == [str(number), None], kind


def test_other_floats_read_as_short_as_they_come_back():
    values = [0.1, 1e300, 1e16, 2.5e15 + 0.5, float("inf")]
    assert [float(text) for text in texts(pa.array(values)).to_pylist()] == values


def test_every_type_of_bytes_is_known_as_such_and_no_text_is():
    kinds = [pa.binary(), pa.large_binary(), pa.binary(16), pa.binary_view()]
    assert all(map(is_bytes, kinds))
    assert not any(map(is_bytes, [pa.string(), pa.large_string(), pa.string_view(), pa.int64()]))
    for kind in kinds:
        column = pa.array([b"0123456789abcdef"], kind)
        assert conformed(column, NAME, TYPED).array.equals(column)
