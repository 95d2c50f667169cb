"""Epochs over tensors in memory: every row once, in an order that the seed and the epoch alone fix."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain.data import batches, bounds, order


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    first = order(3, 5, 100)
    torch.manual_seed(0)
    order(3, 4, 7)
    assert torch.equal(order(3, 5, 100), first)
    assert sorted(first.tolist()) == list(range(100))
    assert len({tuple(order(seed, epoch, 50).tolist()) for seed in range(5) for epoch in range(5)}) == 25


def test_the_order_leaves_torchs_own_generator_alone():
    before = torch.get_rng_state()
    order(0, 0, 1000)
    assert torch.equal(torch.get_rng_state(), before)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.integers(1, 50))
def test_every_row_is_in_one_batch_and_none_stands_alone(n, size):
    cuts = bounds(n, size)
    assert [row for start, stop in cuts for row in range(start, stop)] == list(range(n))
    assert all(stop - start == size for start, stop in cuts[:-1])
    if size > 1 and n > 1:
        assert all(stop - start > 1 for start, stop in cuts)


@pytest.mark.parametrize("given_order", [True, False])
def test_rows_of_all_tensors_stay_together_and_none_stays_none(given_order):
    x, y = torch.arange(22.0).reshape(11, 2), torch.arange(11.0)
    rows = order(0, 0, 11) if given_order else None
    parts = list(batches((x, y, None), 4, rows))
    assert [len(part[0]) for part in parts] == [4, 4, 3]
    assert all(part[2] is None and torch.equal(part[0][:, 0], 2 * part[1]) for part in parts)
    assert torch.equal(torch.cat([part[1] for part in parts]), y if rows is None else y[rows])
    assert torch.equal(y, torch.arange(11.0))
