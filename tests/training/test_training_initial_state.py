"""Epoch 0 is the constant model, for each member, by the rows that are watched."""

from __future__ import annotations

import pytest
import torch

from disttrain.training import better_start, epochs, marginal_raw, mean_nll, member_nll, start_linear, start_of
from disttrain.training.marginal_fit import loss_chunks
from tests.training.test_training_linear_start import LINE, MEMBERS, PLAN, WAVE, X, task
from tests.training.test_training_loop import plan, rows


def test_the_start_has_the_losses_of_the_constant_model_and_changes_no_weight():
    family, network, _, held = task(LINE)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start = start_of(network, family, held)
    assert start.constant == (True,) * MEMBERS
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    # `task` starts at the marginal fit of all rows.
    raw = marginal_raw(family, network.outputs, rows(X, LINE))
    expected = float(sum(loss_chunks(family, network.outputs, raw, held)))
    assert start.losses.tolist() == pytest.approx([expected] * MEMBERS, rel=1e-12)
    network.load_state_dict(start.weights, strict=False)
    torch.testing.assert_close(member_nll(network, family, held), start.losses, rtol=0, atol=0)
    assert len(set(start.losses.tolist())) == 1


@pytest.mark.parametrize(
    ("y", "better"), [(LINE, True), (WAVE[torch.randperm(len(WAVE), generator=torch.Generator().manual_seed(0))], False)]
)
def test_a_linear_start_counts_for_the_members_that_it_suits(y, better):
    family, network, train, held = task(y)
    plain = start_of(network, family, held)
    start_linear(network, family, train, held, PLAN)
    start = better_start(network, family, held, plain)
    assert bool((start.losses <= plain.losses).all())
    assert start.constant == tuple((start.losses == plain.losses).tolist())
    if better:
        assert start.constant == (False,) * MEMBERS


def test_epochs_that_are_no_better_than_the_losses_of_the_start_are_never_the_best():
    family, network, train, held = task(LINE)
    least = torch.full((MEMBERS,), -1e9, dtype=torch.float64)
    history = list(epochs(network, family, train, held, plan("adam", 0.01, 3), start=least))
    assert {epoch.best_epoch for epoch in history} == {0}
    assert all(epoch.improved == (False,) * MEMBERS for epoch in history)


def test_without_validation_rows_an_epoch_is_scored_by_the_weights_it_ended_with():
    family, network, train, _ = task(LINE)
    for epoch in epochs(network, family, train, None, plan("adam", 0.05, 4, batch_size=32)):
        assert epoch.train_nll == mean_nll(network, family, train)
