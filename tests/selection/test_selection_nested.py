"""Nested models of a family: location first, then scale, then shape, and what the config sets stays as it is."""

from __future__ import annotations

import pytest

from disttrain.families import FAMILIES, build
from disttrain.selection.nested import GROUPS, group_of, steps_of, without_features
from tests.small_runs import options_of

FEATURES = ["x", "z"]
ADDED = {
    "normal": [("location only", ("loc",)), ("+ scale", ("scale",))],
    "student_t": [("location only", ("loc",)), ("+ scale", ("scale",)), ("+ shape", ("df",))],
    "gamma_mean": [("location only", ("mean",)), ("+ shape", ("concentration",))],
    "log_normal": [("location only", ("loc",)), ("+ scale", ("scale",))],
    "weibull": [("scale only", ("scale",)), ("+ shape", ("concentration",))],
    "negative_binomial": [("location only", ("mean",)), ("+ shape", ("concentration",))],
    "poisson": [("all", ("rate",))],
}


def built(name):
    return build(name, {"classes": 3, "targets": 2, **options_of(name)})


@pytest.mark.parametrize("name", ADDED)
def test_parameters_are_added_by_what_they_move(name):
    assert [(step.label, step.added) for step in steps_of(built(name), {"family": name}, FEATURES)] == ADDED[name]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_step_frees_its_parameters_and_the_last_is_the_family(family):
    steps = steps_of(built(family), {"family": family}, FEATURES)
    learned = [parameter for parameter in built(family).parameters if parameter.given is None]
    assert sorted(name for step in steps for name in step.added) == sorted(parameter.name for parameter in learned)
    for number, step in enumerate(steps, 1):
        varying = {name for before in steps[:number] for name in before.added}
        blocks = step.distribution.get("parameters", {})
        assert {name for name, block in blocks.items() if block["features"] == []} == {one.name for one in learned} - varying
    constants = {parameter.name: {"features": FEATURES} for parameter in learned if parameter.constant}
    assert steps[-1].distribution == {"family": family, **({"parameters": constants} if constants else {})}
    assert all(group_of(parameter) in GROUPS for parameter in learned)


def test_what_the_config_fixes_or_leaves_constant_stays():
    block = {
        "family": "student_t",
        "parameters": {"df": {"fixed": 5.0}, "scale": {"features": []}, "loc": {"features": ["x"], "hidden": [4]}},
    }
    (step,) = steps_of(built("student_t"), block, FEATURES)
    assert step.distribution == block
    assert without_features(built("student_t"), block)["parameters"]["loc"] == {"features": []}
