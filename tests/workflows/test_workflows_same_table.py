"""One table, written in every way that people write tables: the same model and the same predictions, bit for bit."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import yaml

import disttrain
from disttrain.storage import read
from disttrain.validation.options import PredictOptions
from disttrain.workflows.predict import predict

ROWS = 160
CONFIG = {
    "recipe": "plain",
    "distribution": "normal",
    "data": {
        "target": "y",
        "features": [
            "x",
            "count",
            {"name": "version", "type": "categorical"},
            "region",
            "day",
            "smoker",
        ],
        "id": ["account", "phone"],
        "weight": "w",
        "filter": ["x > -2.5", "day >= '2024-01-05'", "version != '1.2'"],
        "test": {"column": "fold", "values": [0.1, 7]},
    },
    "network": {"hidden": [4]},
    "training": {"epochs": 2, "batch_size": 32},
}


def table():
    rng = np.random.default_rng(11)
    gaps = rng.random(ROWS) < 0.1
    return pa.table(
        {
            "account": [str(12345678901234567890 + n) for n in range(ROWS)],
            "phone": [f"+4915{n:05}" for n in range(ROWS)],
            "x": pa.array(rng.normal(size=ROWS), mask=gaps),
            "count": pa.array(rng.integers(-3, 4000, ROWS), mask=gaps[::-1]),
            "version": [["1.1", "1.10", "1.2", "1.20", "1E5", "007"][n % 6] for n in range(ROWS)],
            "region": [["NA", "north", 'the "old" town', "a, b", None][n % 5] for n in range(ROWS)],
            "day": [date(2024, 1, 1) + timedelta(days=n % 90) for n in range(ROWS)],
            "smoker": [[True, False, None][n % 3] for n in range(ROWS)],
            "fold": [[0.1, 0.25, 7.0, 0.5][n % 4] for n in range(ROWS)],
            "w": rng.integers(1, 5, ROWS) / 4,
            "y": rng.normal(3.0, 2.0, ROWS) * 1000,
        }
    )


def cell(value, separator, decimal, thousands=""):
    if value is None:
        return ""
    if isinstance(value, float):
        text = repr(value)
        if thousands and "e" not in text and len(text.split(".")[0].lstrip("-")) > 3:
            text = f"{int(value):,}".replace(",", "\0") + "." + text.split(".")[1]
        return text.replace(".", decimal).replace("\0", thousands)
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in (separator, '"', "\n")) else text


def as_text(rows, separator, decimal, thousands=""):
    lines = [separator.join(rows.column_names)]
    lines += [separator.join(cell(value, separator, decimal, thousands) for value in row.values()) for row in rows.to_pylist()]
    return "\n".join(lines) + "\n"


WAYS = {
    "comma.csv": lambda path, rows: arrow_csv.write_csv(rows, path),
    "semicolon.csv": lambda path, rows: path.write_text(as_text(rows, ";", ",", ".")),
    "tab.csv": lambda path, rows: path.write_bytes(("\ufeff" + as_text(rows, "\t", ".")).replace("\n", "\r\n").encode()),
    "latin.csv.gz": lambda path, rows: path.write_bytes(gzip.compress(as_text(rows, "|", ".").encode("cp1252"))),
    "lines.ndjson": lambda path, rows: path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows.to_pylist())),
    "t.feather": lambda path, rows: feather.write_feather(rows, path),
    "t.parquet": lambda path, rows: pq.write_table(rows, path, row_group_size=17),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """{way: (SHA-256 of the weights, own predictions, predictions of new rows)} of a fit on the table and a forecast of its last rows."""
    made = {}
    for way, write in WAYS.items():
        folder = tmp_path_factory.mktemp(way.replace(".", "_"))
        write(folder / way, table())
        write(folder / f"new_{way}", table().slice(100).drop_columns(["y", "w", "fold"]))
        (folder / "config.yaml").write_text(yaml.safe_dump({**CONFIG, "data": {**CONFIG["data"], "train": way}}))
        run = disttrain.fit(folder / "config.yaml", out=folder / "run")
        predict(PredictOptions(run=run.path, data=str(folder / f"new_{way}"), output=str(folder / "new.parquet")), folder)
        made[way] = (
            read(run.path / "model").sha256,
            pq.read_table(run.path / "predictions.parquet"),
            pq.read_table(folder / "new.parquet"),
        )
    return made


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_same_table_gives_the_same_model_and_predictions_however_it_is_written(results, way):
    weights, own, new = results["t.parquet"]
    assert own.num_rows > 100
    assert own.column("account").to_pylist()[-1] == "12345678901234568049"
    assert results[way][0] == weights
    assert results[way][1].equals(own)
    assert results[way][2].equals(new)


KEPT = ["number", "when"]
TYPED = {**CONFIG, "data": {**CONFIG["data"], "id": KEPT}}
# A table is written in parts, each in the types that were enough for it.
WIDE = {"number": pa.int64(), "count": pa.int64(), "when": pa.timestamp("us"), "day": pa.date32(), "level": pa.decimal128(10, 2)}
NARROW = {"number": pa.int32(), "count": pa.int16(), "when": pa.timestamp("ns"), "day": pa.timestamp("ms"), "level": pa.decimal128(8, 0)}


def typed_table():
    """Rows of which the first half need wide types: ids beyond 2^53, and a last day that nanoseconds do not reach."""
    half = ROWS // 2
    return table().append_column("number", pa.array([2**53 + 1 + n if n < half else n for n in range(ROWS)])).append_column(
        "when", pa.array([datetime(9999, 12, 31) if n % 9 == 0 and n < half else datetime(2024, 1, 1, 0, 0, n % 60) for n in range(ROWS)])
    ).append_column("level", pa.array([n % 3 * 100 for n in range(ROWS)]).cast(pa.decimal128(30, 2)))  # fmt: skip


def in_types(rows, kinds):
    return rows.cast(pa.schema([field.with_type(kinds.get(field.name, field.type)) for field in rows.schema]))


def typed_fit(folder, data):
    section = {**TYPED["data"], "features": [*TYPED["data"]["features"], {"name": "level", "type": "categorical"}], **data}
    (folder / "config.yaml").write_text(yaml.safe_dump({**TYPED, "data": section}))
    run = disttrain.fit(folder / "config.yaml", out=folder / f"run{len(list(folder.iterdir()))}")
    return read(run.path / "model").sha256, pq.read_table(run.path / "predictions.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_the_same_table_in_files_of_other_types_gives_the_same_model_and_ids(tmp_path, form):
    rows, half = in_types(typed_table(), WIDE), ROWS // 2
    parts = {"whole": rows, "a": rows.slice(0, half), "b": in_types(rows.slice(half), NARROW)}
    for name, part in parts.items():
        (pq.write_table if form == "parquet" else feather.write_feather)(part, tmp_path / f"{name}.{form}")
    weights, own = typed_fit(tmp_path, {"train": f"whole.{form}"})
    assert len(set(own.column("number").to_pylist())) == own.num_rows > 100
    assert datetime(9999, 12, 31) in own.column("when").to_pylist()
    for order in (["a", "b"], ["b", "a"]):
        other_weights, other = typed_fit(tmp_path, {"train": [f"{name}.{form}" for name in order]})
        assert other.select(KEPT).schema == own.select(KEPT).schema
        # Shuffling and rows of validation follow the order of the rows.
        if order == ["a", "b"]:
            assert other_weights == weights
            assert other.equals(own)
        else:
            assert {row["number"]: row["when"] for row in other.to_pylist()} == {row["number"]: row["when"] for row in own.to_pylist()}


def test_ids_of_a_validation_file_of_other_types_are_those_of_its_rows(tmp_path):
    rows, half = in_types(typed_table(), WIDE), ROWS // 2
    pq.write_table(rows.slice(0, half), tmp_path / "train.parquet")
    pq.write_table(in_types(rows.slice(half), {**NARROW, "level": WIDE["level"]}), tmp_path / "validation.parquet")
    _, made = typed_fit(tmp_path, {"train": "train.parquet", "validation": "validation.parquet", "test": None, "filter": None})
    assert made.select(KEPT).to_pydict() == rows.select(KEPT).to_pydict()


def test_a_time_with_a_zone_is_an_id_in_every_format(tmp_path):
    moments = [datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(minutes=n) for n in range(ROWS)]
    rows = table().append_column("when", pa.array(moments, pa.timestamp("s", "UTC")))
    pq.write_table(rows, tmp_path / "a.parquet")
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(row, default=str) + "\n" for row in rows.to_pylist()))
    data = {**CONFIG["data"], "id": ["when"]}
    for name in ("a.parquet", "a.ndjson"):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({**CONFIG, "data": {**data, "train": name}}))
        run = disttrain.fit(tmp_path / "config.yaml", out=tmp_path / name.replace(".", "_"))
        ids = pq.read_table(run.path / "predictions.parquet").column("when").to_pylist()
        read_back = {datetime.fromisoformat(value) if isinstance(value, str) else value for value in ids}
        assert len(read_back) == len(ids) > 100
        assert read_back <= set(moments)
