"""Members that each hold out rows of their own: each trains as it would alone on its own rows, and stops by its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from disttrain.data.batches import order
from disttrain.families import activation_for, build
from disttrain.networks import Layout, Network, Output
from disttrain.outcomes import Outcome
from disttrain.training import OptimizerPlan, Plan, RowTensors, SchedulePlan, epochs, trainer
from disttrain.training.row_losses import member_nll

MEMBERS, N, HELD = 3, 120, 24
X = torch.randn(N, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
NOISE = torch.randn(N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = X @ torch.tensor([1.0, -2.0, 0.3], dtype=torch.float64) + 0.7 * NOISE
WEIGHT = torch.linspace(0.5, 2.0, N, dtype=torch.float64)
PLACES = torch.stack([torch.randperm(N, generator=torch.Generator().manual_seed(member))[:HELD].sort()[0] for member in range(MEMBERS)])


def rows(weight=None):
    return RowTensors(X, Outcome.exact(Y), weight)


def task(members=MEMBERS, hidden=(8,)):
    family = build("normal", {})
    outputs = [Output(parameter, activation_for(parameter)) for parameter in family.parameters]
    layout = Layout(3, hidden=hidden, members=members)
    return family, Network(layout, outputs, torch.Generator().manual_seed(2)).to(torch.float64)


def alone(ensemble, member, hidden=(8,)):
    family, single = task(1, hidden)
    single.load_state_dict({name: value[member : member + 1].clone() for name, value in ensemble.state_dict().items()})
    return family, single


def without(places):
    keep = torch.ones(N, dtype=torch.bool)
    keep[places] = False
    return keep.nonzero().flatten()


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_a_member_trains_and_is_judged_as_it_would_be_alone_on_its_own_rows(weight, monkeypatch):
    plan = Plan(3, 40, OptimizerPlan("adam", 0.01), SchedulePlan("constant"), seed=5)
    family, ensemble = task()
    singles = [alone(ensemble, member)[1] for member in range(MEMBERS)]
    every = rows(weight)
    together = list(epochs(ensemble, family, *every.held_out(PLACES), plan))
    losses = []
    for member, single in enumerate(singles):
        monkeypatch.setattr(trainer, "order", lambda seed, epoch, n, _=0, member=member: order(seed, epoch, n, member))
        losses.append(list(epochs(single, family, every[without(PLACES[member])], every[PLACES[member]], plan)))
        for name, value in single.state_dict().items():
            torch.testing.assert_close(ensemble.state_dict()[name][member], value[0], rtol=1e-9, atol=1e-9)
    for place, epoch in enumerate(together):
        assert epoch.train_nll == pytest.approx(np.mean([history[place].train_nll for history in losses]), rel=1e-9)
        assert epoch.validation_nll == pytest.approx(np.mean([history[place].validation_nll for history in losses]), rel=1e-9)


def test_full_batches_end_at_the_least_squares_of_each_member():
    family, ensemble = task(hidden=())
    list(epochs(ensemble, family, rows().held_out(PLACES)[0], None, Plan(20, 1, OptimizerPlan("lbfgs", 1.0), SchedulePlan("constant"))))
    found = ensemble.raw(X)["loc"].reshape(MEMBERS, N)
    for member in range(MEMBERS):
        own = without(PLACES[member])
        x = torch.cat([X, torch.ones(N, 1, dtype=torch.float64)], 1)
        # The spread depends on the inputs too: weighted least squares under the spreads found.
        scale = ensemble(X)["scale"].reshape(MEMBERS, N)[member][own].detach()
        expected = torch.linalg.lstsq(x[own] / scale[:, None], (Y[own] / scale)[:, None]).solution
        torch.testing.assert_close(found[member], (x @ expected).flatten(), rtol=0, atol=1e-4)


def test_what_a_member_has_and_what_it_holds_out_are_all_rows_once():
    trained = rows().held_out(PLACES)[0].member_rows
    for member in range(MEMBERS):
        assert sorted([*trained[member].tolist(), *PLACES[member].tolist()]) == list(range(N))
    assert len(rows().held_out(PLACES)[0]) == N - HELD
    assert len(rows().with_member_rows(PLACES)) == HELD


def test_held_out_rows_are_scored_under_their_own_member():
    family, ensemble = task()
    each = member_nll(ensemble, family, rows(WEIGHT).with_member_rows(PLACES))
    for member in range(MEMBERS):
        expected = member_nll(alone(ensemble, member)[1], family, rows(WEIGHT)[PLACES[member]])
        assert float(each[member]) == pytest.approx(float(expected), rel=1e-12)


def test_a_target_that_is_not_finite_is_named_by_its_place_among_all_rows():
    family, ensemble = task()
    y = Y.clone()
    y[7] = torch.nan
    held = PLACES.clone()
    held[held == 7] = 8
    bad = RowTensors(X, Outcome.exact(y)).held_out(held)[0]
    with pytest.raises(trainer.NotFinite) as caught:
        list(epochs(ensemble, family, bad, None, Plan(2, 40, OptimizerPlan("adam", 0.01), SchedulePlan("constant"))))
    assert caught.value.row == 7


# Whole groups make shares of unequal length.
UNEQUAL = tuple(PLACES[member][: HELD - 7 * member] for member in range(MEMBERS))


@pytest.mark.slow
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_members_with_shares_of_unequal_length_are_fitted_and_judged_by_their_own_rows_alone(weight):
    family, ensemble = task(hidden=())
    trained, held_out = rows(weight).held_out(UNEQUAL)
    plan = Plan(20, 1, OptimizerPlan("lbfgs", 1.0), SchedulePlan("constant"))
    *_, last = epochs(ensemble, family, trained, held_out, plan)
    expected = []
    for member, places in enumerate(UNEQUAL):
        single = task(1, hidden=())[1]
        list(epochs(single, family, rows(weight)[without(places)], None, plan))
        of_member = ensemble.raw(X)["loc"].reshape(MEMBERS, N)[member]
        torch.testing.assert_close(of_member, single.raw(X)["loc"].reshape(N), rtol=0, atol=1e-4)
        expected.append(float(member_nll(alone(ensemble, member, ())[1], family, rows(weight)[places])))
    assert last.validation_nll == pytest.approx(np.mean(expected), rel=1e-9)


def test_rows_that_fill_up_a_shorter_share_have_no_weight():
    trained, held_out = rows(WEIGHT).held_out(UNEQUAL)
    for member, places in enumerate(UNEQUAL):
        assert trained.weight[trained.member_rows[member]].sum() == pytest.approx(float(WEIGHT[without(places)].sum()))
        assert held_out.weight[held_out.member_rows[member]].sum() == pytest.approx(float(WEIGHT[places].sum()))
