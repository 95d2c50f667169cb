"""Columns as the network sees them: the same bits however the rows are cut, fitted on training rows only, restored from JSON."""

import itertools
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from disttrain.data import Encoder, Feature, Origin, Schema, boolean_column, located
from disttrain.errors import DataError, RunUnreadable
from disttrain.model import encoded

ROWS = 400


def schema_for(*features):
    return Schema(tuple(features), ("y",))


def one(kind, **options):
    return schema_for(Feature("x", kind, **options))


def table_of(values, kind=None):
    return pa.table({"x": pa.array(values, kind)})


def codes(call, *args, **options):
    with pytest.raises(DataError) as caught:
        call(*args, **options)
    return [finding.code for finding in caught.value.findings]


def everything(rows=ROWS):
    """A table with each kind of feature, missing values in each."""
    rng = np.random.default_rng(3)
    gap = lambda values, share=0.1: [None if rng.random() < share else value for value in values]  # noqa: E731
    start = datetime(2001, 3, 4, 5)
    table = pa.table(
        {
            "real": gap((rng.normal(size=rows) * 3 + 1e9).tolist()),
            "whole": gap(rng.integers(-5, 9, rows).tolist()),
            "exact": gap([Decimal(int(v)) / 4 for v in rng.integers(0, 99, rows)]),
            "yes": gap((rng.random(rows) < 0.3).tolist()),
            "region": gap([["north", "south", "östlich", ""][v] for v in rng.integers(0, 4, rows)]),
            "code": gap([f"{v:03d}" for v in rng.integers(0, 80, rows)]),
            "day": gap([date(1960, 1, 1) + timedelta(days=int(v)) for v in rng.integers(0, 30000, rows)]),
            "time": gap([start + timedelta(seconds=int(v)) for v in rng.integers(0, 10**9, rows)]),
            "iso": gap([(start + timedelta(hours=int(v))).isoformat() for v in rng.integers(0, 10**5, rows)]),
        }
    )
    kinds = ["numeric", "numeric", "numeric", "boolean", "categorical", "categorical", "datetime", "datetime", "datetime"]
    return table, schema_for(*(Feature(name, kind) for name, kind in zip(table.column_names, kinds, strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("scaling", ["standard", "quantile", "none"])
def test_results_are_the_same_bits_however_the_rows_are_cut(scaling):
    table, schema = everything()
    whole = Encoder.fit(schema, table, scaling=scaling)
    pieces = pa.concat_tables([table.slice(start, 37) for start in range(0, ROWS, 37)])
    assert Encoder.fit(schema, pieces, scaling=scaling) == whole
    expected = whole.features(table)
    for size in (1, 2, 3, 17, 399):
        parts = [whole.features(table.slice(start, size)) for start in range(0, ROWS, size)]
        assert np.array_equal(np.concatenate(parts), expected)
    assert np.array_equal(whole.features(table.slice(7, 50).combine_chunks().to_batches()[0]), expected[7:57])
    assert whole.features(table.slice(0, 0)).shape == (0, whole.width)
    assert np.isfinite(expected).all()


def test_columns_slices_and_embeddings_describe_the_width():
    table, schema = everything()
    encoder = Encoder.fit(schema, table)
    assert encoder.width == len(encoder.columns) == encoder.features(table).shape[1]
    assert list(encoder.slices) == list(schema.feature_columns)
    assert sum(part.stop - part.start for part in encoder.slices.values()) == encoder.width
    assert encoder.columns[encoder.slices["region"]] == ("region=", "region=north", "region=south", "region=östlich", "region missing")
    assert encoder.columns[encoder.slices["real"]] == ("real", "real missing")
    (embedding,) = encoder.embeddings
    assert embedding.column == encoder.slices["code"].start
    seen = len(set(table.column("code").to_pylist()) - {None})
    assert embedding.categories == seen + 2
    assert embedding.dimensions == math.ceil(math.sqrt(seen))
    found = encoder.features(table)[:, embedding.column]
    assert set(found.tolist()) == set(range(1, seen + 2))


def test_statistics_are_those_of_the_training_rows_alone():
    table, schema = everything()
    rows = np.arange(ROWS) % 3 > 0
    assert Encoder.fit(schema, table, rows=rows) == Encoder.fit(schema, table.filter(boolean_column(rows)))
    assert Encoder.fit(schema, table, rows=rows) != Encoder.fit(schema, table)


@pytest.mark.parametrize(("centre", "spread"), [(0.0, 1.0), (1e9, 1e-3), (-1e15, 1.0), (0.0, 1e-200), (3.0, 1e90)])
def test_standardised_values_have_mean_0_and_variance_1_at_any_scale(centre, spread):
    values = np.random.default_rng(0).normal(size=10_000) * spread + centre
    encoder = Encoder.fit(one("numeric"), table_of(values))
    z = encoder.features(table_of(values))[:, 0]
    # The values themselves are rounded to the nearest float64, by up to eps·|centre|/spread standard deviations.
    tolerance = 1e-12 + 2.3e-16 * abs(centre) / spread
    assert abs(z.mean()) < tolerance
    assert abs(z.std() - 1.0) < tolerance


def test_quantile_scaling_gives_normal_scores_and_survives_outliers():
    rng = np.random.default_rng(1)
    values = np.exp(rng.normal(size=5000) * 3)
    encoder = Encoder.fit(one("numeric"), table_of(values), scaling="quantile")
    z = encoder.features(table_of(values))[:, 0]
    assert stats.kstest(z, "norm").statistic < 0.01
    assert np.all(np.diff(z[np.argsort(values)]) >= 0)
    far = encoder.features(table_of([1e99, -1e99]))[:, 0]
    assert far.tolist() == [stats.norm.ppf(1 - 0.5 / 5000), stats.norm.ppf(0.5 / 5000)]


def test_quantile_scaling_of_tied_values_lies_at_the_middle_of_their_shares():
    values = [0.0] * 600 + [1.0] * 400
    z = Encoder.fit(one("numeric"), table_of(values), scaling="quantile").features(table_of([0.0, 1.0]))[:, 0]
    assert stats.norm.cdf(z) == pytest.approx([0.3, 0.8], abs=2e-3)


def test_missing_numbers_are_the_median_and_marked():
    encoder = Encoder.fit(one("numeric"), table_of([1.0, None, 4.0, float("nan"), 10.0]), scaling="none")
    assert encoder.columns == ("x", "x missing")
    assert encoder.features(table_of([None, 7.0])).tolist() == [[4.0, 1.0], [7.0, 0.0]]
    never = Encoder.fit(one("numeric"), table_of([1.0, 4.0]), scaling="none")
    assert never.features(table_of([None])).tolist() == [[2.5]]
    assert never.notes(table_of([None, 1.0]))["x"].missing == 1
    assert never.notes(table_of([1.0])) == {}


def test_policies_for_missing_values():
    table = pa.table({"x": [1.0, None, 3.0], "s": ["a", "b", None]})
    schema = schema_for(Feature("x", "numeric"), Feature("s", "categorical"))
    assert Encoder.fit(schema, table).usable(table).tolist() == [True, True, True]
    drop = Encoder.fit(schema, table, missing="drop", scaling="none")
    assert drop.usable(table).tolist() == [True, False, False]
    assert drop.columns == ("x", "s=a")
    assert codes(Encoder.fit, schema, table, missing="error") == ["missing-value", "missing-value"]
    strict = Encoder.fit(schema, table.slice(0, 1), missing="error")
    assert codes(strict.features, table) == ["missing-value", "missing-value"]


def test_categories_are_known_by_their_text():
    encoder = Encoder.fit(one("categorical"), table_of(["7", "007", "b", None]))
    assert encoder.columns == ("x=007", "x=7", "x=b", "x missing")
    assert encoder.features(table_of(["007", "7", "b", "new", None])).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 1],
    ]
    for kind in (pa.int8(), pa.int64(), pa.float64(), pa.decimal128(3, 1)):
        assert encoder.features(table_of([7], kind)).tolist() == [[0, 1, 0, 0]]
    dictionary = pa.table({"x": pa.array(["b", "new"]).dictionary_encode()})
    assert encoder.features(dictionary).tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]


