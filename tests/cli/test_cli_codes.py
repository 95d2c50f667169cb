"""How commands end: the exit code and the screen of every kind of mistake, and never a traceback."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import config_of, write_config, write_table


@pytest.fixture
def here(tmp_path, monkeypatch, table, family_run):
    """A working folder with data, a config and a finished run in `runs`."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.parquet", table)
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    run = family_run("gamma").folder
    shutil.copytree(run, tmp_path / "runs" / "small-001")
    return tmp_path


def said(code, *arguments):
    """What a command that must end with `code` writes: (stdout, stderr)."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert "bug in disttrain" not in result.output
    return result.stdout, result.stderr


def changed(here, **distribution):
    document = yaml.safe_load((here / "small.yaml").read_text())
    document["distribution"] = distribution
    write_config(here / "changed.yaml", document)


UNKNOWN_FAMILY = """\
error[unknown-choice]: `gama` is not a family
  --> changed.yaml:2:11  (distribution.family)
  |
2 |   family: gama
  |           ^^^^
  = hint: did you mean `gamma`? `disttrain families` lists all

1 error in changed.yaml; nothing was run
"""


def test_an_unknown_family_is_answered_with_the_right_word(here):
    changed(here, family="gama")
    for command in ("fit", "check", "explain"):
        assert said(2, command, "changed.yaml") == ("", UNKNOWN_FAMILY)


RELU = """\
error[activation-support]: `relu` can give 0, and `scale` of normal must be > 0
  --> changed.yaml:5:19  (distribution.parameters.scale.activation)
  |
5 |       activation: relu
  |                   ^^^^
  = why: at 0 the density is singular, and relu has no gradient for negative inputs
  = hint: use `softplus` (default), `exp`, `squareplus` or `sigmoid`

1 error in changed.yaml; nothing was run
"""


def test_relu_on_a_scale_is_refused_with_the_reason(here):
    changed(here, family="normal", parameters={"scale": {"activation": "relu"}})
    assert said(2, "fit", "changed.yaml") == ("", RELU)


OVERRIDE = """\
error[unknown-key]: unknown key `epoch`
  --> --set  (training.epoch)
  |
  | --set training.epoch=5
  |                ^^^^^
  = hint: did you mean `epochs`?
"""


def test_a_mistake_in_an_override_points_into_the_argument(here):
    out, screen = said(2, "fit", "small.yaml", "--set", "training.epoch=5")
    assert out == ""
    assert screen.startswith(OVERRIDE)


OUTSIDE = """\
error[target-outside-support]: `amount` has 3 values that gamma cannot produce
  --> wrong.parquet, column `amount`: gamma needs y > 0
   | row  17   0
   | row 204  -35.2
   | row 311   0   2 are exactly 0, 1 is negative
