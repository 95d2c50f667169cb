"""What a person sees of a wrong config: whole screens, as the interface shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from disttrain import config
from disttrain.config import Problem, suggestion
from disttrain.errors import ConfigError

CLAIMS = """\
# claims
distribution: gama
data:
  train: data/claims.parquet
  target: claim_amount
  features: [driver_age, region]
  weigth: exposure
"""

UNKNOWN_FAMILY_AND_KEY = """\
error[unknown-choice]: `gama` is not a family
  --> claims.yaml:2:15  (distribution)
  |
2 | distribution: gama
  |               ^^^^
  = hint: did you mean `gamma`? `disttrain families` lists all

error[unknown-key]: unknown key `weigth`
  --> claims.yaml:7:3  (data.weigth)
  |
7 |   weigth: exposure
  |   ^^^^^^
  = hint: did you mean `weight`?

2 errors in claims.yaml; nothing was run"""

OVERRIDE = """\
error[unknown-key]: unknown key `epoch`
  --> --set  (training.epoch)
  |
  | --set training.epoch=5
  |                ^^^^^
  = hint: did you mean `epochs`?

error[out-of-range]: `lr` must be more than 0, not `-1`
  --> --set  (training.optimizer.lr)
  |
  | --set training.optimizer.lr=-1
  |                             ^^