def test_policies_for_unknown_categories():
    other = Encoder.fit(one("categorical", encoding="embedding", dimensions=2), table_of(["a", "b"]))
    assert other.features(table_of(["b", "new", None]))[:, 0].tolist() == [2, 0, 0]
    assert (other.notes(table_of(["b", "new", None]))["x"].missing, other.notes(table_of(["new"]))["x"].unseen) == (1, 1)
    strict = Encoder.fit(one("categorical"), table_of(["a", "b"]), unknown_category="error")
    assert codes(strict.features, table_of(["a", "new"])) == ["unknown-category"]


def test_fifty_categories_are_one_hot_and_more_an_embedding():
    assert Encoder.fit(one("categorical"), table_of([f"{n:02}" for n in range(50)])).embeddings == ()
    assert Encoder.fit(one("categorical"), table_of([f"{n:02}" for n in range(51)])).embeddings[0].dimensions == 8
    assert Encoder.fit(one("categorical"), table_of([f"{n:04}" for n in range(9000)])).embeddings[0].dimensions == 16
    assert codes(Encoder.fit, one("categorical"), table_of([str(n) for n in range(100_001)])) == ["too-many-categories"]


@pytest.mark.parametrize(
    ("trained", "later"), [("7", "7.0"), ("7.0", "7"), ("-3.0", "-3"), ("true", "True"), ("True", "true"), ("False", "FALSE")]
)
def test_what_software_writes_otherwise_is_the_same_category_in_a_later_file(trained, later):
    encoder = Encoder.fit(one("categorical"), table_of([trained, "b"]))
    assert encoder.features(table_of([later])).tolist() == encoder.features(table_of([trained])).tolist()
    both = Encoder.fit(one("categorical"), table_of([trained, later]))
    assert both.features(table_of([trained, later])).tolist() == [[0, 1], [1, 0]] or both.width == 2


