"""The loop: maximum likelihood by any optimizer, the same for the same seed, and honest about what went wrong."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
import statsmodels.api as sm
import torch

from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OPTIMIZERS, NotFinite, OptimizerPlan, Plan, RowTensors, SchedulePlan, epochs, marginal_raw, mean_nll

N = 400
STEADY = SchedulePlan("constant")


def design(seed=0):
    return torch.randn(N, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noise(seed=1):
    return torch.randn(N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rows(x, y, weight=None):
    return RowTensors(x, Outcome.exact(y), weight)


def task(name="normal", hidden=(), seed=0, fixed=None, columns=None, dtype=torch.float64, **layout):
    """A family and a network for it with three inputs."""
    family = build(name, {"classes": 3})
    fixed, columns = fixed or {}, columns or {}
    outputs = [Output(p, activation_for(p), columns.get(p.name), fixed=fixed.get(p.name)) for p in family.parameters]
    network = Network(Layout(3, hidden=hidden, **layout), outputs, torch.Generator().manual_seed(seed))
    return family, network.to(dtype)


def plan(optimizer="lbfgs", lr=1.0, count=30, **settings):
    settings = {"batch_size": 64, "schedule": STEADY} | settings
    return Plan(count, optimizer=OptimizerPlan(optimizer, lr), **settings)


def trained(family, network, train, the_plan, validation=None):
    return list(epochs(network, family, train, validation, the_plan))


def vector(network):
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()


LINE = 0.5 + design() @ torch.tensor([1.0, -2.0, 0.3], dtype=torch.float64) + 0.7 * noise()


def test_a_gaussian_with_fixed_scale_has_the_minimiser_of_the_mean_squared_error():
    sigma = 1.7
    family, network = task(fixed={"scale": sigma})
    history = trained(family, network, rows(design(), LINE), plan(count=20))
    basis = np.column_stack([design().numpy(), np.ones(N)])
    squares, (residual,), *_ = np.linalg.lstsq(basis, LINE.numpy(), rcond=None)
    weights = dict(network.named_parameters())
    ours = [*weights["branches.0.heads.0.weight"].detach()[0, :, 0].tolist(), float(weights["branches.0.heads.0.bias"].detach())]
    np.testing.assert_allclose(ours, squares, rtol=1e-6, atol=1e-7)
    # And the reported loss keeps the constants that the mean squared error drops.
    expected = math.log(sigma) + 0.5 * math.log(2 * math.pi) + residual / N / (2 * sigma**2)
    assert history[-1].train_nll == pytest.approx(expected, rel=1e-10)


def test_a_learned_scale_is_the_root_mean_squared_error():
    family, network = task(columns={"scale": ()})
    history = trained(family, network, rows(design(), LINE), plan(count=20))
    basis = np.column_stack([design().numpy(), np.ones(N)])
    residual = np.linalg.lstsq(basis, LINE.numpy(), rcond=None)[1][0]
    assert history[-1].train_nll == pytest.approx(0.5 * math.log(2 * math.pi * residual / N) + 0.5, rel=1e-8)


def test_a_poisson_regression_is_that_of_statsmodels():
    x = design() * 0.4
    rate = (0.3 + x @ torch.tensor([0.5, -1.0, 0.8], dtype=torch.float64)).exp()
    y = torch.poisson(rate, generator=torch.Generator().manual_seed(4))
    family, network = task("poisson")
    history = trained(family, network, rows(x, y), plan(count=20))
    reference = sm.GLM(y.numpy(), sm.add_constant(x.numpy()), family=sm.families.Poisson()).fit(tol=1e-12)
    # The floor of the activation, 1e-6, moves rates by as much.
    assert history[-1].train_nll == pytest.approx(-reference.llf / N, abs=1e-6)


def test_a_logistic_regression_is_that_of_statsmodels():
    y = (LINE + 2.0 * noise(9) > 0).double()
    family, network = task("bernoulli")
    history = trained(family, network, rows(design(), y), plan(count=20))
    reference = sm.Logit(y.numpy(), sm.add_constant(design().numpy())).fit(disp=0, tol=1e-12)
    assert history[-1].train_nll == pytest.approx(-reference.llf / N, abs=1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss(optimizer):
    family, network = task(hidden=(8,), dtype=torch.float32)
    x = design().float()
    before = mean_nll(network, family, rows(x, LINE))
    history = trained(family, network, rows(x, LINE), plan(optimizer, {"lbfgs": 1.0}.get(optimizer, 0.01), 6))
    assert mean_nll(network, family, rows(x, LINE)) < before - 0.3
    assert [epoch.number for epoch in history] == [1, 2, 3, 4, 5, 6]


def run(seed, **settings):
    family, network = task(hidden=(16,), seed=settings.pop("weights", 0), dtype=torch.float32, dropout=0.2)
    trained(family, network, rows(design().float(), LINE), plan("adam", 0.01, 4, seed=seed, gradient_clip=10.0))
    return vector(network)


def test_the_same_seed_gives_the_same_bytes():
    first = run(7)
    torch.rand(17)
    assert torch.equal(first, run(7))


def test_another_seed_gives_other_weights():
    assert not torch.equal(run(7), run(8))
    assert not torch.equal(run(7), run(7, weights=1))


def test_the_global_generator_is_left_alone():
    family, network = task(hidden=(16,), dropout=0.2)
    state = torch.random.get_rng_state()
    trained(family, network, rows(design(), LINE), plan("adam", 0.01, 2))
    assert torch.equal(torch.random.get_rng_state(), state)


def overfitting(patience, min_delta=0.0):
    family, network = task(hidden=(64, 64))
    x, y = design(), noise()
    kept, history = {}, []
    the_plan = plan("adam", 0.02, 60, patience=patience, min_delta=min_delta)
    for epoch in epochs(network, family, rows(x[:40], y[:40]), rows(x[40:], y[40:]), the_plan):
        history.append(epoch)
        if epoch.improved[0]:
            kept = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(kept)
    return history, mean_nll(network, family, rows(x[40:], y[40:]))


def test_early_stopping_keeps_the_best_epoch_and_waits_its_patience():
    history, kept = overfitting(patience=5)
    watched = [epoch.validation_nll for epoch in history]
    assert history[-1].best == min(watched) == pytest.approx(kept, rel=1e-12)
    assert history[-1].best_epoch == 1 + int(np.argmin(watched))
    assert len(history) == history[-1].best_epoch + 5 < 60
    assert [epoch.improved[0] for epoch in history] == [loss < min([math.inf, *watched[:place]]) for place, loss in enumerate(watched)]


def test_without_patience_all_epochs_are_done():
    assert len(overfitting(patience=None)[0]) == 60


def test_losses_are_reported_in_target_units():
    x, y = design(), LINE
    family, network = task()
    plain = trained(family, network, rows(x, y), plan(count=3), rows(x, y))
    family, network = task()
    moved = trained(family, network, rows(x, y), plan(count=3, constant=2.5, held_out_constant=2.5), rows(x, y))
    for one, other in zip(plain, moved, strict=True):
        assert other.train_nll - one.train_nll == pytest.approx(2.5)
        assert other.validation_nll - one.validation_nll == pytest.approx(2.5)
        assert other.best - one.best == pytest.approx(2.5)


@pytest.mark.parametrize("validation", [None, rows(design()[:0], LINE[:0])], ids=["none", "no rows"])
def test_without_validation_rows_there_is_no_validation_loss_and_the_training_loss_is_watched(validation):
    family, network = task()
    history = trained(family, network, rows(design(), LINE), plan(count=3), validation)
    assert all(math.isnan(epoch.validation_nll) for epoch in history)
    assert history[-1].best == min(epoch.train_nll for epoch in history)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_rows_of_weight_zero_do_not_matter(optimizer):
    x, wild = design(), LINE.clone()
    weight = torch.ones(N, dtype=torch.float64)
    weight[300:], wild[300:] = 0.0, 1e5
    every_row, without = (
        (rows(x, wild, weight), rows(x, wild, weight)),
        (rows(x[:300], LINE[:300]), rows(x[:300], LINE[:300])),
    )
    found = []
    for train, validation in (every_row, without):
        family, network = task()
        history = trained(family, network, train, plan(optimizer, 0.1 if optimizer == "adam" else 1.0, 5, batch_size=N), validation)
        found.append((history[-1].train_nll, history[-1].validation_nll))
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_a_weighted_row_counts_as_often_as_it_is_repeated():
    x, times = design(), torch.arange(N) % 3
    family, network = task()
    weighted = trained(family, network, rows(x, LINE, times.double()), plan(count=15))
    family, network = task()
    repeated = trained(family, network, rows(x.repeat_interleave(times, 0), LINE.repeat_interleave(times)), plan(count=15))
    assert weighted[-1].train_nll == pytest.approx(repeated[-1].train_nll, rel=1e-10)


def constant_location(y):
    """A network that is one number, trained by gradient steps whose error grows by |1 - lr| each."""
    family, network = task(fixed={"scale": 1.0}, columns={"loc": ()}, dtype=torch.float32)
    return family, network, rows(torch.zeros(len(y), 3), y)


@pytest.mark.slow
def test_a_learning_rate_that_gives_nan_is_halved_until_it_does_not():
    family, network, train = constant_location(torch.arange(1000, dtype=torch.float64) % 2)
    # 500 steps an epoch: factors of 5 and 2 leave float32, a factor of a half does not.
    history = trained(family, network, train, plan("sgd", 6.0, 3, batch_size=2))
    assert [epoch.learning_rate for epoch in history] == [1.5, 1.5, 1.5]
    assert [epoch.number for epoch in history] == [1, 2, 3]
    assert all(math.isfinite(epoch.train_nll) for epoch in history)


def test_after_three_returns_the_fit_gives_up_and_leaves_the_last_good_weights():
    family, network, train = constant_location(torch.arange(1000, dtype=torch.float64) % 2)
    before = vector(network)
    with pytest.raises(NotFinite) as caught:
        trained(family, network, train, plan("sgd", 1e3, 3, batch_size=2))
    fault = caught.value
    assert torch.equal(vector(network), before)
    assert fault.epoch == 1
    assert fault.batch > 1
    assert fault.parameter == "loc"
    assert abs(fault.value) > 1e15
    assert 0 <= fault.row < 1000
    assert fault.findings[0].code == "not-finite"


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_row_without_a_likelihood_is_named(optimizer):
    y = LINE.clone()
    y[123] = math.nan
    family, network = task()
    with pytest.raises(NotFinite) as caught:
        trained(family, network, rows(design(), y), plan(optimizer, 0.01, 3))
    assert caught.value.row == 123


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_stop_ends_after_the_batch_at_hand_with_an_epoch(optimizer):
    family, network = task()
    asked = []

    def stop():
        asked.append(True)
        return True

    history = list(epochs(network, family, rows(design(), LINE), None, plan(optimizer, 0.01, 50), stop))
    assert len(history) == 1
    assert 1 <= len(asked) <= 2
    assert math.isfinite(history[0].train_nll)


def test_a_reader_may_leave_at_any_epoch():
    family, network = task()
    assert len(list(islice(epochs(network, family, rows(design(), LINE), None, plan("adam", 0.01, 50)), 2))) == 2


def test_the_gradient_is_clipped():
    before = []
    for clip in (None, 1e-3):
        family, network = task()
        start = vector(network)
        trained(family, network, rows(design(), LINE * 100), plan("sgd", 1e-3, 1, batch_size=N, gradient_clip=clip))
        before.append(float((vector(network) - start).norm()))
    assert before[0] > 1e-3
    # One step of lr times a gradient of length 1e-3.
    assert before[1] == pytest.approx(1e-6, rel=1e-3)


def test_a_plateau_lowers_the_learning_rate():
    family, network = task(columns={"loc": (), "scale": ()})
    schedule = SchedulePlan("plateau", factor=0.5, patience=2)
    # Trained to its optimum first, so that no epoch is better than the one before.
    train = rows(design(), LINE)
    trained(family, network, train, plan(count=10))
    history = trained(family, network, train, plan("sgd", 1e-3, 9, batch_size=N, schedule=schedule, min_delta=1e-3))
    assert [epoch.learning_rate for epoch in history] == [1e-3 / 2**stalls for stalls in (0, 0, 1, 1, 2, 2, 3, 3, 4)]


def test_training_from_the_marginal_fit_never_starts_above_it():
    family, network = task("gamma", hidden=(16,))
    y = (LINE / 3).exp()
    train = rows(design(), y)
    raw = marginal_raw(family, network.outputs, train)
    constant = family.distribution(**{
        o.parameter.name: o.activation.forward(raw[o.parameter.name]) for o in network.outputs
    }).log_prob(y).mean()  # fmt: skip
    network.start(raw, torch.Generator().manual_seed(0))
    assert mean_nll(network, family, train) == pytest.approx(-float(constant), abs=0.02)
