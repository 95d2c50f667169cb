"""Comparisons are exact in the type of the column."""

import time
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain.data.comparing import Incomparable, compare, is_listed, order_of

SIGNS = {"==": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
LARGE = [2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0, None]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("value", ["9007199254740993", "9007199254740992.5", "0", "1e30", "-1e30", "9223372036854775807", "0.5"])
def test_integers_of_64_bits_are_compared_as_they_are(sign, value):
    expected = [v is not None and getattr(Decimal(v), SIGNS[sign])(Decimal(value)) for v in LARGE]
    assert compare(pa.array(LARGE, pa.int64()), sign, Decimal(value)).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.decimals(-(10**12), 10**12, places=4)), st.decimals(-(10**12), 10**12, places=6), st.sampled_from(list(SIGNS)))
def test_decimals_are_compared_as_they_are(values, value, sign):
    column = pa.array(values, pa.decimal128(20, 4))
    assert compare(column, sign, value).tolist() == [getattr(v, SIGNS[sign])(value) for v in values]


LONG = ["0.12345678901234567890123456789012345", "1.1234567890123456789012345678901234567890123", "12345678901234567890123456789.25"]
FAR = ["1e75", "1e76", "1e400", "1e3000000", "1e-3000000", "1e999999999999999999"]


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64(), pa.decimal128(38, 2), pa.decimal128(38, 38), pa.decimal256(76, 0)])
@pytest.mark.parametrize("sign", SIGNS)
def test_a_number_of_any_length_is_compared_exactly_and_at_once(kind, sign):
    values = [Decimal(0), None] if getattr(kind, "scale", 0) == 38 else [Decimal(0), Decimal(1), Decimal(127), None]
    column = pa.array(values, kind if pa.types.is_decimal(kind) else pa.decimal128(38, 0)).cast(kind)
    for written in (*LONG, *FAR, *(f"-{far}" for far in FAR)):
        expected = [value is not None and getattr(value, SIGNS[sign])(Decimal(written)) for value in values]
        start = time.perf_counter()
        assert compare(column, sign, Decimal(written)).tolist() == expected
        # The number 10^3000000 takes minutes to make.
        assert time.perf_counter() - start < 5


@pytest.mark.parametrize("written", [*LONG, *FAR])
@pytest.mark.parametrize("kind", [pa.int64(), pa.decimal128(38, 2), pa.decimal256(76, 0)])
def test_a_listed_number_that_the_type_cannot_hold_is_in_no_row(kind, written):
    assert is_listed(pa.array([1, 2]).cast(kind), [written, 1])[1] == [written]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_a_number_of_the_config_is_the_number_of_the_file(kind):
    column = pa.array([0.1, 0.25, 0.3, None, np.nan], kind)
    assert compare(column, "==", Decimal("0.1")).tolist() == [True, False, False, False, False]
    assert compare(column, ">", Decimal("0.1")).tolist() == [False, True, True, False, False]
    assert is_listed(column, [0.1, 0.3, 0.7])[0].tolist() == [True, False, True, False, False]
    assert is_listed(column, [0.1, 0.3, 0.7])[1] == [0.7]


