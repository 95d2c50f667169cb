"""Which columns play which part, and what a file must have."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest

from disttrain import data
from disttrain.data import Feature, Schema, Source
from disttrain.data.io.arrow_arrays import plain
from disttrain.errors import DataError, RunUnreadable

KINDS = {
    "numeric": [pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(9, 2)],
    "boolean": [pa.bool_()],
    "categorical": [pa.string()],
    "datetime": [pa.date32(), pa.timestamp("ns"), pa.timestamp("us", tz="Europe/Berlin")],
    None: [pa.binary(), pa.list_(pa.int64()), pa.struct([("a", pa.int64())]), pa.duration("s"), pa.time32("s")],
}


def section(**given):
    defaults = {
        "features": ["age"],
        "targets": ("y",),
        "exclude": (),
        "id": (),
        "weight": None,
        "validation": 0.15,
        "test": None,
        "filter": None,
        "censoring": None,
    }
    return SimpleNamespace(**{**defaults, "split": SimpleNamespace(method="random", by=None), **given})


def feature(name, **given):
    return SimpleNamespace(**{"name": name, "type": None, "encoding": "auto", "dimensions": None, **given})


def arrow(**columns):
    return source_with(pa.schema(list(columns.items())))


def source_with(schema, location="data"):
    """What a source with these columns and no rows answers."""
    return SimpleNamespace(
        schema=schema,
        location=location,
        conflict=lambda column: None,
        require_separated=lambda columns: None,
        cache=SimpleNamespace(),
        native_types=lambda names: {name: plain(schema.field(name).type) for name in names},
        pieces=lambda columns, text: iter(()),
    )


def faults(call, *args, **options):
    with pytest.raises(DataError) as caught:
        call(*args, **options)
    return caught.value.findings


@pytest.mark.parametrize(("kind", "stored"), [(kind, stored) for kind, types in KINDS.items() for stored in types])
def test_the_type_of_a_column_gives_its_kind_or_refuses_it(kind, stored):
    columns = arrow(age=stored, y=pa.float64())
    if kind is None:
        assert [finding.code for finding in faults(Schema.resolve, section(), columns)] == ["unusable-type"]
    else:
        assert Schema.resolve(section(), columns).schema.features[0].kind == kind


def test_the_star_is_every_column_without_another_part():
    columns = arrow(**dict.fromkeys(["a", "y", "w", "key", "fold", "day", "note", "b", "kept"], pa.float64()))
    split = SimpleNamespace(method="time", by="day")
    given = section(
        features="*",
        weight="w",
        id=("key",),
        exclude=("note",),
        split=split,
        test=SimpleNamespace(column="fold", values=(1,)),
        filter=("kept > 0", "y > 1"),
    )
    schema = Schema.resolve(given, columns).schema
    assert schema.feature_columns == ("a", "b", "kept")
    assert schema.columns == ("a", "b", "kept", "y", "w", "key")


def test_every_fault_is_told_at_once_with_the_closest_name():
    columns = arrow(**{"age ": pa.int64(), "y": pa.float64(), "blob": pa.binary(), "Region": pa.string(), "region": pa.string()})
    given = section(features=["age", "blob", "regio", "region", "agee"], weight="y2")
    found = faults(Schema.resolve, given, source_with(columns.schema, "claims.parquet"))
    assert [finding.code for finding in found] == [
        "missing-column",
        "missing-column",
        "ambiguous-column",
        "missing-column",
        "missing-column",
        "unusable-type",
    ]
    assert found[0].hints == ("did you mean `age `?",)
    assert all("claims.parquet" in finding.where for finding in found)


def test_no_features_left_is_a_fault():
    assert [finding.code for finding in faults(Schema.resolve, section(features="*"), arrow(y=pa.float64()))] == ["no-features"]


def test_a_column_that_stands_twice_is_a_fault_only_where_it_is_used():
    columns = source_with(pa.schema([("age", pa.int64()), ("z", pa.int64()), ("z", pa.int64()), ("y", pa.float64())]))
    assert Schema.resolve(section(), columns).schema.feature_columns == ("age",)
    assert [finding.code for finding in faults(Schema.resolve, section(features=["z"]), columns)] == ["duplicate-column"]


@pytest.mark.parametrize("declared", [True, False])
def test_text_where_numbers_are_meant_shows_the_lines(tmp_path, declared):
    (tmp_path / "a.csv").write_text('age,y\n1.0,1\n"1,5",2\n' + "2,3\n" * 1200 + '"2,5",4\n')
    source = Source(data.files("a.csv", tmp_path))
    given = section(features=[feature("age", type="numeric") if declared else "age"])
    if declared:
        schema = Schema.resolve(given, source).schema
        (finding,) = faults(source.read, schema.forms(target=True))
    else:
        (finding,) = faults(Schema.resolve, given, source)
    assert finding.code == ("text-for-numbers" if declared else "decimal-comma")
    assert finding.where.endswith("a.csv, column `age`")
    assert finding.excerpt == ("line     3  1,5", "line 1,204  2,5")
    assert "2" in finding.what


def test_a_file_to_be_predicted_needs_no_target_and_one_to_be_scored_does():
    schema = Schema((Feature("age", "numeric"), Feature("day", "datetime")), ("y",), "w", ("key",))
    columns = arrow(age=pa.int32(), day=pa.date32(), key=pa.string())
    assert schema.check(columns, target=False) is None
    assert [finding.code for finding in faults(schema.check, columns, target=True)] == ["missing-column", "missing-column"]


def test_a_column_of_another_kind_than_in_training_is_refused():
    schema = Schema((Feature("a", "numeric"), Feature("b", "boolean"), Feature("c", "datetime"), Feature("d", "categorical")), ("y",))
    wrong = arrow(a=pa.date32(), b=pa.date32(), c=pa.float64(), d=pa.list_(pa.string()))
    assert [finding.where for finding in faults(schema.check, wrong, target=False)] == [f"data, column `{name}`" for name in "abcd"]
    assert schema.check(arrow(a=pa.int64(), b=pa.null(), c=pa.string(), d=pa.int64()), target=False) is None


def test_a_schema_comes_back_from_json():
    schema = Schema((Feature("a", "numeric"), Feature("b", "categorical", "embedding", 3)), ("y", "z"), "w", ("key",), label=True)
    assert Schema.from_state(json.loads(json.dumps(schema.state()))) == schema


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("features",), None),
        (("features", 0), {}),
        (("features", 0, "kind"), "os.system"),
        (("features", 0, "dimensions"), 10**9),
        (("weight",), 1),
        (("target",), "y"),
        (("more",), 1),
    ],
)
def test_a_schema_that_was_tampered_with_is_unreadable(path, value):
    state = Schema((Feature("a", "numeric"),), ("y",)).state()
    inner = state
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(RunUnreadable):
        Schema.from_state(state)


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())]
)
def test_text_is_text_in_every_way_it_may_be_stored(kind):
    schema = Schema.resolve(section(), arrow(age=kind, y=pa.float64())).schema
    assert schema.features == (Feature("age", "categorical"),)
    table = pa.table({"age": pa.array(["b", None, "a"]).cast(kind)})
    assert schema.check(source_with(table.schema), target=False) is None
    encoder = data.Encoder.fit(schema, table)
    assert encoder.features(table).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert data.keep(table, ["age == 'a'"]).tolist() == [False, False, True]
