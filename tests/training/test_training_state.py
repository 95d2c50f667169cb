"""Where a loop stands between two epochs is all that the epochs to come depend on."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from disttrain.training import OptimizerPlan, SchedulePlan, TrainingState, epochs, optimizers
from disttrain.training.early_stopping import EarlyStopping
from disttrain.training.flat_parameters import FlatParameters
from tests.training.test_training_loop import LINE, N, constant_location, design, plan, rows, task, vector

WAYS = {
    "adamw": {"optimizer": "adamw", "lr": 0.01, "schedule": SchedulePlan("cosine", warmup_epochs=2)},
    "sgd": {"optimizer": "sgd", "lr": 0.05, "schedule": SchedulePlan("plateau", patience=1)},
    "lbfgs": {"optimizer": "lbfgs", "lr": 1.0, "count": 6},
}
STYLE = {"dropout": 0.3, "normalization": "batch", "residual": True}


def told(epoch):
    """An epoch without its clock."""
    return repr(replace(epoch, seconds=0.0, rows_per_second=0.0))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_loop_begun_where_another_stood_goes_on_to_the_same_bits(way):
    train, held_out = rows(design()[: N // 2], LINE[: N // 2]), rows(design()[N // 2 :], LINE[N // 2 :])
    family, network = task(hidden=(6, 6), **STYLE)
    the_plan = plan(**{"count": 8, "patience": 6, **WAYS[way]})
    stands = []
    whole = list(epochs(network, family, train, held_out, the_plan, keep=stands.append))
    for stand in stands:
        before = copy.deepcopy(vars(stand))
        other = task(hidden=(6, 6), seed=99, **STYLE)[1]
        rest = list(epochs(other, family, train, held_out, the_plan, initial_state=stand))
        assert [told(epoch) for epoch in rest] == [told(epoch) for epoch in whole[stand.epoch :]]
        assert torch.equal(vector(other), vector(network))
        # Nobody has stepped in it: it can be begun from again, and written late.
        assert repr(vars(stand)) == repr(before)


@pytest.mark.slow
def test_a_learning_rate_that_was_halved_stays_so():
    family, network, train = constant_location(torch.arange(1000, dtype=torch.float64) % 2)
    the_plan, stands = plan("sgd", 6.0, 3, batch_size=2), []
    whole = list(epochs(network, family, train, None, the_plan, keep=stands.append))
    assert [(stand.epoch, stand.rollbacks) for stand in stands] == [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (3, 2)]
    for stand in stands:
        other = constant_location(torch.zeros(2))[1]
        rest = list(epochs(other, family, train, None, the_plan, initial_state=stand))
        assert [told(epoch) for epoch in rest] == [told(epoch) for epoch in whole[stand.epoch :]]
        assert torch.equal(vector(other), vector(network))


def test_the_clock_goes_on():
    family, network = task(hidden=(4,))
    stands = []
    list(epochs(network, family, rows(design(), LINE), None, plan("adam", 0.01, 2), keep=stands.append))
    late = replace(stands[1], seconds=1000.0)
    assert next(epochs(network, family, rows(design(), LINE), None, plan("adam", 0.01, 2), initial_state=late)).seconds > 1000.0


def test_an_epoch_that_was_stopped_is_begun_anew():
    family, network = task(hidden=(4,), dropout=0.3)
    train, stands, asked = rows(design(), LINE), [], iter(range(100))
    halves = list(epochs(network, family, train, None, plan("adam", 0.01, 3), lambda: next(asked) > 9, keep=stands.append))
    assert (len(halves), stands[-1].epoch) == (2, 1)


def test_the_state_of_another_network_is_refused():
    family, network = task(hidden=(4,))
    descent = optimizers.build_optimizer(FlatParameters(network).weights, OptimizerPlan("adam", 0.1))
    stands = []
    list(epochs(network, family, rows(design(), LINE), None, plan("adam", 0.01, 1), keep=stands.append))
    for other in (task(hidden=(5,))[1], task(hidden=(4,), dropout=0.1)[1], task(hidden=(4,), dtype=torch.float32)[1]):
        before = vector(other)
        with pytest.raises(ValueError, match="another network"):
            stands[-1].restore(other, descent)
        assert torch.equal(vector(other), before)


def test_each_generator_of_a_network_is_kept_once():
    _, network = task(hidden=(4, 4), dropout=0.1)
    other = torch.Generator().manual_seed(8)
    network.branches[0].more = [other, (), None]
    descent = optimizers.build_optimizer(FlatParameters(network).weights, OptimizerPlan("adam", 0.1))
    kept = TrainingState.of(network, descent, [EarlyStopping(None)]).generators
    assert len(kept) == 2
    assert any(torch.equal(state, other.get_state()) for state in kept)
