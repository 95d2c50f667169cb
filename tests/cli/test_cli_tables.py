"""The screen of scores says of each metric what the table of metrics says."""

from __future__ import annotations

import pytest

from disttrain.cli import tables
from disttrain.evaluation.result import Score
from disttrain.metrics import METRICS

WORDS = {"lower": ("lower is better", "0 is calibrated"), "higher": ("higher is better",), "nominal": ("nominal 90 %",)}


def test_the_screen_knows_metrics_that_there_are():
    assert {*tables._BETTER, *tables._PER_CENT} <= set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_the_screen_says_which_way_is_better(name):
    assert tables.better(Score(METRICS[name], level=0.9)).startswith(WORDS[METRICS[name].better])


def test_only_shares_are_shown_in_per_cent():
    assert {METRICS[name].unit for name in tables._PER_CENT} == {"share"}


@pytest.mark.parametrize("name", METRICS)
def test_a_gain_in_nats_is_no_share_of_the_baseline_and_one_in_units_of_the_target_is(name):
    gain = tables._gain(Score(METRICS[name], value=0.2, baseline=0.4, gain=0.2))
    assert {"nats": gain == "0.2000", "target": gain == "+50.0 %", "share": gain in ("", "20.0 %", "0.2000", "+50.0 %")}[METRICS[name].unit]
