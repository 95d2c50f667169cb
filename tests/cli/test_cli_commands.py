"""The commands as people and programs use them: three lines in a fresh folder, pipes, JSON, help."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from disttrain.families import FAMILIES
from tests.small_runs import CONFIGS, config_of, write_config, write_table

COMMANDS = ("families", "check", "fit", "predict", "evaluate", "explain", "select")


@pytest.fixture
def here(tmp_path, monkeypatch, table):
    """A fresh working folder with data and a config."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.parquet", table)
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    return tmp_path


def done(*arguments, code=0):
    """What a command writes: (stdout, stderr)."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stdout, result.stderr


def python(*arguments, cwd):
    """A process of its own, on one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, check=False)


@pytest.mark.slow
def test_predictions_do_without_pandas_and_scipys_special_functions_and_scores_without_pandas(here):
    """pyarrow imports pandas on the sly where it is given NumPy arrays, which costs a quarter of a second and 30 MiB; the other, a fifth."""
    done("fit", "small.yaml", "--set", "distribution=normal")
    program = """
import sys
from disttrain.cli.app import app
for line in ("predict", "predict -o all.csv --keep all", "predict --data data.parquet -o new.parquet"):
    app(line.split(), standalone_mode=False)
special = "scipy.special" in sys.modules
app("evaluate --rows-out rows.parquet".split(), standalone_mode=False)
sys.exit(special or "pandas" in sys.modules)
"""
    ran = python("-c", program, cwd=here)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_a_fit_does_without_sympy(here):
    """Torch imports it on the sly for a gradient that is given to `backward`, and for shapes to broadcast: a fifth of a second."""
    program = """
import sys
from typer import Exit
from disttrain.cli.app import app
for line in ("fit small.yaml --set distribution=normal", "fit small.yaml --set distribution=gamma --set network.members=2", "evaluate"):
    try:
        app(line.split(), standalone_mode=False)
    except Exit:
        pass
sys.exit("sympy" in sys.modules)
"""
    ran = python("-c", program, cwd=here)
    assert ran.returncode == 0, ran.stderr


def test_three_lines_in_a_fresh_folder_do_the_whole_job(here):
    out, err = done("fit", "small.yaml")
    assert "runs/small-001" in out
    assert "epoch=1 train_nll=" in err
    before = (here / "runs" / "small-001" / "predictions.parquet").read_bytes()
    _, err = done("predict")
    assert "small-001 (newest)" in err
    assert (here / "runs" / "small-001" / "predictions.parquet").read_bytes() == before
    out, _ = done("evaluate", "--metric", "nll")
    assert "small-001 (newest) · test · 80 rows" in out
    assert "nll" in out
    assert "baseline" in out


@pytest.mark.slow
def test_an_ensemble_says_how_many_members_it_has(here):
    _, one = done("fit", "small.yaml")
    _, err = done("fit", "small.yaml", "--set", "network.members=3")
    weights = int(re.search(r"([\d,]+) weights", one)[1])
    assert f" · 3 members · {3 * weights} weights" in err
    assert "members" not in one
    assert f"3 members, {3 * weights} weights" in done("check", "small.yaml", "--set", "network.members=3")[0]
    done("evaluate")


def test_runs_are_numbered_and_the_newest_is_taken(here):
    done("fit", "small.yaml", "-q")
    done("fit", "small.yaml", "-q", "--seed", "5")
    assert sorted(path.name for path in (here / "runs").iterdir()) == ["small-001", "small-002"]
    document = json.loads(done("evaluate", "--json")[0])
    assert document["run"] == "small-002"


def test_an_option_of_fit_is_an_override_of_its_key(here):
    done("fit", "small.yaml", "-q", "--epochs", "2", "--seed", "9", "-o", "mine", "--limit-rows", "100")
    text = (here / "mine" / "config.resolved.yaml").read_text()
    assert "epochs: 2" in text
    assert "seed: 9" in text
    assert pq.read_metadata(here / "mine" / "predictions.parquet").num_rows == 100
    assert json.loads(done("evaluate", "mine", "--json")[0])["rows"] == 20


