"""From the predictions alone, their metadata and the columns of what was seen, scipy gives the very nll that evaluate reports."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from tests.small_runs import fitted, linear, write_config, write_table

ROWS = 400
KNOWN = ("years", "base", "n", "deductible")


def columns() -> dict[str, np.ndarray]:
    """Targets of every kind, and what was seen of them; the truth matters little."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=ROWS)
    life, end = np.exp(1 + 0.4 * x) * rng.weibull(1.5, ROWS), rng.exponential(6.0, ROWS)
    time, years, n = np.minimum(life, end) + 0.01, rng.uniform(0.1, 2.0, ROWS), rng.integers(0, 12, ROWS)
    deductible, limit = rng.choice([0.5, 1.0, 2.0], ROWS), rng.choice([5.0, 8.0, np.nan], ROWS)
    loss = deductible * np.exp(np.abs(rng.normal(size=ROWS))) + 0.01
    return {
        "x": x, "years": years, "n": n, "deductible": deductible, "limit": limit, "base": rng.normal(size=ROWS),
        "time": time, "event": (life <= end).astype(float), "late": np.where(rng.random(ROWS) < 0.3, np.nan, 0.4 * time),
        "low": np.where(time < 1, np.nan, np.floor(time)), "high": np.where(rng.random(ROWS) < 0.2, np.inf, np.ceil(time)),
        "loss": np.fmin(loss, limit), "tenths": np.round(time, 1) + 0.1, "count": rng.poisson(years * np.exp(0.2 + 0.5 * x)),
        "hits": rng.binomial(n, 0.4), "w": rng.integers(0, 4, ROWS).astype(float),
    }  # fmt: skip


def between(law, low, high):
    """log P(low < Y <= high), from the tail where it is the smaller."""
    return np.log(np.where(low > law.median(), law.sf(low) - law.sf(high), law.cdf(high) - law.cdf(low)))


def weibull(p):
    return stats.weibull_min(p["concentration"], scale=p["scale"])


def log_normal(p):
    return stats.lognorm(p["scale"], scale=np.exp(p["loc"]))


def gamma(p):
    return stats.gamma(p["concentration"], scale=1 / p["rate"])


def survival(p, c):
    law = weibull(p)
    return np.where(c["event"] == 1, law.logpdf(c["time"]), law.logsf(c["time"]))


def delayed(p, c):
    return survival(p, c) - np.where(np.isnan(c["late"]), 0.0, weibull(p).logsf(np.nan_to_num(c["late"])))


def interval(p, c):
    return between(log_normal(p), np.nan_to_num(c["low"]), c["high"])


def policy(p, c):
    law, reached = log_normal(p), c["loss"] >= np.nan_to_num(c["limit"], nan=np.inf)
    return np.where(reached, law.logsf(c["loss"]), law.logpdf(c["loss"])) - law.logsf(p["lower"])


def rounded(p, c):
    law, y = gamma(p), c["tenths"]
    return np.where(y >= 4.05, law.logsf(4.05), between(law, np.maximum(y - 0.05, 0.0), y + 0.05))


def zero_inflated(p, c):
    plain = stats.poisson(p["rate"]).pmf(c["count"])
    return np.log(np.where(c["count"] == 0, p["gate"], 0.0) + (1 - p["gate"]) * plain)


def hurdle(p, c):
    law, some = stats.poisson(p["rate"]), c["count"] > 0
    return np.where(some, np.log1p(-p["gate"]) + law.logpmf(c["count"]) - law.logsf(0), np.log(p["gate"]))


def mixture(p, c):
    return np.log(sum(p[f"weights_{k}"] * stats.poisson(p[f"rate_{k}"]).pmf(c["count"]) for k in (0, 1)))


def negative_binomial(p, c):
    return stats.nbinom(p["concentration"], p["concentration"] / (p["concentration"] + p["mean"])).logpmf(c["count"])


@dataclass(frozen=True)
class Case:
    """A distribution, the keys of `data` that say what was seen, and the log-likelihood of rows by scipy, (n,).

    The likelihood is given the written parameters and the columns that predictions do not need.
    """

    distribution: object
    keys: dict
    likelihood: Callable[..., np.ndarray]
    exact: Callable[..., np.ndarray] | None = None


EXPOSED = {"target": "count", "exposure": "years"}
POISSON = {"family": "zero_inflated", "of": "poisson"}
# Of parameters in the target's unit a log link: through any other the unit itself, that of all rows, is part of the model.
GAMMA = {"family": "gamma", "parameters": {"rate": {"activation": "exp"}}}
NORMAL = {"family": "normal", "parameters": {"scale": {"activation": "exp"}}}
DEDUCTIBLE = {"family": "truncated", "of": "log_normal", "lower": "deductible"}


def died(c):
    return c["event"] == 1


