"""Supports: sets that can be compared, tested and said in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from disttrain.families import on

SETS = {
    "real": on.real, "positive": on.positive, "nonnegative": on.nonnegative, "unit": on.unit, "counts": on.counts,
    "zero_or_one": on.zero_or_one, "above 2": on.greater_than(2.0), "(-1, 1)": on.interval(-1.0, 1.0), "classes": on.classes(3),
}  # fmt: skip
VALUES = np.array([-3.0, -1.0, -0.5, 0.0, 1e-300, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 1e300])


@pytest.mark.parametrize("inner", SETS)
@pytest.mark.parametrize("outer", SETS)
def test_within_means_that_every_value_is_contained(inner, outer):
    inside = SETS[inner].contains(VALUES)
    if SETS[inner].within(SETS[outer]):
        assert bool(SETS[outer].contains(VALUES)[inside].all())
    else:
        assert not bool(SETS[outer].contains(VALUES)[inside].all())


@pytest.mark.parametrize("name", SETS)
def test_numbers_arrays_and_tensors_are_judged_alike_and_nan_and_infinities_lie_nowhere(name):
    assert SETS[name].contains(torch.from_numpy(VALUES)).tolist() == SETS[name].contains(VALUES).tolist()
    assert [bool(SETS[name].contains(float(value))) for value in VALUES] == SETS[name].contains(VALUES).tolist()
    assert not SETS[name].contains(np.array([np.nan, np.inf, -np.inf])).any()


def test_the_simplex_holds_positive_shares_that_sum_to_one():
    shares = torch.tensor([[0.2, 0.8], [0.0, 1.0], [0.3, 0.3], [-0.1, 1.1]], dtype=torch.float64)
    assert on.simplex.contains(shares).tolist() == [True, False, False, False]
    assert on.simplex.within(on.simplex)
    assert not on.simplex.within(on.unit)


@pytest.mark.parametrize(
    ("support", "words"),
    [
        (on.real, "any real y"), (on.positive, "y > 0"), (on.nonnegative, "y >= 0"), (on.unit, "0 < y < 1"), (on.counts, "y = 0, 1, 2, ..."),
        (on.zero_or_one, "y = 0, 1"), (on.classes(3), "y = 0, 1, 2"), (on.classes(4), "y = 0, 1, 2, 3"),
        (on.classes(5), "y = 0, 1, 2, ..., 4"), (on.greater_than(2.0), "y > 2"),
        (on.simplex, "y > 0, summing to 1"), (on.Support(upper=0.0), "y < 0"),
    ],
)  # fmt: skip
def test_a_support_in_words(support, words):
    assert support.text("y") == words
