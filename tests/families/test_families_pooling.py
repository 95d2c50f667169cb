"""Members pooled into one distribution of their family: it has the moments, or the probabilities, of their equal mixture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, special, stats

from disttrain.distributions.core import functionals
from disttrain.families import weighted_mixture
from disttrain.families.pooling import RULES, pooled
from disttrain.networks import Conditions, activated
from tests.families.family_cases import FAMILY, outputs

ROWS, MEMBERS = 30, 3
POOLED = [name for name, family in FAMILY.items() if not family.unpooled]
# Whose mean and variance, where they are finite, are those of the mixture: families that are free to have both.
LIMITED = ("com_poisson", "hurdle of counts")
ONE = ("exponential", "half_normal", "rayleigh", "continuous_bernoulli", "geometric", "poisson", "zero_inflated", "pareto")
BOTH = [
    name
    for name in POOLED
    if FAMILY[name].pool in ("moments", "covariance", "shares", "elements") and name not in (*LIMITED, *ONE) and name != "categorical"
]


def members(name, spread=0.4, *, alike=False):
    """Parameters of three members, {name: (30, 3, *shape)}, around a centre that differs by row."""
    family, generator = FAMILY[name], torch.Generator().manual_seed(1)
    raw = {}
    for output in outputs(family):
        if output.size:
            each = torch.randn(ROWS, 1 if alike else MEMBERS, *output.raw_shape, generator=generator, dtype=torch.float64)
            centre = torch.randn(ROWS, 1, *output.raw_shape, generator=generator, dtype=torch.float64)
            raw[output.parameter.name] = (spread * each + 0.3 * centre).expand(ROWS, MEMBERS, *output.raw_shape).flatten(0, 1)
    given = {parameter: torch.full((ROWS * MEMBERS,), 5.0, dtype=torch.float64) for parameter in family.by_column}
    made = activated(outputs(family), raw, ROWS * MEMBERS, Conditions(given=given))
    return {p.name: made[p.name].unflatten(0, (ROWS, MEMBERS)) for p in family.parameters}


def both(name, parameters):
    """The mixture of the members and the pooled distribution."""
    family = FAMILY[name]
    mixture = weighted_mixture(family, (1.0,) * MEMBERS).distribution(**parameters, validate_args=False)
    return mixture, family.distribution(**pooled(family, parameters), validate_args=False)


@pytest.mark.parametrize("name", POOLED)
def test_members_that_agree_are_pooled_into_what_they_are(name):
    parameters = members(name, alike=True)
    for key, value in pooled(FAMILY[name], parameters).items():
        torch.testing.assert_close(value, parameters[key][:, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", POOLED)
def test_pooled_parameters_are_in_their_supports_and_do_not_depend_on_the_order_of_members(name):
    parameters = members(name)
    result = pooled(FAMILY[name], parameters)
    turned = pooled(FAMILY[name], {key: value.flip(1) for key, value in parameters.items()})
    for parameter in FAMILY[name].parameters:
        assert bool(torch.as_tensor(parameter.support.contains(result[parameter.name])).all())
        assert result[parameter.name].shape == (ROWS, *parameter.shape)
        torch.testing.assert_close(result[parameter.name], turned[parameter.name], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", BOTH)
def test_mean_and_variance_are_those_of_the_mixture(name):
    mixture, one = both(name, members(name))
    mean, variance = functionals.mean(mixture), functionals.variance(mixture)
    rows = mean.isfinite() & variance.isfinite()
    torch.testing.assert_close(functionals.mean(one)[rows], mean[rows], rtol=1e-8, atol=1e-9)
    # Of a composition and of counts by class, the total variance.
    if FAMILY[name].pool == "shares":
        variance, other = variance.sum(1), functionals.variance(one).sum(1)
        torch.testing.assert_close(other, variance, rtol=1e-8, atol=0)
    else:
        torch.testing.assert_close(functionals.variance(one)[rows], variance[rows], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", ONE)
def test_a_family_of_one_free_parameter_has_the_mean_of_the_mixture(name):
    mixture, one = both(name, members(name))
    mean = functionals.mean(mixture)
    rows = mean.isfinite() & functionals.variance(mixture).isfinite()
    torch.testing.assert_close(functionals.mean(one)[rows], mean[rows], rtol=1e-8, atol=0)


@pytest.mark.parametrize("name", LIMITED)
def test_where_a_family_cannot_have_both_moments_its_mean_comes_first(name):
    mixture, one = both(name, members(name))
    off = (functionals.mean(one) - functionals.mean(mixture)).abs() / functionals.variance(mixture).sqrt()
    assert float(off.max()) < 0.05
    assert float((functionals.variance(one) / functionals.variance(mixture) - 1).abs().max()) < 0.3


# A family of one parameter cannot have both.
QUARTILES = [
    name
    for name in POOLED
    if (FAMILY[name].pool == "quartiles" or name in ("cauchy", "frechet", "lomax")) and len(FAMILY[name].parameters) > 1
]


@pytest.mark.parametrize("name", QUARTILES)
def test_without_moments_median_and_quartile_range_are_those_of_the_mixture(name):
    parameters = members(name, 0.2)
    mixture, one = both(name, parameters)
    rows = torch.full((ROWS,), FAMILY[name].pool == "quartiles") | ~functionals.variance(mixture).isfinite()
    assert bool(rows.any())
    low, middle, high = ([functionals.quantile(d, torch.tensor(p).double())[rows] for d in (mixture, one)] for p in (0.25, 0.5, 0.75))
    torch.testing.assert_close(middle[1], middle[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(high[1] - low[1], high[0] - low[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["bernoulli", "categorical", "ordinal", "multinomial", "hurdle", "zero_inflated", "zero_one_inflated_beta"]
)
def test_probabilities_are_the_average_of_the_members(name):
    parameters = members(name, 1.0)
    result = pooled(FAMILY[name], parameters)
    if name == "ordinal":
        each = FAMILY[name].distribution(**parameters).probs
        torch.testing.assert_close(FAMILY[name].distribution(**result).probs, each.mean(1), rtol=1e-9, atol=1e-12)
        return
    for key in {"probs", "gate", "zero", "one"} & set(parameters):
        torch.testing.assert_close(result[key], parameters[key].mean(1), rtol=1e-12, atol=0)


def test_the_cutpoints_of_probit_classes_have_the_average_probabilities_too():
    from disttrain.families import build

    family, rng = build("ordinal", {"classes": 4, "link": "probit"}), np.random.default_rng(0)
    loc, cutpoints = rng.normal(size=(ROWS, MEMBERS)), np.sort(3 * rng.normal(size=(ROWS, MEMBERS, 3)), -1)
    result = pooled(family, {"loc": torch.from_numpy(loc), "cutpoints": torch.from_numpy(cutpoints)})
    expected = special.ndtr(cutpoints - loc[..., None]).mean(1)
    np.testing.assert_allclose(special.ndtr((result["cutpoints"] - result["loc"][:, None]).numpy()), expected, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "link"), [("log_normal", np.log), ("logit_normal", special.logit)])
def test_latent_normals_keep_the_mean_and_the_variance_of_the_latent_value(name, link):
    parameters = members(name)
    mixture, one = both(name, parameters)
    torch.manual_seed(0)
    draws = link(mixture.sample((200_000,)).numpy())
    loc, scale = one.loc.numpy(), one.scale.numpy()
    assert np.abs((draws.mean(0) - loc) / (scale / np.sqrt(len(draws)))).max() < 5
    np.testing.assert_allclose(draws.std(0), scale, rtol=0.02)


def test_angles_keep_their_mean_direction_and_resultant_length():
    parameters = members("von_mises")
    # Members on either side of where angles wrap.
    parameters["loc"] = torch.tensor([[3.1, -3.1, 3.0]], dtype=torch.float64).expand(ROWS, MEMBERS)
    result = pooled(FAMILY["von_mises"], parameters)
    k, loc = parameters["concentration"].numpy(), parameters["loc"].numpy()
    vector = (special.i1(k) / special.i0(k) * np.exp(1j * loc)).mean(1)
    one = special.i1(result["concentration"].numpy()) / special.i0(result["concentration"].numpy()) * np.exp(1j * result["loc"].numpy())
    np.testing.assert_allclose(one, vector, rtol=1e-8)


def test_normal_vectors_have_the_covariance_of_the_mixture():
    parameters = members("multivariate_normal")
    result = pooled(FAMILY["multivariate_normal"], parameters)
    loc, factor = parameters["loc"].numpy(), parameters["scale_tril"].numpy()
    second = np.einsum("nkij,nklj->nil", factor, factor) + np.einsum("nki,nkj->nij", loc, loc)
    mean = loc.mean(1)
    covariance = second / MEMBERS - np.einsum("ni,nj->nij", mean, mean)
    np.testing.assert_allclose(np.einsum("nij,nlj->nil", result["scale_tril"], result["scale_tril"]), covariance, rtol=1e-9, atol=1e-12)


def test_gamma_agrees_with_a_root_finder_of_scipy():
    parameters = members("gamma")
    result = pooled(FAMILY["gamma"], parameters)
    laws = [stats.gamma(parameters["concentration"][0, k], scale=1 / parameters["rate"][0, k]) for k in range(MEMBERS)]
    mean = np.mean([law.mean() for law in laws])
    variance = np.mean([law.var() + law.mean() ** 2 for law in laws]) - mean**2
    concentration, rate = optimize.fsolve(lambda v: [v[0] / v[1] - mean, v[0] / v[1] ** 2 - variance], [1.0, 1.0])
    assert float(result["concentration"][0]) == pytest.approx(concentration, rel=1e-8)
    assert float(result["rate"][0]) == pytest.approx(rate, rel=1e-8)


@pytest.mark.parametrize("name", ["normal", "student_t", "gamma", "log_normal", "negative_binomial"])
def test_a_fixed_parameter_keeps_its_value_and_the_mean_is_that_of_the_mixture(name):
    parameters = members(name)
    last = FAMILY[name].parameters[-1].name if name != "gamma" else "concentration"
    parameters[last] = torch.full_like(parameters[last], 1.7)
    result = pooled(FAMILY[name], parameters, (last,))
    assert bool((result[last] == 1.7).all())
    if name != "log_normal":
        mixture = weighted_mixture(FAMILY[name], (1.0,) * MEMBERS).distribution(**parameters)
        torch.testing.assert_close(FAMILY[name].distribution(**result).mean, functionals.mean(mixture), rtol=1e-8, atol=1e-8)


def test_every_rule_is_that_of_a_family_and_every_refusal_has_a_reason():
    assert set(RULES) == {family.pool for family in FAMILY.values() if not family.unpooled}
    refused = {name: family.unpooled for name, family in FAMILY.items() if family.unpooled}
    assert all(reason for reason in refused.values())
    assert {name for name in refused if " " not in name} == {"mixture", "truncated"}
