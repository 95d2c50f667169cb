"""What `-v` adds to `check`, and how missing cells and impossible values are told."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.cli.wrong_configs import CLAIMS, claims


@pytest.fixture
def check(tmp_path, monkeypatch):
    """What `check` prints of a config beside 120 claims, of which three have no x and two no region."""
    monkeypatch.chdir(tmp_path)
    lines = claims().splitlines()
    lines[1:4] = [",".join([line.split(",")[0], "", *line.split(",")[2:]]) for line in lines[1:4]]
    lines[5:7] = [",".join([*line.split(",")[:2], "", *line.split(",")[3:]]) for line in lines[5:7]]
    (tmp_path / "claims.csv").write_text("\n".join(lines) + "\n")

    def run(*options, text=CLAIMS):
        (tmp_path / "claims.yaml").write_text(text)
        return CliRunner().invoke(app, [*options, "check", "claims.yaml"]).output

    return run


def test_verbose_shows_how_each_feature_becomes_inputs(check):
    plain, verbose = check(), check("-v")
    assert "inputs      x -> 2 inputs: x, x missing" in verbose
    assert "region=N, region=S" in verbose
    assert "x missing" not in plain
    embedded = check("-v", text=CLAIMS.replace("region]", "{name: region, type: categorical, encoding: embedding, dimensions: 3}]"))
    assert "region -> an embedding of 3 numbers" in embedded


def test_what_stands_for_a_missing_value_is_said_by_the_kind_of_feature(check):
    screen = check()
    assert "x: 3 missing (2.5 %), filled in, and an input says where" in screen
    assert "region: 2 missing (1.7 %), a category of their own" in screen


def test_values_outside_the_support_are_counted_by_what_is_wrong_with_them(check):
    screen = check(text=CLAIMS.replace("gamma", "poisson"))
    assert "are no whole numbers" in screen
    assert "are positive" not in screen
