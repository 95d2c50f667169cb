"""Floors are relative to the target's own level: of counts to what was counted per unit of exposure; and a fit that reaches one says so."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import optimize, stats

from tests.small_runs import fitted, linear, write_config, write_table

ROWS = 400


def accidents():
    """Accidents per kilometre, rarer than one in a million."""
    rng = np.random.default_rng(4)
    x, km = rng.normal(size=ROWS), 10.0 ** rng.uniform(6.5, 8.0, ROWS)
    return {"x": x, "km": km, "y": rng.poisson(1e-7 * np.exp(0.25 * x) * km), "log_km": np.log(km), "millions": km / 1e6}


def fit_of(folder, columns, family="poisson", parameters=None, epochs=40, **data):
    source = write_table(folder / "data.parquet", pa.table(columns))
    section = {"train": str(source), "target": "y", "features": ["x"], "validation": None, **data}
    options = {"family": family} if isinstance(family, str) else family
    document = linear({"recipe": "plain", "distribution": {**options, "parameters": parameters or {}}, "data": section}, epochs)
    return fitted(write_config(folder / "c.yaml", document), folder / "run", "evaluation.metrics=[nll]")


def maximum(columns):
    """The nll of a Poisson regression with an exposure, by scipy, and of the constant rate."""
    x, km, y = (columns[name] for name in ("x", "km", "y"))
    start = np.array([np.log(y.sum() / km.sum()), 0.0])
    best = optimize.minimize(
        lambda b: -stats.poisson(np.exp(b[0] + b[1] * x) * km).logpmf(y).mean(), start, method="Nelder-Mead", tol=1e-10
    )
    return best.fun, -stats.poisson(np.exp(start[0]) * km).logpmf(y).mean()


EXPOSED = {
    "kilometres": {"exposure": "km"},
    "millions": {"exposure": "millions"},
    "offset": {"offset": {"rate": "log_km"}},
}


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["exp", "squareplus"])
@pytest.mark.parametrize("data", EXPOSED.values(), ids=EXPOSED)
def test_rare_events_per_exposure_are_fitted_in_any_unit(data, activation, tmp_path):
    if "offset" in data and activation != "exp":
        pytest.skip("what is added to the raw output of a squareplus is no factor")
    columns = accidents()
    run = fit_of(tmp_path, columns, parameters={"rate": {"activation": activation}}, **data)
    best, constant = maximum(columns)
    nll = run.finished.evaluations["train"].document["metrics"]["nll"]
    assert nll["baseline"] == pytest.approx(constant, abs=1e-6)
    if activation == "exp":
        assert nll["value"] == pytest.approx(best, abs=1e-6)
        assert run.predictions["mean"].to_numpy().sum() == pytest.approx(columns["y"].sum(), rel=1e-5)
    assert nll["value"] < constant - 0.02
    assert run.finished.warnings == ()


COUNTS = ("negative_binomial", "negative_binomial1", "generalized_poisson", {"family": "zero_inflated", "of": "poisson"})


@pytest.mark.slow
@pytest.mark.parametrize("family", COUNTS, ids=str)
def test_every_family_of_counts_is_the_same_in_another_unit_of_exposure(family, tmp_path):
    losses = []
    for unit in ("km", "millions"):
        (tmp_path / unit).mkdir()
        losses.append(fit_of(tmp_path / unit, accidents(), family, epochs=4, exposure=unit).nll("train"))
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    assert losses[0] < maximum(accidents())[1]


@pytest.mark.slow
def test_amounts_of_a_tweedie_change_their_unit_alone(tmp_path):
    rng = np.random.default_rng(5)
    x, number = rng.normal(size=120), rng.poisson(0.8, 120)
    y = np.where(number > 0, rng.gamma(2.0 * np.maximum(number, 1)) * np.exp(0.3 * x), 0.0)
    losses = []
    for unit in (1.0, 2e-9):
        folder = tmp_path / str(unit)
        folder.mkdir()
        run = fit_of(folder, {"x": x, "y": y * unit}, "tweedie", {"dispersion": {"features": []}, "power": {"features": []}}, 12)
        losses.append(run.nll("train") - (y > 0).mean() * np.log(unit))
        assert run.predictions["mean"].to_numpy().mean() == pytest.approx(y.mean() * unit, rel=0.02)
        # The written parameters are those of the target in its own unit.
        mean, dispersion, power = (run.predictions[name].to_numpy() for name in ("mean", "dispersion", "power"))
        none = np.exp(-(mean ** (2 - power)) / (dispersion * (2 - power)))
        assert none.mean() == pytest.approx((y == 0).mean(), abs=0.05)
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_counts_without_any_event_on_some_rows_are_told_of(tmp_path):
    columns = accidents()
    columns["x"] = (np.arange(ROWS) < 150).astype(float)
    columns["y"] = np.where(columns["x"] > 0, 0, columns["y"])
    (warning,) = fit_of(tmp_path, columns, exposure="km").finished.warnings
    assert "`rate` stands at its floor (1e-06 of the target's mean per unit of exposure) on 150 of 400 rows" in warning
    assert "no bound" not in warning
