"""Activations: from any raw output strictly into the support of a parameter, and back."""

from __future__ import annotations

import math

import pytest
import torch

from disttrain.families import ACTIVATIONS, activation_for, bounded, default_name, objection, supports
from tests.families.family_cases import ALLOWED, FAMILY, PARAMETERS, raw_rows

every_parameter = pytest.mark.parametrize(("name", "parameter"), PARAMETERS, ids=lambda value: getattr(value, "name", value))
every_choice = pytest.mark.parametrize(("name", "parameter", "activation"), ALLOWED, ids=lambda value: getattr(value, "name", value))

ENDS = torch.tensor([-1e4, 1e4], dtype=torch.float64)
RAW = torch.cat([torch.linspace(-200.0, 200.0, 4001, dtype=torch.float64), ENDS])


def choice(name, low, high):
    """An activation kept in (low, high), and raw outputs."""
    return bounded(ACTIVATIONS[name], low, high)


def slopes(activation, raw):
    raw = raw.clone().requires_grad_()
    (slope,) = torch.autograd.grad(activation.forward(raw).sum(), raw)
    return slope


@every_choice
def test_any_raw_output_lands_strictly_inside_the_support(name, parameter, activation):
    chosen = activation_for(parameter, activation)
    values = chosen.forward(raw_rows(chosen, parameter.shape, RAW, 4003))
    assert bool(parameter.support.contains(values).all())
    assert bool(chosen.range.contains(values).all())
    assert bool(values.isfinite().all())


@every_choice
def test_the_gradient_is_finite_and_never_points_down(name, parameter, activation):
    chosen = activation_for(parameter, activation)
    slope = slopes(chosen, raw_rows(chosen, parameter.shape, RAW, 4003))
    assert bool(slope.isfinite().all())
    if chosen.raw_shape(parameter.shape):
        return
    assert bool((slope >= 0).all())
    # relu has none on the left, which is why supports without 0 refuse it.
    assert bool((slope[(RAW.abs() <= 15) & (RAW > 0 if activation == "relu" else True)] > 0).all())


@every_choice
def test_the_inverse_brings_the_raw_output_back(name, parameter, activation):
    chosen = activation_for(parameter, activation)
    raw = raw_rows(chosen, parameter.shape, torch.linspace(-9.0, 9.0, 181, dtype=torch.float64))
    value = chosen.forward(raw)
    if chosen.raw_shape(parameter.shape) or activation == "relu":
        # Many raw outputs give the same value (what cancels in a sum of shares, the left of relu): the other way round is unique.
        torch.testing.assert_close(chosen.forward(chosen.inverse(value)), value, rtol=1e-9, atol=1e-12)
    else:
        torch.testing.assert_close(chosen.inverse(value), raw, rtol=1e-7, atol=1e-7)


@every_choice
def test_logits_are_those_of_the_probabilities(name, parameter, activation):
    chosen = activation_for(parameter, activation)
    if chosen.logits is None:
        return
    raw = raw_rows(chosen, parameter.shape, torch.linspace(-12.0, 12.0, 25, dtype=torch.float64))
    probabilities = torch.softmax if parameter.support.kind == "simplex" else (lambda logits, _: torch.sigmoid(logits))
    torch.testing.assert_close(probabilities(chosen.logits(raw), -1), chosen.forward(raw), rtol=1e-8, atol=1e-12)


@every_parameter
def test_the_default_activation_fits(name, parameter):
    assert objection(default_name(parameter), parameter, name) is None
    assert activation_for(parameter).range.within(parameter.support)


@every_parameter
def test_an_activation_is_allowed_exactly_where_its_range_is_inside_the_support(name, parameter):
    for activation in ACTIVATIONS:
        inside = activation_for(parameter, activation).range.within(parameter.support)
        assert (objection(activation, parameter, name) is None) == inside


@every_parameter
def test_an_objection_names_the_parameter_and_ways_out_that_work(name, parameter):
    for activation in ACTIVATIONS:
        found = objection(activation, parameter, name)
        if found is None:
            continue
        what, why, way_out = found
        assert f"`{activation}`" in what
        assert f"`{parameter.name}` of {name}" in what
        assert why
        offered = way_out.split("`")[1::2]
        assert offered[0] == default_name(parameter)
        assert all(objection(other, parameter, name) is None for other in offered)


@every_parameter
def test_relu_is_refused_with_the_reason_wherever_zero_is_no_value(name, parameter):
    refused = objection("relu", parameter, name)
    if parameter.support == supports.real:
        assert refused is None
    elif parameter.support == supports.positive:
        what, why, _ = refused
        assert "can give 0" in what
        assert "no gradient for negative inputs" in why
    else:
        assert refused is not None


