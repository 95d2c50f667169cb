"""What is odd in a split is told: values that no row has, groups and rows on both sides, held-out rows that are older."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from disttrain.data import older_rows, shared_groups, shared_rows, unlisted_values

SPLIT = np.array([0, 0, 0, 1, 1, 2], dtype=np.int8)


def test_listed_values_that_no_row_has_are_named():
    table = pa.table({"fold": [1, 2, 3]})
    assert list(unlisted_values(table, SimpleNamespace(column="fold", values=(1, 3)), "test")) == []
    (remark,) = unlisted_values(table, SimpleNamespace(column="fold", values=(1, 7, "x")), "test")
    assert "`7`" in remark
    assert "`x`" in remark
    assert "data.test" in remark


def test_groups_on_both_sides_are_counted_for_each_part():
    remarks = list(shared_groups(pa.array(["a", "b", "c", "a", "b", "d"]), SPLIT, "patient"))
    assert len(remarks) == 1
    assert remarks[0].startswith("2 of 2 groups of `patient` in the validation rows")
    assert list(shared_groups(pa.array(["a", "b", "c", "d", "d", "e"]), SPLIT, "patient")) == []
    # 1.10 is not 1.1.
    assert list(shared_groups(pa.array(["1.1", "b", "c", "1.10", "d", None]), SPLIT, "patient")) == []


def test_held_out_rows_that_are_older_than_a_training_row_are_counted():
    times = pa.array([1, 2, 5, 6, 4, 7], pa.timestamp("ns"))
    assert list(older_rows(times, SPLIT, "day")) == ["1 of 2 validation rows are older than the newest training row (`day`)"]
    assert list(older_rows(pa.array(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03", "2024-01-04", None]), SPLIT, "day")) == []
    assert len(list(older_rows(pa.array([1.0, 2.0, 3.0, 2.5, 2.6, 2.7]), SPLIT, "day"))) == 2


def test_rows_that_are_identical_on_both_sides_are_counted():
    table = pa.table({"x": [1.0, 2.0, 3.0, 1.0, 9.0, 2.0], "y": [1, 1, 1, 1, 1, 2], "id": list("abcdef")})
    assert list(shared_rows(table, SPLIT, ("x", "y"))) == [("1 of 2 validation rows are identical to a training row", 0.5)]
    assert list(shared_rows(table, SPLIT, ("x", "y", "id"))) == []
    assert list(shared_rows(table, np.zeros(6, dtype=np.int8), ("x",))) == []
