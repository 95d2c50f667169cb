"""Which metrics an evaluation chooses, and which it refuses, for rows that were not all seen exactly."""

from __future__ import annotations

import math

import pytest
import torch

from disttrain import distributions as d
from disttrain.errors import UsageError
from disttrain.evaluation.metric_selection import default_metrics
from disttrain.metrics import METRICS
from disttrain.outcomes import Outcome

TIME = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
SEEN = {
    "exact": Outcome.exact(TIME),
    "right": Outcome(TIME, torch.tensor([1.0, math.inf, 3.0], dtype=torch.float64)),
    "left": Outcome(torch.tensor([1.0, -math.inf, 3.0], dtype=torch.float64), TIME),
    "late": Outcome(TIME, TIME, entry=0.5 * TIME),
}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("exact", ("nll", "crps", "coverage", "pit", "mae", "rmse")),
        ("right", ("nll", "coverage", "pit", "concordance")),
        ("left", ("nll", "coverage", "pit")),
        ("late", ("nll", "coverage", "pit")),
    ],
)
def test_the_usual_metrics_are_those_that_can_score_what_was_seen(kind: str, names: tuple[str, ...]) -> None:
    assert default_metrics(d.Weibull(TIME, TIME), SEEN[kind]) == names
    assert default_metrics(d.Weibull(TIME, TIME)) == default_metrics(d.Weibull(TIME, TIME), SEEN["exact"])


def test_only_survival_times_are_ranked() -> None:
    assert "concordance" not in default_metrics(d.Normal(TIME, TIME), SEEN["right"])
    assert "concordance" not in default_metrics(d.Poisson(TIME), SEEN["right"])
    with pytest.raises(UsageError):
        METRICS["mae"].require(d.Weibull(TIME, TIME), SEEN["right"])