@pytest.mark.parametrize("address", ["file:///tmp/other.csv", "file:/tmp/other.csv", "s3://bucket/other.csv"])
def test_an_address_on_the_command_line_is_no_path(here, address):
    result = CliRunner().invoke(app, ["fit", "small.yaml", "--data", address])
    assert (result.exit_code, "error[not-available]" in result.stderr) == (2, True), result.output


def test_data_on_the_command_line_replace_those_of_the_config(here, table):
    write_table(here / "other.parquet", table.slice(0, 200))
    done("fit", "small.yaml", "-q", "--data", "other.parquet", "-o", "mine")
    assert pq.read_metadata(here / "mine" / "predictions.parquet").num_rows == 200


def test_a_fit_as_json_is_one_document_per_line(here):
    out, err = done("fit", "small.yaml", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["start", "epoch", "epoch", "epoch", "result"]
    assert [event["epoch"] for event in events[1:4]] == [1, 2, 3]
    assert events[-1]["metrics"]["test"]["rows"] == 80
    assert err == ""


def test_quiet_says_nothing_but_errors(here):
    assert done("fit", "small.yaml", "-q")[1].strip() in ("", "✓ all 3 epochs done (best: 3)   0:00")


def test_a_dry_run_trains_nothing(here):
    out, _ = done("fit", "small.yaml", "--dry-run")
    assert "network" in out
    assert not (here / "runs").exists()


@pytest.mark.slow
def test_overwrite_replaces_a_run_and_only_then(here):
    done("fit", "small.yaml", "-q", "-o", "mine")
    done("fit", "small.yaml", "-q", "-o", "mine", code=7)
    done("fit", "small.yaml", "-q", "-o", "mine", "--overwrite", "--epochs", "1")
    assert pq.read_metadata(here / "mine" / "history.parquet").num_rows == 1


def test_check_lists_what_it_looked_at_and_strict_fails_on_warnings(here, table):
    out, _ = done("check", "small.yaml")
    assert [word for word in ("files", "target", "support", "split", "network") if word not in out] == []
    done("check", "small.yaml", "--strict")
    holes = table.set_column(0, "x", pyarrow.array([None, *table["x"].to_pylist()[1:]]))
    write_table(here / "data.parquet", holes)
    out, _ = done("check", "small.yaml")
    assert "1 missing" in out
    done("check", "small.yaml", "--strict", code=1)
    assert json.loads(done("check", "small.yaml", "--json")[0])["warnings"] == 1
    assert not (here / "runs").exists()


def test_predictions_go_down_a_pipe(here, family_run):
    run = family_run("gamma").folder
    result = CliRunner().invoke(app, ["predict", str(run), "--data", "data.parquet", "-o", "-"])
    assert result.exit_code == 0
    assert pq.read_table(io.BytesIO(result.stdout_bytes)).num_rows == 400
    result = CliRunner().invoke(app, ["predict", str(run), "--data", "data.parquet", "-o", "-", "--format", "csv"])
    assert result.stdout.splitlines()[0].replace('"', "") == "row,id,concentration,rate,mean,std,q05,q50,q95"
    assert len(result.stdout.splitlines()) == 401


@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_predictions_are_the_same_numbers_in_every_format(form, here, family_run):
    run = family_run("gamma")
    done("predict", run.folder, "--data", "data.parquet", "-o", f"out.{form}")
    readers = {"parquet": pq.read_table, "csv": pyarrow.csv.read_csv, "arrow": lambda path: pyarrow.ipc.open_file(path).read_all()}
    found = readers[form](f"out.{form}")
    assert found["rate"].to_pylist() == run.predictions["rate"].to_pylist()


def test_a_model_folder_alone_predicts_and_evaluates(here, family_run):
    model = shutil.copytree(family_run("gamma").folder / "model", here / "elsewhere")
    done("predict", model, "--data", "data.parquet", "-o", "out.parquet")
    assert json.loads(done("evaluate", model, "--data", "data.parquet", "--json")[0])["rows"] == 400
    done("predict", model, "-o", "more.parquet", code=2)
    done("evaluate", model, code=5)


def test_an_evaluation_as_json_is_one_document(family_run):
    run = family_run("gamma").folder
    document = json.loads(done("evaluate", run, "--json", "-m", "nll", "-m", "coverage", "--level", "0.8", "--by", "kind")[0])
    assert set(document) == {"run", "data", "split", "rows", "metrics", "by"}
    assert set(document["metrics"]) == {"nll", "coverage"}
    assert set(document["by"]["kind"]["north"]) == {"rows", "metrics"}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("name", ["normal", "gamma", "poisson", "bernoulli"])
def test_what_so_few_rows_cannot_tell_is_a_dash(rows, name, here, family_run):
    run = family_run(name).folder
    table = pq.read_table("data.parquet").slice(0, rows)
    pq.write_table(table, "few.parquet")
    shown = done("evaluate", run, "--data", "few.parquet", "--by", "kind")[0]
    assert "nan" not in shown
    assert "skewness - · kurtosis -" in shown
    assert ("variance -" in shown) == (rows == 1)
    assert "NaN" not in done("evaluate", run, "--data", "few.parquet", "--json")[0]


def test_a_group_without_weight_is_a_dash(here):
    rng = np.random.default_rng(0)
    columns = {"x": rng.normal(size=60), "y": rng.normal(size=60), "w": np.repeat([0.0, 1.0], 30), "kind": np.repeat(["a", "b"], 30)}
    pq.write_table(pa.table(columns), "weighted.parquet")
    (here / "weighted.yaml").write_text(
        "distribution: normal\ndata: {train: weighted.parquet, validation: null, target: y, features: [x], weight: w}\ntraining: {epochs: 1}\nrecipe: plain\n"
    )
    done("fit", "weighted.yaml")
    groups = json.loads(done("evaluate", "--data", "weighted.parquet", "--by", "kind", "--json")[0])["by"]["kind"]
    assert groups["a"]["metrics"]["nll"]["value"] is None
    assert groups["b"]["metrics"]["nll"]["value"] is not None
    assert "nan" not in done("evaluate", "--data", "weighted.parquet", "--by", "kind")[0]


def test_a_requirement_not_met_still_prints_the_scores(family_run):
    out, err = done("evaluate", family_run("gamma").folder, "--json", "--require", "nll<-100", code=1)
    assert "requirement-not-met" in err
    assert json.loads(out.splitlines()[0])["metrics"]["nll"]["value"] > -100


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_0(command):
    assert "--help" in done(command, "--help")[0]


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_config_can_be_explained(path):
    out, _ = done("explain", path)
    assert "loss" in out


@pytest.mark.slow
def test_families_are_listed_and_described():
    rows = json.loads(done("families", "--json")[0])["families"]
    assert len(rows) == len(FAMILIES)
    for row in rows:
        assert row["family"] in done("families", row["family"])[0]


@pytest.mark.slow
def test_the_program_runs_as_a_module_and_ends_with_its_codes(here):
    assert python("-m", "disttrain", "fit", "small.yaml", "-q", cwd=here).returncode == 0
    assert python("-m", "disttrain", "evaluate", "--require", "nll<-100", cwd=here).returncode == 1
    wrong = python("-m", "disttrain", "fit", "small.yaml", "-s", "distribution=gama", cwd=here)
    assert wrong.returncode == 2
    assert b"did you mean `gamma`?" in wrong.stderr
    assert wrong.stdout == b""


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["fit", "--help"], ["evaluate", "--help"], ["select", "--help"]])
def test_help_reads_no_config(arguments, tmp_path):
    program = (
        "import sys; from disttrain.cli.app import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit: pass\n"
        "sys.exit('disttrain.config' in sys.modules)"
    )
    result = python("-c", program, cwd=tmp_path)
    assert result.returncode == 0, result.stderr.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["fit", "--help"], ["families"], ["families", "gamma"], ["fit", "wrong.yaml"]]
)
def test_help_lists_and_wrong_words_do_not_wait_for_torch(arguments, tmp_path):
    write_config(tmp_path / "wrong.yaml", config_of("gamma", "data.parquet", family="gama"))
    program = (
        "import sys; from disttrain.cli.app import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'pyarrow', 'scipy'} & set(sys.modules)\n"
        "print('heavy:', heavy, file=sys.stderr); sys.exit(bool(heavy))"
    )
    result = python("-c", program, cwd=tmp_path)
    assert result.returncode == 0, result.stderr.decode()
