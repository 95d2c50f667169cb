"""Mistakes of somebody new to censored data: each is answered before any work, with its place and a way out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import linear, write_config, write_table

ROWS = 80
EVENT = {"censoring": {"event": "died"}}


def columns():
    rng = np.random.default_rng(5)
    x = rng.normal(size=ROWS)
    time = rng.gamma(2.0, np.exp(0.3 * x)) + 0.1
    coded = {
        "died": np.tile([0, 1], 40),
        "status": np.tile([1, 2], 40),
        "said": np.tile(["yes", "no"], 40),
        "all": np.ones(ROWS, dtype=int),
    }
    numbers = {"time": time, "tenths": np.round(time, 1) + 0.1, "low": np.full(ROWS, np.nan), "kind": np.tile(["a", "b"], 40)}
    return {"x": x, "late": 2.0 * time, **coded, **numbers}


@pytest.fixture
def said(tmp_path, monkeypatch):
    """What `check` and `fit` write of a config with the given keys, each ending with the code, before there is a run."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "lives.parquet", pa.table(columns()))

    def ask(code, keys, family="gamma", commands=("check", "fit"), **sections):
        data = {"train": "lives.parquet", "target": "time", "features": ["x"], **keys}
        document = {**linear({"recipe": "plain", "distribution": family, "data": data}), **sections}
        document["data"] = {key: value for key, value in {**document["data"], **keys}.items() if value is not None}
        write_config(tmp_path / "lives.yaml", document)
        for command in commands:
            result = CliRunner().invoke(app, [command, "lives.yaml"])
            assert result.exit_code == code, result.output
            assert "Traceback" not in result.output
        assert not (tmp_path / "runs").exists()
        return result.output

    return ask


FIXED = {"family": "normal", "parameters": {"scale": {"fixed": 1.0}}}
BETWEEN = {"target": None, "censoring": {"lower": "low", "upper": "low"}}
# Of each mistake: the exit code, the keys of `data`, the family, and what the screen says.
MISTAKES = (
    (3, {"censoring": {"event": "said"}}, "gamma", ("column `said`", "= hint: an event is 1 (seen exactly) or 0 (right-censored)")),
    (3, {"censoring": {"event": "status"}}, "gamma", ("40 values are neither 1", "= hint: write 0 and 1, or false and true, for other")),
    (3, {"censoring": {"entry": "late"}}, "gamma", ("error[late-entry]", ", target ", "= hint: an entry is the value that")),
    (3, BETWEEN, "gamma", ("80 rows have no target (null or NaN), neither itself nor an end of its interval",)),
    (3, {"split": {"method": "time", "by": "kind"}, "validation": 0.2}, "gamma", ("--> lives.parquet, column `kind`",)),
    (2, {"censoring": {"limit": -3}}, "gamma", ("lives.yaml:", "no target of gamma is below -3", "= why: gamma needs y > 0")),
    (2, {"censoring": {"limit": 0}}, "poisson", ("no target of poisson is below 0", "= hint: the largest value")),
    (2, {"censoring": "died"}, "gamma", ("must be a mapping, not `died`", "= hint: its keys are `limit`, `event`, `lower`")),
    (2, {"censoring": {"event": 1}}, "gamma", ("`event` must be text, not `1`", '= hint: write `event: "1"`, in quotes it is text')),
    (2, {"offset": "x"}, "gamma", ("`offset` must be a mapping, not `x`", "= hint: write `offset: {PARAMETER: COLUMN}`")),
    (2, {"offset": ["x"]}, "gamma", ("`offset` must be a mapping, not a list", "{PARAMETER: COLUMN}")),
    (2, {"offset": {"scale": "late"}}, FIXED, ("`scale` is not learned", "= hint: leave the offset out")),
    (2, {"target": "kind", **EVENT}, "categorical", ("labels are seen or not", "= hint: leave it out")),
)


@pytest.mark.parametrize(("code", "keys", "family", "told"), MISTAKES)
def test_a_mistake_is_answered_with_its_place_and_a_way_out(said, code, keys, family, told):
    screen = said(code, keys, family)
    assert "-->" in screen
    for words in told:
        assert words in screen


def test_a_column_to_score_by_is_missed_before_the_fit(said):
    screen = said(3, EVENT, evaluation={"by": ["kinds"]})
    assert "error[missing-column]: there is no column `kinds`, `evaluation.by`\n  --> lives.parquet" in screen
    assert "= hint: did you mean `kind`?" in screen
    assert "epoch" not in screen


@pytest.mark.parametrize(
    ("keys", "remark"),
    [
        ({"censoring": {"event": "all"}}, "no `event` is 0: no row is right-censored"),
        ({"censoring": {"limit": 1e6}}, "no target reaches the `limit`: no row is right-censored"),
        ({"target": "tenths", "censoring": {"rounding": 0.25}}, "are no multiples of `rounding: 0.25`"),
        ({"target": "tenths", "censoring": {"rounding": 0.1}}, ""),
        ({"target": "tenths", "censoring": {"rounding": 0.2, "event": "died"}}, ""),
        ({"censoring": {"lower": "time", "upper": "late", "rounding": 0.1}, "target": None}, ""),
        (EVENT, ""),
    ],
)
def test_check_warns_of_censoring_that_says_nothing_of_the_data(said, keys, remark):
    screen = said(0, keys, commands=("check",))
    assert ("! censoring" in screen) == bool(remark)
    assert remark in screen