def test_linear_is_refused_for_a_scale():
    what, _, way_out = objection("linear", FAMILY["normal"].parameter("scale"), "normal")
    assert "any real" in what
    assert "`softplus` (default)" in way_out


def test_textbook_values():
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    floor = 1e-6
    expected = {
        "linear": 0.0, "softplus": math.log(2.0) + floor, "exp": 1.0 + floor, "squareplus": 1.0 + floor,
        "relu": 0.0, "sigmoid": 0.5, "tanh": 0.0, "softplus_above_2": 2.0 + math.log(2.0) + floor,
    }  # fmt: skip
    for name, value in expected.items():
        assert float(ACTIVATIONS[name].forward(zero)) == pytest.approx(value, abs=1e-12), name
    assert float(ACTIVATIONS["squareplus"].forward(one)) == pytest.approx((1 + math.sqrt(5.0)) / 2 + floor)
    scores = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    shares = torch.sigmoid(scores)
    torch.testing.assert_close(ACTIVATIONS["normalized_sigmoid"].forward(scores), shares / shares.sum())
    torch.testing.assert_close(ACTIVATIONS["softmax"].forward(scores), scores.exp() / scores.exp().sum())


def test_exp_is_exact_where_a_model_lives():
    raw = torch.linspace(-10.0, 60.0, 701, dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS["exp"].forward(raw), 1e-6 + raw.exp(), rtol=1e-13, atol=0.0)


BOUNDS = [
    ("linear", -1.0, 1.0), ("linear", None, 3.0), ("linear", -2.0, None), ("softplus", 0.1, 5.0), ("softplus", None, 5.0),
    ("softplus", 0.5, None), ("exp", 0.1, 100.0), ("squareplus", 0.2, 4.0), ("sigmoid", 0.01, 0.99), ("softplus_above_2", 2.5, 30.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "low", "high"), BOUNDS)
def test_bounds_keep_every_value_inside(name, low, high):
    kept = choice(name, low, high)
    values = kept.forward(RAW)
    bottom, top = -math.inf if low is None else low, math.inf if high is None else high
    # Raw outputs of 1e4 leave thirteen digits of the bound.
    slack = 1e-9
    assert float(values.min()) >= bottom - slack
    assert float(values.max()) <= top + slack
    assert kept.range.within(ACTIVATIONS[name].range)
    assert kept.range.within(supports.Support(bottom, top))


@pytest.mark.parametrize(("name", "low", "high"), BOUNDS)
def test_bounds_leave_a_gradient_on_both_sides(name, low, high):
    slope = slopes(choice(name, low, high), torch.linspace(-25.0, 25.0, 501, dtype=torch.float64))
    assert bool((slope > 0).all())


@pytest.mark.parametrize(("name", "low", "high"), BOUNDS)
def test_a_bounded_activation_has_an_inverse(name, low, high):
    kept = choice(name, low, high)
    raw = torch.linspace(-4.0, 4.0, 81, dtype=torch.float64)
    torch.testing.assert_close(kept.inverse(kept.forward(raw)), raw, rtol=1e-6, atol=1e-6)


def test_bounds_outside_the_range_change_nothing():
    assert bounded(ACTIVATIONS["softplus"], -1.0, None) is ACTIVATIONS["softplus"]
    assert bounded(ACTIVATIONS["sigmoid"], 0.0, 1.0) is ACTIVATIONS["sigmoid"]


def test_a_bound_under_the_floor_changes_nothing():
    assert bounded(ACTIVATIONS["softplus"], 1e-9, None) is ACTIVATIONS["softplus"]


def test_bounds_of_each_target_are_those_of_one_number_side_by_side():
    lows, highs = (0.1, 1e-9, 2.0), (3.0, 1.0, 5.0)
    kept = bounded(ACTIVATIONS["softplus"], lows, highs)
    alone = [bounded(ACTIVATIONS["softplus"], low, high) for low, high in zip(lows, highs, strict=True)]
    rows = RAW.unsqueeze(-1).expand(-1, 3)
    torch.testing.assert_close(kept.forward(rows), torch.stack([one.forward(RAW) for one in alone], -1), rtol=1e-14, atol=0.0)
    raw = torch.linspace(-3.0, 3.0, 60, dtype=torch.float64).reshape(20, 3)
    torch.testing.assert_close(kept.inverse(kept.forward(raw)), raw, rtol=1e-9, atol=1e-9)
    assert (kept.range.lower, kept.range.upper) == (1e-9, 5.0)
    near = torch.linspace(-25.0, 25.0, 501, dtype=torch.float64).unsqueeze(-1).expand(-1, 3)
    assert bool((slopes(kept, near) > 0).all())


def test_an_unknown_activation_is_a_key_error():
    with pytest.raises(KeyError):
        activation_for(FAMILY["normal"].parameter("loc"), "softpuls")
