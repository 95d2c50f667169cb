"""The sample data: reproducible, of known origin, and true to what they claim to be drawn from."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import special, stats

FOLDER = Path(__file__).parents[2] / "sample_data"
SCRIPT = runpy.run_path(str(FOLDER / "make_samples.py"))
TARGETS = {
    "wave": "y", "claims": "claim_amount", "returns": "return", "visits": "visits", "admissions": "admitted", "grains": "variety",
    "policies": "claims", "losses": "loss", "rounded": "reading", "trials": "germinated", "survey": "spending",
}  # fmt: skip
# What is known of each row beside its truth.
KNOWN = {"losses": ("deductible", "limit"), "trials": ("seeds",)}
ORIGINS = (FOLDER / "ORIGINS.md").read_text(encoding="utf-8")
COUNTS = np.arange(2000)


def truth(frame):
    return {name.removeprefix("true_"): frame[name].to_numpy() for name in frame if name.startswith("true_")}


def continuous(of):
    """Log density and entropy per row of a frozen scipy distribution."""
    return lambda y, **parameters: (of(**parameters).logpdf(y), of(**parameters).entropy())


def negative_binomial(y, mean, concentration):
    of = stats.nbinom(concentration, concentration / (concentration + mean))
    table = stats.nbinom(concentration[:, None], (concentration / (concentration + mean))[:, None]).logpmf(COUNTS)
    return of.logpmf(y), -np.sum(np.exp(table) * table, axis=1)


def bernoulli(y, probs):
    return np.log(np.where(y, probs, 1 - probs)), stats.bernoulli(probs).entropy()


def categorical(y, **probs):
    table = np.stack(list(probs.values()), axis=1)
    column = {name.removeprefix("probs_"): k for k, name in enumerate(probs)}
    return np.log(table[np.arange(len(y)), [column[label] for label in y]]), stats.entropy(table, axis=1)


def discrete(of, table):
    """Log probability and entropy per row of what takes the whole numbers of `table` (m, 1) with probabilities `of` (m, n)."""
    return lambda y: (np.log(of(y)), special.entr(of(table)).sum(axis=0))


def poisson(y, rate):
    return discrete(stats.poisson(rate).pmf, COUNTS[:100, None])(y)


def binomial(y, probs, seeds):
    return discrete(stats.binom(seeds, probs).pmf, COUNTS[:21, None])(y)


def rounded_normal(y, loc, scale):
    law = stats.norm(loc, scale)
    return discrete(lambda whole: law.cdf(whole + 0.5) - law.cdf(whole - 0.5), np.arange(-10, 40)[:, None])(y)


def log_normal_between(y, loc, scale, deductible, limit):
    """Of what is seen above a deductible: a density below the limit, and one probability at it."""
    law, limit = stats.lognorm(scale, scale=np.exp(loc)), np.where(np.isnan(limit), np.inf, limit)
    assert (y > deductible).all()
    assert (y <= limit).all()
    seen, beyond = law.sf(deductible), law.sf(limit) / law.sf(deductible)
    score = np.where(y == limit, np.log(np.where(y == limit, beyond, 1.0)), law.logpdf(y) - np.log(seen))
    # The midpoints of 400 equal parts of the probability below the limit.
    part = (np.arange(400) + 0.5)[:, None] / 400 * (1 - beyond)
    density = law.logpdf(law.isf(seen * (1 - part))) - np.log(seen)
    return score, special.entr(beyond) - (1 - beyond) * density.mean(axis=0)


SCORES = {
    "wave": continuous(lambda loc, scale: stats.norm(loc, scale)),
    "claims": continuous(lambda concentration, rate: stats.gamma(concentration, scale=1 / rate)),
    "returns": continuous(lambda df, loc, scale: stats.t(df, loc, scale)),
    "visits": negative_binomial,
    "admissions": bernoulli,
    "grains": categorical,
    "policies": poisson,
    "losses": log_normal_between,
    "rounded": rounded_normal,
    "trials": binomial,
    "survey": continuous(lambda mean, concentration: stats.gamma(concentration, scale=mean / concentration)),
}


@pytest.fixture(scope="module")
def remade(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    SCRIPT["main"](folder)
    return folder


def test_every_synthetic_set_has_a_target_and_a_score():
    assert set(SCRIPT["SAMPLES"]) == set(TARGETS) == set(SCORES)


@pytest.mark.parametrize("name", TARGETS)
def test_the_script_makes_the_committed_tables_again(remade, name):
    again, committed = pq.read_table(remade / f"{name}.parquet"), pq.read_table(FOLDER / f"{name}.parquet")
    assert again.schema == committed.schema
    for column in committed.column_names:
        old, new = committed[column], again[column]
        if pa.types.is_floating(old.type):
            # exp and log may differ in the last bit between processors, and rounding can turn that into one unit of the last digit kept.
            np.testing.assert_allclose(new.to_numpy(), old.to_numpy(), rtol=1e-7, atol=1.1e-6, err_msg=column)
        else:
            assert new.equals(old), column


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_the_mean_nll_of_the_truth_is_its_entropy(name):
    frame = pq.read_table(FOLDER / f"{name}.parquet").to_pandas()
    known = {column: frame[column].to_numpy(float) for column in KNOWN.get(name, ())}
    log_density, entropy = SCORES[name](frame[TARGETS[name]].to_numpy(), **truth(frame), **known)
    assert np.isfinite(log_density).all()
    assert np.isfinite(entropy).all()
    excess = -log_density - entropy
    # Seeded data: 3 standard errors of the mean are a bound that holds or does not, never by chance.
    assert abs(excess.mean()) < 3 * excess.std() / np.sqrt(len(excess))


@pytest.mark.parametrize("name", TARGETS)
def test_true_parameters_are_functions_of_the_features(name):
    frame = pq.read_table(FOLDER / f"{name}.parquet").to_pandas()
    known = {
        "wave": lambda f: SCRIPT["wave_truth"](f["x"].to_numpy()),
        "claims": lambda f: SCRIPT["claims_truth"](
            f["driver_age"].to_numpy(float), f["vehicle_power"], f["region"], f["policy_start"].dt.month - 1, f["telematics"]
        ),
        "returns": lambda f: SCRIPT["returns_truth"](f["volatility"], f["spread"]),
        "visits": lambda f: SCRIPT["visits_truth"](f["age"], f["chronic"], f["insured"]),
        "admissions": lambda f: SCRIPT["admissions_truth"](f["score"], f["experience"]),
        "grains": lambda f: SCRIPT["grains_truth"](f["length"].to_numpy(), f["width"].to_numpy()),
        "policies": lambda f: SCRIPT["policies_truth"](f["age"], f["urban"], f["power"], f["years"]),
        "losses": lambda f: SCRIPT["losses_truth"](f["area"], f["wooden"]),
        "rounded": lambda f: SCRIPT["rounded_truth"](f["hour"], f["cloud"]),
        "trials": lambda f: SCRIPT["trials_truth"](f["temperature"], f["treated"]),
        "survey": lambda f: SCRIPT["survey_truth"](f["age"], f["town"]),
    }[name](frame)
    assert set(known) == set(truth(frame))
    for parameter, values in truth(frame).items():
        np.testing.assert_allclose(values, known[parameter], rtol=1e-7)


def test_one_hot_columns_say_what_the_label_says():
    grains = pq.read_table(FOLDER / "grains.parquet").to_pandas()
    one_hot = grains[list(SCRIPT["VARIETIES"])]
    assert (one_hot.sum(axis=1) == 1).all()
    assert (one_hot.idxmax(axis=1) == grains["variety"]).all()


def test_a_missing_feature_is_marked_missing_not_nan():
    claims = pq.read_table(FOLDER / "claims.parquet")
    assert claims["driver_age"].null_count > 50
    assert claims["region"].null_count > 50
    assert not np.isnan(claims["driver_age"].drop_null().to_numpy()).any()


def test_the_origins_name_every_file_and_nothing_else():
    named = set(re.findall(r"^\| `([^`]+\.(?:parquet|csv))` \|", ORIGINS, flags=re.MULTILINE))
    assert named == {path.name for path in FOLDER.iterdir() if path.suffix in {".parquet", ".csv"}}


def test_every_real_file_has_a_licence_that_lets_it_travel():
    real, _ = ORIGINS.split("## Synthetic data")
    rows = [line.split(" | ") for line in real.splitlines() if line.startswith("| `")]
    assert rows
    for row in rows:
        assert row[3].startswith(("CC BY 4.0", "public domain", "BSD-3-Clause", "MIT")), row[0]
    assert "GPL" not in ORIGINS


def test_a_licence_with_an_extra_condition_says_so_where_the_file_is_listed():
    row = next(line for line in ORIGINS.splitlines() if line.startswith("| `rossi_recidivism.parquet`"))
    assert "extra condition" in row
    assert "2. Person obtaining a copy must return feedback to the authors." in ORIGINS
    assert "Copyright (c) 2013, Cameron Davidson-Pilon" in ORIGINS


def test_row_counts_are_as_stated():
    for name, rows in re.findall(r"^\| `([^`]+)` \| ([\d,]+) \|", ORIGINS, flags=re.MULTILINE):
        path = FOLDER / name
        counted = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else len(path.read_text().splitlines()) - 1
        assert counted == int(rows.replace(",", "")), name


def test_the_folder_is_small_enough_to_clone_without_a_thought():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 1_500_000
