"""The battery: laws that hold for every family of the table, and its documentation, executed."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch

from disttrain.distributions.core import functionals
from disttrain.families import FAMILIES, build, facts, facts_of, options
from tests.families.family_cases import (
    CONTINUOUS,
    DISCRETE,
    FAMILY,
    KNOWN,
    NUMBERS,
    OF_LABELS,
    arguments,
    distribution,
    extremes,
    oracle,
    outputs,
    parameters,
    scipy_log_prob,
    targets,
)  # fmt: skip
from tests.families.family_cases import samples as drawn

every = pytest.mark.parametrize("name", FAMILY)
in_the_table = pytest.mark.parametrize("name", FAMILIES)
numbers = pytest.mark.parametrize("name", NUMBERS)
ordered = pytest.mark.parametrize("name", [name for name in NUMBERS if name not in OF_LABELS])
known = pytest.mark.parametrize("name", KNOWN)
known_numbers = pytest.mark.parametrize("name", [name for name in KNOWN if name in NUMBERS and name not in OF_LABELS])
# Of an angle the density repeats itself beyond a turn.
ANGLES = [name for name, family in FAMILY.items() if any(parameter.support.kind == "angle" for parameter in family.parameters)]
continuous = pytest.mark.parametrize("name", [name for name in CONTINUOUS if not FAMILY[name].atoms and name not in ANGLES])
mixed = pytest.mark.parametrize("name", [name for name in NUMBERS if FAMILY[name].atoms])
discrete = pytest.mark.parametrize("name", DISCRETE)

EVERYWHERE = (-1e4, -200.0, -50.0, -30.0, -3.0, 0.0, 3.0, 30.0, 50.0, 200.0, 1e4)
DRAWS = 20_000
# Kolmogorov: the distance of the empirical cdf exceeds 2.2/√n once in ten thousand draws.
FARTHEST = 2.2 / math.sqrt(DRAWS)


@functools.cache
def samples(name):
    """Targets drawn from the three distributions of a family: (DRAWS, 3, *event)."""
    return drawn(name, DRAWS)


@every
@pytest.mark.parametrize("logits", [False, True])
def test_the_loss_and_its_gradient_are_finite_for_every_raw_output(name, logits):
    family = FAMILY[name]
    raw = {key: value.requires_grad_() for key, value in extremes(family, EVERYWHERE).items()}
    log_prob = family.distribution(**arguments(family, raw, logits=logits), validate_args=False).log_prob(targets(family).unsqueeze(1))
    assert bool(log_prob.isfinite().all())
    for slope in torch.autograd.grad(log_prob.sum(), list(raw.values()), allow_unused=True):
        assert slope is None or bool(slope.isfinite().all())


@pytest.mark.slow
@every
def test_the_gradient_is_that_of_finite_differences(name):
    family, values = FAMILY[name], parameters(name)
    y = targets(family)[torch.tensor([1, -2])] if family.support.discrete else samples(name)[:4, 0]
    learned = [output for output in outputs(family) if output.size and not output.parameter.tied]
    tied = [output for output in outputs(family) if output.parameter.tied]
    raw = [o.activation.inverse(values[o.parameter.name][:1]).detach().requires_grad_() for o in learned]
    raw += [torch.full((1,), 0.3, dtype=torch.float64).requires_grad_() for _ in tied]

    def log_prob(*given):
        named = {o.parameter.name: z for o, z in zip([*learned, *tied], given, strict=True)}
        return family.distribution(**arguments(family, named), validate_args=False).log_prob(y)

    assert torch.autograd.gradcheck(log_prob, raw, eps=1e-6, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@known
def test_log_prob_is_that_of_the_scipy_expression(name):
    y, values = samples(name)[:400].numpy(), parameters(name)
    ours = distribution(name).log_prob(torch.from_numpy(y)).numpy()
    np.testing.assert_allclose(ours, scipy_log_prob(name, values, y), rtol=1e-9, atol=1e-9)


@known_numbers
def test_the_cdf_is_that_of_the_scipy_expression(name):
    y = samples(name)[:400]
    np.testing.assert_allclose(functionals.cdf(distribution(name), y), oracle(name, parameters(name)).cdf(y.numpy()), rtol=1e-8, atol=1e-12)


@known_numbers
def test_the_moments_are_those_of_the_scipy_expression(name):
    mean, variance = (np.broadcast_to(moment, 3) for moment in oracle(name, parameters(name)).stats("mv"))
    # Where a moment does not exist scipy has a negative number, or none; we have inf.
    exists = np.isfinite(mean) & np.isfinite(variance) & (variance > 0)
    np.testing.assert_allclose(functionals.mean(distribution(name))[exists], mean[exists], rtol=1e-7)
    np.testing.assert_allclose(functionals.variance(distribution(name))[exists], variance[exists], rtol=1e-6)


@numbers
def test_a_family_says_whether_its_distribution_has_differentiable_tails(name):
    assert functionals.has_tails(distribution(name)) is FAMILY[name].tails


@every
def test_samples_lie_in_the_support(name):
    assert bool(FAMILY[name].support.contains(samples(name)).all())


@pytest.mark.slow
@numbers
def test_samples_follow_the_cdf(name):
    y = samples(name).sort(0).values
    # Counts repeat: one look at each of them. From one value in ten to the next the empirical cdf grows by 10 / DRAWS, a thirtieth of FARTHEST.
    values = y.unique().unsqueeze(1).expand(-1, 3) if name in DISCRETE else y[::10]
    upto = torch.searchsorted(y.T.contiguous(), values.T.contiguous(), right=True).T
    assert float((functionals.cdf(distribution(name), values) - upto / DRAWS).abs().max()) < FARTHEST


@ordered
def test_sample_moments_are_the_moments(name):
    y, made = samples(name), distribution(name)
    mean, variance = functionals.mean(made), functionals.variance(made)
    error = (variance / DRAWS).sqrt()
    # Heavy tails have no usable standard error of a sample moment.
    tame = variance.isfinite() & (((y - mean) ** 4).mean(0) / variance**2 < 30)
    assert bool(((y.mean(0) - mean).abs()[tame] < 5 * error[tame]).all())
    spread = ((((y - mean) ** 2) - variance) ** 2).mean(0).div(DRAWS).sqrt()
    assert bool(((y.var(0) - variance).abs()[tame] < 5 * spread[tame]).all())


def integrated(name, inside):
    """The integral of the density over the targets that `inside` keeps: (3,), and the cdf at the last one."""
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
    kept = support.contains(y) & inside(y)
    y, log_jacobian, slope = y[kept], log_jacobian[kept], slope[kept]
    density = (distribution(name).log_prob(y.unsqueeze(1)) + log_jacobian.unsqueeze(1)).exp() * slope.unsqueeze(1)
    return density.sum(0) * 5e-4, functionals.cdf(distribution(name), y[-1:].unsqueeze(1)).squeeze(0)


@continuous
def test_the_density_integrates_to_one(name):
    total, reached = integrated(name, lambda y: torch.ones_like(y, dtype=torch.bool))
    # The mass of a beta that piles up at 1 lies partly above the last share that is not 1. A kink between grid points costs 1e-6.
    np.testing.assert_allclose(total, reached, atol=1e-5)
    np.testing.assert_allclose(reached, 1.0, atol=1e-4)


@pytest.mark.slow
@mixed
def test_masses_and_density_sum_to_one(name):
    atoms = torch.tensor(FAMILY[name].atoms, dtype=torch.float64)
    masses = distribution(name).log_prob(atoms.unsqueeze(1)).exp().sum(0)
    total, _ = integrated(name, lambda y: ~torch.isin(y, atoms))
    np.testing.assert_allclose(masses + total, 1.0, atol=1e-5)


@discrete
def test_the_mass_sums_to_one(name):
    support, step = FAMILY[name].support, FAMILY[name].support.step
    y = torch.arange(max(support.lower, -20_000.0 * step), min(support.upper, 20_000.0 * step) + 0.5 * step, step, dtype=torch.float64)
    np.testing.assert_allclose(distribution(name).log_prob(y.unsqueeze(1)).exp().sum(0), 1.0, atol=1e-9)


@in_the_table
def test_facts_are_complete(name):
    known = facts(name)
    assert known.summary.endswith(".")
    assert {"density", "loss", "mean", "variance", "crps", "scipy", "gamlss", "instead"} <= set(known.lines)
    assert all(text.strip() for text in known.lines.values())


@every
def test_symbols_name_the_parameters_and_stand_in_the_formulas(name):
    known = facts_of(FAMILY[name])
    assert sorted(known.symbols().values()) == sorted(parameter.name for parameter in FAMILY[name].parameters)
    for symbol in known.symbols():
        assert symbol in known.lines["density"]
        assert symbol in known.lines["loss"]


@in_the_table
def test_what_to_use_instead_is_in_the_table(name):
    offered = {word.strip("·,:") for word in facts(name).lines["instead"].replace("·", " ").split()}
    assert offered & (set(FAMILIES) - {name})


@in_the_table
def test_a_family_is_called_as_in_the_table_and_its_parameters_have_one_name_each(name):
    family = FAMILY[name]
    names = [parameter.name for parameter in family.parameters]
    assert family.name.partition("(")[0] == name
    assert len(set(names)) == len(names)
    assert all(family.parameter(given).name == given for given in names)
    with pytest.raises(KeyError):
        family.parameter("no such parameter")


@every
def test_a_distribution_shows_the_parameters_it_was_made_of(name):
    made = distribution(name)
    for parameter, value in parameters(name).items():
        if not FAMILY[name].parameter(parameter).column and parameter in vars(type(made)) | vars(made):
            torch.testing.assert_close(getattr(made, parameter), value.to(getattr(made, parameter).dtype))
    assert made.batch_shape == (3,)
    assert made.event_shape == FAMILY[name].event


def test_options_are_given_where_a_family_takes_them():
    assert options("normal") == ()
    assert options("categorical") == ("classes",)
    assert build("normal", {"classes": 7}) == build("normal", {})
    assert build("categorical", {"classes": 7}).parameters[0].shape == (7,)
    assert OF_LABELS[0] == "categorical"
    with pytest.raises(KeyError):
        build("gama", {})