"""


def outside_rows(here, table):
    y = table["gamma"].to_numpy().copy()
    y[[17, 204, 311]] = 0, -35.2, 0
    write_table(here / "wrong.parquet", table.append_column("amount", pa.array(y)))
    document = config_of("gamma", "wrong.parquet", family="gamma")
    document["data"]["target"] = "amount"
    write_config(here / "wrong.yaml", document)


def test_targets_outside_the_support_are_shown_with_their_rows_and_ways_out(here, table):
    outside_rows(here, table)
    _, screen = said(3, "fit", "wrong.yaml")
    lines = screen.splitlines()
    assert lines[0] == OUTSIDE.splitlines()[0]
    assert lines[1].endswith("wrong.parquet, column `amount`: gamma needs y > 0")
    assert [re.findall(r"row\s+(\d+)", line) for line in lines[2:5]] == [["17"], ["204"], ["311"]]
    assert "-35.2" in lines[3]
    assert any("families that can:" in line and "normal" in line for line in lines)
    assert any("`data.filter: amount > 0`" in line for line in lines)
    assert sorted(path.name for path in (here / "runs").iterdir()) == ["small-001"]


def test_the_filter_of_the_hint_is_a_way_out(here, table):
    outside_rows(here, table)
    said(0, "fit", "wrong.yaml", "--set", "data.filter=amount > 0", "-q", "--out", "filtered")
    rows = pq.read_table(here / "filtered" / "predictions.parquet")["row"].to_pylist()
    assert rows == [row for row in range(400) if row not in (17, 204, 311)]


FIT_MISTAKES = {
    "no such config": (2, ["nowhere.yaml"], "no such config file"),
    "not yaml": (2, ["broken.yaml"], "broken.yaml:1:"),
    "an unknown key": (2, ["small.yaml", "-s", "data.weigth=x"], "did you mean `weight`?"),
    "an unknown metric": (2, ["small.yaml", "-s", "evaluation.metrics=[nl]"], "nll"),
    "an unsuited metric": (2, ["small.yaml", "-s", "evaluation.metrics=[accuracy]"], "accuracy"),
    "a word for a number": (2, ["small.yaml", "-s", "training.epochs=many"], "epochs"),
    "no epochs": (2, ["small.yaml", "--epochs", "0"], "epochs"),
    "the target as a feature": (2, ["small.yaml", "-s", "data.features=[x,gamma]"], "gamma"),
    "a later feature of the program": (2, ["small.yaml", "-s", "output.report=true"], "report"),
    "an unknown device": (2, ["small.yaml", "--device", "abacus"], "abacus"),
    "an unknown option": (2, ["small.yaml", "--epoch", "5"], "--epoch"),
    "no such file": (3, ["small.yaml", "-s", "data.train=nowhere.parquet"], "nowhere.parquet"),
    "no such column": (3, ["small.yaml", "-s", "data.features=[x,zz]"], "zz"),
    "no such target": (3, ["small.yaml", "-s", "data.target=gamm"], "gamma"),
    "no such test column": (3, ["small.yaml", "-s", "data.test.column=folds"], "fold"),
    "text as a target": (3, ["small.yaml", "-s", "data.target=kind", "-s", "data.features=[x]"], "kind"),
    "no rows left": (3, ["small.yaml", "-s", "data.filter=x > 1e9"], "rows"),
    "not a parquet file": (3, ["small.yaml", "-s", "data.train=fake.parquet"], "fake.parquet"),
    "an empty file": (3, ["small.yaml", "-s", "data.train=empty.parquet"], "rows"),
    "output in the way": (7, ["small.yaml", "--out", "runs/small-001"], "overwrite"),
}


@pytest.mark.parametrize("mistake", FIT_MISTAKES)
def test_a_fit_that_cannot_be_says_what_is_wrong_and_leaves_nothing(mistake, here):
    code, arguments, word = FIT_MISTAKES[mistake]
    (here / "broken.yaml").write_text("distribution: [")
    (here / "fake.parquet").write_text("not parquet")
    write_table(here / "empty.parquet", pq.read_table(here / "data.parquet").slice(0, 0))
    before = (here / "runs" / "small-001" / "run.json").read_bytes()
    out, screen = said(code, "fit", *arguments)
    assert out == ""
    assert word in screen
    assert sorted(path.name for path in (here / "runs").iterdir()) == ["small-001"]
    assert (here / "runs" / "small-001" / "run.json").read_bytes() == before


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_target_that_is_no_number_is_named_by_its_row(value, here, table):
    place = table.column_names.index("gamma")
    y = pa.array([value if row == 42 else y for row, y in enumerate(table["gamma"].to_pylist())], pa.float64())
    write_table(here / "data.parquet", table.set_column(place, "gamma", y))
    _, screen = said(3, "fit", "small.yaml")
    assert re.search(r"row\s+42\b", screen)


def test_an_infinite_feature_is_named_by_its_row(here, table):
    x = np.where(np.arange(400) == 37, np.inf, table["x"].to_numpy())
    write_table(here / "data.parquet", table.set_column(0, "x", pa.array(x)))
    _, screen = said(3, "fit", "small.yaml")
    assert re.search(r"row\s+37\b", screen)


def test_one_class_only_is_nothing_to_learn(here, table):
    write_table(here / "data.parquet", table.filter(pc.equal(table["bernoulli"], 1)))
    _, screen = said(3, "fit", "small.yaml", "-s", "distribution=bernoulli", "-s", "data.target=bernoulli")
    assert screen.startswith("error[one-class]")


USE_MISTAKES = {
    "no run": (5, ["evaluate", "nowhere"]),
    "an unknown metric": (2, ["evaluate", "-m", "nl"]),
    "an unsuited metric": (2, ["evaluate", "-m", "accuracy"]),
    "an unknown split": (2, ["evaluate", "--split", "tests"]),
    "a level outside": (2, ["evaluate", "--level", "1.5"]),
    "a requirement that is none": (2, ["evaluate", "--require", "nll is small"]),
    "a requirement not met": (1, ["evaluate", "--require", "nll<-100"]),
    "no such data": (3, ["evaluate", "--data", "nowhere.parquet"]),
    "data without the target": (3, ["evaluate", "--data", "bare.parquet"]),
    "no such group": (3, ["evaluate", "--by", "nowhere"]),
    "rows in the way": (7, ["evaluate", "--rows-out", "data.parquet"]),
    "no such run to predict": (5, ["predict", "nowhere"]),
    "no such data to predict": (3, ["predict", "--data", "nowhere.parquet"]),
    "data without a feature": (3, ["predict", "--data", "poor.parquet", "-o", "out.parquet"]),
    "a feature of another type": (3, ["predict", "--data", "words.parquet", "-o", "out.parquet"]),
    "predictions over their input": (2, ["predict", "--data", "data.parquet", "-o", "data.parquet"]),
    "predictions in the way": (7, ["predict", "--data", "data.parquet", "-o", "bare.parquet"]),
    "an unknown column": (2, ["predict", "--columns", "means"]),
    "a quantile outside": (2, ["predict", "--quantiles", "0.5,1.5"]),
    "quantiles that are none": (2, ["predict", "--quantiles", "half"]),
    "an impossible shard": (2, ["predict", "--shard", "3/3"]),
    "an unknown format": (2, ["predict", "--format", "xls"]),
    "no such column to keep": (3, ["predict", "--data", "data.parquet", "--keep", "nothing", "-o", "out.parquet"]),
    "no such family": (2, ["families", "gama"]),
    "no such kind of target": (2, ["families", "--support", "odd"]),
    "no such command": (2, ["predikt"]),
}


@pytest.mark.parametrize("mistake", USE_MISTAKES)
def test_a_command_that_cannot_be_says_what_is_wrong(mistake, here, table):
    code, arguments = USE_MISTAKES[mistake]
    write_table(here / "bare.parquet", table.drop_columns(["gamma"]))
    write_table(here / "poor.parquet", table.drop_columns(["x"]))
    write_table(here / "words.parquet", table.set_column(0, "x", pa.array(["much"] * 400)))
    _, screen = said(code, *arguments)
    assert screen.strip()
    assert not (here / "out.parquet").exists()


def test_without_a_run_the_way_to_one_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ("evaluate", "predict"):
        _, screen = said(5, command)
        assert screen.startswith("error[no-run]")
        assert "disttrain fit CONFIG" in screen


def shortened(model):
    path = model / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def flipped(model):
    path = model / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 0x40
    path.write_bytes(bytes(content))


def not_finite(model):
    """NaN weights whose size and digest are as model.json says."""
    path = model / "weights.safetensors"
    content = path.read_bytes()[:-4] + np.float32(np.nan).tobytes()
    path.write_bytes(content)
    document = json.loads((model / "model.json").read_text())
    document["files"]["weights.safetensors"]["sha256"] = hashlib.sha256(content).hexdigest()
    (model / "model.json").write_text(json.dumps(document))


def newer(model):
    document = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**document, "format": 99}))


def another_family(model):
    document = json.loads((model / "model.json").read_text())
    document["config"]["distribution"]["family"] = "gama"
    (model / "model.json").write_text(json.dumps(document))


DAMAGE = {
    "weights cut short": shortened,
    "a flipped bit": flipped,
    "weights that are NaN": not_finite,
    "a newer format": newer,
    "an unknown family": another_family,
    "no weights": lambda model: (model / "weights.safetensors").unlink(),
    "no model.json": lambda model: (model / "model.json").unlink(),
    "model.json empty": lambda model: (model / "model.json").write_text(""),
    "model.json a list": lambda model: (model / "model.json").write_text("[]"),
    "model.json without a config": lambda model: (model / "model.json").write_text('{"format": 1}'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_not_believed(damage, here):
    DAMAGE[damage](here / "runs" / "small-001" / "model")
    for command in ("evaluate", "predict"):
        _, screen = said(5, command, "runs/small-001")
        assert screen.startswith("error[")


def test_data_that_changed_since_the_fit_are_not_taken_for_the_runs_own(here, table):
    said(0, "fit", "small.yaml", "-q", "-o", "mine")
    write_table(here / "data.parquet", table.slice(1))
    for command in ("evaluate", "predict"):
        _, screen = said(3, command, "mine")
        assert "data-changed" in screen


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only for the superuser")
def test_a_read_only_folder_ends_with_6(here):
    here.chmod(0o555)
    try:
        _, screen = said(6, "predict", "runs/small-001", "--data", "data.parquet", "-o", "out.parquet")
        assert "out.parquet" in screen
    finally:
        here.chmod(0o755)


def test_an_error_as_json_names_code_and_place(here):
    out, _ = said(2, "fit", "small.yaml", "--json", "-s", "training.epoch=5")
    document = json.loads(out)
    assert (document["event"], document["exit_code"]) == ("error", 2)
    assert document["errors"][0]["code"] == "unknown-key"


def test_a_loss_that_is_not_finite_ends_with_4_and_what_is_kept_can_be_used(here):
    wild = ["optimizer.name=sgd", "optimizer.lr=1000", "gradient_clip=null", "schedule=constant", "early_stopping=null"]
    overrides = [part for text in wild for part in ("-s", f"training.{text}")]
    _, screen = said(
        4, "fit", "small.yaml", "-o", "failed", "-s", "network.hidden=[64,64,64]", "-s", "network.activation=identity", *overrides
    )
    assert re.search(r"error\[not-finite\]: the (loss|gradient) became NaN", screen)
    assert "nll nan" not in screen
    record = json.loads((here / "failed" / "run.json").read_text())
    assert (record["status"], record["exit_code"]) == ("failed", 4)
    if "kept:" in screen:
        said(0, "predict", "failed/model", "--data", "data.parquet", "-o", "kept.parquet")
