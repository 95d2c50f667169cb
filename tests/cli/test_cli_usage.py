"""The command line itself: wrong words, missing words, options before the command, and options that take several values."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import config_of, write_config, write_table


def ran(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


MISTAKES = {
    "fit": ("missing-argument", "disttrain fit CONFIG", "disttrain fit config.yaml"),
    "check": ("missing-argument", "disttrain check CONFIG", "disttrain check config.yaml"),
    "explain": ("missing-argument", "disttrain explain CONFIG", "disttrain explain config.yaml"),
    "fit --seed 1": ("missing-argument", "disttrain fit CONFIG", "disttrain fit config.yaml"),
    "fit --resume": ("missing-argument", "disttrain fit CONFIG", "disttrain fit config.yaml"),
    "chek": ("unknown-command", "disttrain COMMAND", "did you mean `disttrain check`?"),
    "xyz": ("unknown-command", "disttrain COMMAND", "the commands are `families`"),
    "a.yaml": ("unknown-command", "disttrain COMMAND", "did you mean `disttrain fit a.yaml`?"),
    "-q chek": ("unknown-command", "disttrain COMMAND", "did you mean `disttrain check`?"),
    "fit a --epoch 3": ("unknown-option", "disttrain fit CONFIG", "did you mean `--epochs`?"),
    "fit a --lr 3": ("unknown-option", "disttrain fit CONFIG", "did you mean `--set training.optimizer.lr=VALUE`?"),
    "fit a --learning-rate 3": ("unknown-option", "disttrain fit CONFIG", "did you mean `--set training.optimizer.lr=VALUE`?"),
    "fit a --batch-size=3": ("unknown-option", "disttrain fit CONFIG", "did you mean `--set training.batch_size=VALUE`?"),
    "predict --qantiles 0.5": ("unknown-option", "disttrain predict [RUN]", "did you mean `--quantiles`?"),
    "predict -z": ("unknown-option", "disttrain predict [RUN]", "disttrain predict --help"),
    "--epochs 3 fit": ("unknown-option", "disttrain COMMAND", "behind the command"),
    "--jsn fit": ("unknown-option", "disttrain COMMAND", "did you mean `--json`?"),
    "predict a b": ("extra-argument", "disttrain predict [RUN]", "`a,b`"),
    "fit a --epochs x": ("bad-option", "disttrain fit CONFIG", "disttrain fit --help"),
    "predict --samples -1": ("bad-option", "disttrain predict [RUN]", "disttrain predict --help"),
    "predict --samples": ("bad-option", "disttrain predict [RUN]", "disttrain predict --help"),
    "predict --overwrite=3": ("bad-option", "disttrain predict [RUN]", "disttrain predict --help"),
    "predict --color pink": ("bad-option", "disttrain predict [RUN]", "disttrain predict --help"),
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_of_the_command_line_is_an_error_with_usage_and_hint(line):
    code, usage, hint = MISTAKES[line]
    result = ran(*line.split())
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error[{code}]: ")
    assert f"Usage: {usage}" in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit a --epochs x", "`--epochs` needs a whole number, not `x`"),
        ("predict --samples -1", "`--samples` must be at least 0, not `-1`"),
        ("predict --samples 99999", "`--samples` must be at most 10000, not `99999`"),
        ("evaluate --level x", "`x` is not a list of numbers"),
        ("predict --color pink", "`--color` must be one of auto, always, never, not `pink`"),
    ],
)
def test_a_value_that_cannot_be_is_named_beside_its_option(line, words):
    assert words in ran(*line.split()).stderr


@pytest.mark.parametrize("line", ["--json fit", "fit --json", "--json chek", "predict --json --samples x"])
def test_a_mistake_of_the_command_line_is_a_document_under_json(line):
    result = ran(*line.split())
    assert result.exit_code == 2
    assert json.loads(result.stdout)["exit_code"] == 2


@pytest.mark.parametrize("line", ["--version", "-q --version", "check --version", "evaluate -v --version", "--json --version"])
def test_the_version_is_shown_before_and_after_a_command(line):
    result = ran(*line.split())
    assert result.exit_code == 0
    assert result.stdout.startswith("disttrain ")


@pytest.mark.parametrize("line", ["-h", "--help", "-q -h", "fit -h", "-v fit --help", "families --json -h"])
def test_help_is_shown_before_and_after_a_command(line):
    result = ran(*line.split())
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize("options", [["--json"], ["-qv", "--json"], ["--color", "never", "--json"], ["--color=never", "--json", "--debug"]])
def test_common_options_mean_the_same_on_both_sides_of_a_command(options):
    before, after = ran(*options, "families", "gamma"), ran("families", "gamma", *options)
    assert (before.exit_code, before.stdout) == (after.exit_code, after.stdout)
    assert json.loads(before.stdout)["family"] == "gamma"


def test_a_process_of_its_own_ends_with_2_and_no_traceback(tmp_path):
    done = subprocess.run([sys.executable, "-m", "disttrain", "fit"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Usage: disttrain fit CONFIG" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def here(tmp_path, monkeypatch, table):
    """A working folder with data that have columns of many kinds, among them one with a comma in its name."""
    monkeypatch.chdir(tmp_path)
    rows = np.arange(len(table))
    more = {"a,b": [f"u{row % 2}" for row in rows], "age": rows % 90, "half": [f"h{row % 2}" for row in rows]}
    for name, column in more.items():
        table = table.append_column(name, pa.array(column))
    write_table(tmp_path / "data.parquet", table)
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    return tmp_path


def scored(family_run, *arguments):
    result = ran("evaluate", family_run("gamma").folder, "--data", "data.parquet", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "asked", [["--by", "kind", "--by", "fold"], ["--by", "kind,fold"], ["--by", " kind , fold "], ["--by=kind,fold,kind"]]
)
def test_groups_by_several_columns_are_one_table_for_each(here, family_run, asked):
    document = scored(family_run, "-m", "nll", *asked)
    assert list(document["by"]) == ["kind", "fold"]
    assert set(document["by"]["fold"]) == set("01234")


def test_groups_on_the_command_line_are_those_of_the_config(here):
    done = ran("fit", "small.yaml", "-q", "-o", "run", "-s", "evaluation.by=[kind, fold]")
    assert done.exit_code == 0, done.output
    written = json.loads((here / "run" / "metrics.json").read_text())
    asked = ran("evaluate", "run", "--by", "kind", "--by", "fold", "--json")
    assert json.loads(asked.stdout)["by"] == written["test"]["by"]


def test_a_column_with_a_comma_in_its_name_is_one_column(here, family_run):
    assert list(scored(family_run, "-m", "nll", "--by", "a,b")["by"]) == ["a,b"]
    assert list(scored(family_run, "-m", "nll", "--by", "a,b", "--by", "kind,half")["by"]) == ["a,b", "kind", "half"]
    result = ran("predict", family_run("gamma").folder, "--data", "data.parquet", "-o", "p.parquet", "--keep", "a,b", "--keep", "kind,half")
    assert result.exit_code == 0, result.output
    assert {"a,b", "kind", "half"} <= set(pq.read_schema(here / "p.parquet").names)


def test_a_column_of_many_numbers_is_scored_in_ranges_and_few_rows_are_told(here, family_run):
    groups = scored(family_run, "-m", "nll", "--by", "age")["by"]["age"]
    assert len(groups) == 4
    result = ran("evaluate", family_run("gamma").folder, "--data", "data.parquet", "-m", "nll", "--by", "id")
    assert result.exit_code == 0
    assert "9000 .. " in result.stdout


EITHER_WAY = {
    "--metric": ("evaluate", ["nll", "mae"]),
    "--level": ("evaluate", ["0.5", "0.8"]),
    "--by": ("evaluate", ["kind", "fold"]),
    "--require": ("evaluate", ["nll<99", "mae<1e9"]),
    "--columns": ("predict", ["mean", "std"]),
    "--quantiles": ("predict", ["0.1", "0.9"]),
    "--keep": ("predict", ["kind", "fold"]),
    "--times": ("predict", ["1", "2"]),
    "--rename": ("predict", ["mean=m", "std=s"]),
}


@pytest.mark.parametrize("option", EITHER_WAY)
def test_every_option_of_several_takes_commas_and_repetition_alike(option, here, family_run):
    command, values = EITHER_WAY[option]
    results = []
    for number, given in enumerate(([option, ",".join(values)], [part for value in values for part in (option, value)])):
        out = f"out{number}.parquet"
        target = ["-o", out] if command == "predict" else ["--rows-out", out]
        result = ran(command, family_run("gamma").folder, "--data", "data.parquet", "--json", *target, *given)
        assert result.exit_code == 0, result.output
        document = json.loads(result.stdout)
        document.pop("output", None)
        results.append((document, pq.read_table(here / out)))
    assert results[0][0] == results[1][0]
    assert results[0][1].equals(results[1][1])


def test_a_part_without_rows_is_told(here, family_run):
    result = ran("predict", family_run("gamma").folder, "--data", "data.parquet", "-o", "p.parquet", "--shard", "1/2")
    assert result.exit_code == 0
    assert "! part 1/2 has no rows" in result.stderr
    result = ran("predict", family_run("gamma").folder, "--data", "data.parquet", "-o", "q.parquet", "--shard", "0/2")
    assert "has no rows" not in result.stderr