@pytest.mark.parametrize("trained", list(itertools.product(["TRUE", "true", "True"], ["FALSE", "false", "False"])))
def test_truth_values_alone_are_the_same_categories_in_any_case(trained):
    encoder = Encoder.fit(one("categorical"), table_of(trained))
    true, false = encoder.features(table_of(trained)).tolist()
    assert encoder.features(table_of(["TRUE", "true", "True"])).tolist() == [true] * 3
    assert encoder.features(table_of(["FALSE", "false", "False"])).tolist() == [false] * 3
    assert encoder.features(table_of([True, False])).tolist() == [true, false]


def test_the_case_of_a_truth_value_among_other_words_is_a_name():
    encoder = Encoder.fit(one("categorical"), table_of(["TRUE", "maybe"]))
    assert encoder.notes(table_of(["tRUE"]))["x"].unseen == 1


def test_a_category_has_the_same_place_alone_and_among_others():
    categories = [f"{n}" for n in range(60)] + ["True", "a"]
    encoder = Encoder.fit(one("categorical", dimensions=2), table_of(categories))
    later = ["7.0", "true", "zzz", None, "8", "a", "A", "59.0", "60.0", "7.0"]
    assert encoder.features(table_of(later)).tolist() == [encoder.features(table_of([cell], pa.string())).tolist()[0] for cell in later]


@pytest.mark.parametrize(("one_name", "other"), [("1.1", "1.10"), ("7", "007"), ("1E5", "100000"), ("+4", "4"), ("NA", "na"), ("a ", "a")])
def test_names_that_differ_in_a_character_are_two_categories(one_name, other):
    encoder = Encoder.fit(one("categorical"), table_of([one_name, "b"]))
    assert encoder.notes(table_of([other]))["x"].unseen == 1
    assert Encoder.fit(one("categorical"), table_of([one_name, other])).width == 2


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1.0, math.inf], "infinite-value"),
        ([1.0, -math.inf], "infinite-value"),
        ([1.0, 1e300], "value-too-large"),
        ([1, 2**53 + 1], "number-too-long"),
        ([1, -(2**53) - 1], "number-too-long"),
        (pa.array([1, 2**64 - 1], pa.uint64()), "number-too-long"),
        (["1", "x"], "text-for-numbers"),
        ([None, None], "empty-column"),
        ([math.nan, None], "empty-column"),
        ([], "no-rows"),
    ],
)
def test_numbers_that_are_none_are_refused_with_their_rows(values, code):
    assert codes(Encoder.fit, one("numeric"), table_of(values)) == [code]
    if code not in ("empty-column", "no-rows"):
        encoder = Encoder.fit(one("numeric"), table_of([1.0, 2.0]))
        with pytest.raises(DataError) as caught, located(Origin(("a.csv",)).at(40)):
            encoder.features(table_of(values))
        assert "41" in caught.value.findings[0].excerpt[0]
        assert caught.value.findings[0].where == "a.csv, column `x`"


