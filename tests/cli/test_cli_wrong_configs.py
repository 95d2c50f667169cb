"""Mistakes in a config: each is shown at its line, said in words, and answered with a way out."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.cli.wrong_configs import CLAIMS, WRONG, claims


@pytest.fixture
def check(tmp_path, monkeypatch):
    """What `check` says of the text of a config that lies beside the data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.csv").write_text(claims())

    def run(text):
        (tmp_path / "wrong.yaml").write_text(text)
        return CliRunner().invoke(app, ["check", "wrong.yaml"])

    return run


def test_the_config_without_a_mistake_passes(check):
    assert check(CLAIMS).exit_code == 0


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_placed_said_and_answered(mistake, check):
    wrong = WRONG[mistake]
    result = check(wrong.text)
    assert result.exit_code == wrong.code
    assert "Traceback" not in result.output
    where = f"wrong.yaml{wrong.where}" if wrong.where.startswith(":") else wrong.where
    assert f"--> {where}" in result.stderr
    for words in (*wrong.words, "= hint: "):
        assert words in result.stderr
