"""The screen of scores says of each metric what the table of metrics says."""

from __future__ import annotations

import pytest

from disttrain.cli import tables
from disttrain.metrics import METRICS

WORDS = {"lower": ("lower is better", "0 is calibrated"), "higher": ("higher is better",)}
NOMINAL = [name for name, metric in METRICS.items() if metric.better == "nominal"]


def test_the_screen_knows_metrics_that_there_are():
    assert {*tables._BETTER, *tables._PER_CENT, *tables._PLAIN_GAINS} <= set(METRICS)
    # Its nominal level stands in the place of a direction.
    assert NOMINAL == ["coverage"]


@pytest.mark.parametrize("name", sorted({*METRICS} - {*NOMINAL}))
def test_the_screen_says_which_way_is_better(name):
    assert tables._BETTER.get(name, "lower is better").startswith(WORDS[METRICS[name].better])


def test_only_shares_are_shown_in_per_cent():
    assert {METRICS[name].unit for name in tables._PER_CENT} == {"share"}


def test_a_gain_in_nats_is_no_share_of_the_baseline_and_one_in_units_of_the_target_is():
    units = {name: metric.unit for name, metric in METRICS.items()}
    assert {name for name, unit in units.items() if unit == "nats"} <= set(tables._PLAIN_GAINS)
    assert not {name for name, unit in units.items() if unit == "target"} & set(tables._PLAIN_GAINS)
