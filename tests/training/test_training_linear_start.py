"""The linear path: a regression beside the trunk, where training may begin."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import statsmodels.api as sm
import torch

from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, SchedulePlan, epochs, linear_start, marginal_raw, member_nll, start_linear
from disttrain.training.row_losses import row_nll

N, MEMBERS = 400, 3
X = torch.randn(N, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
NOISE = torch.randn(N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LINE = 0.5 + X @ torch.tensor([1.0, -2.0, 0.3], dtype=torch.float64) + 0.7 * NOISE
WAVE = torch.sin(3.0 * X[:, 0]) + 0.1 * NOISE
PLAN = Plan(60, 20, OptimizerPlan("adamw", 0.02), SchedulePlan("constant"), patience=60)


def task(y, family="normal", members=MEMBERS, seed=2, **layout):
    """A network with linear paths at the marginal fit, training rows and held-out rows."""
    family = build(family, {})
    outputs = [Output(parameter, activation_for(parameter)) for parameter in family.parameters]
    generator = torch.Generator().manual_seed(seed)
    network = Network(Layout(3, hidden=(16,), members=members, linear_path=True, **layout), outputs, generator).to(torch.float64)
    rows = RowTensors(X, Outcome.exact(y))
    network.start(marginal_raw(family, outputs, rows), generator, X)
    return family, network, rows[:300], rows[300:]


def paths(network):
    return [weight.detach().clone() for name, weight in network.named_parameters() if ".paths." in name]


def others(network):
    return {name: value.clone() for name, value in network.state_dict().items() if ".paths." not in name}


@pytest.mark.parametrize(
    "layout", [{}, {"separate": True}, {"numeric_embedding": "both", "numbers": (0, 2)}], ids=["shared", "separate", "spread"]
)
def test_the_outputs_are_those_of_the_trunk_plus_a_linear_model_of_the_inputs(layout):
    _, network, _, _ = task(LINE, **layout)
    trunk = network.raw(X)
    slopes = torch.randn(MEMBERS, 3, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.no_grad():
        for place, branch in enumerate(network.branches):
            branch.paths[0].weight.copy_(slopes[..., place : place + 1] if layout.get("separate") else slopes)
    for place, name in enumerate(("loc", "scale")):
        torch.testing.assert_close(network.raw(X)[name], trunk[name] + (slopes[..., place] @ X.T).flatten())


def test_counts_start_at_the_maximum_likelihood_of_a_poisson_regression():
    rate = torch.exp(0.3 + X @ torch.tensor([0.4, -0.2, 0.1], dtype=torch.float64))
    y = torch.poisson(rate, generator=torch.Generator().manual_seed(4))
    family = build("poisson", {})
    outputs = [Output(parameter, activation_for(parameter)) for parameter in family.parameters]
    network = Network(Layout(3, hidden=(16,), linear_path=True), outputs, torch.Generator().manual_seed(2)).to(torch.float64)
    rows = RowTensors(X, Outcome.exact(y))
    network.start(marginal_raw(family, outputs, rows), torch.Generator().manual_seed(2))
    before = others(network)
    start_linear(network, family, rows, None, PLAN)
    with network.linear_alone():
        found = network(X)["rate"]
    fitted = sm.GLM(y.numpy(), sm.add_constant(X.numpy()), family=sm.families.Poisson()).fit()
    np.testing.assert_allclose(found.detach().numpy(), fitted.fittedvalues, rtol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in others(network).items())
    assert all(weight.requires_grad for weight in network.parameters())


def test_a_member_that_is_better_as_it_was_by_its_own_rows_stays_so():
    family, network, train, held = task(LINE)
    start_linear(network, family, train.held_out(torch.zeros(MEMBERS, 0, dtype=torch.int64))[0], held, PLAN)
    assert all(bool((weight.flatten(1).abs().amax(1) > 0).all()) for weight in paths(network))
    # One member is held against rows on which the slopes have the other sign.
    family, network, train, _ = task(torch.cat([LINE[:300], -LINE[300:]]))
    every = RowTensors(X, Outcome.exact(torch.cat([LINE[:300], -LINE[300:]])))
    member_rows = torch.stack([torch.arange(200, 300), torch.arange(300, 400), torch.arange(200, 300)])
    start_linear(network, family, train, every.with_member_rows(member_rows), PLAN)
    weight = paths(network)[0]
    assert [bool(member.abs().sum() > 0) for member in weight] == [True, False, True]


@pytest.mark.slow
@pytest.mark.parametrize(("y", "line"), [(LINE, True), (WAVE, False)], ids=["line", "wave"])
def test_a_trial_says_whether_the_trunk_or_a_regression_is_the_better_start(y, line):
    family, network, train, held = task(y)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    marginal = member_nll(network, family, held)
    assert start_linear(network, family, train, held, PLAN, trial=True) == line
    assert all(bool(weight.any()) == line for weight in paths(network))
    if line:
        assert bool((member_nll(network, family, held) < marginal - 0.5).all())
    else:
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.slow
def test_a_trial_that_is_left_early_is_judged_by_its_averaged_weights_at_their_best(monkeypatch):
    family, network, train, held = task(WAVE)
    plan = replace(PLAN, optimizer=replace(PLAN.optimizer, averaging=0.99))
    judged = []
    monkeypatch.setattr(linear_start, "row_nll", lambda *asked: judged.append(row_nll(*asked)) or judged[-1])
    start_linear(network, family, train, held, plan, trial=True)
    # 400 steps of 15 in an epoch.
    _, again, _, _ = task(WAVE)
    best = [epoch.best for epoch in islice(epochs(again, family, train, held, plan), 27)][-1]
    assert float(judged[1][0].mean()) == pytest.approx(best, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("members", [1, 8, 32])
@pytest.mark.parametrize("own", [False, True], ids=["shared rows", "own rows"])
def test_of_two_starts_alike_the_plain_one_wins_as_often_as_one_standard_error_is_passed(members, own):
    generator, trials, n = torch.Generator().manual_seed(7), 1500, 120
    wins = 0
    for _ in range(trials):
        row = torch.randn(n, generator=generator, dtype=torch.float64)
        noise = 0.3 * torch.randn(members, n, generator=generator, dtype=torch.float64)
        rows = torch.rand(members, n, generator=generator).argsort(1)[:, : n // 2] if own else torch.arange(n).expand(members, n)
        weight = torch.rand(n, generator=generator, dtype=torch.float64)[rows]
        wins += linear_start._clearly_positive((row + noise).gather(1, rows), weight, rows)
    # One standard error is passed by chance in 15.9 % of cases; three standard errors of 1,500 trials are 2.8 %, and the error is estimated.
    assert wins / trials == pytest.approx(0.159, abs=0.035)
