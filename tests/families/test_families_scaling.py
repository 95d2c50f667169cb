"""Scaling: a standardised target changes nothing but the units."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from disttrain.distributions.core import functionals
from disttrain.families import Scaling, activation_for, bounded, build, exposed, takes_exposure
from disttrain.quantiles import weighted_quantiles
from tests.families.family_cases import CONTINUOUS, FAMILY, distribution, outputs, parameters

RANGES = {name: {p.name: activation_for(p).range for p in family.parameters} for name, family in FAMILY.items()}


def drawn(name, factor=1.0):
    """Targets of the first of a family's distributions, in units of `factor`: (500,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return distribution(name).sample((500,))[:, 0].double() * factor


def moves(name):
    """Whether every parameter has a unit, and the target as well, so that it can be standardised."""
    counts = FAMILY[name].support.discrete and any(parameter.role == "mean" for parameter in FAMILY[name].parameters)
    return not counts and all(parameter.role is not None for parameter in FAMILY[name].parameters)


def listed(numbers):
    return numbers if isinstance(numbers, tuple) else (numbers,)


SCALED = [name for name in FAMILY if moves(name)]
UNSCALED = [name for name in FAMILY if not moves(name)]


def test_shares_angles_and_counts_are_left_alone():
    for name in CONTINUOUS:
        bounded_support = math.isfinite(FAMILY[name].support.upper)
        # A truncated family has ends in target units.
        if bounded_support and "lower" not in [parameter.name for parameter in FAMILY[name].parameters]:
            assert name in UNSCALED
    assert {"von_mises", "poisson", "ordinal"} <= set(UNSCALED)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", SCALED)
def test_a_restored_parameter_scores_the_same(name, factor):
    family, values = FAMILY[name], parameters(name)
    y = drawn(name, factor)
    scaling = Scaling.of(family, RANGES[name], y)
    restored = scaling.restore(family, values)
    ours = family.distribution(**restored, validate_args=False).log_prob(y.unsqueeze(1))
    standard = family.distribution(**values, validate_args=False).log_prob(scaling.apply(y).unsqueeze(1))
    # A probability has no unit: that of a rounded value, or of one beside the density.
    dense = ~torch.isin(y, torch.tensor(family.atoms).double()) & (not family.support.discrete)
    lacking = (dense * torch.tensor(scaling.spread, dtype=torch.float64).log()).reshape(len(y), -1).sum(1, keepdim=True)
    torch.testing.assert_close(ours, standard - lacking, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SCALED)
def test_a_factor_on_the_target_moves_the_scaling_alone(name):
    y, factor = drawn(name), 1e6
    one, other = (Scaling.of(FAMILY[name], RANGES[name], target) for target in (y, y * factor))
    torch.testing.assert_close(one.apply(y), other.apply(y * factor), rtol=1e-12, atol=1e-12)
    assert other.log_jacobian - one.log_jacobian == pytest.approx(math.log(factor) * math.prod(FAMILY[name].event))


@pytest.mark.parametrize("name", SCALED)
def test_restoring_stays_in_the_support_and_reducing_undoes_it(name):
    family, scaling = FAMILY[name], Scaling.of(FAMILY[name], RANGES[name], drawn(name, 1e4))
    for parameter, value in scaling.restore(family, parameters(name)).items():
        assert bool(family.parameter(parameter).support.contains(value).all())
        if value.ndim > 1 or family.parameter(parameter).role == "dispersion":
            # Only a number can be fixed or bounded in target units, and only where it alone has a unit.
            continue
        back = [scaling.reduce(family, parameter, float(v)) for v in value]
        assert back == pytest.approx(parameters(name)[parameter].tolist(), rel=1e-9)


@pytest.mark.parametrize("name", SCALED)
def test_a_standardised_target_is_of_order_one(name):
    y = Scaling.of(FAMILY[name], RANGES[name], drawn(name, 1e9)).apply(drawn(name, 1e9))
    away = y[y != 0]
    assert 0.05 < float(away.abs().median()) < 10.0
    if not any(parameter.given is not None for parameter in FAMILY[name].parameters):
        assert bool(FAMILY[name].support.contains(y).all())


@pytest.mark.parametrize("name", UNSCALED)
def test_families_that_are_not_closed_under_scaling_are_left_alone(name):
    scaling = Scaling.of(FAMILY[name], RANGES[name], drawn(name))
    assert (scaling.shift, scaling.spread) == (0.0, 1.0)
    assert scaling.log_jacobian == 0.0
    restored = scaling.restore(FAMILY[name], parameters(name))
    assert all(torch.equal(value, parameters(name)[parameter]) for parameter, value in restored.items())