def test_the_rows_of_later_blocks_are_numbered_within_the_whole_batch():
    encoder, rows = Encoder.fit(one("numeric"), table_of([1.0, 2.0])), np.ones(70_000)
    rows[69_000] = math.inf
    with pytest.raises(DataError) as caught, located(Origin(("a.csv",)).at(10)):
        encoded(encoder, table_of(rows), torch.float32)
    assert caught.value.findings[0].excerpt == ("row 69,010  inf",)


def test_two_to_the_53_is_still_exact():
    assert Encoder.fit(one("numeric"), table_of([0, 2**53])).width == 1


def test_every_fault_of_a_table_is_told_at_once():
    table = pa.table({"a": [math.inf, 1.0], "b": ["x", "y"], "c": pa.nulls(2), "d": [1, 2**60]})
    schema = schema_for(*(Feature(name, "numeric") for name in "abcd"))
    assert codes(Encoder.fit, schema, table) == ["infinite-value", "text-for-numbers", "empty-column", "number-too-long"]
    assert codes(Encoder.fit(one("numeric"), table_of([1, 2])).features, pa.table({"z": [1]})) == ["missing-column"]


@pytest.mark.parametrize("scaling", ["standard", "quantile", "none"])
@pytest.mark.parametrize(("kind", "value"), [("numeric", 5.0), ("boolean", True), ("datetime", date(2020, 5, 6))])
def test_a_constant_column_is_0_and_noted(kind, value, scaling):
    encoder = Encoder.fit(one(kind), table_of([value, value]), scaling=scaling)
    assert not encoder.features(table_of([value, value])).any()
    assert encoder.constants == ("x",)
    assert Encoder.fit(one("categorical"), table_of(["a", "a"])).constants == ("x",)


def test_a_value_absurdly_far_from_training_is_refused():
    encoder = Encoder.fit(one("numeric"), table_of([1.0, 1.0 + 1e-9]))
    assert codes(encoder.features, table_of([1e99])) == ["value-too-large"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.datetimes(datetime(1, 1, 2), datetime(9990, 1, 1)), min_size=1, max_size=20))
def test_calendar_parts_are_those_of_python(times):
    encoder = Encoder(Encoder.fit(one("datetime"), table_of([datetime(1990, 1, 1), datetime(2010, 1, 1)])).parts, "impute", "other")
    part = encoder.parts[0]
    x = encoder.features(table_of(times, pa.timestamp("us")))
    assert x[:, 0] == pytest.approx([(time.year - part.centre) / part.scale for time in times], rel=1e-12)
    for column, period, values in (
        (1, 12, [time.month - 1 for time in times]),
        (3, 7, [time.weekday() for time in times]),
        (5, 24, [time.hour for time in times]),
    ):
        angle = 2 * np.pi * np.array(values) / period
        assert x[:, column] == pytest.approx(np.sin(angle), abs=1e-12)
        assert x[:, column + 1] == pytest.approx(np.cos(angle), abs=1e-12)


