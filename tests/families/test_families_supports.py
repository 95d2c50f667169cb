"""Supports: sets that can be compared, tested and said in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from disttrain.families import supports

SETS = {
    "real": supports.real, "positive": supports.positive, "nonnegative": supports.nonnegative, "unit": supports.unit, "counts": supports.counts,
    "zero_or_one": supports.zero_or_one, "above 2": supports.greater_than(2.0), "(-1, 1)": supports.interval(-1.0, 1.0), "classes": supports.classes(3),
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
    assert supports.simplex.contains(shares).tolist() == [True, False, False, False]
    assert supports.simplex.within(supports.simplex)
    assert not supports.simplex.within(supports.unit)


@pytest.mark.parametrize(
    ("support", "words"),
    [
        (supports.real, "any real y"), (supports.positive, "y > 0"), (supports.nonnegative, "y >= 0"), (supports.unit, "0 < y < 1"),
        (supports.counts, "y = 0, 1, 2, ..."),
        (supports.zero_or_one, "y = 0, 1"), (supports.classes(3), "y = 0, 1, 2"), (supports.classes(4), "y = 0, 1, 2, 3"),
        (supports.classes(5), "y = 0, 1, 2, ..., 4"), (supports.greater_than(2.0), "y > 2"),
        (supports.simplex, "y > 0, summing to 1"), (supports.Support(upper=0.0), "y < 0"),
    ],
)  # fmt: skip
def test_a_support_in_words(support, words):
    assert support.text("y") == words
