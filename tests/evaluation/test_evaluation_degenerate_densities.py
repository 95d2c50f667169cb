"""Likelihoods that no data can show are named with their rows, and no others are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from disttrain.evaluation.degenerate_densities import impossible, impossible_notes
from disttrain.evaluation.row_scores import RowScores
from disttrain.families import build
from disttrain.outcomes import Outcome
from disttrain.validation.options import EvaluateOptions
from disttrain.workflows.evaluate import evaluate
from tests.small_runs import config_of, fitted, write_config

Y = torch.tensor([0.01, 3.0, -1e6, 0.0], dtype=torch.float64)


def test_a_density_above_the_last_digit_of_its_number_is_impossible() -> None:
    most = -np.log(np.spacing(np.abs(Y.numpy())))
    for height, wrong in ((most - 0.01, False), (most + 0.01, True), (np.full(4, 5206.9), True), (np.full(4, 20.0), False)):
        assert impossible(-torch.from_numpy(height), Outcome.exact(Y)).tolist() == [wrong] * 4
    # Of a vector the digits of all elements count.
    pair = torch.stack([Y, Y], 1)
    assert impossible(-torch.from_numpy(1.5 * most), Outcome.exact(pair)).tolist() == [False] * 4
    assert impossible(-torch.from_numpy(2.1 * most), Outcome.exact(pair)).tolist() == [True] * 4


def test_a_row_that_was_not_seen_exactly_has_a_probability() -> None:
    outcome = Outcome.of_events(Y, torch.tensor([1, 0, 0, 1]))
    assert impossible(torch.full((4,), -900.0, dtype=torch.float64), outcome).tolist() == [True, False, False, True]


def test_the_rows_are_named_with_what_to_do() -> None:
    nll = torch.tensor([-5206.9, 1.0, -9000.0, 2.0], dtype=torch.float64)
    (note,) = impossible_notes(build("normal", {}), "y", nll, Outcome.exact(Y), np.array([3, 5, 8, 13]), "train ")
    assert "`y`: 2 of 4 train rows (rows 3, 8)" in note
    assert "9,000 nats" in note
    assert "bounds" in note
    assert impossible_notes(build("normal", {}), "y", nll.abs(), Outcome.exact(Y), np.arange(4)) == ()
    assert impossible_notes(build("poisson", {}), "y", nll, Outcome.exact(Y), np.arange(4)) == ()


@pytest.mark.parametrize("scale", [1e-8, 1.0])
def test_the_floor_of_a_scale_is_possible(scale: float) -> None:
    nll = torch.full((4,), math.log(scale), dtype=torch.float64)
    assert not bool(impossible(nll, Outcome.exact(Y * 0.0 + 1.0)).any())


def test_a_fit_and_an_evaluation_say_so(monkeypatch, tmp_path, table_file) -> None:
    config = write_config(tmp_path / "small.yaml", config_of("normal", str(table_file)))
    run = fitted(config, tmp_path / "possible")
    assert not any("last digit" in warning for warning in run.finished.warnings)
    scored = RowScores.of
    monkeypatch.setattr(RowScores, "of", lambda scores, metric: scored(scores, metric) - 1e4)
    run = fitted(config, tmp_path / "impossible")
    for split in ("train", "validation", "test"):
        assert any(f" {split} rows (rows " in warning and "last digit" in warning for warning in run.finished.warnings)
    assert any("last digit" in note for note in evaluate(EvaluateOptions(str(run.folder)), tmp_path).scores.notes)
