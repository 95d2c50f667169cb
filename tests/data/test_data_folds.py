"""Folds: every row is held out once, groups stay whole, and by time no row is trained on that is later than a held-out one."""

import numpy as np
import pyarrow as pa
import pytest

from disttrain.config import ColumnSplit, FoldSplit
from disttrain.data import TEST, TRAIN, UNUSED, VALIDATION, assign
from disttrain.errors import ConfigError, DataError
from disttrain.validation.config import configuration_of

FOLDS = 5


def table_of(rows=503):
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "x": rng.normal(size=rows),
            "k": rng.integers(0, 40, rows),
            "day": rng.integers(0, 300, rows),
            "part": rng.integers(0, 10, rows),
            "y": rng.normal(size=rows),
        }
    )


def parts_of(table, **options):
    """The part of each row in each of the folds: (FOLDS, n)."""
    without = options.pop("without", None)
    folds = (FoldSplit(fold=fold, folds=FOLDS, without=without) for fold in range(1, FOLDS + 1))
    return np.array([assign(table, test=fold, exclude=("y",), **options) for fold in folds])


def test_every_row_is_held_out_once_in_folds_of_one_size():
    parts = parts_of(table_of())
    assert ((parts == TEST).sum(0) == 1).all()
    sizes = (parts == TEST).sum(1)
    assert sizes.max() - sizes.min() <= 1


def test_the_folds_do_not_depend_on_the_order_of_rows():
    table = table_of()
    order = np.random.default_rng(1).permutation(table.num_rows)
    assert np.array_equal(parts_of(table.take(pa.array(order))), parts_of(table)[:, order])


def test_a_group_is_in_one_fold_and_the_folds_have_about_one_size():
    table = table_of()
    parts, groups = parts_of(table, method="group", by="k"), table["k"].to_numpy()
    assert ((parts == TEST).sum(0) == 1).all()
    for fold in parts == TEST:
        assert not set(groups[fold]) & set(groups[~fold])
    # A greedy placement differs by one group at most.
    sizes = (parts == TEST).sum(1)
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()


def test_by_time_a_fold_is_later_than_all_that_is_trained_on():
    table = table_of()
    parts, day = parts_of(table, method="time", by="day", validation=0.2), table["day"].to_numpy()
    for part in parts:
        assert day[part == TRAIN].max() < day[part == VALIDATION].min()
        assert day[part == VALIDATION].max() < day[part == TEST].min()
        assert (day[part == UNUSED] > day[part == TEST].max()).all()
    starts = [day[part == TEST].min() for part in parts]
    assert starts == sorted(set(starts))
    assert ((parts == TEST).sum(0) <= 1).all()


@pytest.mark.parametrize("without", [0.2, ColumnSplit(column="part", values=(8, 9))])
def test_rows_outside_the_folds_are_in_no_split(without):
    table = table_of()
    parts = parts_of(table, without=without, validation=0.1)
    left_out = (parts == UNUSED).all(0)
    assert ((parts == UNUSED).any(0) == left_out).all()
    assert left_out.sum() == (round(0.2 * len(left_out)) if without == 0.2 else (table["part"].to_numpy() >= 8).sum())
    assert ((parts == TEST).sum(0) == ~left_out).all()


def test_listed_validation_rows_stay_validation_rows():
    table = table_of()
    parts = parts_of(table, validation=ColumnSplit(column="part", values=(0,)))
    assert ((parts == VALIDATION) == (table["part"].to_numpy() == 0)).all()


@pytest.mark.parametrize(("method", "by"), [("group", "g"), ("time", "g"), ("random", None)])
def test_too_few_rows_for_the_folds_are_a_data_error(method, by):
    rows = 3 if method == "random" else 60
    table = pa.table({"x": np.arange(rows, dtype=float), "g": np.arange(rows) % 3, "y": np.zeros(rows)})
    with pytest.raises(DataError) as caught:
        assign(table, test=FoldSplit(fold=1, folds=FOLDS), method=method, by=by, exclude=("y",))
    assert caught.value.findings[0].code == "too-few-rows"


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ({"fold": 6, "folds": 5}, "there is no fold 6 of 5"),
        ({"fold": 1}, "folds"),
        ({"fold": 1, "folds": 1}, "2"),
        ({"fold": 1, "folds": 5, "without": 1.5}, "1"),
    ],
)
def test_a_fold_that_is_none_is_a_config_error(test, said):
    with pytest.raises(ConfigError, match=said):
        configuration_of({"distribution": "normal", "data": {"train": "a.csv", "target": "y", "features": ["x"], "test": test}})
