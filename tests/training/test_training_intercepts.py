"""Intercepts refitted on validation rows: those of maximum likelihood, kept where they pay, and without an effect on the steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, SchedulePlan, epochs
from disttrain.training.intercepts import intercepts, refitted
from disttrain.training.row_losses import member_nll

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(900, 2, generator=GENERATOR, dtype=torch.float64)
NOISE = torch.randn(900, generator=GENERATOR, dtype=torch.float64)


def network_of(name, members=1, seed=1, **options):
    family = build(name, options)
    outputs = [Output(parameter, activation_for(parameter)) for parameter in family.parameters]
    network = Network(Layout(2, hidden=(8,), members=members), outputs, torch.Generator().manual_seed(seed)).to(torch.float64)
    return family, network


def rows(y, weight=None, x=X):
    return RowTensors(x[: len(y)], Outcome.exact(y), weight)


def raw_of(network):
    with torch.no_grad():
        return {name: value.numpy() for name, value in network.raw(X).items()}


def penalised_loss(family, raw, y, weight=None):
    """The loss of the constants, from the densities of scipy."""
    weight = np.ones(len(y)) if weight is None else weight
    share, counted = weight / weight.sum(), weight.sum() ** 2 / np.square(weight).sum()

    def loss(shift):
        loc = raw["loc"] + shift[0]
        scale = np.logaddexp(0, raw["scale"] + shift[1]) + family.parameter("scale").floor
        return -(share * stats.norm(loc, scale).logpdf(y)).sum() + np.square(shift).sum() / (2 * counted)

    return loss


@pytest.mark.parametrize("weighted", [False, True])
def test_they_are_the_minimum_of_the_penalised_likelihood(weighted):
    family, network = network_of("normal")
    y = 0.7 + 2.5 * NOISE
    weight = torch.rand(900, generator=GENERATOR, dtype=torch.float64) + 0.1 if weighted else None
    found = intercepts(network, family, rows(y, weight))
    loss = penalised_loss(family, raw_of(network), y.numpy(), None if weight is None else weight.numpy())
    assert loss([float(found["loc"]), float(found["scale"])]) <= optimize.minimize(loss, np.zeros(2), tol=1e-12).fun + 1e-3


@pytest.mark.parametrize("name", ["student_t", "gamma", "weibull", "negative_binomial", "beta", "bernoulli", "skew_normal", "von_mises"])
def test_held_out_rows_are_never_less_likely_and_the_network_comes_back(name):
    family, network = network_of(name, members=2)
    center = family.distribution(**{key: value[:900] for key, value in network(X).items()}, validate_args=False)
    y = center.sample().double() if not family.support.discrete else center.sample()
    moved = rows(y)
    before, state = member_nll(network, family, moved), {key: value.clone() for key, value in network.state_dict().items()}
    with refitted(network, family, moved):
        assert bool((member_nll(network, family, moved) <= before + 1e-12).all())
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_members_are_fitted_each_to_its_own_rows():
    family, network = network_of("normal", members=2)
    y = torch.cat([3.0 + NOISE[:450], 0.2 * NOISE[450:]])
    own = torch.stack([torch.arange(450), torch.arange(450, 900)])
    together = intercepts(network, family, rows(y).with_member_rows(own))
    assert float(together["loc"][0]) > 2.0 > 0.5 > abs(float(together["loc"][1]))
    assert float(together["scale"][0]) > 0.0 > float(together["scale"][1])


@pytest.mark.slow
def test_they_are_nothing_where_chance_explains_the_gain():
    """A network that is right already keeps its intercepts in about nine of ten samples, by the chi-squared law with two degrees."""
    family, network = network_of("normal")
    with torch.no_grad():
        parameters = network(X[:60])
    moved = 0
    for seed in range(200):
        noise = torch.randn(60, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        found = intercepts(network, family, rows(parameters["loc"] + parameters["scale"] * noise))
        moved += any(float(shift) != 0.0 for shift in found.values())
    # Twice the gain in nats is near chi-squared of 2; it counts above 4, and the prior takes a little away.
    assert moved / 200 < stats.chi2(2).sf(4.0) + 3 * math.sqrt(0.135 * 0.865 / 200)


def overfitted(refit):
    """Epochs on 40 rows with a large network, and the validation loss of each."""
    family, network = network_of("normal")
    y = X[:, 0] + NOISE
    plan = Plan(60, 20, OptimizerPlan("adam", 0.03), SchedulePlan("constant"), refit_intercepts=refit)
    steps = []
    for epoch in epochs(network, family, rows(y[:40], x=X[:40]), RowTensors(X[40:240], Outcome.exact(y[40:240])), plan):
        steps.append((epoch.train_nll, epoch.validation_nll))
    with refitted(network, family, RowTensors(X[40:240], Outcome.exact(y[40:240])) if refit else None):
        parameters = network(X[240:])
    z = ((y[240:] - parameters["loc"]) / parameters["scale"]).detach()
    return steps, float((z.abs() < 1.6449).double().mean())


@pytest.mark.slow
def test_the_steps_do_not_feel_them_and_the_intervals_cover_what_they_should():
    plain, covered = overfitted(refit=False)
    refit, covered_then = overfitted(refit=True)
    assert [train for train, _ in plain] == [train for train, _ in refit]
    assert all(after <= before + 1e-9 for (_, before), (_, after) in zip(plain, refit, strict=True))
    # 660 new rows: two standard errors are 2.3 points.
    assert covered < 0.85
    assert abs(covered_then - 0.9) < 0.03
