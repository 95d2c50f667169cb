"""Repeated subjects are found in grouped data of several shapes, and in no data without them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from disttrain.data import naming_column, repeated_subjects
from tests.small_runs import SAMPLES, SHARED

NOTHING = pa.table({})


def grouped(subjects=18, rows=10, attributes=4, varying=2, seed=0):
    """Rows of some subjects in random order: attributes of the subject (every second one whole numbers) and what varies from row to row."""
    rng = np.random.default_rng(seed)
    subject = rng.permutation(np.repeat(np.arange(subjects), rows))
    columns = {f"a{n}": rng.normal(size=subjects)[subject] for n in range(0, attributes, 2)}
    columns |= {f"a{n}": rng.integers(0, 6, subjects)[subject] for n in range(1, attributes, 2)}
    columns |= {f"v{n}": rng.normal(size=len(subject)) for n in range(varying)}
    return subject, pa.table(columns)


NAMES = {
    "text": lambda subject: pa.array([f"p-{n}" for n in subject]),
    "whole number": lambda subject: pa.array(7 * (subject + 3) % 1009),
    "float with gaps": lambda subject: pa.array([None if row == 5 else float(n) for row, n in enumerate(subject)]),
    "digits as text": lambda subject: pa.array([f"{n:06}" for n in subject]),
    "dictionary": lambda subject: pa.array([f"p-{n}" for n in subject]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("as_feature", [False, True], ids=["no feature", "feature"])
@pytest.mark.parametrize(("subjects", "rows"), [(18, 10), (300, 3), (8, 60)])
def test_a_column_of_subjects_is_found_with_its_numbers(kind, as_feature, subjects, rows):
    subject, features = grouped(subjects, rows)
    names = NAMES[kind](subject)
    if as_feature:
        result = repeated_subjects(features.append_column("who", names), NOTHING)
    else:
        result = repeated_subjects(features, pa.table({"who": names, "row": np.arange(len(subject))}))
    assert (result.column, result.values, result.same, result.features, result.exact) == ("who", subjects, 4, 6, True)


def test_two_attributes_among_many_features_name_the_subjects_of_a_study():
    subject, features = grouped(42, 140, attributes=2, varying=16)
    result = repeated_subjects(features, pa.table({"subject": subject}))
    assert (result.same, result.features) == (2, 18)


def test_a_wrong_cell_hides_no_subject_and_is_told():
    subject, features = grouped()
    cells = features["a1"].to_numpy().copy()
    cells[3] += 1
    result = repeated_subjects(features.set_column(features.column_names.index("a1"), "a1", pa.array(cells)), pa.table({"who": subject}))
    assert not result.exact
    assert result.same >= 3


@pytest.mark.parametrize("columns", [4, 40])
def test_subjects_among_many_rows_are_found_in_any_order_of_rows(columns):
    # Among rows that are spread over the file, most of these have no other row of their subject.
    subject, features = grouped(40_000, 4, attributes=columns, varying=1)
    result = repeated_subjects(features, pa.table({"who": subject, "row": np.arange(len(subject))}))
    assert (result.column, result.values, result.same) == ("who", 40_000, columns)


def test_the_column_that_is_no_feature_is_named_before_one_that_is():
    subject, features = grouped()
    result = repeated_subjects(features.append_column("code", pa.array(1000 - subject)), pa.table({"who": NAMES["text"](subject)}))
    assert result.column == "who"


HOUR = np.random.default_rng(1).integers(0, 24, 4_000)
RNG = np.random.default_rng(2)
REGION = RNG.integers(0, 9, 4_000)
DAY = RNG.integers(0, 200, 4_000)
NOISE = {"x": RNG.normal(size=4_000), "z": RNG.integers(0, 50, 4_000)}
ONE_HOT = {f"region_{n}": (n == REGION).astype(int) for n in range(9)}
# Features, and columns that are none.
WITHOUT_SUBJECTS = {
    "sex": (NOISE | {"sex": RNG.integers(0, 2, 4_000)}, {}),
    "folds": (NOISE, {"fold": RNG.integers(0, 10, 4_000), "year": RNG.integers(2000, 2020, 4_000)}),
    "a region and its state": (NOISE | {"region": [f"r{n}" for n in REGION], "state": [f"s{n // 3}" for n in REGION]}, {}),
    "a code and its name": ({"code": REGION, "name": [f"n{n}" for n in (REGION * 4) % 9]}, {}),
    "a region in one-hot columns": (NOISE | ONE_HOT, {"region": [f"r{n}" for n in REGION]}),
    "the hour and its waves": (
        {"hour": HOUR, "sin": np.sin(np.pi * HOUR / 12), "cos": np.cos(np.pi * HOUR / 12), "rush": np.isin(HOUR, [7, 8, 17, 18]) * 1}, {},
    ),
    "the hour, no feature, and its waves": (
        {"sin": np.sin(np.pi * HOUR / 12), "cos": np.cos(np.pi * HOUR / 12), "night": (HOUR < 6) * 1, "x": NOISE["x"]}, {"hour": HOUR},
    ),
    "a brand, its number and its country": (
        {"x": NOISE["x"], "brand": [f"b{n}" for n in REGION], "number": (REGION * 7) % 101, "country": [f"c{n % 4}" for n in REGION]}, {},
    ),
    "features that stay as they are in nine rows of ten": (
        {f"a{n}": np.where(RNG.random(4_000) < 0.9, (DAY * (n + 3)) % 101, RNG.integers(0, 101, 4_000)) for n in range(4)}, {"who": DAY},
    ),
    "powers of an age": ({"age": DAY, "square": DAY**2, "log": np.log(DAY + 1.0), "old": (DAY > 150) * 1}, {}),
    "a date and its calendar": (
        {"month": DAY // 30, "weekday": DAY % 7, "weekend": (DAY % 7 > 4) * 1},
        {"date": [str(date(2020, 1, 1) + timedelta(days=int(day))) for day in DAY]},
    ),
    "dates": (
        {"month": DAY // 30, "weekday": DAY % 7, "weekend": (DAY % 7 > 4) * 1},
        {"date": [date(2020, 1, 1) + timedelta(days=int(day)) for day in DAY]},
    ),
    "numbers with decimals": ({"a": DAY // 7, "b": (DAY * 31) % 101, "x": NOISE["x"]}, {"score": DAY / 8}),
    "decimals as text": ({"a": DAY // 7, "b": (DAY * 31) % 101, "x": NOISE["x"]}, {"score": [f"{n / 8}" for n in DAY]}),
    "constants": ({"a": np.ones(4_000), "b": np.zeros(4_000), "x": NOISE["x"]}, {"who": REGION}),
    "a row number": ({"a": RNG.normal(size=4_000), "b": RNG.integers(0, 9, 4_000)}, {"row": np.arange(4_000)}),
    "pairs of rows": ({"a": RNG.normal(size=4_000), "b": RNG.integers(0, 9, 4_000)}, {"pair": np.arange(4_000) // 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_SUBJECTS)
def test_columns_that_follow_from_one_another_are_no_subjects(name):
    features, others = WITHOUT_SUBJECTS[name]
    assert repeated_subjects(pa.table(features), pa.table(others)) is None


@pytest.mark.slow
def test_columns_drawn_at_random_are_never_subjects():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = int(rng.integers(2, 300))
        columns = {f"c{n}": rng.integers(0, int(rng.integers(2, 40)), rows) for n in range(int(rng.integers(1, 9)))}
        # Rare values are the same in most rows of anything.
        columns |= {f"r{n}": (rng.random(rows) < 0.03).astype(int) for n in range(4)}
        assert repeated_subjects(pa.table(columns), pa.table({"k": rng.integers(0, max(1, rows // 3), rows)})) is None, seed


@pytest.mark.slow
def test_marks_that_hardly_any_row_has_are_the_same_in_few_rows_by_chance():
    for seed in range(400):
        rng = np.random.default_rng(seed)
        marks = {f"r{n}": (rng.random(16) < 0.2).astype(int) for n in range(3)}
        assert repeated_subjects(pa.table(marks), pa.table({"k": [f"k{n}" for n in rng.integers(0, 7, 16)]})) is None, seed


@pytest.mark.parametrize("table", [NOTHING, pa.table({"x": pa.array([], pa.int64())}), pa.table({"x": [1], "t": ["a"], "n": pa.nulls(1)})])
def test_few_rows_or_columns_tell_nothing(table):
    assert repeated_subjects(table, table) is None
    assert repeated_subjects(table, NOTHING) is None


@pytest.mark.parametrize("path", [*sorted(SAMPLES.glob("*.parquet")), *sorted(SAMPLES.glob("*.csv"))], ids=lambda path: path.name)
def test_no_sample_has_subjects_whichever_column_is_left_out(path):
    assert subjects_in(path) == {}


# Looked at one by one: 12 persons with three rows each are all that is grouped there by a column.
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not here")
@pytest.mark.parametrize("path", sorted((*SHARED.glob("*.parquet"), *SHARED.glob("*.csv"))), ids=lambda path: path.name)
def test_of_the_shared_sets_only_methylation_has_subjects(path):
    found = subjects_in(path)
    assert set(found.values()) == ({"id"} if path.stem == "methylation" else set())


def subjects_in(path):
    """The columns found, by the column that is no feature (None: all are)."""
    table = (arrow_csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)).slice(0, 20_000)
    results = {None: repeated_subjects(table, NOTHING)}
    results |= {name: repeated_subjects(table.drop_columns([name]), table.select([name])) for name in table.column_names}
    return {name: result.column for name, result in results.items() if result is not None}


def test_identical_rows_are_kept_together_by_a_column_that_they_share():
    rng = np.random.default_rng(3)
    record = np.r_[np.arange(200), np.arange(20)]
    codes = record.astype(np.uint64)
    others = pa.table({"shop": rng.integers(0, 6, 220), "record": record, "row": np.arange(220)})
    assert naming_column(codes, others) == "record"
    assert naming_column(codes, others.drop_columns(["record"])) is None
    assert naming_column(codes[:200], others.slice(0, 200)) is None
