"""Frames of every library go in through Arrow, and come out as what they were; everything else is refused by its name."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import disttrain
from disttrain.data.frames import like, table_of
from disttrain.errors import DataError, UsageError


class Stream:
    """A frame of a library that is known by its Arrow stream alone."""

    def __init__(self, data):
        self.data = data

    def __arrow_c_stream__(self, requested_schema=None):
        return self.data.__arrow_c_stream__(requested_schema)


class Lone:
    """A frame that is known by its Arrow array alone."""

    def __init__(self, batch):
        self.batch = batch

    def __arrow_c_array__(self, requested_schema=None):
        return self.batch.__arrow_c_array__(requested_schema)


@pytest.fixture(scope="module")
def polars():
    """A stand-in for polars: a DataFrame with an Arrow stream, and `from_arrow`."""
    module = types.ModuleType("polars")

    class DataFrame(Stream):
        pass

    module.DataFrame, module.from_arrow = DataFrame, DataFrame
    before = sys.modules.get("polars")
    sys.modules["polars"] = module
    yield module
    if before is None:
        del sys.modules["polars"]
    else:
        sys.modules["polars"] = before


@pytest.fixture(scope="module")
def run(family_run):
    return disttrain.load(family_run("normal").folder)


@pytest.fixture(scope="module")
def expected(run, table):
    return run.predict(table.to_pandas(), samples=1)


KINDS = {
    "table": lambda table: table,
    "pieces": lambda table: pa.concat_tables([table.slice(0, 7), table.slice(7)]),
    "reader": lambda table: table.to_reader(max_chunksize=50),
    "batch": lambda table: table.combine_chunks().to_batches()[0],
    "stream": Stream,
    "array": lambda table: Lone(table.combine_chunks().to_batches()[0]),
    "stream of text views": lambda table: Stream(table.cast(retyped(table.schema, pa.string_view()))),
    "dictionary": lambda table: table.set_column(table.column_names.index("kind"), "kind", table["kind"].dictionary_encode()),
    "dictionary of views": lambda table: table.set_column(table.column_names.index("kind"), "kind", of_views(table["kind"])),
    "large text": lambda table: table.cast(retyped(table.schema, pa.large_string())),
}


def of_views(column):
    """A dictionary of views of text, as polars gives its categories."""
    chunks = [
        pa.DictionaryArray.from_arrays(part.indices, part.dictionary.cast(pa.string_view())) for part in column.dictionary_encode().chunks
    ]
    return pa.chunked_array(chunks)


def retyped(schema, text):
    return pa.schema([field.with_type(text) if pa.types.is_string(field.type) else field for field in schema])


@pytest.mark.parametrize("kind", KINDS)
def test_arrow_goes_in_and_comes_out(kind, run, table, expected):
    made = run.predict(KINDS[kind](table), samples=1)
    assert type(made) is (pa.RecordBatch if kind == "batch" else pa.Table)
    pd.testing.assert_frame_equal(made.to_pandas(), expected, check_exact=True)


@pytest.mark.parametrize("kind", KINDS)
def test_arrow_is_scored_as_pandas_is(kind, run, table):
    assert run.evaluate(KINDS[kind](table)) == run.evaluate(table.to_pandas())


def test_a_distribution_of_arrow_is_that_of_pandas(run, table):
    assert torch.equal(run.distribution(table).mean, run.distribution(table.to_pandas()).mean)


def test_polars_goes_in_and_comes_out(polars, run, table, expected):
    made = run.predict(polars.DataFrame(table), samples=1)
    assert type(made) is polars.DataFrame
    pd.testing.assert_frame_equal(made.data.to_pandas(), expected, check_exact=True)
    assert run.evaluate(polars.DataFrame(table)) == run.evaluate(table)


NO_FRAMES = {
    "numpy.ndarray": (np.zeros((2, 3)), "pandas.DataFrame(array, columns"),
    "dict": ({"x": [1.0]}, "pandas.DataFrame"),
    "list": ([{"x": 1.0}], "from_pylist"),
    "pandas.Series": (pd.Series([1.0]), "to_frame"),
    "str": ("rows.parquet", "read the file"),
    "pathlib.PosixPath": (Path("rows.parquet"), "read the file"),
    "pyarrow.ChunkedArray": (pa.chunked_array([[1.0]]), "pyarrow.table"),
    "pyarrow.DoubleArray": (pa.array([1.0]), "pyarrow.table"),
    "torch.Tensor": (torch.zeros(2, 3), "tensor"),
    "NoneType": (None, "DataFrame"),
    "int": (3, "DataFrame"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="a path there is of another class")
@pytest.mark.parametrize("name", NO_FRAMES)
def test_what_is_no_frame_is_refused_by_its_name_with_a_way_out(name, run):
    given, way_out = NO_FRAMES[name]
    for ask in (run.predict, run.distribution, run.evaluate):
        with pytest.raises(UsageError) as fault:
            ask(given)
        finding = fault.value.findings[0]
        assert f"`{name}`" in finding.what
        assert way_out in finding.hints[0]


def test_a_stream_of_no_columns_is_refused(run):
    with pytest.raises(UsageError, match="Stream"):
        run.predict(Stream(pa.chunked_array([[1.0]])))


@pytest.mark.parametrize("values", [[1, "a"], [b"a", 1.0], [{}, 1]], ids=["text", "bytes", "mapping"])
def test_a_column_of_several_types_is_named(values, run, table):
    frame = table.slice(0, 2).to_pandas()
    frame["x"] = pd.Series(values, dtype=object)
    with pytest.raises(DataError) as fault:
        run.predict(frame)
    assert "frame, column `x`" in fault.value.findings[0].where


@pytest.mark.parametrize("fill", [0.0, np.nan, 7.5])
def test_a_sparse_column_is_the_column_that_it_stands_for(fill, run, table):
    frame = table.to_pandas()
    frame.loc[::3, "x"] = fill
    sparse = frame.assign(x=pd.arrays.SparseArray(frame["x"], fill_value=fill), kind=frame["kind"].astype(pd.SparseDtype(object, "north")))
    pd.testing.assert_frame_equal(run.predict(sparse), run.predict(frame))


@pytest.mark.parametrize("sparse", [False, True])
def test_a_column_of_complex_numbers_is_refused_in_its_own_words(sparse, run, table):
    values = table.column("x").to_numpy() + 1j
    frame = table.to_pandas().assign(x=pd.arrays.SparseArray(values) if sparse else values)
    with pytest.raises(DataError, match=r"`x`: its values are complex numbers.*frame\['x'\]\.abs\(\)"):
        run.predict(frame)
    assert len(run.predict(frame.assign(x=np.real(frame["x"])))) == len(frame)
    assert len(run.predict(frame.assign(x=frame["x"].abs()))) == len(frame)


def test_a_feature_in_the_index_is_named_with_a_way_out(run, table):
    frame = table.to_pandas()
    for index in ("x", ["id", "kind"]):
        with pytest.raises(DataError, match="is the index") as fault:
            run.predict(frame.set_index(index))
        assert "reset_index" in fault.value.findings[0].hints[0]
    assert len(run.predict(frame.set_index("id"))) == len(frame)


def test_a_name_that_stands_twice_is_named(run, table):
    frame = table.slice(0, 5).to_pandas()
    twice = pd.concat([frame, frame[["x"]]], axis=1)
    with pytest.raises(DataError, match="2 columns have this name"):
        run.predict(twice)
    with pytest.raises(DataError, match="2 columns have this name"):
        run.predict(table.append_column("x", table["x"]))
    assert len(run.predict(pd.concat([frame, frame[["fold", "fold"]]], axis=1))) == 5


def test_columns_that_nobody_reads_may_be_of_any_type(run, table):
    frame = table.slice(0, 2).to_pandas().assign(strange=[object(), "a"])
    assert len(run.predict(frame)) == 2


def test_who_asks_for_no_columns_gets_the_rows(run, table):
    frame = table.to_pandas().set_index("id")
    made = run.predict(frame, columns=[])
    assert list(made.columns) == []
    pd.testing.assert_index_equal(made.index, frame.index)


def test_a_batch_without_columns_keeps_its_rows(table):
    none = table_of(table.to_pandas(), set())
    assert none.num_rows == table.num_rows
    assert like(table, table.slice(0, 0)).num_rows == 0


@pytest.mark.parametrize("sizes", [(400,), (1, 0, 99, 300), (64, 336)], ids=str)
def test_batches_get_the_numbers_of_all_rows_together(sizes, run, table, expected):
    ends = np.cumsum([0, *sizes])
    batches = [table.slice(start, size) for start, size in zip(ends, sizes, strict=False)]
    for given in (batches, iter(batches), (batch.to_pandas() for batch in batches)):
        made = list(run.predict_batches(given, samples=1))
        assert [len(part) for part in made] == list(sizes)
        parts = [part if isinstance(part, pd.DataFrame) else part.to_pandas() for part in made]
        whole = pd.concat([part for part in parts if len(part)]).reset_index(drop=True)
        pd.testing.assert_frame_equal(whole, expected, check_exact=True)


@pytest.mark.parametrize("source", ["reader", "table", "stream"])
def test_an_arrow_stream_is_batches(source, run, table, expected):
    made = list(run.predict_batches(KINDS[source](table), samples=1))
    assert {type(batch) for batch in made} == {pa.RecordBatch}
    pd.testing.assert_frame_equal(pa.Table.from_batches(made).to_pandas(), expected, check_exact=True)


def test_batches_are_taken_one_by_one(run, table):
    taken = []

    def batches():
        for start in (0, 10):
            taken.append(start)
            yield table.slice(start, 10)

    made = run.predict_batches(batches())
    assert taken == []
    next(made)
    assert taken == [0]


def test_what_is_no_iterable_of_batches_is_refused_before_any_work(run, table):
    for given in (table.to_pandas(), 3):
        with pytest.raises(UsageError, match=r"several|iterable"):
            run.predict_batches(given)
    with pytest.raises(UsageError, match="meen"):
        run.predict_batches([table], columns=["meen"])
