"""The marginal fit finds the constant model of maximum likelihood, with no word about any family in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, special, stats

from disttrain.distributions.core import functionals
from disttrain.families import FAMILIES, activation_for, build, facts
from disttrain.likelihood import cross_entropy
from disttrain.networks import Output, activated
from disttrain.outcomes import Outcome
from disttrain.training import RowTensors, initial_raw, marginal_raw

SPEC = {"classes": 3, "targets": 2, "total_count": 6}
FAMILY = {name: build(name, SPEC) for name in FAMILIES}
# One free number or more, and a density that scipy has too.
NUMBERS = [
    name
    for name, family in FAMILY.items()
    if facts(name).lines["scipy"] != "none" and not family.event and not any(p.shape for p in family.parameters)
]
every = pytest.mark.parametrize("name", FAMILY)
ROWS = 1500
WORDS = {"special": special, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "pi": np.pi}


def outputs_of(family, **fixed):
    return [Output(p, activation_for(p), fixed=fixed.get(p.name, p.given)) for p in family.parameters]


def truth(family):
    """One ordinary value of each parameter, {name: (1, *shape)}."""
    outputs = outputs_of(family)
    raw = {o.parameter.name: torch.linspace(0.4, 1.3, o.size, dtype=torch.float64).reshape(1, *o.raw_shape) for o in outputs if o.size}
    return activated(outputs, raw, 1)


def drawn(name):
    """Targets of a family: (ROWS, *event) float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        return FAMILY[name].distribution(**truth(FAMILY[name]), validate_args=False).sample((ROWS,))[:, 0].double()


def fitted(name, y, weight=None, **fixed):
    """The parameters of the marginal fit of a family of the table as {name: array}, and its loss."""
    return fit_of(FAMILY[name], y, weight, **fixed)


def fit_of(family, y, weight=None, **fixed):
    outputs = outputs_of(family, **fixed)
    raw = marginal_raw(family, outputs, RowTensors.without_inputs(Outcome.exact(y), weight))
    values = activated(outputs, {key: value[None] for key, value in raw.items()}, 1)
    loss = cross_entropy(family.distribution(**values, validate_args=False), Outcome.exact(y), weight)
    return {key: value[0].numpy() for key, value in values.items()}, float(loss)


def kinked(name):
    """Whether a density has a peak without a tangent: its likelihood then has a kink at every row, as that of a median has."""
    support = FAMILY[name].support
    if FAMILY[name].event or support.discrete or np.isfinite(support.lower):
        return False
    made = FAMILY[name].distribution(**truth(FAMILY[name]), validate_args=False)
    y = (functionals.mode(made) + torch.tensor([-1e-6, 1e-6], dtype=torch.float64)).requires_grad_()
    (slope,) = torch.autograd.grad(made.log_prob(y).sum(), y)
    return bool((slope[0] - slope[1]).abs() > 1e-2)


