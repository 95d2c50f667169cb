"""Values from the command line: they win over the file, the later over the earlier, and errors point into the argument."""

from __future__ import annotations

import pytest

from disttrain import config
from disttrain.errors import ConfigError

TEXT = """\
distribution: gamma
data: {train: a.parquet, target: y, features: [a, b]}
training:
  epochs: 7
  optimizer: {name: sgd, lr: 0.5}
recipe: plain
"""


def loaded(*overrides: str) -> config.Config:
    return config.loads(TEXT, "c.yaml", overrides=overrides).config


def refused(*overrides: str, rules=None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.loads(TEXT, "c.yaml", overrides=overrides, rules=rules)
    return caught.value


def test_values_are_yaml():
    full = loaded("network.hidden=[128,128]", "training.early_stopping=null", "training.optimizer.lr=1e-3", "data.filter=y > 0", "name=no")
    assert (full.network.hidden, full.training.early_stopping, full.training.optimizer.lr) == ((128, 128), None, 1e-3)
    assert (full.data.filter, full.name, full.training.optimizer.name) == ("y > 0", "no", "sgd")


def test_the_later_wins():
    assert loaded("training.epochs=8", "training.epochs=9").training.epochs == 9


def test_only_the_first_equals_sign_separates():
    assert loaded("data.filter=a == 'x=y'").data.filter == "a == 'x=y'"


def test_a_whole_section_is_replaced():
    assert loaded("training={seed: 3}").training.epochs == 300
    assert loaded("training.optimizer=adam").training.optimizer.lr == 1e-3


def test_a_key_inside_a_short_form_makes_it_long():
    full = loaded("distribution.parameters.rate.activation=exp", "training.optimizer=adam", "training.optimizer.lr=2")
    assert full.distribution.family == "gamma"
    assert full.distribution.parameters["rate"].activation == "exp"
    assert (full.training.optimizer.name, full.training.optimizer.lr) == ("adam", 2.0)


def test_a_key_inside_null_makes_a_section():
    stopping = loaded("training.early_stopping=null", "training.early_stopping.patience=3").training.early_stopping
    assert stopping is not None
    assert stopping.patience == 3


@pytest.mark.parametrize(
    ("argument", "code", "marked"),
    [
        ("training.epoch=5", "unknown-key", "epoch"),
        ("trainig.epochs=5", "unknown-key", "trainig"),
        ("training.epochs=many", "wrong-type", "many"),
        ("network.hidden=[8, x]", "wrong-type", "x"),
        ("network={hiden: [8]}", "unknown-key", "hiden"),
        ("data.features=[a, y]", "role-conflict", "y"),
        ("training.epochs", "bad-override", "training.epochs"),
        ("=5", "bad-override", "="),
        ("training..epochs=5", "bad-override", "training..epochs"),
        ("data.train.x=5", "bad-override", "data.train.x"[-1]),
        ("network.hidden=[8", "yaml-syntax", "["),
        ("training.epochs=.nan", "out-of-range", ".nan"),
        ("training.epochs=!x 1", "yaml-tag", "!"),
        ("data.censoring.rounding=0", "out-of-range", "0"),
    ],
)
def test_an_error_points_into_the_argument(argument, code, marked):
    finding = refused(argument).findings[0]
    assert finding.code == code
    assert finding.where.startswith("--set")
    _, line, carets = finding.excerpt
    assert line == f"  | --set {argument}"
    assert line[carets.index("^") : len(carets)] == marked


def test_a_rule_about_an_overridden_value_points_into_the_argument():
    def rule(document):
        yield config.Problem(("distribution", "family"), "unknown-choice", f"`{document['distribution']['family']}` is not a family")

    finding = refused("distribution.family=gama", rules=rule).findings[0]
    assert finding.excerpt[1:] == ("  | --set distribution.family=gama", "  |                           ^^^^")


def test_a_mistake_in_the_file_that_is_overridden_is_gone():
    assert config.loads(TEXT.replace("7", "many"), overrides=["training.epochs=7"]).config.training.epochs == 7


def test_file_errors_come_before_those_of_arguments():
    with pytest.raises(ConfigError) as caught:
        config.loads(TEXT.replace("7", "0"), "c.yaml", overrides=["name=3", "tune={a: 1}"])
    assert [finding.where for finding in caught.value.findings] == ["c.yaml:4:11  (training.epochs)", "--set  (name)", "--set  (tune)"]


@pytest.mark.parametrize(
    "value", [1, 1e-5, "1e3", "no", "", "...", "a: b", "#x", [1, [2]], {"a": {"b": None}}, None, True, "x\ny", "<<", "é\u2028"]
)
def test_a_python_value_becomes_the_argument_that_means_it(value):
    argument = config.override("data.filter", {"v": value})
    seen = []
    refused(argument, rules=lambda document: seen.append(document["data"]["filter"]) or ())
    assert seen == [{"v": value}]
    assert "\n" not in argument
    refused(config.override("tune", value if value is not None else 1), rules=lambda document: seen.append(document["tune"]) or ())
    assert seen[1] == (value if value is not None else 1)


def test_no_place_of_the_file_is_left_under_a_value_that_was_replaced():
    finding = refused("training={optimizer: {name: sgd}, epochs: 0}").findings[0]
    assert finding.excerpt[1].startswith("  | --set training=")
    full = config.loads(TEXT, "c.yaml", overrides=["data={train: x, target: y, features: '*'}"])
    assert full.finding(config.Problem(("data", "features", 1), "x", "x")).excerpt[1].startswith("  | --set data=")


def test_a_minus_alone_is_standard_input_and_no_list_of_nothing():
    assert loaded("data.train=-").data.train == "-"
    (finding,) = refused("training.epochs=-").findings
    assert finding.what == "`epochs` must be a whole number or `auto`, not `-`"


@pytest.mark.parametrize("override", ["data.train=[a, null]", "data.features=[a, ~]"])
def test_an_empty_item_has_no_default(override):
    (finding,) = refused(override).findings
    assert finding.hints == ('take the empty item out; a minus as text, standard input for one, is `"-"` in quotes',)
