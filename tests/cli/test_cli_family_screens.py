"""What a person sees of families: whole screens of one, of a ranking, and of the mistakes that are easily made with the newer ones."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
import yaml
from typer.testing import CliRunner

from disttrain.cli.app import app
from disttrain.families import FAMILIES, build, spelled
from tests.small_runs import write_table

TRUNCATED = """\
truncated   y >= 0, continuous
  A family that is only seen between two ends, or beyond one: amounts above a deductible, scores with a floor. An end may be a column.

  parameter   support                 default activation
  loc         any real number         linear             z
  scale       > 0                     softplus           softplus(z) + 1e-6
  lower       any real number         set by an option, here 0

  options       of, lower, upper
  density       q(y) / P(l ≤ Y ≤ u),   l ≤ y ≤ u; an end that is not set cuts nothing off
  loss per row  -log q(y) + log P(l ≤ Y ≤ u)
  symbols       l = lower, u = upper
  mean          by quadrature
  variance      by quadrature
  crps          quadrature
  scipy.stats   none
  gamlss        gamlss.tr
  try instead   a shape of its own above an end: generalized_pareto, pareto
"""

ORDINAL = """\
ordinal   y is one of K classes, classes
  Classes with an order: grades, ratings, stages. The option `order` lists text labels from the lowest to the highest; numbers sort.

  parameter   support                 default activation
  loc         any real number         linear             z
  cutpoints   increasing θ            ordered            z_1, then steps of softplus(z_k) + 1e-6

  options       link: logit, order
  density       F(c_y - μ) - F(c_(y-1) - μ)
  loss per row  -log(F(c_y - μ) - F(c_(y-1) - μ))
  symbols       μ = loc, c = cutpoints
  mean          does not exist
  variance      does not exist
  crps          summation: the ranked probability score, in steps from class to class
  scipy.stats   none
  gamlss        OPO of gamlss.ordinal packages
  try instead   no order: categorical · counts: poisson
"""

MULTIVARIATE_NORMAL = """\
multivariate_normal   each element any real y, vectors
  Several targets at once that move together: returns of markets, measures of one thing. L is the Cholesky factor of the covariance.

  parameter    support                                      default activation
  loc          any real number                              linear             z
  scale_tril   lower triangular θ with a positive diagonal  cholesky           lower triangle, softplus(z_kk) + 1e-6 on the diagonal
"""

# Digits after the point may differ from one platform to another, so all are shown as 0.
RANKING = """\
flow: 000 rows, 00.00 .. 00.00, mean 00.00, skewness 0.0
  fitted on all rows

 family                     parameters                        activations       nll/row  delta AIC  delta BIC  censoring 
 gumbel                     loc, scale                        lin, sp            0.0000          0          0  yes       
 generalized_extreme_value  loc, scale, shape                 lin, sp, ½tanh     0.0000        0.0        0.0  yes       
 johnson_su                 loc, scale, skewness, tailweight  lin, sp, lin, sp   0.0000        0.0       00.0  yes       
  and 00 more

The marginal fit (no features) ranks shapes only; features can change the order.
"""  # noqa: W291

MISTAKES = {
    "a bracketed name": ("mixture(hurdle(gamma), 2)", "pos", 2, ["distribution)", "write `{family: mixture, of: {family: hurdle, of: gamma}, components: 2}`"]),
    "text for a number": ({"family": "pareto", "scale": "big"}, "pos", 2, ["(distribution.scale)", "must be a number, not `big`"]),
    "no such column": ({"family": "truncated", "of": "normal", "lower": "zero"}, "pos", 3, ["there is no column `zero`"]),
    "a fraction for a count": ({"family": "mixture", "components": 2.5}, "pos", 2, ["(distribution.components)", "must be a whole number"]),
    "an impossible option": ({"family": "pareto", "scale": -5}, "pos", 2, ["(distribution.scale)", "pareto needs scale > 0"]),
    "an impossible inner option": (
        {"family": "hurdle", "of": {"family": "pareto", "scale": 0}}, "pos", 2, ["(distribution.of.scale)", "pareto needs scale > 0"],
    ),
    "inner parameters": (
        {"family": "mixture", "of": {"family": "normal", "parameters": {"scale": {"fixed": 1.0}}}}, "pos", 2,
        ["(distribution.of.parameters)", "parameters stand beside the outermost `family`"],
    ),
    "one column for a vector": ("dirichlet", "pos", 2, ["(data.target)", "two target columns or more", "[a, b, c]"]),
    "several columns for a number": ("tweedie", ["pos", "x"], 2, ["(data.target)", "takes one target column", "multivariate_normal"]),
    "a label unseen": ({"family": "ordinal", "order": ["low", "mid"]}, "grade", 3, ["column `grade`", "1 row has a label", "known are low, mid"]),
}  # fmt: skip


def done(*arguments, code=0):
    """What a command writes: (stdout, stderr)."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data whose file names no test depends on, made of quantiles, so that no generator has a say in the screens."""
    folder = tmp_path_factory.mktemp("screens")
    share = (np.arange(300) + 0.5) / 300
    columns = {
        "flow": scipy.stats.gumbel_r.ppf(share, 20.0, 3.0), "x": np.sin(97.0 * share), "pos": 1.0 + share,
        "grade": ["high"] + ["low", "mid"] * 149 + ["mid"],
    }  # fmt: skip
    write_table(folder / "data.parquet", pa.table(columns))
    return folder