def test_times_are_compared_to_the_last_nanosecond_and_dates_with_times():
    column = pa.array([10**9, 10**9 + 1, None], pa.timestamp("ns"))
    assert compare(column, "==", "1970-01-01T00:00:01.000000001").tolist() == [False, True, False]
    assert compare(column, "<=", "1970-01-01 00:00:01").tolist() == [True, False, False]
    assert is_listed(column, ["1970-01-01T00:00:01.000000001", "2020-01-01"])[1] == ["2020-01-01"]
    days = pa.array([date(2024, 1, 1), date(2024, 1, 2)])
    assert compare(days, ">", "2024-01-01T12:00:00").tolist() == [False, True]
    assert is_listed(days, [date(2024, 1, 2)])[0].tolist() == [False, True]
    assert compare(
        pa.array([datetime(1, 1, 1), datetime(9999, 1, 1)], pa.timestamp("us")), ">", "2000-01-01T00:00:00.000000001"
    ).tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("ns", tz="UTC"), pa.date32(), pa.date64()]
)
def test_listed_times_are_those_that_are_equal_one_by_one(kind):
    column = pa.array([0, 86_400 * 10**9, 86_400 * 10**9 + 1, None, 2 * 86_400 * 10**9], pa.timestamp("ns"))
    column = column.cast(pa.timestamp("ns", tz="UTC")) if getattr(kind, "tz", None) else column.cast(kind, safe=False)
    values = ["1970-01-02", "1970-01-02T00:00:00.000000001", "9999-01-01", "1970-01-03T02:00:00+02:00", "soon", date(1970, 1, 1), True, 7]
    rows, missing = is_listed(column, values)
    each = []
    for value in values:
        try:
            each.append(compare(column, "==", str(value)))
        except Incomparable:
            each.append(np.zeros(len(column), dtype=bool))
    assert rows.tolist() == np.logical_or.reduce(each).tolist()
    assert missing == [value for value, mask in zip(values, each, strict=True) if not mask.any()]


def test_many_listed_times_are_found_in_one_pass():
    days = pa.array([n % 20_000 for n in range(500_000)], pa.int32()).cast(pa.date32())
    listed = [date(1970, 1, 1) + timedelta(days=n) for n in range(1000)]
    start = time.perf_counter()
    assert is_listed(days, listed)[0].sum() == 25_000
    # A pass for each value takes seconds.
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("column", "values", "rows", "missing"),
    [
        (pa.array([2**53, 2**53 + 1]), [2**53 + 1], [False, True], []),
        (pa.array([2**63], pa.uint64()), [2**63], [True], []),
        (pa.array([1, 2]), ["1", 2.0, 2.5], [True, True], [2.5]),
        (pa.array(["1.10", "1.1"]), ["1.10"], [True, False], []),
        (pa.array(["1.10", "1.1"]), [1.1], [False, True], []),
        (pa.array([Decimal("1.10"), Decimal("2.00")]), [1.1, 2], [True, True], []),
        (pa.array([True, None, False]), [True], [True, False, False], []),
        (pa.array(["a", None]), ["b"], [False, False], ["b"]),
        (pa.array([1.5, 2.5]), ["x", True], [False, False], ["x", True]),
        (pa.nulls(2), [1], [False, False], [1]),
    ],
)
def test_listed_values_are_found_in_the_type_of_the_column(column, values, rows, missing):
    found, absent = is_listed(column, values)
    assert (found.tolist(), absent) == (rows, missing)


@pytest.mark.parametrize(
    ("column", "value"), [(pa.array(["a"]), Decimal(1)), (pa.array([1]), "1"), (pa.array([True]), Decimal(1)), (pa.array([1]), True)]
)
def test_values_of_another_kind_are_not_compared(column, value):
    with pytest.raises(Incomparable):
        compare(column, "==", value)


def test_the_order_of_a_column_is_exact():
    assert order_of(pa.array([2**53 + 1, 2**53, 2**53 + 1])).tolist() == [2, 1, 2]
    assert order_of(pa.array([1, 2, 1], pa.timestamp("ns"))).tolist() == [1, 2, 1]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("day", ["0001-01-01", "2024-02-29T12:00:00", "9999-12-31"])
def test_times_that_microseconds_do_not_reach_are_compared_as_they_are(sign, day):
    """Seconds since 1970, as Python counts them: 10^15 of them are 31 million years."""
    seconds = [-(10**15), -(10**13), 0, 10**13, 10**15, None]
    value = int((datetime.fromisoformat(day) - datetime(1970, 1, 1)).total_seconds())
    expected = [v is not None and getattr(v, SIGNS[sign])(value) for v in seconds]
    assert compare(pa.array(seconds, pa.timestamp("s")), sign, day).tolist() == expected