def test_bounds_in_target_units_forbid_what_would_move_them():
    family, y = FAMILY["normal"], drawn("normal", 50.0) + 1e3
    scale = {"scale": bounded(activation_for(family.parameter("scale")), 0.1, 5.0).range}
    assert Scaling.of(family, RANGES["normal"] | scale, y) == Scaling()
    loc = {"loc": activation_for(family.parameter("loc"), "softplus").range}
    shifted = Scaling.of(family, RANGES["normal"] | loc, y)
    assert shifted.shift == 0.0
    assert shifted.spread > 1.0


@pytest.mark.parametrize("name", SCALED)
def test_a_target_that_hardly_varies_still_has_a_positive_unit(name):
    for y in (torch.ones(50, dtype=torch.float64), torch.cat([torch.ones(49), torch.full((1,), 9.0)]).double()):
        vectors = y.reshape(-1, *(1 for _ in FAMILY[name].event)).expand(-1, *FAMILY[name].event)
        assert all(0.0 < spread < math.inf for spread in listed(Scaling.of(FAMILY[name], RANGES[name], vectors).spread))


def test_one_outlier_does_not_set_the_unit():
    y = drawn("normal")
    wild = torch.cat([y, torch.tensor([1e9], dtype=torch.float64)])
    calm, disturbed = (Scaling.of(FAMILY["normal"], RANGES["normal"], target).spread for target in (y, wild))
    assert disturbed == pytest.approx(calm, rel=0.02)


def test_each_element_of_a_vector_has_a_unit_of_its_own():
    family = FAMILY["multivariate_normal"]
    y = drawn("multivariate_normal") * torch.tensor([1e-6, 1e6], dtype=torch.float64) + torch.tensor([0.0, 1e8], dtype=torch.float64)
    scaling = Scaling.of(family, RANGES["multivariate_normal"], y)
    assert bool((scaling.apply(y).abs().median(0).values < 10.0).all())
    values = parameters("multivariate_normal")
    ours = family.distribution(**scaling.restore(family, values), validate_args=False).log_prob(y.unsqueeze(1))
    standard = family.distribution(**values, validate_args=False).log_prob(scaling.apply(y).unsqueeze(1))
    torch.testing.assert_close(ours, standard - scaling.log_jacobian, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("scaling", [Scaling(), Scaling(-3.0, 0.5), Scaling((1.0, -2.0), (0.1, 7.0)), Scaling(level=1e-9)])
def test_a_scaling_is_read_back_from_json(scaling):
    assert Scaling.from_state(json.loads(json.dumps(asdict(scaling)))) == scaling


def test_a_scaling_that_was_written_without_a_level_has_none():
    assert Scaling.from_state({"shift": 0.0, "spread": 2.0}) == Scaling(0.0, 2.0)
    for level in (0.0, -1.0, math.inf, [1.0, math.nan]):
        with pytest.raises(ValueError, match="scaling"):
            Scaling.from_state({"shift": 0.0, "spread": 1.0, "level": level})


@pytest.mark.parametrize(("shift", "spread"), [(0.0, 0.0), (math.nan, 1.0), ([0.0], [1.0, 2.0]), ([0.0, 0.0], [1.0, -1.0])])
def test_a_damaged_scaling_is_refused(shift, spread):
    with pytest.raises(ValueError, match="scaling"):
        Scaling.from_state({"shift": shift, "spread": spread})


@pytest.mark.parametrize("name", FAMILY)
def test_a_weighted_target_has_the_scaling_of_repeated_rows_whatever_the_unit_of_the_weights(name):
    y, weight = drawn(name), torch.arange(500) % 4
    exposure = 0.5 + torch.arange(500).double() / 250
    repeated = Scaling.of(FAMILY[name], RANGES[name], y.repeat_interleave(weight, 0), None, exposure.repeat_interleave(weight))
    for unit in (1.0, 0.1, 1e6):
        weighted = Scaling.of(FAMILY[name], RANGES[name], y, weight.double() * unit, exposure)
        for field, expected in asdict(repeated).items():
            assert listed(getattr(weighted, field)) == pytest.approx(listed(expected), rel=1e-13)


@pytest.mark.parametrize("shares", [(0.25, 0.5, 0.75), tuple(np.linspace(0, 1, 9)), (0.1, 1 / 3)])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 9, 1000])
def test_weighted_quantiles_are_those_of_repeated_rows(n, shares):
    random = np.random.default_rng(n)
    values, weight = random.normal(size=n).round(1), random.integers(0, 4, n)
    weight[0] += not weight.any()
    expected = np.quantile(np.repeat(values, weight), shares, method="averaged_inverted_cdf")
    for unit in (1.0, 0.1):
        assert weighted_quantiles(values, weight * unit, shares).tolist() == pytest.approx(expected.tolist(), rel=1e-15)
    assert weighted_quantiles(np.repeat(values, weight), None, shares).tolist() == pytest.approx(expected.tolist(), rel=1e-15)


