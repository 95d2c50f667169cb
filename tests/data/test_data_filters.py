"""`data.filter`: one comparison a line, no comparison holds for what is missing."""

import math
import operator
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from disttrain.data import columns_of, keep
from disttrain.errors import ConfigError, DataError

TABLE = pa.table(
    {
        "x": [1.0, 2.0, None, math.nan],
        "n": [1, 2, 3, None],
        "s": ["north", "south east", None, "=="],
        "b": [True, False, None, True],
        "d": [date(2020, 1, 1), date(2021, 1, 1), None, date(2022, 1, 1)],
        "z": pa.array([datetime(2020, 1, 1, tzinfo=UTC)] * 4),
        "odd name": [1, 2, 3, 4],
        "empty": pa.nulls(4),
    }
)
OPERATORS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@pytest.mark.parametrize("sign", OPERATORS)
@pytest.mark.parametrize(
    ("column", "written", "value"),
    [("x", "2", 2), ("n", "2.0", 2), ("s", "'south east'", "south east"), ("b", "true", True), ("d", "'2021-01-01'", date(2021, 1, 1))],
)
def test_a_comparison_keeps_what_python_keeps(sign, column, written, value):
    expected = [v is not None and v == v and OPERATORS[sign](v, value) for v in TABLE.column(column).to_pylist()]
    assert keep(TABLE, [f"{column} {sign} {written}"]).tolist() == expected
    assert keep(TABLE, [f" `{column}`{sign}{written} "]).tolist() == expected


def test_a_list_is_joined_by_and():
    assert keep(TABLE, ["x > 0", "n < 2"]).tolist() == [True, False, False, False]
    assert keep(TABLE, []).tolist() == [True] * 4
    assert keep(TABLE.slice(0, 0), ["x > 0"]).tolist() == []


def test_odd_names_signs_in_text_zones_and_empty_columns():
    assert keep(TABLE, ["odd name >= 3"]).tolist() == [False, False, True, True]
    assert keep(TABLE, ['s == "=="']).tolist() == [False, False, False, True]
    assert keep(TABLE, ["z == '2020-01-01T01:00:00+01:00'"]).all()
    assert keep(TABLE, ["z == '2020-01-01'"]).all()
    assert not keep(TABLE, ["empty == 1"]).any()
    assert columns_of(["odd name >= 3", "x>1", "x < 9"]) == ("odd name", "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x = 1",
        "x > ",
        "> 1",
        "x > north",
        "x > 1 or n > 2",
        "x == 'a",
        "x === 1",
        "x =< 1",
        "x > nan",
        "x <> 1",
        "x > 1e99999999999999999999",
    ],
)
def test_what_is_no_comparison_is_a_config_error(text):
    with pytest.raises(ConfigError) as caught:
        columns_of([text])
    assert caught.value.findings[0].code == "bad-filter"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("gone > 1", "missing-column"),
        ("s > 1", "filter-type"),
        ("x == 'a'", "filter-type"),
        ("b == 1", "filter-type"),
        ("x == true", "filter-type"),
        ("d > 'soon'", "filter-type"),
    ],
)
def test_a_comparison_with_another_kind_of_value_is_a_data_error(text, code):
    with pytest.raises(DataError) as caught:
        keep(TABLE, [text])
    assert [finding.code for finding in caught.value.findings] == [code]


def test_all_wrong_filters_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        keep(TABLE, ["x = 1", "n = 2"])
    assert len(caught.value.findings) == 2
    with pytest.raises(DataError) as caught:
        keep(TABLE, ["gone > 1", "s > 1"])
    assert len(caught.value.findings) == 2


def test_comparisons_in_one_text_are_joined_by_and():
    assert keep(TABLE, ["x > 0 and n < 2"]).tolist() == [True, False, False, False]
    assert keep(TABLE, ["s != '==' and b == true"]).tolist() == keep(TABLE, ["s != '=='", "b == true"]).tolist()
    assert keep(TABLE, ["x > -3 AND x < 3 and n >= 1"]).tolist() == [True, True, False, False]
    table = pa.table({"profit and loss": [1, 2, 3], "s": ["a and b", "a", "x > 1 and y < 2"]})
    assert keep(table, ["profit and loss > 1"]).tolist() == [False, True, True]
    assert keep(table, ["profit and loss > 0 and profit and loss < 3"]).tolist() == [True, True, False]
    assert keep(table, ["s == 'a and b'"]).tolist() == [True, False, False]
    assert keep(table, ["s == 'x > 1 and y < 2' and `profit and loss` == 3"]).tolist() == [False, False, True]
    assert columns_of(["a > 1 and `b` == 'x'", "c < 2"]) == ("a", "b", "c")
    many = " and ".join(f"profit and loss != {number}" for number in range(3, 3000))
    assert keep(table, [many]).tolist() == [True, True, False]


@pytest.mark.parametrize("text", ["x > 1 and", "x > 1 and y", "x > 1 or n < 2", "and x > 1 and", "x > 1 and n"])
def test_half_a_conjunction_is_no_filter(text):
    with pytest.raises(ConfigError):
        keep(TABLE, [text])