@pytest.mark.parametrize(("name", "screen"), [("truncated", TRUNCATED), ("ordinal", ORDINAL)])
def test_the_screen_of_a_family(name, screen):
    assert done("families", name)[0] == screen


def test_columns_of_a_screen_stay_straight_beside_long_supports():
    assert done("families", "multivariate_normal")[0].startswith(MULTIVARIATE_NORMAL)


@pytest.mark.slow
def test_the_screen_of_a_ranking(folder, monkeypatch):
    monkeypatch.chdir(folder)
    out, err = done("families", "--data", "data.parquet", "--target", "flow", "--support", "real", "--top", "3")
    assert re.sub(r"\d", "0", out) == RANKING
    assert err.strip() == "Next: in a config, `distribution: gumbel` with `data: {train: data.parquet, target: flow, ...}`"


@pytest.mark.slow
def test_the_next_step_after_a_ranking_is_no_density_of_repeated_values(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    write_table(tmp_path / "zeros.parquet", pa.table({"loss": np.where(rng.random(500) < 0.3, 0.0, rng.gamma(2.0, 3.0, 500))}))
    out, err = done("families", "--data", "zeros.parquet", "--target", "loss", "--support", "positive")
    assert out.index("Densities") < out.index("A probability for some values")
    assert "repeat a value" in err
    assert "`distribution: {family: hurdle, of: gamma}`" in err


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_with_place_finding_and_way_out(folder, mistake, tmp_path):
    distribution, target, code, words = MISTAKES[mistake]
    data = {"train": str(folder / "data.parquet"), "target": target, "features": ["x"] if target != ["pos", "x"] else ["flow"]}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"recipe": "plain", "distribution": distribution, "data": data}))
    err = done("check", tmp_path / "c.yaml", code=code)[1]
    assert all(word in err for word in words), err


def test_what_a_config_gives_is_no_activation():
    out, _ = done("families", "--support", "positive")
    (row,) = [line for line in out.splitlines() if line.startswith("generalized_pareto")]
    assert "exp, half_tanh, given" in row


def test_a_family_of_families_is_found_by_the_name_a_ranking_gives_it():
    assert "did you mean `mixture`?" in done("families", "mixture(normal, 2)", code=2)[1]


@pytest.mark.parametrize("name", [*FAMILIES, "mixture(hurdle(gamma), 3)", "hurdle(mixture(gamma, 2))"])
def test_a_spelled_name_builds_the_family_of_that_name(name):
    built = build(name, {"classes": 2, "targets": 2}).name if name in FAMILIES else name
    section = yaml.safe_load(spelled(built))
    family, options = (section["family"], section) if isinstance(section, dict) else (section, {})
    assert build(family, {**options, "classes": 2, "targets": 2}).name == built


def test_what_labels_have_not_is_refused_by_the_option_that_asked(folder, tmp_path):
    data = {"train": str(folder / "data.parquet"), "target": "grade", "features": ["x"], "filter": "pos > 1.01"}
    section = {
        "recipe": "plain",
        "distribution": {"family": "ordinal", "order": ["low", "mid", "high"]},
        "data": data,
        "training": {"epochs": 1},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(section))
    done("fit", tmp_path / "c.yaml", "-q", "-o", tmp_path / "run")
    for option, value, column in (("--quantiles", "0.5", "quantiles"), ("--columns", "mean", "mean")):
        asked = ("predict", tmp_path / "run", "--data", folder / "data.parquet", "-o", tmp_path / "p.parquet", option, value)
        err = done(*asked, code=2)[1]
        assert f"--> {option}" in err
        assert f"`{column}` do" in err
        assert "its targets are labels" in err
