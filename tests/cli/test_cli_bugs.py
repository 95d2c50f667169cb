"""What hostile users found at the command line, each held by the law it broke."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import config_of, write_config, write_table


@pytest.fixture
def here(tmp_path, monkeypatch, table):
    """A working folder with data and a config."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.parquet", table)
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    return tmp_path


def said(code, *arguments, **given):
    """What a command that must end with `code` writes to stdout and stderr."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], **given)
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_an_answer_of_no_leaves_one_json_document(here, family_run):
    out, _ = said(1, "evaluate", family_run("gamma").folder, "--json", "--require", "nll<-100")
    assert "metrics" in json.loads(out)


def test_a_requirement_that_was_not_scored_leaves_one_json_document(here, family_run):
    out, _ = said(2, "evaluate", family_run("gamma").folder, "--json", "--require", "coverage_80<1")
    assert json.loads(out)["event"] == "error"


def test_a_check_of_the_config_alone_answers_in_json(here):
    out, _ = said(0, "check", "small.yaml", "--config-only", "--json")
    assert json.loads(out)["warnings"] == 0


def test_fit_trains_on_stdin_and_on_files_with_odd_names(here):
    said(0, "fit", "small.yaml", "--data", "-", "-o", "piped", input=(here / "data.parquet").read_bytes())
    (here / "a #1: b.parquet").write_bytes((here / "data.parquet").read_bytes())
    said(0, "fit", "small.yaml", "--data", "a #1: b.parquet", "-o", "odd")
    assert (here / "odd" / "predictions.parquet").exists()


@pytest.mark.parametrize(("pair", "word"), [("nope=mu", "nope"), ("mean=std", "std")])
def test_a_new_name_that_cannot_be_meant_is_refused(here, family_run, pair, word):
    _, err = said(2, "predict", family_run("gamma").folder, "--data", "data.parquet", "-o", "p.parquet", "--rename", pair)
    assert f"`{word}`" in err
    assert not (here / "p.parquet").exists()


@pytest.mark.parametrize("source", [(), ("--data", "data.parquet")])
def test_shards_of_one_block_are_all_of_it_and_nothing(here, family_run, source):
    run = family_run("gamma").folder
    for number in range(3):
        said(0, "predict", run, *source, "--shard", f"{number}/3", "-o", f"p{number}.parquet")
    whole, *rest = (pq.read_table(here / f"p{number}.parquet") for number in range(3))
    assert whole.num_rows > 0
    assert all(part.num_rows == 0 and part.schema == whole.schema for part in rest)


def test_a_model_folder_alone_cannot_score_its_own_rows(here, family_run):
    shutil.copytree(family_run("gamma").folder / "model", here / "deployed")
    _, err = said(5, "evaluate", "deployed")
    assert "--data" in err
    assert "None" not in err


def test_batch_normalization_of_single_rows_is_refused(here):
    _, err = said(3, "fit", "small.yaml", "-s", "network.normalization=batch", "-s", "training.batch_size=1")
    assert "batch normalisation" in err


def test_one_training_row_is_too_few(tmp_path):
    (tmp_path / "two.csv").write_text("x,y\n1,2.5\n2,3.5\n")
    config = {"recipe": "plain", "distribution": "gamma", "data": {"train": "two.csv", "target": "y", "features": ["x"], "validation": 0.5}}
    (tmp_path / "two.yaml").write_text(json.dumps(config))
    result = CliRunner().invoke(app, ["check", str(tmp_path / "two.yaml")])
    assert result.exit_code == 3
    assert "too-few-rows" in result.output