LEVELLED = [name for name in UNSCALED if any(parameter.role == "mean" for parameter in FAMILY[name].parameters)]


@pytest.mark.parametrize("activation", ["exp", "softplus", "squareplus"])
@pytest.mark.parametrize("name", LEVELLED)
def test_the_floor_of_a_mean_is_relative_to_what_was_counted_per_unit_of_exposure(name, activation):
    family, y, exposure = FAMILY[name], drawn(name), torch.linspace(1.0, 3.0, 500).double()
    for unit in (1.0, 1e-6, 1e9):
        scaling = Scaling.of(family, RANGES[name], y, None, exposure / unit)
        rate = float(y.abs().sum() / exposure.sum()) * unit
        for parameter in (p for p in family.parameters if p.role == "mean"):
            made = scaling.activation(parameter, activation_for(parameter, activation))
            lowest = made.forward(torch.full((), -1e15, dtype=torch.float64))
            assert float(lowest) == pytest.approx(1e-6 * rate, rel=1e-6)
            value = torch.tensor([0.01, 1.0, 50.0], dtype=torch.float64) * rate
            torch.testing.assert_close(made.forward(made.inverse(value)), value, rtol=1e-9, atol=0.0)
            assert made.forward(torch.zeros(1, dtype=torch.float64)) / rate == pytest.approx(
                float(activation_for(parameter, activation).forward(torch.zeros(1, dtype=torch.float64)))
            )


def test_each_element_of_a_vector_of_counts_has_a_level_of_its_own():
    family = build("independent", {"of": {"family": "mixture", "of": "poisson", "components": 3}, "targets": 2})
    y = torch.tensor([[1.0, 1000.0], [3.0, 3000.0]], dtype=torch.float64)
    scaling = Scaling.of(family, {}, y)
    assert scaling.level == (2.0, 2000.0)
    made = scaling.activation(family.parameter("rate"), activation_for(family.parameter("rate")))
    rates = made.forward(torch.zeros(4, 2, 3, dtype=torch.float64))
    assert rates[0].tolist() == [pytest.approx([level * (1 + 1e-6)] * 3) for level in (2.0, 2000.0)]
    assert float(made.inverse(rates).abs().max()) < 1e-12


def test_activations_that_end_somewhere_keep_their_unit():
    parameter = FAMILY["poisson"].parameter("rate")
    assert Scaling(level=7.0).activation(parameter, activation_for(parameter, "sigmoid")) == activation_for(parameter, "sigmoid")
    concentration = FAMILY["negative_binomial"].parameter("concentration")
    assert Scaling(level=7.0).activation(concentration, activation_for(concentration)) == activation_for(concentration)


OF_EXPOSURE = [name for name, family in FAMILY.items() if takes_exposure(family)]


@pytest.mark.parametrize("name", OF_EXPOSURE)
def test_the_mean_of_a_family_that_takes_an_exposure_is_proportional_to_it(name):
    family, values = FAMILY[name], parameters(name)
    one = functionals.mean(distribution(name))
    fixed = {output.parameter.name for output in outputs(family) if output.fixed is not None}
    for times in (1e-3, 0.1, 10.0, 1e3):
        length = torch.full((3,), times, dtype=torch.float64)
        moved = {key: value if key in fixed else exposed(family.parameter(key), value, length) for key, value in values.items()}
        mean = functionals.mean(family.distribution(**moved, validate_args=False))
        torch.testing.assert_close(mean, one * times, rtol=1e-6, atol=0.0, equal_nan=True)


CUT = {
    "hurdle of counts": {"family": "hurdle", "of": "poisson"},
    "truncated counts": {"family": "truncated", "of": "negative_binomial", "upper": 9},
    "mixture of them": {"family": "mixture", "of": {"family": "hurdle", "of": "poisson"}},
    "zeros beside them": {"family": "zero_inflated", "of": {"family": "truncated", "of": "poisson", "upper": 9}},
    "amounts below a limit": {"family": "truncated", "of": "gamma", "upper": 5.0},
    "amounts above a deductible": {"family": "truncated", "of": "gamma", "lower": "deductible"},
    "rounded amounts": {"family": "discretized", "of": "gamma"},
}


@pytest.mark.parametrize("options", CUT.values(), ids=CUT)
def test_an_exposure_is_refused_where_the_mean_ends_somewhere(options):
    assert not takes_exposure(build(options["family"], options))


def test_an_exposure_is_taken_where_zeros_are_added_to_what_is_proportional():
    for options in (
        {"family": "hurdle", "of": "gamma"},
        {"family": "zero_inflated", "of": "negative_binomial"},
        {"family": "mixture", "of": "poisson"},
    ):
        assert takes_exposure(build(options["family"], options))
