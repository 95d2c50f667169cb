"""Families made of others, in a config: what is refused and where, and that mixtures are found whatever they start from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from disttrain.config import parse
from disttrain.families import FAMILIES, activation_for, build
from disttrain.networks import Output, activated
from disttrain.outcomes import Outcome
from disttrain.training import RowTensors, marginal_raw
from disttrain.validation.distribution import distribution_problems
from tests.small_runs import config_of, fitted, write_config

WRONG = [
    ({"family": "mixture", "of": "nomal"}, ("distribution", "of"), "normal"),
    ({"family": "mixture", "of": {"family": "hurdle", "of": "gama"}}, ("distribution", "of", "of"), "gamma"),
    ({"family": "mixture", "components": 1}, ("distribution", "components"), "2 to 100"),
    ({"family": "zero_inflated", "of": "normal"}, ("distribution", "of"), "counts"),
    ({"family": "hurdle", "of": "normal"}, ("distribution", "of"), "positive"),
    ({"family": "truncated", "lower": 3, "upper": 1}, ("distribution", "lower"), "below"),
    ({"family": "discretized", "step": 0}, ("distribution", "step"), "positive"),
    ({"family": "mixture", "compnents": 3}, ("distribution", "compnents"), "components"),
    ({"family": "von_mises", "unit": "turns"}, ("distribution", "unit"), "radians"),
    ({"family": "truncated", "lower": 0, "parameters": {"lower": {"fixed": 1.0}}}, ("distribution", "parameters", "lower"), "given"),
]


@pytest.mark.parametrize(("section", "path", "word"), WRONG)
def test_a_wrong_option_is_refused_at_its_place(section, path, word):
    problems = list(distribution_problems({"distribution": section}))
    assert problems
    assert problems[0].path == path
    assert word in problems[0].what + " ".join(problems[0].hints)


def marginal(name, options, y):
    family = build(name, options)
    outputs = [Output(parameter, activation_for(parameter), fixed=parameter.given) for parameter in family.parameters]
    raw = marginal_raw(family, outputs, RowTensors.without_inputs(Outcome.exact(torch.as_tensor(y))))
    return {key: value[0] for key, value in activated(outputs, {k: v[None] for k, v in raw.items()}, 1).items()}


def test_a_mixture_of_two_is_found():
    rng = np.random.default_rng(0)
    first = rng.random(8_000) < 0.3
    found = marginal("mixture", {}, np.where(first, rng.normal(-1.0, 0.3, 8_000), rng.normal(1.5, 0.6, 8_000)))
    order = found["loc"].argsort()
    # Five standard errors of each of these.
    torch.testing.assert_close(found["loc"][order], torch.tensor([-1.0, 1.5]).double(), atol=0.05, rtol=0.0)
    torch.testing.assert_close(found["scale"][order], torch.tensor([0.3, 0.6]).double(), atol=0.04, rtol=0.0)
    torch.testing.assert_close(found["weights"][order], torch.tensor([0.3, 0.7]).double(), atol=0.03, rtol=0.0)


def test_a_component_on_a_repeated_value_stops_at_its_floor():
    y = np.random.default_rng(1).normal(size=4_000)
    y[:1_200] = 0.5
    assert float(marginal("mixture", {}, y)["scale"].min()) == pytest.approx(1e-3, rel=0.05)


def test_a_skew_normal_leaves_the_saddle_at_no_skewness():
    z = np.random.default_rng(2).normal(size=(2, 6_000))
    y = 4.0 / np.sqrt(17.0) * np.abs(z[0]) + z[1] / np.sqrt(17.0)
    assert float(marginal("skew_normal", {}, y)["skewness"]) == pytest.approx(4.0, abs=0.8)


@pytest.mark.parametrize("family", ["mixture", "hurdle", "zero_inflated", "truncated", "discretized"])
def test_a_config_of_the_name_alone_is_complete(family):
    assert parse(config_of("normal", "data.csv", family=family)).distribution.family in FAMILIES


def test_a_mean_that_is_not_the_mean_is_written_under_another_name(table_file, table, tmp_path):
    document = config_of("gamma", str(table_file), family="hurdle")
    document["distribution"] |= {"of": "gamma_mean"}
    predictions = fitted(write_config(tmp_path / "hurdle.yaml", document), tmp_path / "run").predictions
    part, gate, mean = (predictions[name].to_numpy() for name in ("base_mean", "gate", "mean"))
    np.testing.assert_allclose(mean, (1.0 - gate) * part, rtol=1e-9)
