"""Each cell is read by itself: what stands in its block, its batch or its file changes neither its value nor whether it is one."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from disttrain.data import Source
from disttrain.data.column_types import NAME, NATIVE, NUMBER, TIME
from disttrain.data.filters import keep
from disttrain.data.io.csv_dialect import PLAIN, Dialect
from disttrain.data.source import comparisons
from disttrain.data.text_values import as_numbers, as_times, cast_or_none
from disttrain.errors import DataError


def column(path, form, name="x", options=None, filters=()):
    """The values of a column that is read in a form."""
    return Source([path], options=options).read({name: form}, filters=filters).table.column(name).to_pylist()


def csv(path, cells, **options):
    path.write_text("x,k\n" + "".join(f"{cell},k\n" for cell in cells))
    return SimpleNamespace(**{"separator": None, "decimal": None, "thousands": None, "missing": "auto", "encoding": None, **options})


@pytest.mark.parametrize("beside", ["", " 3", "N/A", "?"])
@pytest.mark.parametrize("word", ["-999", "9", "1e3", ".5", "inf", "nan", "?"])
def test_a_word_for_a_missing_value_stands_for_one_whatever_stands_beside_it(tmp_path, word, beside):
    options = csv(tmp_path / "t.csv", ["1", word, f" {word} ", "2", beside], missing=("", word, "N/A", "?"))
    assert column(tmp_path / "t.csv", NUMBER, options=options)[:4] == [1.0, None, None, 2.0]
    dialect = Dialect(missing=("", word))
    values, wrong = as_numbers(pa.array(["1", word, "2"]), dialect)
    assert (values.to_pylist(), wrong.any()) == ([1.0, None, 2.0], False)


def test_a_word_for_a_missing_value_is_missing_in_text_that_is_compared(tmp_path):
    options = csv(tmp_path / "t.csv", ["north", "unknown", "south"], missing=("", "unknown"))
    assert column(tmp_path / "t.csv", NAME, options=options, filters=["x != 'north'"]) == ["south"]
    assert column(tmp_path / "t.csv", NAME, options=options, filters=["x == 'unknown'"]) == []


# Few rows of a type in one batch, and more than a batch of another before or after them.
LONG = 70_000


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("form", ["csv", "parquet", "ndjson"])
@pytest.mark.parametrize("truth", ["true", " FALSE"])
def test_true_and_false_are_numbers_only_where_all_of_the_column_are(tmp_path, truth, form, order):
    def written(cells):
        cells = cells[::order]
        path = tmp_path / f"t.{form}"
        if form == "csv":
            csv(path, cells)
        elif form == "parquet":
            pq.write_table(pa.table({"x": cells}), path)
        else:
            path.write_text("".join(json.dumps({"x": cell}) + "\n" for cell in cells))
        return path

    meant = float("true" in truth)
    assert set(column(written([truth] * LONG + ["1", "0"]), NUMBER)) == {meant, 1.0, 0.0}
    with pytest.raises(DataError) as caught:
        column(written([truth] * LONG + ["5"]), NUMBER)
    (finding,) = caught.value.findings
    assert (finding.code, f"{LONG:,} cells are true or false" in finding.what) == ("text-for-numbers", True)
    with pytest.raises(DataError) as caught:
        column(written([truth] * 3 + ["5"] * LONG + ["odd"]), NUMBER)
    (finding,) = caught.value.findings
    assert "4 cells" in finding.what
    assert not any("true" in hint.lower() and "missing" in hint for hint in finding.hints)


@pytest.mark.parametrize("form", ["csv", "parquet", "shuffled"])
def test_what_looks_like_numbers_with_a_unit_does_so_in_any_order(tmp_path, form):
    from disttrain.data.resemblance import resembling

    cells = [f"{n % 5} km" for n in range(10_000)] + [f"{n} km" for n in range(30_000)]
    if form == "shuffled":
        cells = np.random.default_rng(0).permutation(cells).tolist()
    path = tmp_path / ("t.csv" if form == "csv" else "t.parquet")
    csv(path, cells) if form == "csv" else pq.write_table(pa.table({"x": cells}), path)
    (finding,), _ = resembling(Source([path]), ["x"], False)
    assert finding.code == "numbers-as-text"


@pytest.mark.parametrize(("mark", "separator"), [(",", ";"), (".", ";"), ("'", ","), (" ", ",")])
def test_whole_numbers_with_a_thousands_mark_are_compared_as_numbers(tmp_path, mark, separator):
    numbers = [1234, 999, 1_500_000, 1501, 9_007_199_254_740_993]
    cells = [f"{number:,}".replace(",", mark) for number in numbers]
    path = tmp_path / "t.csv"
    path.write_text(f"x{separator}k\n" + "".join(f"{cell}{separator}k\n" for cell in cells))
    options = SimpleNamespace(separator=separator, decimal="," if mark == "." else ".", thousands=mark, missing="auto", encoding=None)
    kept = Source([path], options=options).read({"k": NAME}, ("x",), ["x > 1500"])
    assert kept.compared.column("x").to_pylist() == [1_500_000, 1501, 9_007_199_254_740_993]
    assert kept.row.tolist() == [2, 3, 4]
    with pytest.raises(DataError, match=r"2\^53"):
        column(path, NUMBER, options=options)


MOMENTS = ["2020-08-04T10:00:00Z", "2020-08-04T10:00:00.123456789+02:00", "2020-08-05"]


@pytest.mark.parametrize("cells", [MOMENTS[:1] * 3, MOMENTS[:2], MOMENTS[2:], MOMENTS])
def test_points_in_time_of_ndjson_are_compared_whatever_else_they_are(tmp_path, cells):
    path = tmp_path / "t.ndjson"
    path.write_text("".join(json.dumps({"x": cell}) + "\n" for cell in cells))
    rows = Source([path]).read({"x": NAME}, ("x",), [])
    assert rows.table.column("x").to_pylist() == cells
    if MOMENTS[2] not in cells or len(cells) == 1:
        assert keep(comparisons(Source([path]).read({"compared\0x": NATIVE}).table, ("x",)), ["x > '2020-08-01'"]).all()


DAYS = ["2020-01-31", "2020-02-29", "2020-02-30", "2020-13-01", "0000-01-01", "9999-12-31", "20200131", "2020-1-31", "1600-01-01"]
CLOCKS = [
    "",
    "T10",
    "T1000",
    " 10:00",
    "T10:00:00",
    "T10:00:00.",
    "T23:59:59.5",
    "T10:00:00.1234567",
    "T10:00:00.0123456789",
    "T24:00",
    "T10:60",
]
ZONES = ["", "Z", "z", "+02", "-0330", "+02:00", "-99", "+02:60", " UTC"]


def test_a_point_in_time_is_read_the_same_beside_any_other():
    cells = ["".join(parts) for parts in itertools.product(DAYS, CLOCKS, ZONES)]
    values, wrong = as_times(pa.array(cells), PLAIN)
    assert wrong.any()
    for cell, value, bad in zip(cells, values, wrong, strict=True):
        # Arrow's own reading of the cell alone, in the narrowest type.
        kinds = (pa.timestamp("us"), pa.timestamp("us", tz="UTC"), pa.timestamp("ns"), pa.timestamp("ns", tz="UTC"))
        alone = next((time for kind in kinds if (time := cast_or_none(pa.array([cell]), kind)) is not None), None)
        assert bad == (alone is None), cell
        # Nanoseconds do not reach the first and last of these years; microseconds do.
        if alone is not None:
            assert value.value == pc.cast(alone, pa.timestamp("us"), safe=False)[0].value, cell


def test_dates_are_points_in_time_beside_cells_that_are_none(tmp_path):
    csv(tmp_path / "t.csv", ["2020-01-31", "2020-02-30", "2020-01-31T10:00:00+01:00"])
    with pytest.raises(DataError, match="1 cell is no date or time"):
        column(tmp_path / "t.csv", TIME)
