"""Which rows are held out: a function of what is in them, exact in number, and never both sides of a group."""

import tracemalloc
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain.data import TEST, TRAIN, VALIDATION, assign
from disttrain.data.hashing import column_hash, mixed
from disttrain.errors import DataError


def table_of(rows=1000, seed=0):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "x": rng.normal(size=rows),
            "k": rng.integers(0, 40, rows),
            "s": [f"n{v}" for v in rng.integers(0, 9, rows)],
            "day": [date(2020, 1, 1) + timedelta(days=int(v)) for v in rng.integers(0, 300, rows)],
            "y": np.exp(rng.normal(size=rows)),
        }
    )


def held(table, share=0.15, **options):
    return assign(table, validation=share, exclude=("y",), **options) == VALIDATION


def refused(table, **options):
    with pytest.raises(DataError) as caught:
        assign(table, **options)
    return caught.value.findings[0].code


@pytest.mark.parametrize("method", ["random", "group", "time"])
def test_the_same_rows_are_held_out_in_any_order_of_rows_and_columns(method):
    table, by = table_of(), {"random": None, "group": "k", "time": "day"}[method]
    expected = held(table, method=method, by=by)
    order = np.random.default_rng(1).permutation(table.num_rows)
    shuffled = table.take(pa.array(order)).select(["y", "s", "x", "day", "k"])
    assert np.array_equal(held(shuffled, method=method, by=by), expected[order])


@pytest.mark.parametrize("factor", [1000.0, 1e-6])
def test_rescaling_the_target_moves_no_row_even_among_rows_alike(factor):
    rng = np.random.default_rng(2)
    table = pa.table({"x": rng.integers(0, 3, 500), "y": rng.normal(size=500)})
    scaled = table.set_column(1, "y", pa.array(table.column("y").to_numpy() * factor))
    assert np.array_equal(held(table), held(scaled))
    order = rng.permutation(500)
    assert np.array_equal(held(scaled.take(pa.array(order))), held(table)[order])


def test_the_seed_chooses_other_rows_and_rows_do_not_depend_on_one_another():
    table = table_of()
    assert not np.array_equal(held(table, seed=0), held(table, seed=1))
    overlap = (held(table, seed=0) & held(table, seed=1)).sum()
    # Independent choices of 150 of 1000: hypergeometric, mean 22.5, standard deviation 4.0.
    assert abs(overlap - 22.5) < 4 * 4.1
    fewer = np.arange(1000) < 900
    assert (held(table)[fewer] == held(table.filter(pa.array(fewer)))).mean() > 0.97


def test_a_row_is_the_same_row_in_any_file_type(tmp_path):
    table = table_of(300).select(["k", "s", "day", "y"])
    csv.write_csv(table, tmp_path / "t.csv")
    again = csv.read_csv(tmp_path / "t.csv", convert_options=csv.ConvertOptions(column_types={"k": pa.float64()}))
    assert np.array_equal(held(table), held(again))
    assert np.array_equal(held(table), held(table.set_column(1, "s", table.column("s").dictionary_encode().cast(pa.string()))))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 300), st.floats(0.0005, 0.9995))
def test_a_share_is_exact_and_leaves_rows_to_train_on(rows, share):
    parts = assign(table_of(rows), validation=share)
    assert (parts == VALIDATION).sum() == min(max(round(share * rows), 1), rows - 1)
    assert (parts == TRAIN).any()


def test_test_rows_are_taken_first_and_a_share_is_of_the_rest():
    parts = assign(table_of(), validation=0.25, test=0.2)
    assert [(parts == part).sum() for part in (TRAIN, VALIDATION, TEST)] == [600, 200, 200]
    assert np.array_equal(parts == TEST, assign(table_of(), test=0.2) == TEST)
    assert not assign(table_of()).any()


