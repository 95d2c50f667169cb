"""The defensive mixture: no row costs more than the constant model - log ε, for every family, and ε follows from held-out rows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import optimize, special

from disttrain import metrics
from disttrain.distributions.core import functionals
from disttrain.evaluation import marginal_share
from disttrain.evaluation.marginal_share import MOST, best_share, held_out_share
from disttrain.evaluation.scoring import Forecast
from disttrain.families import FAMILIES, build
from disttrain.preparation.prepare import prepare
from disttrain.validation.config import configuration
from tests.small_runs import config_of, family_table, write_config, write_table

SHARE = 0.01


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return str(write_table(tmp_path_factory.mktemp("share") / "rows.parquet", family_table().slice(0, 120)))


def wild(document, folder, share=SHARE, members=1, noise=0.7):
    """The rows of a config and a model whose weights are random, so that its forecasts are bad."""
    network = {"hidden": [6], "members": members}
    path = write_config(folder / "config.yaml", {**document, "network": network, "forecast": {"marginal_share": share}})
    prepared = prepare(configuration(path))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in prepared.model.network.parameters():
            weight += noise * torch.randn(weight.shape, generator=generator)
    return prepared


def parts(prepared, split="train"):
    """nll of the forecast, of each member and of the constant model, in nats: (n,), (K, n), (n,); and the forecast."""
    model, observed, x = prepared.model, prepared.part(split), prepared.splits[split].x
    conditions = observed.conditions
    forecast = Forecast(model.forecaster, model.parameters_of(x, conditions)).distribution()
    members = [Forecast(model.family, p).distribution() for p in model.member_parameters(x, conditions)]
    marginal = Forecast.of_baseline(model, observed).distribution()
    nll = [metrics.nll(one, observed.outcome) for one in (forecast, *members, marginal)]
    return nll[0], torch.stack(nll[1:-1]), nll[-1], forecast


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_row_costs_more_than_the_constant_model_minus_log_share(family, members, file, tmp_path):
    nll, each, marginal, _ = parts(wild(config_of(family, file), tmp_path, members=members))
    assert bool(nll.isfinite().all())
    assert bool((nll <= marginal - math.log(SHARE) + 1e-9).all())
    # A row that the networks forecast better loses no more than log(1 - ε), and its member's weight.
    assert bool((nll <= each.min(0).values - math.log((1 - SHARE) / members) + 1e-9).all())
    expected = special.logsumexp(
        np.stack([*(-each + math.log((1 - SHARE) / members)).numpy(), (-marginal + math.log(SHARE)).numpy()]), axis=0
    )
    np.testing.assert_allclose(nll.numpy(), -expected, rtol=1e-9, atol=1e-9)
    # Bad forecasts were asked for: without the share, some row costs more than the bound.
    if members == 1 and family in {"normal", "gamma", "poisson", "categorical"}:
        assert bool((each[0] > marginal - math.log(SHARE)).any())


@pytest.mark.slow
@pytest.mark.parametrize("family", [name for name in FAMILIES if not build(name, {"classes": 3, "targets": 2}).event])
def test_cdf_and_quantile_of_the_mixture_are_inverse(family, file, tmp_path):
    # Milder forecasts: quantiles of the wildest are beyond the largest number.
    prepared = wild(config_of(family, file), tmp_path, noise=0.2)
    if prepared.model.labels is not None:
        pytest.skip("labels have no order")
    if family == "von_mises":
        pytest.skip("each component has a window of its own, half a turn on either side of its loc")
    *_, forecast = parts(prepared)
    for level in (0.004, 0.05, 0.5, 0.95, 0.996):
        q = functionals.quantile(forecast, torch.tensor(level, dtype=torch.float64))
        at, below = functionals.cdf(forecast, q), functionals.cdf(forecast, q) - functionals.probability_at(forecast, q)
        assert bool((at >= level - 1e-6).all())
        assert bool((below <= level + 1e-6).all())


SEEN_IN_PART = {
    "event": {"event": "seen"},
    "limit": {"limit": 3.0},
    "ends": {"lower": "low", "upper": "high"},
    "rounding": {"rounding": 0.5},
}


@pytest.mark.parametrize("censoring", SEEN_IN_PART)
def test_the_bound_holds_for_rows_that_were_seen_in_part(censoring, tmp_path):
    rng = np.random.default_rng(3)
    table = family_table().slice(0, 120)
    y = np.round(table["weibull"].to_numpy() * 2 + 1) / 2
    low, high = y * rng.uniform(0.5, 1.0, 120), np.where(rng.random(120) < 0.2, np.inf, y * rng.uniform(1.0, 2.0, 120))
    columns = {"y": y, "seen": (rng.random(120) < 0.6).astype(int), "low": low, "high": high}
    for name, values in columns.items():
        table = table.append_column(name, [values])
    path = str(write_table(tmp_path / "rows.parquet", table))
    document = config_of("weibull", path)
    document["data"] = document["data"] | {"target": "y", "censoring": SEEN_IN_PART[censoring]}
    if censoring == "ends":
        del document["data"]["target"]
    nll, _, marginal, _ = parts(wild(document, tmp_path))
    assert bool((nll <= marginal - math.log(SHARE) + 1e-9).all())


@pytest.mark.slow
def test_the_mean_and_the_samples_are_those_of_the_mixture(file, tmp_path):
    *_, forecast = parts(wild(config_of("gamma", file), tmp_path, share=0.3, members=2))
    torch.manual_seed(1)
    draws = forecast.sample((40_000,))
    error = forecast.stddev / math.sqrt(len(draws))
    assert float(((draws.mean(0) - forecast.mean) / error).abs().max()) < 5.0
    below = (draws <= forecast.mean).double().mean(0)
    assert float((below - functionals.cdf(forecast, forecast.mean)).abs().max()) < 5.0 * 0.5 / math.sqrt(len(draws))


def gain(share, ratio, weight):
    return (weight * np.logaddexp(np.log1p(-share), np.log(share) + ratio)).sum()


@pytest.mark.parametrize("outliers", [1, 3, 60])
def test_the_share_found_has_the_largest_likelihood(outliers):
    rng = np.random.default_rng(outliers)
    network, marginal = rng.normal(-1, 1, 500), rng.normal(-3, 1, 500)
    network[:outliers] -= 300.0
    weight = rng.uniform(0.5, 2.0, 500)
    share = best_share(*map(torch.from_numpy, (network, marginal, weight)))
    best = optimize.minimize_scalar(
        lambda e: -gain(e, marginal - network, weight), bounds=(1e-9, MOST), method="bounded", options={"xatol": 1e-9}
    )
    # To two digits.
    assert share == pytest.approx(best.x, rel=0.06)
    assert 0 < share <= MOST
    # Twice the weight of every row is no further evidence, and no other share.
    assert share == best_share(*map(torch.from_numpy, (network, marginal, 2 * weight)))


def test_a_share_that_gains_less_than_log_20_nats_in_all_is_0():
    network, marginal = torch.full((200,), -1.0), torch.full((200,), -3.0)
    network, marginal = network.double(), marginal.double()
    assert best_share(network, marginal) == 0.0
    # The best share of one outlier of x nats is near 1/200, and gains about x - log 200 - 1.
    for nats, pays in ((8.0, False), (11.0, True)):
        one = network.clone()
        one[7] = marginal[7] - nats
        assert (best_share(one, marginal) > 0) is pays
        # Weights have no unit: they are no evidence by themselves.
        assert (best_share(one, marginal, torch.full((200,), 50.0).double()) > 0) is pays


@pytest.mark.slow
def test_a_right_forecast_is_left_alone():
    # Under the forecast itself the likelihood ratio exceeds 20 in fewer than 1 of 20 data sets.
    rng, found = np.random.default_rng(0), 0
    for _ in range(300):
        x = rng.normal(size=200)
        y = x + 0.5 * rng.normal(size=200)
        network, marginal = -0.5 * ((y - x) / 0.5) ** 2 - math.log(0.5), -0.5 * (y / 1.118) ** 2 - math.log(1.118)
        found += best_share(torch.from_numpy(network), torch.from_numpy(marginal)) > 0
    assert found <= 15


def test_rows_of_density_0_and_of_weight_0():
    network, marginal = torch.full((100,), -1.0).double(), torch.full((100,), -2.0).double()
    network[3] = -math.inf
    # log ε + 99 log(1 - ε (1 - e⁻¹)) is largest at ε = 1 / (100 (1 - e⁻¹)).
    assert best_share(network, marginal) == pytest.approx(0.01 / (1 - math.exp(-1)), rel=0.06)
    weight = torch.ones(100).double()
    weight[3] = 0.0
    assert best_share(network, marginal, weight) == 0.0
    marginal[3] = -math.inf
    assert best_share(network, marginal) == 0.0


def test_members_are_judged_by_the_rows_that_they_hold_out_alone(file, tmp_path, monkeypatch):
    document = config_of("normal", file)
    document["data"] = document["data"] | {"validation": 0.6, "split": {"method": "per_member"}}
    prepared = wild(document, tmp_path, share="auto", members=3)
    assert prepared.validation_rows is not None
    scores, model = [], prepared.model
    observed, x = prepared.part("train"), prepared.splits["train"].x
    each = torch.stack([metrics.nll(Forecast(model.family, p).distribution(), observed.outcome) for p in model.member_parameters(x)])
    marginal = metrics.nll(Forecast.of_baseline(model, observed).distribution(), observed.outcome)
    rows = torch.cat(prepared.validation_rows).unique()
    assert len(rows) < sum(map(len, prepared.validation_rows))
    for row in rows.tolist():
        holders = [k for k in range(3) if row in prepared.validation_rows[k].tolist()]
        scores.append(float(special.logsumexp([-float(each[k, row]) for k in holders]) - math.log(len(holders))))
    judged = []
    monkeypatch.setattr(marginal_share, "best_share", lambda *columns: judged.extend(columns) or 0.02)
    assert held_out_share(prepared) == 0.02
    torch.testing.assert_close(judged[0], torch.tensor(scores, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(judged[1], -marginal[rows], rtol=1e-9, atol=1e-9)


def test_without_held_out_rows_there_is_no_share(file, tmp_path):
    document = config_of("normal", file)
    document["data"] = document["data"] | {"validation": None}
    assert held_out_share(wild(document, tmp_path, share="auto")) is None


def test_a_share_of_0_is_the_family_itself(file, tmp_path):
    model = wild(config_of("normal", file), tmp_path, share=0.0).model
    assert model.forecaster is model.family
    assert replace(model, marginal_share=0.2).weights == (0.8, 0.2)
