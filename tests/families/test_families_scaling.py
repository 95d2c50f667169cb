"""Scaling: a standardised target changes nothing but the units."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest
import torch
from family_cases import CONTINUOUS, FAMILY, distribution, parameters

from disttrain.families import Scaling, activation_for, bounded

RANGES = {name: {p.name: activation_for(p).range for p in family.parameters} for name, family in FAMILY.items()}


def drawn(name, factor=1.0):
    """Targets of the first of a family's distributions, in units of `factor`: (500,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return distribution(name).sample((500,))[:, 0].double() * factor


def moves(name):
    """Whether every parameter has a unit, so that the target can be standardised."""
    return all(parameter.role not in (None, "mean") for parameter in FAMILY[name].parameters)


def listed(numbers):
    return numbers if isinstance(numbers, tuple) else (numbers,)


SCALED = [name for name in FAMILY if moves(name)]
UNSCALED = [name for name in FAMILY if not moves(name)]


def test_shares_angles_and_counts_are_left_alone():
    for name in CONTINUOUS:
        bounded_support = math.isfinite(FAMILY[name].support.upper)
        # Of a tweedie the dispersion has a unit that depends on the power; a truncated family has ends in target units.
        if bounded_support and "lower" not in [parameter.name for parameter in FAMILY[name].parameters]:
            assert name in UNSCALED
    assert {"tweedie", "von_mises", "poisson", "ordinal"} <= set(UNSCALED)


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
        if value.ndim > 1:
            # Only a number can be fixed or bounded in target units.
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
    assert scaling == Scaling()
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


@pytest.mark.parametrize("scaling", [Scaling(), Scaling(-3.0, 0.5), Scaling((1.0, -2.0), (0.1, 7.0))])
def test_a_scaling_is_read_back_from_json(scaling):
    assert Scaling.from_state(json.loads(json.dumps(asdict(scaling)))) == scaling


@pytest.mark.parametrize(("shift", "spread"), [(0.0, 0.0), (math.nan, 1.0), ([0.0], [1.0, 2.0]), ([0.0, 0.0], [1.0, -1.0])])
def test_a_damaged_scaling_is_refused(shift, spread):
    with pytest.raises(ValueError, match="scaling"):
        Scaling.from_state({"shift": shift, "spread": spread})
