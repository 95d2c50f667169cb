"""The likelihood of censored rows against that of lifelines, at the parameters that it fits to real data."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest
import torch

from disttrain.distributions import LogLogistic, LogNormal, Weibull
from disttrain.likelihood import log_likelihood
from disttrain.outcomes import Outcome

lifelines = pytest.importorskip("lifelines")
DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data are not part of the repository")

# The fitter, its two parameters with the activation of each predictor, and the distribution they make.
AFT = {
    "weibull": (lifelines.WeibullAFTFitter, ("lambda_", "rho_"), lambda first, second: Weibull(first.exp(), second.exp())),
    "log_normal": (lifelines.LogNormalAFTFitter, ("mu_", "sigma_"), lambda first, second: LogNormal(first, second.exp())),
    "log_logistic": (lifelines.LogLogisticAFTFitter, ("alpha_", "beta_"), lambda first, second: LogLogistic(first.exp(), second.exp())),
}


def numeric(frame):
    """The table with its words as indicators of all but the first."""
    return pd.get_dummies(frame.drop(columns="fold"), drop_first=True).astype(float)


def at_the_fit(fitter, names, make, frame):
    """Our distribution of each row at the parameters that lifelines fitted."""
    frame = frame.assign(Intercept=1.0)
    predictors = [frame[list(fitter.params_[name].index)].to_numpy() @ fitter.params_[name].to_numpy() for name in names]
    return make(*map(torch.from_numpy, predictors))


@pytest.mark.slow
@pytest.mark.parametrize("family", AFT)
@pytest.mark.parametrize(("table", "time", "event"), [("rossi_recidivism", "week", "arrest"), ("gbsg2", "time", "cens")])
def test_right_censored_rows_score_as_in_lifelines(family, table, time, event):
    make_fitter, names, make = AFT[family]
    frame = numeric(pd.read_parquet(DATA / f"{table}.parquet"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = make_fitter().fit(frame, time, event)
    y, seen = (torch.from_numpy(frame[name].to_numpy()) for name in (time, event))
    assert 0.05 < float(seen.mean()) < 0.6
    score = log_likelihood(at_the_fit(fitter, names, make, frame), Outcome(y, torch.where(seen == 1, y, torch.inf)))
    assert float(score.mean()) == pytest.approx(fitter.log_likelihood_ / len(frame), abs=1e-6)


def test_intervals_score_as_in_lifelines():
    make_fitter, names, make = AFT["weibull"]
    frame = numeric(pd.read_parquet(DATA / "interval_diabetes.parquet"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = make_fitter().fit_interval_censoring(frame, "left", "right")
    lower, upper = (torch.from_numpy(frame[name].to_numpy()) for name in ("left", "right"))
    outcome = Outcome(lower, upper)
    assert outcome.kinds == {"exact", "interval"}
    score = log_likelihood(at_the_fit(fitter, names, make, frame), outcome)
    assert float(score.mean()) == pytest.approx(fitter.log_likelihood_ / len(frame), abs=1e-6)
