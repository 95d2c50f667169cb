"""Values of a file that is scored never reach the terminal as they are."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import config_of, family_table, write_config, write_table

NAME = "g\x1b[31m\u202e[red]\n\t"
VALUES = ["ok", "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\u202eevil", "line\nend\ttab", "[bold]", "x" * 500]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("escapes")
    table = family_table()
    groups = pa.array([VALUES[number % len(VALUES)] for number in range(table.num_rows)])
    gaps = pa.array([None if number % 9 == 0 else VALUES[number % len(VALUES)] for number in range(table.num_rows)])
    write_table(folder / "data.parquet", table.append_column(NAME, groups).append_column("b" + NAME, gaps))
    document = config_of("gamma", "data.parquet")
    document["data"] |= {"features": ["x", NAME, "b" + NAME], "id": []}
    document["evaluation"] = {"by": [NAME], "metrics": ["nll", "crps"]}
    write_config(folder / "small.yaml", document)
    return folder


def printed(*arguments, code=0):
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    lines = (result.stdout + result.stderr).split("\n")
    assert all(line.isprintable() for line in lines), [line for line in lines if not line.isprintable()]
    return result.stdout, result.stderr


def test_group_names_columns_and_categories_are_escaped_and_short(folder, monkeypatch):
    monkeypatch.chdir(folder)
    printed("check", "small.yaml")
    printed("explain", "small.yaml")
    printed("fit", "small.yaml", "--out", "run")
    screen, _ = printed("evaluate", "run", "--data", "data.parquet")
    for shown in ("\\x1b[31mred", "\\x1b]0;title\\x07", "\\x9b31m", "\\u202eevil", "line\\nend\\ttab", "[bold]", "x" * 79 + "…"):
        assert f" {shown} " in screen
    assert "x" * 80 not in screen
    _, notes = printed("predict", "run", "--data", "data.parquet", "-o", "out.parquet")
    assert "b" + NAME.encode("unicode_escape").decode() in notes
    printed("evaluate", "run", "--by", "nothing" + NAME, code=3)
    printed("predict", "run", "--keep", "nothing" + NAME, "-o", "out.parquet", code=3)
    printed("predict", "run", "--data", "nothing" + NAME, code=3)
    out, _ = printed("evaluate", "run", "--data", "data.parquet", "--json")
    assert set(json.loads(out)["by"][NAME]) == set(VALUES)
    printed("evaluate", "run", "--require", "nll<" + NAME, code=2)
    printed("families", "--data", "data.parquet", "--target", NAME, code=3)


def test_one_row_says_nothing_of_its_moments(folder, family_run, table):
    write_table(folder / "one.parquet", table.slice(0, 1))
    run = str(family_run("gamma").folder)
    screen, _ = printed("evaluate", run, "--data", str(folder / "one.parquet"))
    assert "skewness -" in screen
    assert "nan" not in screen
    json.loads(printed("evaluate", run, "--data", str(folder / "one.parquet"), "--json")[0], parse_constant=pytest.fail)