2 errors in claims.yaml; nothing was run"""


def screen(error: ConfigError) -> str:
    """The error as the command line prints it."""
    lines: list[str] = []
    for finding in error.findings:
        lines += [f"error[{finding.code}]: {finding.what}", f"  --> {finding.where}", *finding.excerpt]
        lines += [f"  = why: {finding.why}"] if finding.why else []
        lines += [*(f"  = hint: {hint}" for hint in finding.hints), ""]
    return "\n".join([*lines, error.summary])


def family_rule(document):
    """Stands for the rules of the families, which this room does not know."""
    section = document.get("distribution")
    name, path = (section.get("family"), ("distribution", "family")) if isinstance(section, dict) else (section, ("distribution",))
    if isinstance(name, str) and name not in ("gamma", "normal"):
        near = suggestion(name, ("gamma", "normal"))
        yield Problem(
            path, "unknown-choice", f"`{name}` is not a family", hints=(f"did you mean `{near}`? `disttrain families` lists all",)
        )


def refusal(text: str, *overrides: str, rules=None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.loads(text, "claims.yaml", overrides=overrides, rules=rules)
    return caught.value


def test_the_screen_of_an_unknown_family_and_an_unknown_key():
    assert screen(refusal(CLAIMS, rules=family_rule)) == UNKNOWN_FAMILY_AND_KEY


def test_the_screen_of_wrong_overrides():
    right = CLAIMS.replace("gama", "gamma").replace("weigth", "weight")
    assert screen(refusal(right, "training.epoch=5", "training.optimizer.lr=-1")) == OVERRIDE


def test_a_rule_about_a_loaded_config_is_shown_at_its_line():
    loaded = config.loads(CLAIMS.replace("gama", "gamma").replace("weigth", "weight"), "claims.yaml")
    finding = loaded.finding(Problem(("data", "features", 1), "missing-column", "no such column", "it is not there", ("look again",)))
    assert finding.where == "claims.yaml:6:26  (data.features[1])"
    assert list(finding.excerpt) == ["  |", "6 |   features: [driver_age, region]", "  |                          ^^^^^^"]
    assert (finding.why, finding.hints) == ("it is not there", ("look again",))


def test_the_gutter_is_as_wide_as_the_line_number():
    error = refusal("#\n" * 99 + CLAIMS.replace("gama", "gamma"))
    assert list(error.findings[0].excerpt) == ["    |", "106 |   weigth: exposure", "    |   ^^^^^^"]


def test_problems_come_in_the_order_of_their_lines_whoever_found_them():
    text = "distribution: gama\nnetwork: {dropout: 2}\ndata: {train: a, target: y, features: [y]}\noutput: {foldr: x}\n"
    lines = [int(finding.where.split(":")[1]) for finding in refusal(text, rules=family_rule).findings]
    assert lines == [1, 2, 3, 4]


def test_a_part_of_a_short_form_is_shown_at_the_whole_of_it():
    loaded = config.loads(CLAIMS.replace("gama", "gamma").replace("weigth", "weight"), "claims.yaml")
    assert loaded.finding(Problem(("distribution", "family"), "x", "x")).where == "claims.yaml:2:15  (distribution)"


def test_a_missing_key_is_shown_at_the_section_that_lacks_it():
    finding = refusal("distribution: gamma\ndata:\n  train: a\n  features: [b]\n").findings[0]
    assert (finding.code, finding.what, finding.where) == ("missing-key", "`target` is missing", "claims.yaml:2:1  (data.target)")


def test_carets_stand_under_wide_and_after_escaped_characters():
    finding = refusal('data: {"表": 1, "\u200bx": 2}\n'.replace("\u200b", "\\u200b")).findings
    wide = next(f for f in finding if "表" in f.what)
    assert wide.excerpt[2] == "  |        ^^^^"


def test_long_lines_are_cut_around_the_mark():
    error = refusal("distribution: gamma\ndata: {train: a, target: y, features: [" + ", ".join(f"a{n}" for n in range(200)) + ", 3]}\n")
    lines = next(finding for finding in error.findings if finding.code == "wrong-type").excerpt
    assert all(len(line) < 130 for line in lines)
    assert lines[1][lines[2].index("^")] == "3"


def test_at_most_twenty_problems_are_told_and_the_rest_counted():
    text = "distribution: gamma\ndata: {train: a, target: y, features: [" + "3, " * 1_234 + "]}\n"
    error = refusal(text)
    assert len(error.findings) == 20
    assert error.summary == "1,234 errors in claims.yaml (20 of them above, and 1,214 more); nothing was run"


def test_control_characters_never_reach_the_terminal():
    name = "\x1b[31m\u202ered\n.yaml"
    text = 'distribution: "\\e[31m"\n"\\e]0;x": 1\ndata: {"\\u202e": "\\a", train: "\\0", target: "\\r"}\nnetwork: {activation: "\\e"}\n'
    with pytest.raises(ConfigError) as caught:
        config.loads(text, name, overrides=["\x1b[2J", "a\n\x07=1", "training.device=\x1b"], rules=family_rule)
    printed = screen(caught.value).replace("\n", "")
    assert printed.isprintable()
    assert "\\x1b[31m" in printed


@pytest.mark.parametrize(("word", "meant"), [("gama", "gamma"), ("NORMAL", "normal"), ("norml", "normal"), ("zzz", None), ("", None)])
def test_a_suggestion_is_near_or_there_is_none(word, meant):
    assert suggestion(word, ("gamma", "normal")) == meant


def test_a_key_of_another_section_is_said_to_belong_there():
    error = refusal("distribution: gamma\ndata: {train: a, target: y, features: [b]}\nnetwork: {epochs: 3}\n")
    assert error.findings[0].hints == ("`epochs` belongs to `training`: `training: {epochs: 3}`",)


def test_no_words_of_pydantic_are_shown():
    text = "version: x\nname: 3\ndistribution: []\ndata: 5\nnetwork: [1]\ntraining: {epochs: 1.5, optimizer: 3, time_limit: []}\ntune: 4\n"
    assert "nput should" not in screen(refusal(text))


def test_a_config_error_ends_a_command_with_2():
    assert refusal(CLAIMS).exit_code == 2


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path: Path):
    (tmp_path / "claims.yaml").write_text(CLAIMS)
    for path in (tmp_path / "none" / "x.yaml", tmp_path, Path("/dev/zero"), Path("a\0b"), tmp_path / "claim.yaml"):
        with pytest.raises(ConfigError) as caught:
            config.load(path)
        assert [finding.code for finding in caught.value.findings] == ["no-config"]
        assert screen(caught.value).replace("\n", "").isprintable()
    assert caught.value.findings[0].hints == (f"did you mean `{tmp_path / 'claims.yaml'}`?",)
