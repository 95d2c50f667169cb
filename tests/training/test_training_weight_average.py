"""The moving average of weights: its recursion, where it is seen, and that the descent does not feel it."""

from __future__ import annotations

import pytest
import torch

from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, SchedulePlan, epochs, mean_nll
from disttrain.training.optimizers import build_optimizer
from disttrain.training.state import TrainingState
from disttrain.training.weight_average import averaged

X = torch.randn(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = X[:, 0] + torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def rows(first, last):
    return RowTensors(X[first:last], Outcome.exact(Y[first:last]))


def task(members=1):
    family = build("normal", {})
    outputs = [Output(parameter, activation_for(parameter)) for parameter in family.parameters]
    return family, Network(Layout(2, hidden=(8,), members=members), outputs, torch.Generator().manual_seed(2)).to(torch.float64)


def plan(averaging, count=5, lr=0.02, name="adamw"):
    return Plan(count, 25, OptimizerPlan(name, lr, 0.0, 0.0, averaging), SchedulePlan("constant"), seed=3)


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_average_follows_its_recursion_and_the_steps_do_not_feel_it(name):
    weights, plain = (torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64)) for _ in range(2))
    descent, alone = build_optimizer(weights, OptimizerPlan(name, 0.1, 0.0, 0.0, 0.8)), build_optimizer(plain, OptimizerPlan(name, 0.1))
    expected = weights.detach().clone()
    for step in range(1, 60):
        for each, move in ((weights, descent), (plain, alone)):
            each.grad = 2 * each.detach() + 0.3 * step**0.5
            move.step()
        kept = min(0.8, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * plain.detach()
        with averaged(descent):
            torch.testing.assert_close(weights.detach(), expected, rtol=1e-12, atol=1e-12)
        assert torch.equal(weights, plain)


def test_the_losses_told_are_those_of_the_averaged_weights_that_the_network_has_then():
    family, network = task()
    for epoch in epochs(network, family, rows(0, 150), rows(150, 200), plan(0.9)):
        assert epoch.validation_nll == pytest.approx(mean_nll(network, family, rows(150, 200)), rel=1e-12)
        network.train()


def test_training_itself_is_the_same_with_and_without():
    told = []
    for averaging in (0.0, 0.95):
        family, network = task()
        told.append([epoch.train_nll for epoch in epochs(network, family, rows(0, 150), rows(150, 200), plan(averaging))])
    assert told[0] == told[1]


@pytest.mark.slow
def test_an_average_is_nearer_to_the_minimum_than_where_noisy_steps_end():
    _, network = task()
    found = {}
    for averaging in (0.0, 0.98):
        family, network = task()
        list_of = [mean_nll(network, family, rows(0, 200)) for _ in epochs(network, family, rows(0, 200), None, plan(averaging, 60, 0.05))]
        found[averaging] = sum(list_of[-20:]) / 20
    assert found[0.98] < found[0.0]


def test_a_loop_that_begins_again_goes_on_to_the_same_averages():
    family, network = task(2)
    kept = []
    for _ in epochs(network, family, rows(0, 150), rows(150, 200), plan(0.9), keep=kept.append):
        whole = state(network)
    family, again = task(2)
    for _ in epochs(again, family, rows(0, 150), rows(150, 200), plan(0.9), initial_state=kept[3]):
        ends = state(again)
    assert all(torch.equal(ends[name], whole[name]) for name in whole)


def test_a_state_without_an_average_is_that_of_another_optimizer():
    _, network = task()
    weights = torch.nn.Parameter(torch.zeros(3))
    plain = TrainingState.of(network, build_optimizer(weights, OptimizerPlan("adam", 0.1)), [])
    with pytest.raises(ValueError, match="another optimizer"):
        build_optimizer(weights, OptimizerPlan("adam", 0.1, 0.0, 0.0, 0.9)).load_state_dict(plain.optimizer)
