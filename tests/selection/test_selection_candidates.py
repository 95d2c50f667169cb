"""The families that are tried on a target: those that can produce it under the config, and the reason for each that is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from disttrain.errors import ConfigError, DataError
from disttrain.families import FAMILIES, options
from disttrain.preparation.load import SharedReads
from disttrain.selection.candidates import HOPELESS, Target, candidates
from disttrain.validation.config import configuration_of
from disttrain.validation.select_options import distribution_named, families_listed
from tests.small_runs import write_table

ROWS = 300


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.normal(size=ROWS)
    mean = np.exp(0.5 + 0.4 * x)
    amount = rng.gamma(2.0, mean)
    table = pa.table({
        "x": x, "amount": amount, "zeros": np.where(rng.random(ROWS) < 0.3, 0.0, amount), "real": x + rng.normal(size=ROWS),
        "count": rng.poisson(mean), "many_zeros": np.where(rng.random(ROWS) < 0.5, 0, rng.poisson(3 * mean)),
        "binary": (x > rng.normal(size=ROWS)).astype(int), "label": np.where(x > 0, "a", "b"), "angle": rng.vonmises(x, 2.0),
        "event": rng.integers(0, 2, ROWS), "exposure": rng.uniform(0.5, 2.0, ROWS), "part": np.arange(ROWS) % 10,
    })  # fmt: skip
    return str(write_table(tmp_path_factory.mktemp("candidates") / "rows.parquet", table))


def found(path, target, family="normal", named=None, **data):
    loaded = configuration_of({"distribution": family, "data": {"train": path, "target": target, "features": ["x"], **data}})
    pairs = None if named is None else [(name, distribution_named(name)) for name in named]
    return candidates(Target.of(loaded, 3, SharedReads()), pairs)


def names(result):
    return {one.name for one in result.fitted}


@pytest.mark.slow
def test_every_family_is_a_candidate_or_has_a_reason(path):
    result = found(path, "amount", "gamma")
    plain = {name for name in FAMILIES if "of" not in options(name)} - {"von_mises"}
    assert names(result) | set(result.left_out) | set(result.unsuited) | set(result.hopeless) | set(result.failed) == plain
    assert {"gamma", "log_normal", "weibull", "normal", "generalized_gamma"} <= names(result)
    assert {"poisson", "beta", "categorical"} <= set(result.unsuited)
    marginal = [one.marginal for one in result.fitted]
    assert marginal == sorted(marginal)
    assert max(marginal) - min(marginal) <= HOPELESS < min(result.hopeless.values(), default=np.inf)


@pytest.mark.slow
def test_zeros_bring_families_with_a_probability_of_zero(path):
    mixed = found(path, "zeros", {"family": "hurdle", "of": "gamma"})
    assert {"hurdle(gamma)", "tweedie"} <= names(mixed)
    assert len([name for name in names(mixed) if name.startswith("hurdle(")]) >= 5
    assert {one.block for one in mixed.fitted if "(" in one.name or one.name == "tweedie"} == {"mixed"}
    assert not [name for name in names(found(path, "amount", "gamma")) if "hurdle" in name]
    assert {"zero_inflated", "hurdle"} <= {name.partition("(")[0] for name in names(found(path, "many_zeros", "poisson"))}
    assert not [name for name in names(found(path, "count", "poisson")) if "(" in name]


@pytest.mark.slow
def test_a_count_is_compared_by_probabilities_unless_the_config_says_a_density(path):
    counts = found(path, "count", "poisson")
    assert {one.block for one in counts.fitted} == {"probabilities"}
    assert "of another kind" in counts.remarks[0]
    assert {one.block for one in found(path, "count", "normal").fitted} == {"densities"}
    assert {one.block for one in found(path, "binary", "bernoulli").fitted} == {"probabilities"}
    assert "poisson" not in names(found(path, "binary", "bernoulli"))


@pytest.mark.slow
def test_angles_are_alone_with_their_families(path):
    assert names(found(path, "angle", "von_mises")) == {"von_mises"}
    assert "von_mises" not in names(found(path, "real"))


def test_named_families_are_taken_in_the_words_of_the_screen(path):
    listed = families_listed(["gamma, hurdle(gamma)", "mixture(normal,3)", "gamma"], parameters=False)
    assert listed == ("gamma", "hurdle(gamma)", "mixture(normal, 3)")
    result = found(path, "amount", "normal", listed)
    assert names(result) == set(listed)
    assert {one.name: one.distribution for one in result.fitted}["mixture(normal, 3)"] == {
        "family": "mixture", "of": {"family": "normal"}, "components": 3,
    }  # fmt: skip


def test_a_family_that_cannot_be_fitted_is_named_with_the_reason(path):
    exposed = found(path, "count", "poisson", ["poisson", "geometric", "normal", "gamma"], exposure="exposure")
    assert "poisson" in names(exposed)
    assert "exposure" in exposed.left_out["normal"]
    assert exposed.unsuited["gamma"] == "gamma needs y > 0"
    censored = found(path, "amount", "weibull", ["weibull", "von_mises"], censoring={"event": "event"})
    assert names(censored) == {"weibull"}
    assert "von_mises" in {**censored.left_out, **censored.unsuited}
    text = found(path, "label", "categorical", ["categorical", "normal"])
    assert text.unsuited == {"normal": "the target is text"}


def test_the_distribution_of_the_config_stands_in_the_place_of_its_family(path):
    block = {"family": "gamma", "parameters": {"rate": {"activation": "exp"}}}
    result = found(path, "amount", block, ["gamma", "weibull"])
    assert [(one.distribution, one.own) for one in result.fitted if one.name == "gamma"] == [(block, True)]


def test_the_test_rows_of_the_config_are_not_looked_at(path):
    """Only rows of part 0 are 0 here, and these are held out: gamma is possible on all others."""
    loaded = configuration_of({
        "distribution": "gamma",
        "data": {"train": path, "target": "zeros", "features": ["x"], "test": {"column": "part", "values": [0]}, "filter": "part < 1"},
    })  # fmt: skip
    with pytest.raises(DataError):
        Target.of(loaded, 3, SharedReads())
    target = Target.of(configuration_of({
        "distribution": "gamma", "data": {"train": path, "target": "amount", "features": ["x"], "test": {"column": "part", "values": [0, 1]}},
    }), 3, SharedReads())  # fmt: skip
    assert len(target.rows.row) == ROWS * 8 // 10
    assert (target.rows.position % 10 > 1).all()


def test_no_family_at_all_is_a_data_error_with_the_reasons(path):
    with pytest.raises(DataError) as caught:
        found(path, "real", "normal", ["gamma", "poisson"])
    assert caught.value.findings[0].excerpt == ("gamma: gamma needs y > 0", "poisson: poisson needs y = 0, 1, 2, ...")


def test_a_fold_of_the_config_is_refused(path):
    with pytest.raises(ConfigError, match="makes folds itself"):
        found(path, "real", "normal", ["normal"], test={"fold": 1, "folds": 3})
