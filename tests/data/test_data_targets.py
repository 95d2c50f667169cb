"""The target and the weights: what is read as what, and what is refused with its rows."""

import math
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from disttrain.data import Origin, located, read_target, read_weight, require_complete, require_weight
from disttrain.errors import DataError


def codes(call, *args, **options):
    with pytest.raises(DataError) as caught:
        call(*args, **options)
    return [finding.code for finding in caught.value.findings]


@pytest.mark.parametrize(
    "values", [[1, 2], [1.0, 2.0], [Decimal("1.0"), Decimal("2.0")], pa.array([1, 2], pa.uint8()), pa.array([1, 2], pa.float32())]
)
def test_numbers_of_every_type_are_float64(values):
    target = read_target(pa.table({"y": values}), ("y",), kind="number")
    assert target.values.dtype == np.float64
    assert target.values.tolist() == [1.0, 2.0]
    assert read_target(pa.table({"y": [True, False]}), ("y",), kind="number").values.tolist() == [1.0, 0.0]


def test_missing_targets_are_flagged_and_refused_only_when_they_are_needed():
    target = read_target(pa.table({"y": [1.0, None, math.nan]}), ("y",), kind="number")
    assert target.missing.tolist() == [False, True, True]
    with pytest.raises(DataError) as caught, located(Origin(("a.csv",))):
        require_complete(target)
    assert caught.value.findings[0].where == "a.csv, column `y`"
    assert caught.value.findings[0].excerpt == ("row 1", "row 2")
    assert require_complete(read_target(pa.table({"y": [1.0]}), ("y",), kind="number")) is None


@pytest.mark.parametrize(
    ("values", "code"),
    [(["1", "x"], "text-for-numbers"), ([math.inf], "infinite-value"), ([1e200], "value-too-large"), ([2**53 + 1], "number-too-long")],
)
def test_a_number_target_that_is_none_is_refused(values, code):
    assert codes(read_target, pa.table({"y": values}), ("y",), kind="number") == [code]


def test_a_vector_has_a_row_for_each_row():
    target = read_target(pa.table({"a": [1, 2], "b": [3.0, None]}), ("a", "b"), kind="vector")
    assert target.values.shape == (2, 2)
    assert target.missing.tolist() == [False, True]
    assert codes(read_target, pa.table({"a": [math.inf], "b": ["x"]}), ("a", "b"), kind="vector") == ["infinite-value", "text-for-numbers"]
    assert codes(read_target, pa.table({"a": [1]}), ("b", "c"), kind="vector") == ["missing-column", "missing-column"]


@pytest.mark.parametrize(
    ("values", "labels", "expected"),
    [
        (["b", "a", None], ("a", "b"), [1, 0, math.nan]),
        ([10, 9], (9, 10), [1, 0]),
        ([2.0, None, 1.0], (1, 2), [1, math.nan, 0]),
        ([True, False], (False, True), [1, 0]),
        (pa.array(["u", "t"]).dictionary_encode(), ("t", "u"), [1, 0]),
    ],
)
def test_labels_are_sorted_and_coded(values, labels, expected):
    target = read_target(pa.table({"y": values}), ("y",), kind="label")
    assert target.labels == labels
    assert all(type(label) is type(known) for label, known in zip(target.labels, labels, strict=True))
    np.testing.assert_array_equal(target.values, expected)
    again = read_target(pa.table({"y": values}).slice(0, 1), ("y",), kind="label", labels=labels)
    np.testing.assert_array_equal(again.values, expected[:1])


def test_labels_of_a_model_are_met_by_their_text_in_any_file_type():
    for values in ([7, 8], [7.0, 8.0], ["7", "8"]):
        assert read_target(pa.table({"y": values}), ("y",), kind="label", labels=("7", "8")).values.tolist() == [0, 1]


def test_a_label_that_training_did_not_have_is_refused_with_its_row():
    with pytest.raises(DataError) as caught, located(Origin().at(10)):
        read_target(pa.table({"y": ["a", "z"]}), ("y",), kind="label", labels=("a", "b"))
    assert caught.value.findings[0].excerpt == ("row 11  z",)
    assert codes(read_target, pa.table({"y": [0.5]}), ("y",), kind="label") == ["unusable-type"]
    assert codes(read_target, pa.table({"y": [date(2020, 1, 1)]}), ("y",), kind="label") == ["unusable-type"]
    assert codes(read_target, pa.table({"y": [str(n) for n in range(10_001)]}), ("y",), kind="label") == ["too-many-labels"]


def test_one_hot_columns_are_labels_in_their_order():
    table = pa.table({"z": [0, 1, 0], "a": [1.0, 0.0, None], "m": [False, False, True]})
    target = read_target(table, ("z", "a", "m"), kind="label")
    assert target.labels == ("z", "a", "m")
    np.testing.assert_array_equal(target.values, [1, 0, math.nan])
    assert target.missing.tolist() == [False, False, True]


@pytest.mark.parametrize("row", [(0, 0), (1, 1), (0.5, 0.5), (2, -1)])
def test_rows_that_are_not_one_hot_are_refused(row):
    table = pa.table({"a": [1.0, row[0]], "b": [0.0, row[1]]})
    assert codes(read_target, table, ("a", "b"), kind="label") == ["not-one-hot"]


def test_weights_are_finite_and_not_negative_and_not_all_0():
    assert read_weight(pa.table({"w": [0, 2]}), "w").tolist() == [0.0, 2.0]
    assert codes(read_weight, pa.table({"w": [1.0, -1.0, None]}), "w") == ["missing-weight", "negative-weight"]
    assert codes(read_weight, pa.table({"w": [math.inf]}), "w") == ["infinite-value"]
    assert codes(read_weight, pa.table({"w": ["one"]}), "w") == ["text-for-numbers"]
    assert codes(read_weight, pa.table({"w": [1]}), "v") == ["missing-column"]
    assert codes(require_weight, np.zeros(3), "w") == ["no-weight"]
    assert require_weight(np.array([0.0, 1.0]), "w") is None
