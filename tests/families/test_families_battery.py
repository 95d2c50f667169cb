"""The battery: laws that hold for every family of the table, and its documentation, executed."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from family_cases import (
    CONTINUOUS,
    DISCRETE,
    FAMILY,
    NUMBERS,
    OF_VECTORS,
    distribution,
    oracle,
    parameters,
    raw_grid,
    scipy_log_prob,
    targets,
)  # fmt: skip

from disttrain.distributions import functionals
from disttrain.families import FAMILIES, activation_for, build, facts, options

every = pytest.mark.parametrize("name", FAMILY)
numbers = pytest.mark.parametrize("name", NUMBERS)
continuous = pytest.mark.parametrize("name", CONTINUOUS)
discrete = pytest.mark.parametrize("name", DISCRETE)

DRAWS = 20_000
# Kolmogorov: the distance of the empirical cdf exceeds 2.2/√n once in ten thousand draws.
FARTHEST = 2.2 / math.sqrt(DRAWS)


def samples(name):
    """Targets drawn from the three distributions of a family: (DRAWS, 3)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        return distribution(name).sample((DRAWS,)).double()


def extremes(name, *, logits):
    """What a distribution is made of where raw outputs are everywhere in ±200, and these raw outputs, one row per target and combination."""
    family = FAMILY[name]
    y = targets(family)
    scale = torch.tensor([-200.0, -50.0, -30.0, -3.0, 0.0, 3.0, 30.0, 50.0, 200.0], dtype=torch.float64)
    grids = [raw_grid(parameter, scale) for parameter in family.parameters]
    places = torch.tensor(list(product(*(range(len(grid)) for grid in grids)))).T
    arguments, raw = {}, []
    for parameter, grid, place in zip(family.parameters, grids, places, strict=True):
        raw.append(grid[place].expand(len(y), len(place), *parameter.shape).clone().requires_grad_())
        activation = activation_for(parameter)
        by_logits = logits and parameter.logits
        arguments["logits" if by_logits else parameter.name] = (activation.logits if by_logits else activation.forward)(raw[-1])
    return arguments, raw, y.unsqueeze(1)


@every
@pytest.mark.parametrize("logits", [False, True])
def test_the_loss_and_its_gradient_are_finite_for_every_raw_output(name, logits):
    arguments, raw, y = extremes(name, logits=logits)
    log_prob = FAMILY[name].distribution(**arguments, validate_args=False).log_prob(y)
    assert bool(log_prob.isfinite().all())
    for slope in torch.autograd.grad(log_prob.sum(), raw):
        assert bool(slope.isfinite().all())


@every
def test_the_gradient_is_that_of_finite_differences(name):
    family, values = FAMILY[name], parameters(name)
    y = targets(family)[torch.tensor([1, -2])] if family.support.integer else samples(name)[:4].T.reshape(3, 4)[0]
    raw = [activation_for(p).inverse(values[p.name])[0].requires_grad_() for p in family.parameters]

    def log_prob(*outputs):
        made = {p.name: activation_for(p).forward(z) for p, z in zip(family.parameters, outputs, strict=True)}
        return family.distribution(**made, validate_args=False).log_prob(y)

    assert torch.autograd.gradcheck(log_prob, raw, eps=1e-6, atol=1e-5, rtol=1e-4)


@every
def test_log_prob_is_that_of_the_scipy_expression(name):
    y, values = samples(name)[:400].numpy(), parameters(name)
    ours = distribution(name).log_prob(torch.from_numpy(y)).numpy()
    np.testing.assert_allclose(ours, scipy_log_prob(name, values, y), rtol=1e-9, atol=1e-9)


@numbers
def test_the_cdf_is_that_of_the_scipy_expression(name):
    y = samples(name)[:400]
    np.testing.assert_allclose(functionals.cdf(distribution(name), y), oracle(name, parameters(name)).cdf(y.numpy()), rtol=1e-8, atol=1e-12)


@numbers
def test_the_moments_are_those_of_the_scipy_expression(name):
    mean, variance = oracle(name, parameters(name)).stats("mv")
    np.testing.assert_allclose(functionals.mean(distribution(name)), mean, rtol=1e-9)
    np.testing.assert_allclose(functionals.variance(distribution(name)), variance, rtol=1e-8)


@every
def test_samples_lie_in_the_support(name):
    assert bool(FAMILY[name].support.contains(samples(name)).all())


