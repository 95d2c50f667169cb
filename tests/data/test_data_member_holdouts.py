"""The rows that each member holds out: of its own, all about equally often, whole groups together, and blocks of time without a gap."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disttrain.data import MEMBER_HOLDOUTS, member_holdouts
from disttrain.errors import DataError
from tests.data.test_data_splits import table_of


@pytest.mark.parametrize(("members", "share"), [(4, 0.1), (3, 0.5), (8, 0.15), (2, 0.999)])
def test_each_member_holds_out_a_share_of_its_own_and_none_twice_before_all_once(members, share):
    table = table_of(203)
    shares = np.stack(member_holdouts(table, members, share, exclude=("y",)))
    assert shares.shape == (members, min(round(share * 203), 202))
    assert (np.diff(shares, axis=1) > 0).all()
    times = np.bincount(shares.ravel(), minlength=203)
    assert times.max() - times.min() <= 1
    assert not np.array_equal(shares[0], shares[1])


def test_the_shares_of_members_are_the_same_rows_in_any_order_and_others_for_another_seed():
    table = table_of(200)
    order = np.random.default_rng(1).permutation(200)
    shares = np.stack(member_holdouts(table, 3, 0.2, exclude=("y",)))
    shuffled = np.stack(member_holdouts(table.take(pa.array(order)).select(["y", "s", "x", "day", "k"]), 3, 0.2, exclude=("y",)))
    assert np.array_equal(np.sort(order[shuffled], axis=1), shares)
    assert not np.array_equal(np.stack(member_holdouts(table, 3, 0.2, seed=1, exclude=("y",))), shares)


def test_a_single_row_cannot_be_held_out_by_anyone():
    with pytest.raises(DataError, match="only 1 row"):
        member_holdouts(table_of(1), 2, 0.5)


def times_held_out(shares, rows):
    return np.bincount(np.concatenate(shares), minlength=rows)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=20, max_size=60), st.integers(1, 12), st.floats(0.02, 0.6), st.integers(0, 9))
def test_members_hold_out_whole_groups_all_about_equally_often(sizes, members, share, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    shares = MEMBER_HOLDOUTS["group"](groups, members, share)
    assert len(shares) == members
    for rows in shares:
        assert (np.diff(rows) > 0).all()
        assert not set(groups[rows]) & set(np.delete(groups, rows))
        # The nearest number of rows: no more than half a group away.
        assert abs(len(rows) - share * len(groups)) <= max(sizes) / 2 + 1 or len(set(groups[rows])) == 1
    times = times_held_out(shares, len(groups))
    assert times.max() - times.min() <= 1


def test_a_giant_group_stays_with_the_training_rows_of_every_member():
    groups = np.repeat(np.arange(6), [500, 40, 60, 50, 50, 60])
    shares = MEMBER_HOLDOUTS["group"](groups, 5, 0.1)
    assert set(np.concatenate([groups[rows] for rows in shares]).tolist()) == {1, 2, 3, 4, 5}


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 300), st.integers(1, 12), st.floats(0.01, 0.95), st.integers(0, 9))
def test_members_hold_out_blocks_of_time_without_a_training_row_inside(rows, members, share, seed):
    newest_first = np.random.default_rng(seed).permutation(rows)
    shares = MEMBER_HOLDOUTS["time"](newest_first, members, share)
    count = min(max(round(share * rows), 1), rows - 1)
    for held_out in shares:
        ranks = np.sort(newest_first[held_out])
        assert np.array_equal(ranks, np.arange(ranks[0], ranks[0] + count))
    # The newest are held out first, and one round of members holds out every row once or twice.
    assert newest_first[shares[0]].min() == 0
    round_of = -(-rows // count)
    if members >= round_of:
        times = times_held_out(shares[:round_of], rows)
        assert 1 <= times.min() <= times.max() <= 2
    assert times_held_out(shares, rows).max() <= 2 * -(-members // round_of)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=12), st.integers(1, 8), st.floats(0.02, 0.95))
def test_equal_times_are_on_one_side_and_every_member_has_rows_of_both(sizes, members, share):
    times = np.repeat(np.arange(len(sizes)), sizes)
    for rows in MEMBER_HOLDOUTS["time"](times, members, share):
        held_out, trained = set(times[rows].tolist()), set(np.delete(times, rows).tolist())
        assert held_out
        assert trained
        assert not held_out & trained
        assert len(held_out) == max(held_out) - min(held_out) + 1


@pytest.mark.parametrize(("rule", "ranks"), [("group", [7] * 30), ("group", [7] * 30 + [8] * 3), ("time", [4] * 30)])
def test_too_few_groups_or_times_are_refused_with_the_way_out(rule, ranks):
    with pytest.raises(DataError) as caught:
        MEMBER_HOLDOUTS[rule](np.array(ranks), 4, 0.2)
    finding = caught.value.findings[0]
    assert finding.code == "empty-split"
    assert "members cannot hold out rows of their own" in finding.what
    assert any("per_member" in hint for hint in finding.hints)
