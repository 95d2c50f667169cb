"""What `predict` and `evaluate` are asked is checked where it is made, by the command line and in Python alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from disttrain.choices import METRICS
from disttrain.errors import UsageError
from disttrain.metrics import METRICS as SCORED
from disttrain.validation.options import EvaluateOptions, PredictOptions, Requirement, requirement

WRONG = {
    "format": "xlsx",
    "columns": ("meen",),
    "quantiles": (0.5, 1.5),
    "times": (-1.0,),
    "samples": -1,
    "shard": (2, 2),
    "device": "tpu",
}
QUESTIONS = {"metrics": ("nlll",), "levels": (math.nan,), "split": "dev", "require": ("nll<<3",)}


@pytest.mark.parametrize("name", WRONG)
def test_a_request_that_cannot_be_meant_is_refused_where_it_is_made(name):
    with pytest.raises(UsageError) as fault:
        PredictOptions(**{name: WRONG[name]})
    assert fault.value.findings[0].where == f"--{name}"


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_that_cannot_be_meant_is_refused_where_it_is_made(name):
    with pytest.raises(UsageError):
        EvaluateOptions(**{name: QUESTIONS[name]})


@pytest.mark.parametrize("wrong", [("0.5",), (None,), (True,), (np.inf,)], ids=str)
def test_a_level_that_is_no_number_between_0_and_1_is_named(wrong):
    with pytest.raises(UsageError, match="is not between 0 and 1"):
        PredictOptions(quantiles=wrong)


@pytest.mark.parametrize("samples", [2.0, "3", True, 10_001])
def test_samples_are_a_whole_number(samples):
    with pytest.raises(UsageError, match="number of samples"):
        PredictOptions(samples=samples)


def test_every_mistake_of_a_request_is_told_at_once():
    with pytest.raises(UsageError) as fault:
        PredictOptions(**WRONG)
    assert len(fault.value.findings) == len(WRONG)


def test_numbers_of_numpy_are_numbers():
    assert PredictOptions(quantiles=tuple(np.float32([0.25, 0.5])), samples=np.int64(3), device="cuda:1").samples == 3


NUMBERS = {"6": 6.0, "-1.": -1.0, "+.5": 0.5, "1.25e-3": 1.25e-3, "2E+1": 20.0}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_requirement_has_a_number(text):
    assert requirement(f"nll<{text}").bound == NUMBERS[text]


@pytest.mark.parametrize("wrong", ["1.2.3", ".", "-", "1e", "..5", "1e5.0", ""])
def test_a_requirement_without_a_number_is_refused(wrong):
    with pytest.raises(UsageError, match="is no requirement"):
        requirement(f"nll<{wrong}")


@pytest.mark.parametrize("metric", METRICS)
def test_a_requirement_names_a_level_of_metrics_that_have_one(metric):
    levels = {name for name, entry in SCORED.items() if entry.setting == "level"}
    if metric in levels:
        assert requirement(f"{metric}_90<3") == Requirement(metric, 0.9, "<", 3.0)
    else:
        with pytest.raises(UsageError, match=f"`{metric}` has no level"):
            requirement(f"{metric}_5<3")
