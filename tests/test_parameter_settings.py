"""A parameter block has the same meaning and breaks the same rules wherever it is read."""

from __future__ import annotations

from typing import get_args

import pytest

from disttrain.families import FAMILIES, Family, Scaling, activation_for, build
from disttrain.model import output_of
from disttrain.parameter_settings import Rule, resolved, violations
from disttrain.training import CrossEntropy
from disttrain.training.cross_entropy import _RULES
from disttrain.validation.distribution import _PROBLEMS, distribution_problems


def built(name: str) -> Family | None:
    """The family of a name, or None where it needs options of its own."""
    try:
        return build(name, {"classes": 3, "targets": 2})
    except TypeError:
        return None


BUILT = {name: family for name in FAMILIES if (family := built(name)) is not None}
LEARNED = [(name, p) for name, family in BUILT.items() for p in family.parameters if p.given is None]
each_parameter = pytest.mark.parametrize(("name", "parameter"), LEARNED, ids=[f"{name}-{p.name}" for name, p in LEARNED])


def problems(name: str, parameter: str, block: dict) -> list[str]:
    """The codes of the problems that a config has with a block, without those of the rest of the config."""
    document = {"recipe": "plain", "distribution": {"family": name, "parameters": {parameter: block}}, "data": {"target": ["a", "b"]}}
    path = ("distribution", "parameters", parameter)
    return [problem.code for problem in distribution_problems(document) if problem.path[:3] == path]


def test_every_rule_has_words_where_it_binds():
    """`fixed-alone` has a word for each key in a config."""
    assert set(get_args(Rule)) == {*_PROBLEMS, *_RULES, "fixed-alone"}


@each_parameter
def test_a_block_without_settings_breaks_no_rule_and_leaves_all_to_the_family(name, parameter):
    settings = resolved(parameter)
    assert list(violations(BUILT[name], parameter, {"activation": None, "fixed": None, "bounds": None})) == []
    assert settings.learned
    assert settings.activation.name == activation_for(parameter).name
    assert (settings.bounds, settings.hidden, settings.chosen) == (None, (), False)
    assert settings.features == (() if parameter.constant else None)


@each_parameter
@pytest.mark.parametrize("block", [{"activation": name} for name in ("exp", "linear", "sigmoid", "no such")] + [{"bounds": (0.1, 0.4)}])
def test_a_config_and_the_loss_agree_on_a_block_and_make_the_same_output_of_it(name, parameter, block):
    if parameter.tied or (parameter.shape and "bounds" in block):
        pytest.skip("the loss shares no softmax, and bounds no vectors")
    family = BUILT[name]
    refused = {violation.rule for violation in violations(family, parameter, block)} & {*_RULES, *_PROBLEMS}
    assert bool(refused & {*_PROBLEMS}) == bool(problems(name, parameter.name, {key: _listed(value) for key, value in block.items()}))
    if refused & {*_RULES}:
        return
    part = next(part for part in CrossEntropy(family, {parameter.name: block}).parts if part.parameter == parameter)
    planned = output_of(family, resolved(parameter, **block), Scaling())
    assert (planned.size, planned.fixed, planned.activation.range) == (part.size, part.fixed, part.activation.range)
    assert planned.activation.formula == part.activation.formula


def _listed(value):
    return list(value) if isinstance(value, tuple) else value


def test_a_fixed_value_must_lie_in_the_support_and_stands_alone():
    gamma = BUILT["gamma"]
    shape = gamma.parameters[0]
    rules = [(violation.rule, violation.key) for violation in violations(gamma, shape, {"fixed": -1.0, "hidden": [4], "activation": "exp"})]
    assert rules == [("fixed-support", "fixed"), ("fixed-alone", "activation"), ("fixed-alone", "hidden")]
    assert not resolved(shape, fixed=2.0).learned


@pytest.mark.parametrize(
    ("fixed", "rules"),
    [
        ((0.2, 0.3, 0.5), set()), ((0.2, 0.3), {"fixed-shape"}), ((0.2, 0.3, 0.6), {"fixed-support"}), ("x", {"fixed-no-number"}),
        (((0.2, 0.3), 0.5), {"fixed-no-number"}), (0.5, {"fixed-shape"}), (True, {"fixed-no-number"}), ((), {"fixed-shape"}),
    ],
)  # fmt: skip
def test_a_fixed_vector_has_the_shape_and_the_support_of_its_parameter(fixed, rules):
    categorical = BUILT["categorical"]
    broken = {violation.rule for violation in violations(categorical, categorical.parameters[0], {"fixed": fixed})}
    assert broken - {"fixed-vector", "fixed-list"} == rules


@pytest.mark.parametrize(
    ("bounds", "rules"),
    [
        ((None, 2.0), set()), ((0.5, None), set()), ((1.0, 0.5), {"bounds-order", "bounds-range"}), ((-2.0, -1.0), {"bounds-support", "bounds-range"}),
        ((1.0,), {"bounds-no-pair"}), ("ab", {"bounds-no-pair"}), ((True, 2.0), {"bounds-no-pair"}),
    ],
)  # fmt: skip
def test_bounds_are_a_lower_and_an_upper_number_with_values_of_the_support_between(bounds, rules):
    gamma = BUILT["gamma"]
    assert {violation.rule for violation in violations(gamma, gamma.parameters[0], {"bounds": bounds})} == rules
