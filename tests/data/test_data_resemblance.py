"""Columns of numbers with a few cells that are none are named, and never become categories in silence."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disttrain.data import Source
from disttrain.data.resemblance import resembling

NUMBERS = [f"{17.25 + 3 * n}" for n in range(120)]


def judged(tmp_path, cells, form="csv", starred=False):
    path = tmp_path / f"t.{form}"
    if form == "csv":
        path.write_text("z\tk\n" + "".join(f"{cell}\tk\n" for cell in cells))
    elif form == "ndjson":
        path.write_text("".join(json.dumps({"z": cell}) + "\n" for cell in cells))
    else:
        pq.write_table(pa.table({"z": cells}), path)
    return resembling(Source([path]), ["z"], starred)


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize(
    "odd",
    [
        "?",
        "-",
        ".",
        "unknown",
        "12 km",
        "$1,200.50",
        "45 %",
        "1,234,567x",
        "1e",
        "--",
        "05/18/2023",
        "12:30",
        "0x1F",
        "0X1f",
        "0x1p3",
        "A12",
    ],
)
def test_one_odd_cell_among_numbers_is_named_with_its_row_and_both_ways_out(tmp_path, form, odd):
    (finding,), remarks = judged(tmp_path, [*NUMBERS, odd], form)
    assert finding.code == "numbers-as-text"
    assert "1 of 121" in finding.what
    assert odd in finding.excerpt[0]
    assert ("line 12" in finding.excerpt[0]) == (form != "parquet")
    assert any("type: categorical" in hint for hint in finding.hints)
    assert any("1234.5" in hint for hint in finding.hints)
    assert not remarks


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ([f"{n / 7:.1f}%" for n in range(60)], "numbers-as-text"),
        ([f"{n} km" for n in range(60)], "numbers-as-text"),
        ([f"${n},{n % 10}00.50" for n in range(1, 60)], "numbers-as-text"),
        ([f"{n % 12 + 1:02}/{n % 28 + 1:02}/2023" for n in range(60)], "dates-as-text"),
        ([f"{n % 28 + 1}.{n % 12 + 1}.2023" for n in range(60)], "dates-as-text"),
        ([f"2023-01-{n % 28 + 1:02}" for n in range(60)] + ["soon"], "dates-as-text"),
        (["3", "4", "5+", "3", "4"], "numbers-as-text"),
        (["true", "false", "True", "?"], "booleans-as-text"),
    ],
)
def test_numbers_and_dates_as_people_write_them_are_named(tmp_path, cells, code):
    (finding,), _ = judged(tmp_path, cells)
    assert finding.code == code
    assert any("type: categorical" in hint for hint in finding.hints)


MANY = range(10, 210)
SPELLED = {
    "unicode minus": [f"\N{MINUS SIGN}{n}.5" for n in MANY],
    "en dash": [f"\N{EN DASH}{n}.5" for n in MANY],
    "currency": [f"CHF {n}.50" for n in MANY],
    "trailing minus": [f"{n}.5-" for n in MANY],
    "star": [f"{n}.5*" for n in MANY],
    "underscores": [f"{1000 * n:_}" for n in MANY],
    "hexadecimal": [hex(n) for n in MANY],
    "full width": ["".join(chr(ord(digit) - ord("0") + 0xFF10) for digit in str(n)) for n in MANY],
    "clock": [f"{n % 24:02}:{n % 60:02}" for n in MANY],
    "duration": [f"{n}h {n % 60}m" for n in MANY],
}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("spelling", SPELLED)
def test_numbers_that_no_program_writes_are_named_in_every_spelling(tmp_path, spelling, form):
    (finding,), _ = judged(tmp_path, SPELLED[spelling], form)
    assert finding.code == "numbers-as-text"
    few = [SPELLED[spelling][n % 4] for n in range(80)]
    if spelling in ("currency", "clock", "duration", "hexadecimal"):
        assert judged(tmp_path, few, form) == ([], [])


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([f"{n:05}" for n in range(0, 90_000, 500)], "string"),
        ([f"{n}" for n in range(10_000, 10_200)] + ["01234"], "string"),
        ([f"{n:03}" for n in range(1, 1200)], "string"),
        ([f"{n}" for n in range(1, 400)] + ["007"], "int64"),
        ([f"{n}" for n in range(1, 400)] + ["0x1F"], "string"),
        ([*NUMBERS, "00012"], "double"),
    ],
    ids=["zip codes", "one zip code with a zero", "numbered", "a number with zeros", "a hexadecimal number", "zeros among fractions"],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_zero_before_a_number_makes_a_name_where_the_column_is_one_of_codes(tmp_path, cells, kind, order):
    path = tmp_path / "t.csv"
    path.write_text("z,k\n" + "".join(f"{cell},k\n" for cell in cells[::order]))
    assert str(Source([path]).native_types(["z"])["z"]) == kind


@pytest.mark.parametrize(
    "cells",
    [
        ["red", "blue", None, "1"],
        ["007", "12", "x1"],
        ["1.2.3", "1.10.0", "2.0.1"],
        ["18-25", "26-35", "36-45"],
        ["3 doors", "5 doors"] * 40,
        ["A12", "B7", "C5"] * 9,
        ["1st", "2nd", "3rd"] * 9,
        ["yes", "no"] * 9,
        ["555-12-1234", "555-13-1234"],
        ["192.168.0.1", "10.0.0.7"],
    ],
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_names_are_names(tmp_path, cells, form):
    cells = ["" if cell is None and form == "csv" else cell for cell in cells]
    assert judged(tmp_path, cells, form) == ([], [])


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_numbers_stored_as_text_are_categories_with_a_remark(tmp_path, form):
    found, (remark,) = judged(tmp_path, NUMBERS, form)
    assert not found
    assert "type: numeric" in remark
    assert "`z`" in remark


def test_the_hint_of_a_star_is_a_list_with_the_star(tmp_path):
    (finding,), _ = judged(tmp_path, [*NUMBERS, "?"], starred=True)
    assert any('features: ["*", {name: z, type: categorical}]' in hint for hint in finding.hints)


@pytest.mark.parametrize(("decimal", "thousands"), [(",", "."), (",", ""), (".", "'")])
def test_an_odd_cell_is_odd_among_numbers_with_the_marks_of_the_file(tmp_path, decimal, thousands):
    path = tmp_path / "t.csv"
    numbers = [f"{1000 + 7 * n:,}.25".replace(",", "\0").replace(".", decimal).replace("\0", thousands) for n in range(120)]
    path.write_text("z;k\n" + "".join(f"{cell};k\n" for cell in [*numbers, "?"]))
    (finding,), _ = resembling(Source([path]), ["z"], False)
    assert "1 of 121" in finding.what
    assert finding.excerpt[0].split()[-1] == "?"
    assert any('missing: ["", "?"' in hint for hint in finding.hints)


def test_numbers_with_a_comma_are_numbers_in_csv_and_named_where_text_is_stored(tmp_path):
    cells = [f"{n},5" for n in range(60)]
    (finding,), _ = judged(tmp_path, cells, "parquet")
    assert finding.code == "decimal-comma"
    assert any("type: categorical" in hint for hint in finding.hints)
    path = tmp_path / "t.csv"
    path.write_text("z;k\n" + "".join(f"{cell};k\n" for cell in cells))
    assert str(Source([path]).native_types(["z"])["z"]) == "double"
