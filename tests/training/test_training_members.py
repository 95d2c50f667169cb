"""Training members side by side is training each alone: same steps, own order of rows, own best epoch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from disttrain.data.batches import order
from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, SchedulePlan, epochs, mean_nll, trainer
from disttrain.training.row_losses import member_nll

MEMBERS, N = 3, 150
X = torch.randn(N, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
NOISE = torch.randn(N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = X @ torch.tensor([1.0, -2.0, 0.3], dtype=torch.float64) + 0.7 * NOISE
WEIGHT = torch.linspace(0.5, 2.0, N, dtype=torch.float64)


def rows(start=0, stop=N, y=Y, weight=None):
    return RowTensors(X[start:stop], Outcome.exact(y[start:stop]), None if weight is None else weight[start:stop])


def task(members=MEMBERS, **layout):
    family = build("normal", {})
    outputs = [Output(parameter, activation_for(parameter)) for parameter in family.parameters]
    layout = Layout(3, **({"hidden": (8,), "members": members} | layout))
    return family, Network(layout, outputs, torch.Generator().manual_seed(2)).to(torch.float64)


def alone(ensemble, member, **layout):
    family, single = task(1, **layout)
    single.load_state_dict({name: value[member : member + 1].clone() for name, value in ensemble.state_dict().items()})
    return family, single


def plan(optimizer="adam", lr=0.01, count=2, **settings):
    settings = {"batch_size": 40, "schedule": SchedulePlan("constant"), "seed": 5} | settings
    return Plan(count, optimizer=OptimizerPlan(optimizer, lr), **settings)


CASES = {
    "adam": (plan(), {}, None),
    "adamw, weights": (plan("adamw"), {}, WEIGHT),
    "sgd, clipped": (plan("sgd", 0.05, gradient_clip=0.3), {}, None),
    "batch normalization": (plan(), {"normalization": "batch"}, None),
    "residual, periodic": (plan(), {"hidden": (8, 8), "residual": True, "numbers": (0, 1, 2), "numeric_embedding": "periodic"}, None),
}


@pytest.mark.parametrize(("the_plan", "layout", "weight"), CASES.values(), ids=CASES)
def test_a_member_takes_the_steps_it_would_take_alone(the_plan, layout, weight, monkeypatch):
    family, ensemble = task(**layout)
    ensemble.start({name: torch.zeros(1) for name in ("loc", "scale")}, torch.Generator().manual_seed(3), X)
    singles = [alone(ensemble, member, **layout)[1] for member in range(MEMBERS)]
    together = list(epochs(ensemble, family, rows(0, 120, weight=weight), rows(120, N), the_plan))
    losses = []
    for member, single in enumerate(singles):
        # A network alone sees the rows in the order of member 0.
        monkeypatch.setattr(trainer, "order", lambda seed, epoch, n, _=0, member=member: order(seed, epoch, n, member))
        losses.append(list(epochs(single, family, rows(0, 120, weight=weight), rows(120, N), the_plan)))
        for name, value in single.state_dict().items():
            # A gradient that is 0 but for rounding, 1e-17 say, moves a weight by lr 1e-17/1e-8: Adam divides by no less.
            torch.testing.assert_close(ensemble.state_dict()[name][member], value[0], rtol=1e-9, atol=1e-9)
    for place, epoch in enumerate(together):
        assert epoch.train_nll == pytest.approx(np.mean([history[place].train_nll for history in losses]), rel=1e-9)
        assert epoch.validation_nll == pytest.approx(np.mean([history[place].validation_nll for history in losses]), rel=1e-9)


def test_members_of_full_batches_end_where_each_ends_alone():
    # Least squares has one minimum, whichever way L-BFGS takes for all of them together.
    family, ensemble = task(hidden=())
    list(epochs(ensemble, family, rows(), None, plan("lbfgs", 1.0, 20)))
    _, single = task(1, hidden=())
    list(epochs(single, family, rows(), None, plan("lbfgs", 1.0, 20)))
    torch.testing.assert_close(member_nll(ensemble, family, rows()), member_nll(single, family, rows()).expand(MEMBERS), rtol=1e-6, atol=0)


def test_each_member_has_an_order_of_its_own():
    orders = [tuple(order(1, epoch, 50, member).tolist()) for epoch in (1, 2) for member in range(4)]
    assert len(set(orders)) == len(orders)
    assert all(sorted(each) == list(range(50)) for each in orders)
    assert torch.equal(order(1, 2, 50, 0), order(1, 2, 50))


def overfitted(patience):
    """A history on noise, the weights of each member at the last epoch that was its best, and each member's validation losses."""
    family, network = task(hidden=(32, 32))
    train, held_out = rows(0, 40, NOISE), rows(40, N, NOISE)
    best = {name: value.clone() for name, value in network.state_dict().items()}
    history, losses = [], [member_nll(network, family, held_out)]
    for epoch in epochs(network, family, train, held_out, plan("adam", 0.02, 40, patience=patience)):
        history.append(epoch)
        losses.append(member_nll(network, family, held_out))
        network.train()
        for name, value in network.state_dict().items():
            best[name][torch.tensor(epoch.improved)] = value[torch.tensor(epoch.improved)]
    network.load_state_dict(best)
    return history, member_nll(network, family, held_out), torch.stack(losses)


def test_each_member_is_kept_at_its_own_best_epoch():
    history, kept, losses = overfitted(patience=6)
    torch.testing.assert_close(kept, losses.amin(0))
    places = losses.argmin(0).tolist()
    assert len(set(places)) > 1
    assert history[-1].best == pytest.approx(float(losses.amin(0).mean()), rel=1e-12)
    assert history[-1].best_epoch == max(places)


def test_the_loop_ends_when_the_last_member_has_waited_long_enough():
    history, _, losses = overfitted(patience=6)

    # Each is over for the first time so many epochs after its best so far; the last of them ends the loop.
    def over(member):
        best, waited = math.inf, 0
        for epoch, loss in enumerate(losses[:, member].tolist()):
            best, waited = (loss, 0) if loss < best else (best, waited + 1)
            if waited >= 6:
                return epoch
        return len(losses)

    assert len(history) >= max(over(member) for member in range(MEMBERS))
    assert len(history) < 40


def test_the_mean_over_members_is_reported():
    family, network = task()
    each = member_nll(network, family, rows(weight=WEIGHT))
    assert each.shape == (MEMBERS,)
    assert mean_nll(network, family, rows(weight=WEIGHT)) == pytest.approx(float(each.mean()), rel=1e-12)
    for member, expected in enumerate(each.tolist()):
        assert mean_nll(alone(network, member)[1], family, rows(weight=WEIGHT)) == pytest.approx(expected, rel=1e-12)