def test_dates_times_zones_units_and_iso_text_of_one_instant_are_encoded_alike():
    encoder = Encoder.fit(one("datetime"), table_of([date(2020, 1, 1), date(2022, 2, 2)]))
    moment = datetime(2021, 6, 7, 0, 0, tzinfo=UTC)
    same = [
        table_of([date(2021, 6, 7)], pa.date32()),
        table_of([date(2021, 6, 7)], pa.date64()),
        *(table_of([moment.replace(tzinfo=None)], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
        table_of([moment], pa.timestamp("ms", tz="Asia/Tokyo")),
        table_of(["2021-06-07"]),
        table_of(["2021-06-07T02:00:00+02:00"]),
    ]
    encoded = [encoder.features(table).tolist() for table in same]
    assert all(x == encoded[0] for x in encoded)
    mixed = table_of(["2021-06-07", "2021-06-07T02:00:00+02:00", "2021-06-07T00:00:00.123456789"])
    assert encoder.features(mixed).tolist() == encoded[0] * 3


def test_text_that_is_no_date_is_refused_with_its_rows():
    assert codes(Encoder.fit, one("datetime"), table_of(["2021-06-07", "07.06.2021"])) == ["bad-time"]
    assert codes(Encoder.fit, one("datetime"), table_of([2**62, 0], pa.timestamp("s"))) == ["bad-time"]


numbers = st.floats(-1e9, 1e9) | st.none()


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(numbers, st.none() | st.text(max_size=4), st.none() | st.booleans(), st.none() | st.dates()), min_size=1, max_size=25
    ),
    st.sampled_from(["standard", "quantile", "none"]),
    st.sampled_from(["auto", "onehot", "embedding"]),
)
def test_an_encoder_restored_from_json_gives_the_same_bits(rows, scaling, encoding):
    real, text, yes, day = zip(*rows, strict=True)
    table = pa.table(
        {
            "n": pa.array(real, pa.float64()),
            "c": pa.array(text, pa.string()),
            "b": pa.array(yes, pa.bool_()),
            "d": pa.array(day, pa.date32()),
        }
    )
    kinds = {"n": "numeric", "c": "categorical", "b": "boolean", "d": "datetime"}
    features = [
        Feature(name, kinds[name], encoding if name == "c" else "auto") for name in kinds if table.column(name).null_count < len(rows)
    ]
    encoder = Encoder.fit(schema_for(*features), table, scaling=scaling)
    restored = Encoder.from_state(json.loads(json.dumps(encoder.state())))
    assert restored == encoder
    assert restored.features(table).tobytes() == encoder.features(table).tobytes()


TAMPERED = [
    (("parts", 0, "spread"), 0),
    (("parts", 0, "spread"), -1),
    (("parts", 0, "spread"), math.nan),
    (("parts", 0, "spread"), 1e308),
    (("parts", 0, "spread"), True),
    (("parts", 0, "spread"), "1"),
    (("parts", 0, "centre"), math.inf),
    (("parts", 0, "centre"), 10**400),
    (("parts", 0, "fill"), None),
    (("parts", 0, "indicator"), 1),
    (("parts", 0, "kind"), "os.system"),
    (("parts", 0, "name"), 7),
    (("parts", 0, "quantiles"), [1.0, 1.0]),
    (("parts", 0, "quantiles"), [1.0, 2.0]),
    (("parts", 0, "more"), 1),
    (("parts", 0), []),
    (("parts", 1, "name"), "n"),
    (("parts", 1, "categories"), ["b", "a"]),
    (("parts", 1, "categories"), [1]),
    (("parts", 1, "categories"), ["\ud800"]),
    (("parts", 1, "categories"), "ab"),
    (("parts", 1, "dimensions"), 10**9),
    (("parts", 2, "spread"), 0.0),
    (("parts",), {}),
    (("missing",), "guess"),
    (("unknown_category",), None),
    ((), None),
]


@pytest.mark.parametrize(("path", "value"), TAMPERED, ids=range(len(TAMPERED)))
def test_a_state_that_was_tampered_with_is_unreadable(path, value):
    table = pa.table({"n": [1.0, 2.0], "c": ["a", "b"], "d": [date(2020, 1, 1), date(2021, 1, 1)]})
    schema = schema_for(Feature("n", "numeric"), Feature("c", "categorical"), Feature("d", "datetime"))
    state = json.loads(json.dumps(Encoder.fit(schema, table).state()))
    holder = {"state": state}
    inner = holder
    for step in ("state", *path)[:-1]:
        inner = inner[step]
    inner[("state", *path)[-1]] = value
    with pytest.raises(RunUnreadable):
        Encoder.from_state(holder["state"])
