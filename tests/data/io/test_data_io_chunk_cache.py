"""A CSV of ordinary size is parsed once, whatever is asked of it; a large one is parsed again and gives the same."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from disttrain.data import Source
from disttrain.data.column_types import NUMBER
from disttrain.data.io import chunk_cache, csv
from disttrain.data.io import files as io_files
from disttrain.errors import DataError
from tests.small_runs import write_config

ROWS = 300


@pytest.fixture
def project(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    numbers = {name: rng.normal(size=ROWS) for name in ("x", "y")}
    table = pa.table({**numbers, "kind": [f"k{n % 5}" for n in range(ROWS)], "fold": np.arange(ROWS) % 10, "unused": ["\u00e9"] * ROWS})
    arrow_csv.write_csv(table, tmp_path / "rows.csv")
    data = {"train": "rows.csv", "target": "y", "features": ["x", "kind"], "test": {"column": "fold", "values": [9]}, "filter": "fold != 3"}
    document = {"recipe": "plain", "distribution": "normal", "data": data, "network": {"hidden": [4]}, "training": {"epochs": 1}}
    write_config(tmp_path / "a.yaml", document)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def reads(monkeypatch):
    """Counts the parses and the checksums of files."""
    count = Counter()

    def counted(kind, function):
        def call(*arguments):
            count[kind] += 1
            return function(*arguments)

        return call

    monkeypatch.setattr(csv, "blocks", counted("parse", csv.blocks))
    monkeypatch.setattr("disttrain.data.source.digest", counted("checksum", io_files.digest))
    return count


def run(*arguments):
    result = CliRunner().invoke(app, [*arguments, "-q"])
    assert result.exit_code == 0, result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "parses", "checksums"),
    [
        (("check", "a.yaml"), 1, 0),
        (("explain", "a.yaml"), 1, 0),
        (("fit", "a.yaml", "--out", "again"), 1, 1),
        (("evaluate", "run"), 1, 1),
        (("evaluate", "run", "--data", "rows.csv"), 1, 0),
        (("predict", "run", "--data", "rows.csv", "-o", "out.parquet"), 1, 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_parses_a_csv_once(project, reads, arguments, parses, checksums):
    run("fit", "a.yaml", "--out", "run")
    reads.clear()
    run(*arguments)
    assert (reads["parse"], reads["checksum"]) == (parses, checksums)


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 2_000, 64 << 20])
def test_a_large_file_is_parsed_again_and_gives_the_same(project, reads, monkeypatch, most):
    run("fit", "a.yaml", "--out", "run")
    reads.clear()
    monkeypatch.setattr(chunk_cache, "MOST_BYTES", most)
    run("fit", "a.yaml", "--out", "again")
    assert (reads["parse"] == 1) == (most == 64 << 20)
    assert pq.read_table("again/predictions.parquet").equals(pq.read_table("run/predictions.parquet"))


def test_a_cell_that_cannot_be_read_stops_nobody_who_does_not_need_its_column(project):
    rows = [f"{n},ok,p{n % 20},{n % 7}".encode() for n in range(9_000)]
    rows[8_000] = b"1,\xff caf\xe9,p1,2"
    (project / "late.csv").write_bytes(b"\n".join([b"x,memo,who,y", *rows]))
    data = {"train": "late.csv", "target": "y", "features": ["x"]}
    write_config(project / "late.yaml", {"distribution": "normal", "data": data})
    result = CliRunner().invoke(app, ["check", "late.yaml"])
    assert result.exit_code == 0, result.output


def test_a_file_that_changes_between_two_passes_is_told(project):
    source = Source([project / "rows.csv"])
    source.cache.expected = ("x",)
    assert str(source.native_types(["x"])["x"]) == "double"
    (project / "rows.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="the file changed while it was read"):
        source.read({"x": NUMBER})
