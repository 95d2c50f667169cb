"""The distribution of every family takes plain numbers, lists and arrays where it takes tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.families.family_cases import FAMILY, NUMBERS, distribution, targets

METHODS = ("log_prob", "cdf", "icdf", "survival", "log_cdf", "log_survival", "probability_at")


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_the_same_number_in_every_row(name):
    made, asked = distribution(name), 0
    y = float(targets(FAMILY[name])[1])
    for method in METHODS:
        ask = getattr(made, method, None)
        value = 0.4 if method == "icdf" else y
        try:
            expected = None if ask is None else ask(torch.full((3,), value, dtype=torch.float64))
        except NotImplementedError:
            continue
        if expected is None:
            continue
        asked += 1
        for given in (value, np.float64(value), [value] * 3, np.full(3, value)):
            assert torch.equal(ask(given), expected), method
        if value == int(value):
            assert torch.equal(ask(int(value)), expected)
    assert asked >= 2
