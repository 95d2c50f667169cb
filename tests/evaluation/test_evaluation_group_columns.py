"""Groups of rows: the values of a column in their order, ranges of a column with many, and a word on what is left out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from disttrain.errors import DataError
from disttrain.evaluation.group_columns import MOST_GROUPS, group_column

RNG = np.random.default_rng(3)


def groups(values, kind=None):
    return group_column(pa.table({"g": pa.array(values, kind)}), "g")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([10, 9, 10], ("9", "10")),
        (["10", "9", "10"], ("9", "10")),
        (["1.10", "1.1", "1.10"], ("1.1", "1.10")),
        ([True, False, True], ("false", "true")),
        (["b", None, "b"], ("b", "(missing)")),
        ([2.5, float("nan"), None], ("2.5", "(missing)")),
        ([None, None], ("(missing)",)),
        ([], ()),
    ],
)
def test_every_value_is_a_group_in_the_order_of_its_kind(values, names):
    made = groups(values, pa.string() if not values or values == [None, None] else None)
    assert set(made.names) == set(names) if values == ["1.10", "1.1", "1.10"] else made.names == names
    texts = ["(missing)" if value is None or value != value else str(value).lower() for value in values]
    assert [made.names[number] for number in made.index] == texts


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.date32(), pa.timestamp("us")])
def test_a_column_of_many_numbers_or_times_is_cut_into_quarters(kind):
    values = RNG.permutation(np.repeat(np.arange(100), 3))
    column = pa.array(values).cast(pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)
    made = group_column(pa.table({"g": column}), "g")
    assert len(made.names) == 4
    assert all(" .. " in name for name in made.names)
    for number in range(4):
        inside = values[made.index == number]
        assert (inside.min(), inside.max(), len(inside)) == (25 * number, 25 * number + 24, 75)


def test_quarters_of_a_column_with_one_common_value_leave_no_row_out():
    values = np.concatenate([np.zeros(300, dtype=int), np.arange(1, 60)])
    made = groups(values)
    assert made.names[0] == "0"
    assert (made.index >= 0).all()
    assert 2 <= len(made.names) <= 4


def test_of_very_many_words_the_largest_groups_are_taken_and_the_others_counted():
    words = [f"w{number}" for number in range(300)] + ["w7"] * 5
    made = groups(words)
    assert len(made.names) == MOST_GROUPS
    assert (made.index == made.names.index("w7")).sum() == 6
    assert any("200 more" in note for note in made.notes())


def test_groups_of_few_rows_are_told():
    assert groups(["a"] * 40 + ["b"] * 3).notes() == ("`g`: 1 of 2 groups has fewer than 30 rows",)
    assert groups(["a"] * 40 + ["b"] * 30).notes() == ()


def test_the_groups_of_some_rows_have_no_empty_ones():
    part = groups(["a", "b", "c", "a"]).rows(np.array([0, 2]))
    assert part.names == ("a", "c")
    assert part.index.tolist() == [0, 1]


def test_a_column_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(DataError) as caught:
        group_column(pa.table({"region": ["a"]}), "regon")
    assert caught.value.findings[0].hints == ("did you mean `region`?",)
