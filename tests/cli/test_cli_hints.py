"""Every hint of the errors that the tests know names a step that leads further: the error it belongs to does not come again."""

from __future__ import annotations

import json
import re
import shutil

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.cli.following_hints import Attempt, followed, reason_for_not_following, run_config
from tests.cli.test_cli_codes import FIT_MISTAKES, USE_MISTAKES
from tests.cli.test_cli_usage import MISTAKES
from tests.cli.wrong_configs import WRONG, claims
from tests.small_runs import config_of, write_config, write_table


@pytest.fixture
def here(tmp_path, monkeypatch, table, family_run):
    """A working folder with all files that the mistakes speak of, and a finished run."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.parquet", table)
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    shutil.copytree(family_run("gamma").folder, tmp_path / "runs" / "small-001")
    shutil.copy(tmp_path / "small.yaml", tmp_path / "a")
    (tmp_path / "broken.yaml").write_text("distribution: [")
    (tmp_path / "fake.parquet").write_text("not parquet")
    write_table(tmp_path / "empty.parquet", table.slice(0, 0))
    write_table(tmp_path / "bare.parquet", table.drop_columns(["gamma"]))
    write_table(tmp_path / "poor.parquet", table.drop_columns(["x"]))
    write_table(tmp_path / "words.parquet", table.set_column(0, "x", pa.array(["much"] * 400)))
    (tmp_path / "claims.csv").write_text(claims())
    return tmp_path


def findings_of(attempt, here):
    """The errors of a command: (exit code, findings)."""
    result = CliRunner().invoke(app, [*run_config(attempt, here), "--json"])
    assert "Traceback" not in result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith('{"event": "error"')]
    return result.exit_code, [finding for line in lines for finding in json.loads(line)["errors"]]


def _spot(finding):
    """The option or key of a finding, without line and column, which an edit moves."""
    return re.sub(r":\d+:\d+", "", finding["where"])


def check_that_hints_lead_further(attempt, here):
    code, findings = findings_of(attempt, here)
    assert code
    for finding in findings:
        for hint in finding["hints"]:
            after = followed(attempt, finding, hint)
            if after is None:
                assert reason_for_not_following(hint) is not None, (
                    f"say in following_hints.py how this hint is followed, or why not: {hint}"
                )
                continue
            _, again = findings_of(after, here)
            # The same sentence, or the same kind of error in the same place: another word that is wrong too is no step further.
            same = [
                other
                for other in again
                if other["code"] == finding["code"] and (other["what"] == finding["what"] or _spot(other) == _spot(finding))
            ]
            assert same == [], f"{hint!r} leads to the same error: {after.arguments} {after.text}"


@pytest.mark.parametrize("mistake", WRONG)
def test_the_hints_about_a_wrong_config_lead_further(mistake, here):
    check_that_hints_lead_further(Attempt(("check", "wrong.yaml"), "wrong.yaml", WRONG[mistake].text), here)


@pytest.mark.parametrize("mistake", FIT_MISTAKES)
def test_the_hints_about_a_wrong_fit_lead_further(mistake, here):
    config, *options = FIT_MISTAKES[mistake][1]
    text = (here / config).read_text() if (here / config).exists() else ""
    check_that_hints_lead_further(Attempt(("fit", config, *options), config if text else "", text), here)


@pytest.mark.parametrize("mistake", USE_MISTAKES)
def test_the_hints_about_a_wrong_use_of_a_run_lead_further(mistake, here):
    check_that_hints_lead_further(Attempt(tuple(USE_MISTAKES[mistake][1])), here)


@pytest.mark.parametrize("line", MISTAKES)
def test_the_hints_about_a_wrong_command_line_lead_further(line, here):
    check_that_hints_lead_further(Attempt(tuple(line.split())), here)


BY_HAND = {
    "a tab": lambda text: text.replace("\t", "  "),
    "an anchor": lambda text: text.replace("&n ", ""),
    "a key twice": lambda text: text.replace("  target: n\n", ""),
    "the target as a feature": lambda text: text.replace("[x, y]", "[x]"),
    "a link of the family": lambda text: text.replace("link: log", "parameters: {rate: {activation: exp}}"),
    "max_depth": lambda text: text.replace("max_depth: 6", "network: {hidden: [64, 64]}"),
    "n_estimators": lambda text: text.replace("n_estimators: 100", "training: {epochs: 300}"),
    "uneven": lambda text: text.replace(" target", "  target"),
    "no target": lambda text: text.replace("data:\n", "data:\n  target: y\n"),
}


@pytest.mark.parametrize("mistake", BY_HAND)
def test_hints_that_need_a_hand_lead_to_a_config_that_passes(mistake, here):
    code, findings = findings_of(Attempt(("check", "wrong.yaml"), "wrong.yaml", BY_HAND[mistake](WRONG[mistake].text)), here)
    assert (code, findings) == (0, [])
