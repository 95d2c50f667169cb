"""The plan of training follows from the number of rows where the config leaves it open."""

from __future__ import annotations

import math

import pytest

from disttrain import config
from disttrain.preparation.training_plan import plan_of


def plan(rows, **training):
    return plan_of(
        config.parse({"distribution": "normal", "data": {"train": "a", "target": "y", "features": ["x"]}, "training": training}), rows
    )


@pytest.mark.parametrize("rows", [2, 30, 277, 900, 5_000, 100_000, 3_000_000])
@pytest.mark.parametrize("batch_size", ["auto", 16, 4_096])
def test_automatic_epochs_are_the_fewest_of_two_thousand_steps_within_bounds(rows, batch_size):
    found = plan(rows, epochs="auto", batch_size=batch_size)
    steps = math.ceil(rows / found.batch_size)
    assert 80 <= found.epochs <= 300
    assert found.epochs == 300 or found.epochs * steps >= 2_000
    assert found.epochs == 80 or (found.epochs - 1) * steps < 2_000


def test_a_number_of_epochs_is_meant():
    assert plan(900, epochs=7).epochs == 7
    assert plan(900, epochs="auto", optimizer="lbfgs").epochs == 300