@every
def test_samples_follow_the_cdf(name):
    y = samples(name).sort(0).values
    cdf = functionals.cdf(distribution(name), y)
    step = torch.arange(1, DRAWS + 1, dtype=torch.float64).unsqueeze(1) / DRAWS
    # Counts repeat: the empirical cdf at a value is that of its last occurrence.
    last = torch.cat([y[1:] != y[:-1], torch.ones(1, 3, dtype=torch.bool)])
    assert float((cdf - step)[last].abs().max()) < FARTHEST


@numbers
def test_sample_moments_are_the_moments(name):
    y = samples(name)
    mean, variance, _, excess = (np.broadcast_to(moment, 3) for moment in oracle(name, parameters(name)).stats("mvsk"))
    # A sample variance has a usable standard error only where the fourth moment is moderate.
    tame = np.isfinite(excess) & (excess < 30)
    error = np.sqrt(variance / DRAWS)
    assert (np.abs(y.mean(0).numpy() - mean)[tame] < 5 * error[tame]).all()
    spread = variance * np.sqrt((excess + 2) / DRAWS)
    assert (np.abs(y.var(0).numpy() - variance)[tame] < 5 * spread[tame]).all()


@continuous
def test_the_density_integrates_to_one(name):
    support = FAMILY[name].support
    t = torch.arange(-4.4, 4.4, 5e-4, dtype=torch.float64)
    # Double-exponential substitution: tails of any weight vanish at both ends.
    stretched, slope = math.pi / 2 * torch.sinh(t), math.pi / 2 * torch.cosh(t)
    if math.isinf(support.lower):
        y, log_jacobian = torch.sinh(stretched), torch.cosh(stretched).log()
    elif math.isinf(support.upper):
        y, log_jacobian = support.lower + stretched.exp(), stretched
    else:
        width = support.upper - support.lower
        y = support.lower + width * torch.sigmoid(stretched)
        log_jacobian = math.log(width) + torch.nn.functional.logsigmoid(stretched) + torch.nn.functional.logsigmoid(-stretched)
    inside = support.contains(y)
    y, log_jacobian, slope = y[inside], log_jacobian[inside], slope[inside]
    density = (distribution(name).log_prob(y.unsqueeze(1)) + log_jacobian.unsqueeze(1)).exp() * slope.unsqueeze(1)
    # The mass of a beta that piles up at 1 lies partly above the last share that is not 1. A kink between grid points costs 1e-6.
    reached = oracle(name, parameters(name)).cdf(y[-1].item())
    np.testing.assert_allclose(density.sum(0) * 5e-4, reached, atol=1e-5)
    np.testing.assert_allclose(reached, 1.0, atol=1e-4)


@discrete
def test_the_mass_sums_to_one(name):
    top = min(FAMILY[name].support.upper, 20_000.0)
    y = torch.arange(0.0, top + 1.0, dtype=torch.float64)
    np.testing.assert_allclose(distribution(name).log_prob(y.unsqueeze(1)).exp().sum(0), 1.0, atol=1e-9)


@every
def test_facts_are_complete(name):
    known = facts(name)
    assert known.summary.endswith(".")
    assert {"density", "loss", "symbols", "mean", "variance", "crps", "scipy", "gamlss", "instead"} <= set(known.lines)
    assert all(text.strip() for text in known.lines.values())


@every
def test_symbols_name_the_parameters_and_stand_in_the_formulas(name):
    known = facts(name)
    assert list(known.symbols().values()) == [parameter.name for parameter in FAMILY[name].parameters]
    for symbol in known.symbols():
        assert symbol in known.lines["density"]
        assert symbol in known.lines["loss"]


@every
def test_what_to_use_instead_is_in_the_table(name):
    offered = {word.strip("·,:") for word in facts(name).lines["instead"].replace("·", " ").split()}
    assert offered & (set(FAMILIES) - {name})


@every
def test_a_family_is_called_as_in_the_table_and_its_parameters_have_one_name_each(name):
    family = FAMILY[name]
    names = [parameter.name for parameter in family.parameters]
    assert family.name == name
    assert len(set(names)) == len(names)
    assert all(family.parameter(given).name == given for given in names)
    with pytest.raises(KeyError):
        family.parameter("no such parameter")


@every
def test_a_distribution_shows_the_parameters_it_was_made_of(name):
    made = distribution(name)
    for parameter, value in parameters(name).items():
        torch.testing.assert_close(getattr(made, parameter), value)
    assert made.batch_shape == (3,)


def test_options_are_given_where_a_family_takes_them():
    assert options("normal") == ()
    assert options("categorical") == ("classes",)
    assert build("normal", {"classes": 7}) == build("normal", {})
    assert build("categorical", {"classes": 7}).parameters[0].shape == (7,)
    assert OF_VECTORS == ["categorical"]
    with pytest.raises(KeyError):
        build("gama", {})
