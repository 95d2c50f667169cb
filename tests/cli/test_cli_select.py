"""`disttrain select` on the command line: wrong options before any work, one JSON document, and a screen of 80 columns."""

from __future__ import annotations

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from disttrain.cli import selection_tables
from disttrain.cli.app import app
from disttrain.selection.comparison import Calibration, Compared, Estimate
from disttrain.workflows.select_results import FamilyRow
from tests.small_runs import config_of, write_config, write_table


@pytest.fixture
def here(tmp_path, monkeypatch, table):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.parquet", table)
    document = config_of("gamma", "data.parquet")
    document["training"]["epochs"] = 2
    write_config(tmp_path / "small.yaml", document)
    return tmp_path


def done(*arguments, code=0):
    result = CliRunner().invoke(app, ["select", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stdout, result.stderr


WRONG = {
    "gama": (("--families", "gama"), 2, "did you mean `gamma`?"),
    "inner": (("--families", "hurdle(gama)"), 2, "`gama` is not a family"),
    "auto and more": (("--families", "auto,gamma"), 2, "stands for all suitable families"),
    "none": (("--families", ","), 2, "there is no family to compare"),
    "one fold": (("--folds", "1"), 2, "not a number of folds"),
    "too many folds": (("--folds", "900"), 3, "too few for 900 folds"),
    "nothing to resume": (("--resume",), 5, "no selection of `small` was begun here"),
    "no selection there": (("--resume", "-o", "there"), 5, "select.json is missing"),
    "full folder": (("-o", "."), 7, "the folder is not empty"),
    "standard input": (("--set", "data.train=-"), 2, "only one can read standard input"),
    "no family suits": (("--families", "beta,poisson"), 3, "beta needs 0 < y < 1"),
    "a fold already": (("--set", "data.test={fold: 1, folds: 3}"), 2, "`select` makes folds itself"),
    "nothing varies": (
        ("--parameters", "--set", "distribution.parameters={rate: {features: []}, concentration: {features: []}}"), 2, "no parameter of gamma may vary",
    ),
    "no worker": (("--workers", "0"), 2, "must be at least 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_option_is_told_before_any_trial(case, here):
    arguments, code, said = WRONG[case]
    _, err = done("small.yaml", *arguments, code=code)
    assert said in err
    assert not (here / "runs").exists()


@pytest.mark.slow
def test_the_answer_is_one_document_and_the_trials_are_runs(here):
    out, err = done("small.yaml", "--families", "gamma,exponential,normal", "--folds", "2", "--parameters", "--json")
    document = json.loads(out)
    assert err == ""
    assert {row["family"] for row in document["families"]["densities"]} == {"gamma", "exponential", "normal"}
    assert document["parameters"][0]["model"] == "none"
    folder = here / "runs" / "small-select-001"
    assert document["config_file"] == "runs/small-select-001/selected.yaml"
    assert CliRunner().invoke(app, ["evaluate", str(folder / "gamma-fold-1"), "--metric", "crps"]).exit_code == 0
    assert CliRunner().invoke(app, ["predict", str(folder / "gamma-fold-2"), "--data", "data.parquet", "-o", "p.csv"]).exit_code == 0
    assert CliRunner().invoke(app, ["check", str(folder / "selected.yaml")]).exit_code == 0
    again, _ = done("small.yaml", "--families", "gamma,exponential,normal", "--folds", "2", "--parameters", "--json", "--resume")
    assert json.loads(again) == document
    _, err = done("small.yaml", "--families", "gamma", "--folds", "3", "--resume", code=2)
    assert "`--families` is" in err
    assert "`--folds` is 3; the selection was begun with 2" in err


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_screen_and_no_number_is_cut(width):
    compared = Compared(
        Estimate(12345.6, 1.0),
        Estimate(0.0123, 0.0104),
        Estimate(0.1, 0.1),
        False,
        Calibration(0.0123, Estimate(0.915, 0.01), "wrong shape"),
    )
    names = ("zero_inflated(poisson_inverse_gaussian)", "mixture(negative_binomial, 12)")
    console = Console(width=width, record=True)
    console.print(selection_tables._family_table(tuple(FamilyRow(name, "probabilities", {}, False, 10, compared) for name in names)))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for word in ("1.23e+04", "0.0123 ± 0.0104", "0.012", "91.5 %", "wrong shape"):
        assert word in text