def everyone(c):
    return np.ones(ROWS, dtype=bool)


CASES = {
    "event": Case("weibull", {"target": "time", "censoring": {"event": "event"}}, survival, died),
    "event_entry": Case("weibull", {"target": "time", "censoring": {"event": "event", "entry": "late"}}, delayed, died),
    "interval": Case("log_normal", {"target": None, "censoring": {"lower": "low", "upper": "high"}}, interval),
    "deductible_limit": Case(DEDUCTIBLE, {"target": "loss", "censoring": {"limit": "limit"}}, policy, lambda c: ~(c["loss"] >= c["limit"])),
    "rounding_limit": Case(GAMMA, {"target": "tenths", "censoring": {"rounding": 0.1, "limit": 4.05}}, rounded),
    "poisson": Case("poisson", EXPOSED, lambda p, c: stats.poisson(p["rate"]).logpmf(c["count"])),
    "negative_binomial": Case("negative_binomial", EXPOSED, negative_binomial),
    "zero_inflated": Case(POISSON, EXPOSED, zero_inflated),
    "hurdle": Case({**POISSON, "family": "hurdle"}, {"target": "count"}, hurdle),
    "mixture": Case({"family": "mixture", "of": "poisson", "components": 2}, EXPOSED, mixture),
    "exposed_amounts": Case(GAMMA, {"target": "time", "exposure": "years"}, lambda p, c: gamma(p).logpdf(c["time"]), everyone),
    "softplus_offset": Case(
        GAMMA, {"target": "time", "offset": {"concentration": "base"}}, lambda p, c: gamma(p).logpdf(c["time"]), everyone
    ),
    "linear_offset": Case(
        NORMAL,
        {"target": "time", "offset": {"loc": "base"}},
        lambda p, c: stats.norm(p["loc"], p["scale"]).logpdf(c["time"]),
    ),
    "trials": Case("binomial", {"target": "hits", "trials": "n"}, lambda p, c: stats.binom(p["total_count"], p["probs"]).logpmf(c["hits"])),
}


def run_of(case: Case, seen: dict[str, np.ndarray], folder, epochs=6, **data):
    """A fit of the case to the columns, and the file of what a forecast needs of them."""
    path = write_table(folder / "seen.parquet", pa.table(seen))
    keys = {"train": str(path), "features": ["x"], **case.keys, **data}
    document = linear(
        {"recipe": "plain", "distribution": case.distribution, "data": {k: v for k, v in keys.items() if v is not None}}, epochs=epochs
    )
    return fitted(write_config(folder / "rebuilt.yaml", document), folder / "run", "evaluation.metrics=[nll]")


@pytest.mark.parametrize("name", CASES)
def test_the_nll_of_a_run_is_that_of_its_written_parameters_by_scipy(name, tmp_path):
    case, seen = CASES[name], columns()
    run = run_of(case, seen, tmp_path, weight="w")
    needed = write_table(tmp_path / "needed.parquet", pa.table({c: seen[c] for c in ("x", *KNOWN)}))
    written = run.predicted(needed, tmp_path / "predicted.parquet")
    facts = json.loads(written.schema.metadata[b"disttrain"])
    told = {c: written[c].to_numpy() for names in facts["parameters"].values() for c in names}
    expected = -np.sum(seen["w"] * case.likelihood(told, seen)) / np.sum(seen["w"])
    reported = run.evaluated("nll", data=tmp_path / "seen.parquet").document["metrics"]["nll"]["value"]
    assert reported == pytest.approx(expected, abs=1e-9)
    assert facts["exposure"] == case.keys.get("exposure")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.exact])
def test_a_thousand_times_the_unit_costs_log_1000_for_each_exact_row_and_nothing_else(name, tmp_path):
    case, seen = CASES[name], columns()
    in_units = dict(seen)
    for column in ("time", "late", "loss", "limit", "deductible", "low", "high"):
        in_units[column] = 1000.0 * seen[column]
    nll = []
    for folder, table in ((tmp_path / "one", seen), (tmp_path / "thousand", in_units)):
        folder.mkdir()
        nll.append(run_of(case, table, folder).nll("train"))
    # The floors of activations are those of the standardised target, so that nothing else moves.
    assert nll[1] - nll[0] == pytest.approx(math.log(1000) * case.exact(seen).mean(), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_weight_is_so_many_rows(name, tmp_path):
    case, seen = CASES[name], columns()
    repeated = {c: np.repeat(values, seen["w"].astype(int)) for c, values in seen.items()}
    nll = []
    for folder, table, keys in ((tmp_path / "weighted", seen, {"weight": "w"}), (tmp_path / "repeated", repeated, {})):
        folder.mkdir()
        nll.append(run_of(case, table, folder, epochs=30, **keys).nll("train"))
    assert nll[0] == pytest.approx(nll[1], abs=1e-6)