def test_no_group_is_on_both_sides():
    table = table_of()
    parts = assign(table, validation=0.2, test=0.2, method="group", by="k")
    sides = [set(table.column("k").to_numpy()[parts == part].tolist()) for part in (TRAIN, VALIDATION, TEST)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 40
    assert abs((parts == TEST).mean() - 0.2) < 0.05


def test_a_giant_group_stays_with_the_training_rows():
    table = pa.table({"g": ["giant"] * 900 + [f"g{n}" for n in range(100)]})
    for seed in range(5):
        assert (assign(table, validation=0.05, method="group", by="g", seed=seed) == VALIDATION).sum() == 50
    two = pa.table({"g": ["giant"] * 90 + ["small"] * 10})
    assert (assign(two, validation=0.05, method="group", by="g") == VALIDATION).sum() == 10


@pytest.mark.parametrize("kind", ["date", "text", "number", "timestamp"])
def test_the_latest_times_are_held_out_and_equal_ones_stay_together(kind):
    table = table_of()
    days = table.column("day")
    column = {"date": days, "text": days.cast(pa.string()), "number": days.cast(pa.int32()), "timestamp": days.cast(pa.timestamp("ns"))}[
        kind
    ]
    parts = assign(table.set_column(3, "day", column), validation=0.2, test=0.1, method="time", by="day")
    whole = days.cast(pa.int32()).to_numpy()
    assert whole[parts == TRAIN].max() < whole[parts == VALIDATION].min()
    assert whole[parts == VALIDATION].max() < whole[parts == TEST].min()
    assert abs((parts == TEST).mean() - 0.1) < 0.01


@pytest.mark.parametrize(
    ("column", "values"), [("k", (1, 3)), ("k", ("1", 3.0)), ("s", ("n1", "n3")), ("day", (date(2020, 1, 5), "2020-01-09"))]
)
def test_a_column_may_tell_the_rows(column, values):
    table = table_of()
    parts = assign(table, test=SimpleNamespace(column=column, values=values))
    wanted = [str(value).removesuffix(".0") for value in values]
    assert (parts == TEST).tolist() == [str(value) in wanted for value in table.column(column).to_pylist()]


def test_a_boolean_column_may_tell_the_rows():
    table = pa.table({"late": [True, False, None]})
    assert assign(table, test=SimpleNamespace(column="late", values=(True,))).tolist() == [TEST, TRAIN, TRAIN]


def test_a_split_that_leaves_nothing_is_refused():
    table = table_of(20)
    assert refused(table, test=SimpleNamespace(column="k", values=(99,))) == "empty-split"
    assert refused(table, test=SimpleNamespace(column="k", values=tuple(range(40)))) == "empty-split"
    assert refused(table.slice(0, 1), validation=0.5) == "empty-split"
    assert refused(table.slice(0, 0), validation=0.5) == "empty-split"
    one = pa.table({"g": ["a"] * 5})
    assert refused(one, validation=0.5, method="group", by="g") == "empty-split"
    assert refused(pa.table({"g": [1] * 5}), validation=0.5, method="time", by="g") == "empty-split"
    assert refused(table, validation=0.5, method="time", by="nope") == "missing-column"
    assert refused(pa.table({"t": [1, None]}), validation=0.5, method="time", by="t") == "missing-value"
    assert refused(pa.table({"t": ["soon", "later"]}), validation=0.5, method="time", by="t") == "bad-time"
    assert refused(table, test=SimpleNamespace(column="nope", values=(1,))) == "missing-column"


def spelled_out(text):
    """The hash of a text, byte by byte."""
    data = text.encode()
    total = sum((byte + 1) * pow(0x100000001B3, place + 1, 2**64) for place, byte in enumerate(data))
    return total % 2**64 ^ int(mixed(np.array([len(data)], dtype=np.uint64))[0])


@pytest.mark.parametrize("size", [1 << 20, 100, 7])
def test_the_hash_of_a_text_does_not_depend_on_the_blocks_it_is_read_in(monkeypatch, size):
    monkeypatch.setattr("disttrain.data.hashing.BLOCK_BYTES", size)
    array = pa.array(["first", *(f"{n % 97}ü" * (n % 50) for n in range(500)), None, "", "z" * 100, "y" * 14])
    expected = [0x9E3779B97F4A7C15 if text is None else spelled_out(text) for text in array.to_pylist()]
    assert column_hash(array).tolist() == expected
    assert column_hash(array.slice(1)).tolist() == expected[1:]


def test_a_text_of_many_bytes_is_hashed_in_little_memory():
    array = pa.array(["a" * (16 << 20), "b"])
    tracemalloc.start()
    column_hash(array)
    # A block of 1 MiB takes 32 bytes a byte.
    assert tracemalloc.get_traced_memory()[1] < 80 << 20
    tracemalloc.stop()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=6) | st.none(), max_size=30), st.integers(0, 5))
def test_equal_texts_and_only_those_have_equal_hashes(words, start):
    array = pa.array(words, pa.string())
    codes = column_hash(array.slice(min(start, len(words))))
    kept = words[min(start, len(words)) :]
    assert len(set(codes.tolist())) == len(set(kept))
    assert [codes.tolist().index(code) for code in codes.tolist()] == [kept.index(word) for word in kept]