CLOSED = {
    "normal": lambda y: {"loc": y.mean(), "scale": y.std()},
    "laplace": lambda y: {"loc": np.median(y), "scale": np.abs(y - np.median(y)).mean()},
    "exponential": lambda y: {"rate": 1 / y.mean()},
    "log_normal": lambda y: {"loc": np.log(y).mean(), "scale": np.log(y).std()},
    "inverse_gaussian": lambda y: {"mean": y.mean(), "concentration": 1 / (1 / y - 1 / y.mean()).mean()},
    "poisson": lambda y: {"rate": y.mean()},
    "geometric": lambda y: {"probs": 1 / (1 + y.mean())},
    "bernoulli": lambda y: {"probs": y.mean()},
    "categorical": lambda y: {"probs": np.bincount(y.astype(int), minlength=3) / len(y)},
    # scipy solves the equations of the gamma family by root finding; its other fits stop at four digits.
    "gamma": lambda y: (lambda shape, _, scale: {"concentration": shape, "rate": 1 / scale})(*stats.gamma.fit(y, floc=0)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_the_fit_is_that_of_the_textbook(name):
    y = drawn(name)
    ours, _ = fitted(name, y)
    # The median of an even number of rows is anywhere between two of them.
    slack = 2e-3 if name == "laplace" else 1e-4
    for parameter, expected in CLOSED[name](y.numpy()).items():
        np.testing.assert_allclose(ours[parameter], expected, rtol=slack, err_msg=parameter)


@pytest.mark.parametrize("name", NUMBERS)
def test_no_search_over_scipys_density_finds_a_better_fit(name):
    """Nelder-Mead over the scipy expression of the family's docstring: another optimizer, another density."""
    y, family = drawn(name), FAMILY[name]
    ours, loss = fitted(name, y)
    free = [p.name for p in family.parameters if p.given is None]

    def scipy_loss(values):
        words = vars(stats) | WORDS | ours | dict(zip(free, values, strict=True))
        frozen = eval(facts(name).lines["scipy"], words)
        with np.errstate(all="ignore"):
            total = -(frozen.logpmf if family.support.discrete else frozen.logpdf)(y.numpy()).mean()
        return total if np.isfinite(total) else np.inf

    start = np.array([float(ours[name]) for name in free])
    assert scipy_loss(start) == pytest.approx(loss, rel=1e-9)
    found = optimize.minimize(
        scipy_loss, start * 1.02 + 0.01, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-13, "maxiter": 600}
    )
    assert loss <= found.fun + 1e-8
    if not kinked(name):
        np.testing.assert_allclose(start, found.x, rtol=1e-4, atol=1e-5)


@every
def test_a_weighted_row_is_a_repeated_row(name):
    y = drawn(name)
    times = torch.arange(ROWS) % 4
    weighted, loss = fitted(name, y, times.double())
    repeated, same_loss = fitted(name, y.repeat_interleave(times, 0))
    assert loss == pytest.approx(same_loss, rel=1e-9)
    for parameter, value in weighted.items():
        np.testing.assert_allclose(value, repeated[parameter], rtol=3e-3 if name == "laplace" else 1e-5, atol=1e-6)


@every
def test_rows_of_weight_zero_do_not_matter(name):
    y = drawn(name)
    low = y[:1]
    weight = torch.ones(ROWS, dtype=torch.float64)
    ours, _ = fitted(name, torch.cat([y, low.expand(700, *y.shape[1:])]), torch.cat([weight, torch.zeros(700, dtype=torch.float64)]))
    alone, _ = fitted(name, y)
    for parameter, value in ours.items():
        np.testing.assert_allclose(value, alone[parameter], rtol=3e-3 if name == "laplace" else 1e-5, atol=1e-6)


def test_what_is_fixed_stays_and_the_rest_is_fitted_to_it():
    y = drawn("normal")
    ours, loss = fitted("normal", y, scale=2.0)
    assert float(ours["scale"]) == 2.0
    assert float(ours["loc"]) == pytest.approx(float(y.mean()), abs=1e-8)
    expected = np.log(2.0) + 0.5 * np.log(2 * np.pi) + float((y - y.mean()).square().mean()) / 8.0
    assert loss == pytest.approx(expected, rel=1e-12)


def test_nothing_to_learn_gives_nothing():
    family = FAMILY["normal"]
    assert marginal_raw(family, outputs_of(family, loc=0.0, scale=1.0), RowTensors.without_inputs(Outcome.exact(drawn("normal")))) == {}


@pytest.mark.parametrize("mean", [1e-4, 0.02, 7.0, 3e4, 1e6])
def test_counts_of_any_size_are_reached(mean):
    y = torch.full((100,), float(np.ceil(mean)), dtype=torch.float64)
    y[: int(100 * (1 - mean / np.ceil(mean)))] = 0.0
    ours, _ = fitted("poisson", y)
    # The floor of the activation, 1e-6, is all that may be lost.
    np.testing.assert_allclose(ours["rate"], y.mean(), rtol=1e-4, atol=2e-6)


def test_many_rows_are_fitted_all_and_not_only_the_first_looked_at():
    y = torch.from_numpy(special.ndtri((np.arange(50_000) + 0.5) / 50_000))
    # Every second row, the ones that the first look takes, is lower by one.
    y[::2] -= 1.0
    ours, _ = fitted("normal", y)
    assert float(ours["loc"]) == pytest.approx(float(y.mean()), abs=1e-6)
    assert float(ours["scale"]) == pytest.approx(float(y.std(correction=0)), rel=1e-6)


def test_zero_weights_on_all_rows_of_the_first_look_are_survived():
    y, weight = torch.linspace(0.0, 1.0, 50_000, dtype=torch.float64), torch.zeros(50_000, dtype=torch.float64)
    weight[1::2] = 1.0
    ours, _ = fitted("normal", y, weight)
    assert float(ours["loc"]) == pytest.approx(float(y[1::2].mean()), abs=1e-6)


@every
def test_the_fit_explains_the_target_no_worse_than_the_truth(name):
    y = drawn(name)
    _, loss = fitted(name, y)
    made = FAMILY[name].distribution(**truth(FAMILY[name]), validate_args=False)
    assert loss <= float(cross_entropy(made, Outcome.exact(y))) + 1e-9
    assert FAMILY[name].event or bool(functionals.cdf(made, y[:5]).isfinite().all())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["gumbel", "normal", "student_t", "weibull"])
