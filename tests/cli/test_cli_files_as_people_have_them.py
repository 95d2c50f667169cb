"""Files as people have them, through the commands: every row is there, every name is as it was, and what is odd is told before training."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app

ROWS = 40
CONFIG = (
    "distribution: normal\ndata: {train: %s, target: y, features: [x], %s}\nnetwork: {hidden: [4]}\ntraining: {epochs: 2}\nrecipe: plain\n"
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def config(here, train, more="", features=None):
    text = CONFIG % (train, more)
    (here / "c.yaml").write_text(text if features is None else text.replace("[x]", features))
    return "c.yaml"


def numbers(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    return x.round(3), (5 + x + rng.normal(size=ROWS)).round(3)


def table(here, name, **columns):
    with (here / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


IDS = {
    "account": lambda n: str(12345678901234567890 + n),
    "version": lambda n: ["1.1", "1.10", "1.0", "01.1"][n % 4],
    "part": lambda n: ["1E5", "100000", "0x1F"][n % 3],
    "phone": lambda n: f"+4915{n:04}",
    "country": lambda n: ["NA", "DE", "null", "N/A", "True"][n % 5],
}


@pytest.mark.parametrize("form", ["csv", "parquet", "ndjson"])
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_ids_and_kept_columns_come_back_character_for_character(here, form, output):
    x, y = numbers()
    ids = {name: [make(n) for n in range(ROWS)] for name, make in IDS.items()}
    if form == "csv":
        table(here, "data.csv", **ids, x=x, y=y)
    elif form == "parquet":
        pq.write_table(pa.table({**ids, "x": x, "y": y}), here / "data.parquet")
    else:
        # Bare numbers, of which JSON keeps every digit.
        lines = [
            f'{{"account": {ids["account"][n]}, "version": {["1.1", "1.10", "1.0", "10.1"][n % 4]}, "part": "{ids["part"][n]}", '
            f'"phone": "{ids["phone"][n]}", "country": "{ids["country"][n]}", "x": {x[n]}, "y": {y[n]}}}'
            for n in range(ROWS)
        ]
        ids["version"] = [["1.1", "1.10", "1.0", "10.1"][n % 4] for n in range(ROWS)]
        (here / "data.ndjson").write_text("\n".join(lines))
    run("fit", config(here, f"data.{form}", "id: [account, version, part]"), "-q")
    run("predict", "--data", f"data.{form}", "-o", output, "--keep", "phone,country,x")
    got = rows_of(here / output) if output.endswith("csv") else pq.read_table(here / output).to_pylist()
    for name, values in ids.items():
        assert [str(row[name]) for row in got] == values, name
    assert [float(row["x"]) for row in got] == x.tolist()


def test_categories_are_texts_and_one_odd_word_changes_no_other_row(here):
    x, _ = numbers()
    version = [["1.1", "1.10", "1.20", "1.2"][n % 4] for n in range(ROWS)]
    y = [5.0 * (n % 4) for n in range(ROWS)]
    table(here, "data.csv", x=x, v=version, y=y)
    run("fit", config(here, "data.csv", features="[x, {name: v, type: categorical}]"), "-q")
    model = json.loads((here / "runs/c-001/model/model.json").read_text())
    assert model["encoder"]["parts"][1]["categories"] == ["1.1", "1.10", "1.2", "1.20"]
    table(here, "good.csv", x=[0.1, 0.2], v=["1.1", "1.20"])
    table(here, "mixed.csv", x=[0.1, 0.2, 0.3], v=["1.1", "1.20", "kiosk"])
    run("predict", "--data", "good.csv", "-o", "good_out.csv")
    said = run("predict", "--data", "mixed.csv", "-o", "mixed_out.csv")
    assert "v: 1 row with a category that training did not have" in said
    assert rows_of(here / "mixed_out.csv")[:2] == rows_of(here / "good_out.csv")


def test_a_feature_of_which_no_value_is_known_stops_predict_and_evaluate(here):
    x, y = numbers()
    table(here, "data.csv", x=x, v=["a", "b"] * (ROWS // 2), y=y)
    run("fit", config(here, "data.csv", features="[x, v]"), "-q")
    table(here, "other.csv", x=x, v=["A", "B"] * (ROWS // 2), y=y)
    for command in (["predict", "-o", "o.parquet"], ["evaluate"]):
        said = run(*command, "--data", "other.csv", code=3)
        assert "`v`" in said
        assert "--unknown ok" in said
        assert not (here / "o.parquet").exists()
    run("predict", "--data", "other.csv", "-o", "o.parquet", "--unknown", "ok")
    run("evaluate", "--data", "other.csv", "--unknown", "ok")


def test_renamed_columns_and_formats_are_said_to_predict_and_evaluate(here):
    x, y = numbers()
    table(here, "data.csv", x=x, y=y)
    run("fit", config(here, "data.csv"), "-q")
    table(here, "renamed.txt", PREDICTOR=x, TARGET=y)
    options = ("--data", "renamed.txt", "--input-format", "csv", "--map", "x=PREDICTOR")
    run("predict", "--data", "data.csv", "-o", "a.csv")
    run("predict", *options, "-o", "b.csv")
    assert (here / "a.csv").read_text() == (here / "b.csv").read_text()
    own = json.loads(run("evaluate", "--data", "data.csv", "--json"))
    assert json.loads(run("evaluate", *options, "--map", "y=TARGET", "--json"))["metrics"] == own["metrics"]
    assert "there is no column `NOPE`, which `--map` names" in run(
        "predict", "--data", "data.csv", "-o", "c.csv", "--map", "x=NOPE", code=3
    )
    assert "--map" in run("predict", "--map", "x=PREDICTOR", code=2)


@pytest.mark.parametrize(
    ("values", "kept"),
    [("[0.1, 0.5]", 20), ("['0.10', 5e-1]", 20), ("[0.1]", 10), ("[0.3]", None), ("[0.1, 0.3]", 10)],
)
@pytest.mark.parametrize("form", ["csv", "float32", "float64", "decimal"])
def test_listed_values_are_found_however_they_are_spelled_and_those_of_no_row_are_named(here, values, kept, form):
    x, y = numbers()
    share = [[0.1, 0.25, 0.5, 0.7][n % 4] for n in range(ROWS)]
    if form == "csv":
        table(here, "data.csv", x=x, y=y, share=[["0.1", ".25", "5e-1", "0.70"][n % 4] for n in range(ROWS)])
    else:
        kind = {"float32": pa.float32(), "float64": pa.float64(), "decimal": pa.decimal128(4, 2)}[form]
        cells = [Decimal(str(value)) for value in share] if form == "decimal" else share
        pq.write_table(pa.table({"x": x, "y": y, "share": pa.array(cells, kind)}), here / "data.parquet")
    name = config(here, f"data.{'csv' if form == 'csv' else 'parquet'}", f"validation: null, test: {{column: share, values: {values}}}")
    said = run("check", name, code=0 if kept else 3)
    if kept:
        assert f"test {kept}" in said
        assert ("no row has `0.3`" in said) == ("0.3" in values)


def test_filters_are_exact_for_large_integers_and_fractions_of_a_second(here):
    x, y = numbers()
    key = [9007199254740992 + n % 3 for n in range(ROWS)]
    start = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    time = pa.array([start + timedelta(milliseconds=10 * n) for n in range(ROWS)], pa.timestamp("ns"))
    pq.write_table(pa.table({"x": x, "y": y, "key": key, "t": time}), here / "data.parquet")
    table(here, "data.csv", x=x, y=y, key=key, t=[str(value) for value in time.to_pylist()])
    for file in ("data.parquet", "data.csv"):
        name = config(here, file, "validation: null")
        assert "13 used, 27 filtered" in run("check", name, "-s", "data.filter=key == 9007199254740993")
        assert "19 used" in run("check", name, "-s", "data.filter=t > '2026-01-01T00:00:00.200'")
        split = ("-s", "data.validation=0.5", "-s", "data.split={method: time, by: t}")
        assert "train 20 · validation 20" in run("check", name, *split)


@pytest.mark.slow
def test_a_test_file_of_another_type_is_the_same_column(here):
    x, y = numbers()
    table(here, "train.csv", x=x, age=[n % 7 for n in range(ROWS)], day=["2024-01-31"] * ROWS, y=y)
    table(here, "half.csv", x=x, age=[n + 0.5 for n in range(ROWS)], day=["2024-01-31 10:00:00"] * ROWS, y=range(ROWS))
    table(here, "empty.csv", x=x, age=[""] * ROWS, day=[""] * ROWS, y=y)
    pq.write_table(
        pa.table({"x": x, "age": pa.array([1.5] * ROWS, pa.float32()), "day": [datetime(2024, 1, 31)] * ROWS, "y": pa.array([3] * ROWS)}),
        here / "typed.parquet",
    )
    for number, test in enumerate(("half.csv", "empty.csv", "typed.parquet"), 1):
        run("fit", config(here, "train.csv", f"test: {test}", features="[x, age, day]"), "-q")
        own = json.loads(run("evaluate", f"runs/c-{number:03}", "--split", "test", "--json"))
        given = json.loads(run("evaluate", f"runs/c-{number:03}", "--data", test, "--json"))
        assert own["metrics"] == given["metrics"]


def test_truth_is_read_as_1_and_0_and_other_words_are_named(here):
    x, y = numbers()
    table(here, "train.csv", x=x, smoker=[["True", "False"][n % 2] for n in range(ROWS)], y=y)
    table(here, "binary.csv", x=x, smoker=[1 - n % 2 for n in range(ROWS)], y=y)
    table(here, "words.csv", x=x, smoker=[["yes", "no"][n % 2] for n in range(ROWS)], y=y)
    run("fit", config(here, "train.csv", features="[x, smoker]"), "-q")
    run("predict", "--data", "train.csv", "-o", "a.csv")
    run("predict", "--data", "binary.csv", "-o", "b.csv")
    assert (here / "a.csv").read_text() == (here / "b.csv").read_text()
    said = run("predict", "--data", "words.csv", "-o", "c.csv", code=3)
    assert "line 2  yes" in said
    assert "write true and false" in said
    assert "true or false: smoker" in run("check", config(here, "binary.csv", features="[x, {name: smoker, type: boolean}]"))


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["2026-01-01"] * ROWS, "dates where numbers are meant"),
        (["5 days"] * ROWS, "no numbers"),
        (["9007199254740993"] * ROWS, "beyond 2^53"),
    ],
)
def test_a_target_that_is_no_number_is_told_with_its_lines(here, cells, told):
    x, _ = numbers()
    table(here, "data.csv", x=x, y=cells)
    for command in (["check", config(here, "data.csv")], ["fit", "c.yaml"], ["families", "--data", "data.csv", "--target", "y"]):
        said = run(*command, code=3)
        assert told in said
        assert "line 2" in said


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.timestamp("us"), pa.duration("s"), pa.list_(pa.float64()), pa.binary(), pa.struct([("a", pa.int64())])]
)
def test_a_target_of_a_type_that_is_no_number_is_told_by_its_column(here, kind):
    x, _ = numbers()
    pq.write_table(pa.table({"x": x, "y": pa.nulls(ROWS, kind)}), here / "data.parquet")
    for command in (["check", config(here, "data.parquet")], ["families", "--data", "data.parquet", "--target", "y"]):
        said = run(*command, code=3)
        assert "error[unusable-type]" in said
        assert "column `y`" in said


def test_columns_without_a_name_and_saved_indices_are_passed_over_with_a_word(here):
    x, y = numbers()
    table(here, "index.csv", **{"": range(ROWS), "x": x, "Unnamed: 0": range(ROWS), "y": y})
    said = run("check", config(here, "index.csv", features="'*'"))
    assert "passed over: a column without a name, `Unnamed: 0`" in said
    assert "numbers: x\n" in said
    (here / "trailing.csv").write_text("x,y,\n" + "".join(f"{a},{b},\n" for a, b in zip(x, y, strict=True)))
    assert "1 features -> 1 input" in run("check", config(here, "trailing.csv", features="'*'")).replace("1 feature ->", "1 features ->")
    pq.write_table(pa.table({"x": x, "y": y, "__index_level_0__": range(ROWS)}), here / "frame.parquet")
    assert "`__index_level_0__`" in run("check", config(here, "frame.parquet", features="'*'"))


def test_a_star_in_a_list_stands_for_the_columns_that_are_not_named(here):
    x, y = numbers()
    table(here, "data.csv", x=x, z=["1", "2"] * (ROWS // 2), note=["a"] * ROWS, y=y)
    said = run("check", config(here, "data.csv", "exclude: [note]", features='["*", {name: z, type: categorical}]'))
    assert "numbers: x" in said
    assert "categories: z (2)" in said


def test_a_header_alone_is_told_by_the_name_of_its_file(here):
    (here / "data.csv").write_text("x,y\n")
    for command in ("check", "fit"):
        said = run(command, config(here, "data.csv"), code=3)
        assert "data.csv" in said
        assert "a header and no rows" in said


def test_groups_on_both_sides_and_older_test_rows_are_told(here):
    x, y = numbers()
    table(here, "data.csv", x=x, y=y, patient=[n // 4 for n in range(ROWS)], day=range(ROWS), fold=[n % 4 for n in range(ROWS)])
    name = config(here, "data.csv", "split: {method: group, by: patient}, test: {column: fold, values: [3]}")
    for command in (["check", name], ["fit", name]):
        assert "groups of `patient` in the test rows are in the training rows too" in run(*command)
    name = config(here, "data.csv", "split: {method: time, by: day}, test: {column: fold, values: [0]}")
    assert "test rows are older than the newest training row (`day`)" in run("check", name)
    table(here, "twice.csv", x=[1.5] * ROWS, y=[2.5] * ROWS)
    assert "identical to a training row" in run("check", config(here, "twice.csv"))


def test_predictions_of_a_gap_are_rows(here):
    x, y = numbers()
    table(here, "data.csv", x=x, y=y)
    run("fit", config(here, "data.csv"), "-q")
    (here / "new.csv").write_text("x\n1.0\n\n3.0\n\n")
    said = run("predict", "--data", "new.csv", "-o", "out.csv")
    assert "x: 2 rows without a value, imputed" in said
    assert "4 rows" in said


def test_what_is_recognised_in_a_text_file_is_said_by_every_command(here):
    x, y = numbers()
    cells = [f"{a};{b}\n".replace(".", ",") for a, b in zip(x, y, strict=True)]
    (here / "data.csv").write_bytes(("größe;y\n" + "".join(cells)).encode("latin-1"))
    said = "data.csv: separated by semicolon, decimal comma, latin-1 text"
    assert said in run("check", config(here, "data.csv", features="[größe]"))
    assert said in run("fit", "c.yaml")
    assert said in run("predict", "--data", "data.csv", "-o", "o.csv")
    assert said in run("evaluate", "--data", "data.csv")


def test_rows_that_came_through_a_pipe_are_asked_for_again(here, monkeypatch):
    from disttrain.data.io import files

    x, y = numbers()
    text = "x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y, strict=True))
    monkeypatch.setattr(files, "stdin_bytes", lambda: text.encode())
    run("fit", config(here, "-"), "-q")
    assert "rows" in run("evaluate", "--split", "train")
    monkeypatch.setattr(files, "stdin_bytes", lambda: b"")
    for command in ("predict", "evaluate"):
        said = run(command, code=3)
        assert "came from standard input" in said
        assert "--data" in said
    monkeypatch.setattr(files, "stdin_bytes", lambda: text.replace("x,y", "y,x").encode())
    assert "changed" in run("evaluate", code=3)


def test_ids_of_ndjson_that_look_like_times_come_back_as_written(here):
    x, y = numbers()
    times = ["2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05+02:00"]
    lines = [{"d": times[0], "t": times[1], "u": times[2], "x": a, "y": b} for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    (here / "data.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run("fit", config(here, "data.ndjson", "id: [d, t, u]"), "-q")
    run("predict", "--data", "data.ndjson", "-o", "o.csv")
    assert [rows_of(here / "o.csv")[0][name] for name in "dtu"] == times


@pytest.mark.parametrize("kind", ["list", "bytes"])
def test_what_has_no_order_and_no_name_cannot_part_rows_or_name_groups(here, kind):
    x, y = numbers()
    values = [[1.0]] * ROWS if kind == "list" else [b"\xff\xfe"] * ROWS
    pq.write_table(pa.table({"x": x, "y": y, "k": values}), here / "data.parquet")
    for split in ("time", "group"):
        said = run("check", config(here, "data.parquet", f"split: {{method: {split}, by: k}}"), code=3)
        assert "error[unusable-type]" in said
        assert "`k`" in said
    run("fit", config(here, "data.parquet"), "-q")
    assert "error[unusable-type]" in run("evaluate", "--data", "data.parquet", "--by", "k", code=3)


def test_half_precision_parts_rows_too(here):
    x, y = numbers()
    halves = pa.array(np.arange(ROWS, dtype=np.float16) / 4)
    pq.write_table(pa.table({"x": x, "y": y, "k": halves}), here / "data.parquet")
    assert "test 2" in run("check", config(here, "data.parquet", "test: {column: k, values: [0.25, 1]}"))
    assert "train 20 · validation 20" in run("check", config(here, "data.parquet", "validation: 0.5, split: {method: time, by: k}"))


def test_a_single_listed_value_that_no_row_has_is_named(here):
    x, y = numbers()
    table(here, "data.csv", x=x, y=y, s=["a"] * ROWS)
    said = run("check", config(here, "data.csv", "test: {column: s, values: [b]}"), code=3)
    assert "no row has `b` in `s`" in said


def test_a_label_that_training_rows_do_not_have_is_told(here):
    x, _ = numbers()
    table(here, "train.csv", x=x, y=["01", "10"] * (ROWS // 2))
    table(here, "test.csv", x=x + 0.5, y=["01", "1"] * (ROWS // 2))
    name = config(here, "train.csv", "test: test.csv")
    text = (here / name).read_text().replace("normal", "categorical")
    (here / name).write_text(text)
    assert "no training row has the label `1` of `y`" in run("check", name)
    assert "no training row has the label `1` of `y`" in run("fit", name)


def test_other_files_are_no_csv_whatever_they_are_called(here):
    x, y = numbers()
    table(here, "data.csv", x=x, y=y)
    run("fit", config(here, "data.csv"), "-q")
    pq.write_table(pa.table({"x": x}), here / "p.parquet")
    assert "look like parquet" in run("predict", "--data", "p.parquet", "--input-format", "csv", "-o", "o.csv", code=3)
