"""One pass over weighted rows: its steps descend the loss that is stated, whatever the batches."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from disttrain.data.batches import order
from disttrain.families import activation_for, build
from disttrain.likelihood import cross_entropy
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, SchedulePlan, epochs
from disttrain.training.flat_parameters import FlatParameters
from disttrain.training.trainer import NotFinite, Trainer

N, MEMBERS = 120, 3
X = torch.randn(N, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
NOISE = torch.randn(N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = X[:, 0] + NOISE
# A few rows that weigh as much as all others together, and some that weigh nothing.
WEIGHT = torch.where(torch.arange(N) % 10 == 0, 30.0, (torch.arange(N) % 7 > 0).double())
OWN = torch.stack([torch.randperm(N, generator=torch.Generator().manual_seed(member))[:90] for member in range(MEMBERS)])


def task(members=1, hidden=(4,)):
    family = build("normal", {})
    outputs = [Output(parameter, activation_for(parameter)) for parameter in family.parameters]
    layout = Layout(2, hidden=hidden, members=members)
    return family, Network(layout, outputs, torch.Generator().manual_seed(2)).to(torch.float64)


def steps_of(network, family, train, batch_size, clip=None):
    """The gradient of every step of an epoch from which no step is taken, (steps, weights), and the loss that is told of each member."""
    plan = Plan(1, batch_size, OptimizerPlan("sgd", 0.1), SchedulePlan("constant"), gradient_clip=clip, seed=4)
    trainer, gradients = Trainer(network, family, train, plan), []
    trainer.optimizer = SimpleNamespace(step=lambda: gradients.append(trainer.parameters.gradient.clone()))
    losses = trainer.epoch(1, lambda: False)
    return torch.stack(gradients), losses


def stated(network, family, member, rows, weight):
    """-Σ w log q / Σ w of some rows under one member."""
    values = {name: value.reshape(network.members, N)[member][rows] for name, value in network(X).items()}
    return cross_entropy(family.distribution(**values), Outcome.exact(Y[rows]), None if weight is None else weight[rows])


@pytest.mark.parametrize("batch_size", [2, 15, 30, 90, 1000])
@pytest.mark.parametrize("weight", [None, WEIGHT, 1e-6 * WEIGHT], ids=["plain", "weighted", "small"])
@pytest.mark.parametrize("own", [False, True], ids=["all rows", "own rows"])
def test_the_mean_step_over_equal_batches_is_along_the_slope_of_the_stated_loss(batch_size, weight, own):
    members = MEMBERS if own else 1
    family, network = task(members)
    train = (
        RowTensors(X, Outcome.exact(Y), weight).with_member_rows(OWN)
        if own
        else RowTensors(X[:90], Outcome.exact(Y[:90]), weight if weight is None else weight[:90])
    )
    gradients, told = steps_of(network, family, train, batch_size)
    losses = [stated(network, family, member, OWN[member] if own else torch.arange(90), weight) for member in range(members)]
    slopes = torch.autograd.grad(sum(losses), list(network.parameters()))
    torch.testing.assert_close(gradients.mean(0), torch.cat([slope.flatten() for slope in slopes]), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(told, torch.stack(losses).detach(), rtol=1e-9, atol=1e-12)


def test_a_row_is_clipped_as_it_would_be_without_its_weight():
    family, network = task()
    plain, _ = steps_of(network, family, RowTensors(X, Outcome.exact(Y)), 1)
    weighted, _ = steps_of(network, family, RowTensors(X, Outcome.exact(Y), WEIGHT), 1, clip=0.5)
    relative = (WEIGHT / WEIGHT.mean())[order(4, 1, N)]
    assert float(relative.max()) > 5
    assert bool((plain.norm(dim=1) > 0.5).any())
    # The last two rows are one batch.
    for alone, step, weight in zip(plain[:-1], weighted[:-1], relative, strict=False):
        longest = 0.5 * max(1.0, float(weight))
        expected = alone * weight
        torch.testing.assert_close(step, expected * min(1.0, longest / float(expected.norm() + 1e-12)), rtol=1e-4, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 32])
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "lbfgs"])
def test_every_optimizer_finds_the_weighted_least_squares(name, batch_size):
    generator = torch.Generator().manual_seed(5)
    x, noise = torch.randn(400, 2, generator=generator, dtype=torch.float64).unbind(1)
    heavy = torch.arange(400) % 40 == 0
    y, weight = torch.where(heavy, x, -0.5 * x) + noise, torch.where(heavy, 200.0, 1.0).double()
    family, network = task(hidden=())
    # Of one row a step there are 32 times as many steps in an epoch; SGD stays below the rate at which heavy rows throw it about.
    rate = 1.0 if name == "lbfgs" else 0.02 if batch_size == 32 else 0.002 if name == "sgd" else 0.01
    number = 10 if name == "lbfgs" else 40 if batch_size == 32 else 12
    plan = Plan(number, batch_size, OptimizerPlan(name, rate, averaging=0.0 if name == "lbfgs" else 0.99), gradient_clip=10.0)
    list(epochs(network, family, RowTensors(torch.stack([x, torch.zeros(400)], 1), Outcome.exact(y), weight), None, plan))
    design = torch.stack([torch.ones(400, dtype=torch.float64), x], 1)
    found = network.raw(torch.stack([x, torch.zeros(400)], 1))
    # The spread depends on x too: weighted least squares under the spreads found.
    root = weight.sqrt() / network(torch.stack([x, torch.zeros(400)], 1))["scale"].detach()
    expected = design @ torch.linalg.lstsq(root[:, None] * design, root * y).solution
    assert float((found["loc"].detach() - expected).abs().max()) < (1e-4 if name == "lbfgs" else 0.15)


def test_slices_of_weighted_rows_are_those_of_repeated_rows():
    y, times = Y[:20], torch.arange(20) % 4
    weighted = RowTensors(X[:20], Outcome.exact(y), times.double())
    repeated = RowTensors(X[:20].repeat_interleave(times, 0), Outcome.exact(y.repeat_interleave(times)))
    for one, other in zip(weighted.slices(3), repeated.slices(3), strict=True):
        assert float(one.weight.sum()) == pytest.approx(10.0) == pytest.approx(float(other.weight.sum()))
        for value in y:
            assert float(one.weight[one.outcome.lower == value].sum()) == pytest.approx(
                float(other.weight[other.outcome.lower == value].sum())
            )


def test_rows_without_a_weight_are_not_counted():
    rows = RowTensors(X, Outcome.exact(Y), WEIGHT)
    assert torch.equal(rows.counted.x, X[WEIGHT > 0])
    assert torch.equal(rows.counted.weight, WEIGHT[WEIGHT > 0])
    for every in (RowTensors(X, Outcome.exact(Y)), RowTensors(X, Outcome.exact(Y), WEIGHT + 1.0)):
        assert every.counted is every


@pytest.mark.parametrize("members", [1, MEMBERS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gradient_whose_square_is_no_number_any_more_is_clipped(members, dtype):
    flat = FlatParameters(task(members)[1].to(dtype))
    direction = torch.linspace(-1.0, 1.0, len(flat.gradient), dtype=torch.float64)
    flat.gradient.copy_(direction)
    ordinary, large = flat.grad_norms(), torch.finfo(dtype).max ** 0.75
    flat.gradient.copy_(large * direction)
    assert not bool(flat.grad_norms().isfinite().any())
    norms = flat.large_grad_norms()
    torch.testing.assert_close(norms / large, ordinary.double(), rtol=1e-6, atol=0.0)
    flat.clip(norms, 10.0)
    torch.testing.assert_close(flat.grad_norms().double(), torch.full((members,), 10.0, dtype=torch.float64), rtol=1e-6, atol=0.0)


# The slope in the scale is that of a target squared, some 1e36: a number of float32, but its own square is none.
LARGE = RowTensors(X.float(), Outcome.exact(Y * 1e18))


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("members", [1, MEMBERS])
def test_a_step_is_clipped_however_large_its_gradient(members, weight):
    family, network = task(members, hidden=())
    steps, _ = steps_of(network.to(torch.float32), family, replace(LARGE, weight=weight), N, clip=10.0)
    assert float(steps.double().norm()) == pytest.approx(10.0 * members**0.5, rel=1e-5)


def test_a_gradient_that_nothing_clips_is_refused_where_its_square_is_no_number():
    family, network = task(hidden=())
    with pytest.raises(NotFinite, match="the gradient became NaN, infinite or too large to be squared in epoch 1, batch 1") as refusal:
        steps_of(network.to(torch.float32), family, LARGE, N)
    assert refusal.value.gradient


def test_a_gradient_that_is_no_number_is_refused():
    family, network = task(hidden=())
    with pytest.raises(NotFinite):
        steps_of(network.to(torch.float32), family, replace(LARGE, outcome=Outcome.exact(Y * math.inf)), N, clip=10.0)


def test_the_positions_of_rows_are_on_the_device_of_the_rows():
    elsewhere = RowTensors(X, Outcome.exact(Y)).to(torch.device("meta"))
    for rows in (elsewhere, elsewhere.with_member_rows(OWN)):
        assert rows.positions(MEMBERS).device.type == "meta"