def test_a_target_far_narrower_than_the_start_is_reached(name, seed):
    """Where raw outputs start, such a target is nearly impossible, and gradients are as large as numbers get."""
    family = FAMILY[name]
    generator = torch.Generator().manual_seed(seed)
    raw = {p.name: 1.5 - 3.0 * torch.rand(1, generator=generator, dtype=torch.float64) for p in family.parameters}
    raw["scale"] = torch.full((1,), -3.0 - seed / 3, dtype=torch.float64)
    values = {p.name: activation_for(p).forward(raw[p.name]) for p in family.parameters}
    made = family.distribution(**values, validate_args=False)
    y = made.icdf(torch.rand(600, generator=generator, dtype=torch.float64))
    _, loss = fitted(name, y)
    assert loss <= float(cross_entropy(made, Outcome.exact(y)))


@pytest.mark.parametrize(("targets", "rank"), [(3, 1), (5, 1), (5, 2), (8, 3)])
def test_factors_of_a_covariance_fulfil_the_equations_of_maximum_likelihood(targets, rank):
    """diag Σ = diag S and S Σ⁻¹ W = W, and not at W = 0, which fulfils the second. Source: Lawley & Maxwell (1971), section 4.3."""
    rng = np.random.default_rng(targets)
    planted = rng.normal(size=(targets, rank)), rng.uniform(0.2, 0.8, targets)
    y = rng.normal(size=(4000, rank)) @ planted[0].T + np.sqrt(planted[1]) * rng.normal(size=(4000, targets))
    family = build("multivariate_normal", {"targets": targets, "rank": rank})
    values, loss = fit_of(family, torch.from_numpy(y))
    factor, seen = values["cov_factor"], np.cov(y.T, bias=True)
    covariance = factor @ factor.T + np.diag(values["cov_diag"])
    np.testing.assert_allclose(values["loc"], y.mean(0), atol=1e-4)
    np.testing.assert_allclose(np.diag(covariance), np.diag(seen), rtol=1e-3)
    np.testing.assert_allclose(seen @ np.linalg.solve(covariance, factor), factor, atol=2e-3)
    assert loss <= -stats.multivariate_normal(y.mean(0), planted[0] @ planted[0].T + np.diag(planted[1])).logpdf(y).mean()
    assert loss >= -stats.multivariate_normal(y.mean(0), seen).logpdf(y).mean() - 1e-9
    truth = planted[0] @ planted[0].T + np.diag(planted[1])
    # Var(y_i y_j) = c_ii c_jj + c_ij² of a normal.
    error = np.sqrt((np.outer(np.diag(truth), np.diag(truth)) + truth**2) / len(y))
    assert (np.abs(covariance - truth) < 4.5 * error).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_start_does_not_depend_on_where_a_flat_likelihood_ends(sign):
    """Normal data under a t, and a Bernoulli gate that is never closed: the fit runs to infinity, and ends where it happens to."""
    family = FAMILY["student_t"] if sign > 0 else build("hurdle", {"of": "gamma"})
    name = "df" if sign > 0 else "gate"
    y = torch.randn(ROWS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = y if sign > 0 else y.exp()
    outputs, rows = outputs_of(family), RowTensors.without_inputs(Outcome.exact(y))
    raw = marginal_raw(family, outputs, rows)

    def loss(of):
        values = activated(outputs, {key: value[None] for key, value in of.items()}, 1)
        return float(cross_entropy(family.distribution(**values, validate_args=False), rows.outcome))

    starts = [initial_raw(family, outputs, rows, raw | {name: torch.tensor(sign * far, dtype=torch.float64)}) for far in (1e7, 1e8, 3e9)]
    for start in starts:
        torch.testing.assert_close(start, starts[0], rtol=1e-4, atol=1e-9)
        assert 8.0 <= abs(float(start[name])) < 1e3
        assert float(start[name]) * sign > 0
        assert loss(start) < loss(raw) + 1.1e-3
