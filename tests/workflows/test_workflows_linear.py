"""Linear predictors fitted to convergence: they reach the maximum likelihood that other software found, and certified lines."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from tests.small_runs import CONFIGS, SAMPLES, SHARED, fitted, linear, write_config, write_table

EXP, CONSTANT, LINEAR = {"activation": "exp"}, {"activation": "exp", "features": []}, {"activation": "linear"}
# A scale that takes the part of the mean: it sees the features of the fit, not those of its log sigma.
MAIN = {"activation": "exp", "features": None}

# Of each reference family: ours, its blocks, and the parameter that has the `log_sigma coefficients`.
FAMILIES = {
    "gaussian": ("normal", {"loc": LINEAR, "scale": EXP}),
    "student_t": ("student_t", {"df": {"features": []}, "loc": LINEAR, "scale": EXP}),
    "logistic": ("logistic", {"loc": LINEAR, "scale": EXP}),
    "lognormal": ("log_normal", {"loc": LINEAR, "scale": EXP}),
    "gamma": ("gamma", {"concentration": CONSTANT, "rate": EXP}),
    "invgauss": ("inverse_gaussian", {"mean": EXP, "concentration": CONSTANT}),
    "poisson": ("poisson", {"rate": EXP}),
    "negbin2": ("negative_binomial", {"mean": EXP, "concentration": CONSTANT}),
    "bernoulli": ("bernoulli", {}),
    "categorical, softmax (7)": ("categorical", {}),
    "tweedie, power 1.5": ("tweedie", {"mean": EXP, "dispersion": CONSTANT, "power": {"fixed": 1.5}}),
    "zip": ({"family": "zero_inflated", "of": "poisson"}, {"rate": EXP, "gate": {"features": []}}),
    "beta": ("beta_mean", {"mean": {}, "precision": EXP}),
    "ordinal, cumulative logit": ({"family": "ordinal"}, {}),
    "ordinal, cumulative probit": ({"family": "ordinal", "link": "probit"}, {}),
    "dirichlet (3)": ("dirichlet", {"concentration": EXP}),
    "multivariate gaussian (4)": ("multivariate_normal", {"scale_tril": {"features": []}}),
    "multivariate gaussian (2)": ("multivariate_normal", {"scale_tril": {"features": []}}),
    "binomial": ("binomial", {}),
    "weibull AFT, right-censored": ("weibull", {"scale": MAIN, "concentration": CONSTANT}),
    "lognormal AFT, right-censored": ("log_normal", {"loc": LINEAR, "scale": CONSTANT}),
    "loglogistic AFT, right-censored": ("log_logistic", {"scale": MAIN, "concentration": CONSTANT}),
    "weibull AFT, interval-censored": ("weibull", {"scale": MAIN, "concentration": CONSTANT}),
    "von mises": ({"family": "von_mises", "unit": "degrees"}, {"loc": {"features": []}, "concentration": {"features": []}}),
}
FITS = (
    "gaussian_concrete", "gaussian_wine_red", "gaussian_yacht", "gaussian_hetero_concrete", "gaussian_hetero_engel", "gaussian_hetero_abdom",
    "student_t_concrete", "student_t_dax_returns", "logistic_dist_abdom", "lognormal_rent99", "gamma_rent99", "gamma_severity_au_vehicle",
    "invgauss_rent99", "poisson_randhie", "negbin2_randhie", "logistic_german_credit", "logistic_au_vehicle_occurrence", "multinomial_anes96",
    "tweedie_au_vehicle", "zip_randhie", "beta_food_expenditure", "beta_food_expenditure_precision", "beta_methylation",
    "ordinal_logit_grad_apply", "ordinal_probit_grad_apply", "ordinal_logit_wine_red", "ordinal_logit_anes96", "dirichlet_arctic_lake",
    "dirichlet_arctic_lake_quadratic", "mvn_eu_stocks", "mvn_energy", "vonmises_marylebone", "poisson_offset_au_vehicle",
    "negbin2_offset_au_vehicle", "binomial_menarche", "weibull_rossi", "lognormal_rossi", "loglogistic_rossi", "weibull_gbsg2",
    "lognormal_gbsg2", "loglogistic_gbsg2", "weibull_unemployment", "weibull_interval_diabetes",
)  # fmt: skip
# What the data section says of a file beside target and features, by the end of the fit's name.
SEEN = {
    "offset_au_vehicle": {"exposure": "Exposure"},
    "menarche": {"trials": "Total"},
    "rossi": {"target": "week", "censoring": {"event": "arrest"}},
    "gbsg2": {"target": "time", "censoring": {"event": "cens"}},
    "unemployment": {"target": "spell", "censoring": {"event": "censor1"}},
    "diabetes": {"target": "left", "censoring": {"lower": "left", "upper": "right"}},
}
FILTERS = {"rows with ClaimAmount > 0": "ClaimAmount > 0", "all rows": None}


@pytest.fixture(scope="module")
def reference():
    path = SHARED / "reference_fits.json"
    if not path.is_file():
        pytest.skip("the reference fits lie beside the repository, and here they do not")
    return json.loads(path.read_text())["fits"]


def features_of(coefficients):
    """The columns behind the names of coefficients: `region[north]` is an indicator of `region`."""
    if not coefficients:
        return []
    if all(isinstance(value, dict) for value in coefficients.values()):
        coefficients = next(iter(coefficients.values()))
    return list(dict.fromkeys(name.partition("[")[0] for name in coefficients if name != "(Intercept)"))


# Features that a reference fit computes from a column.
COMPUTED = {
    "log(popul+0.1)": ("popul", lambda column: np.log(column + 0.1)),
    "depth^2": ("depth", np.square),
    "log_exposure": ("Exposure", np.log),
}
# Labels of a reference fit from the lowest to the highest, where they are text.
ORDERS = {"apply": ["unlikely", "somewhat likely", "very likely"]}


def derived(path, features, folder):
    """The file itself, or a copy as Parquet with the features that a reference fit computes from a column."""
    computed = [name for name in features if name in COMPUTED]
    if not computed:
        return path
    table = pacsv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    for name in computed:
        column, function = COMPUTED[name]
        table = table.append_column(name, pa.array(function(table[column].to_numpy())))
    return write_table(folder / f"{path.stem}.parquet", table)


def target_of(design):
    """The target column before the `~` of a design, or the columns of a vector; what stands in brackets is the order of its labels."""
    left = design.partition("~")[0].rpartition(":")[2].strip()
    return [name.strip() for name in left.strip("()").split(",")] if left.startswith("(") else left.partition(" (")[0]


def document_of(name, fit, folder):
    """The config of a reference fit."""
    family, blocks = FAMILIES[fit["family"]]
    distribution = {"family": family} if isinstance(family, str) else dict(family)
    first, others = features_of(fit["coef"]), fit["other_parameters"]
    scale = features_of(next((value for key, value in others.items() if key.endswith("coefficients")), {}))
    constant = all(block.get("features") == [] for block in blocks.values()) and "loc" in blocks
    # A model of constants names no column; some column must be there.
    features = ["ws"] if constant else list(dict.fromkeys([*first, *scale]))
    for block, seen in (("loc", first), ("scale", scale), ("mean", first), ("precision", scale)):
        if block in blocks and {"scale", "precision"} & set(blocks) and "features" not in blocks[block]:
            blocks = {**blocks, block: {**blocks[block], "features": seen}}
    target = target_of(fit["design"])
    if isinstance(target, str) and target in ORDERS:
        distribution["order"] = ORDERS[target]
    source = str(derived(SHARED / fit["file"], features, folder))
    data = {"train": source, "target": target, "features": features, "filter": FILTERS[fit["rows_used"]]}
    data |= next((seen for end, seen in SEEN.items() if name.endswith(end)), {})
    return linear({"recipe": "plain", "distribution": {**distribution, "parameters": blocks}, "data": data})


@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_a_linear_predictor_reaches_the_reference_likelihood(name, reference, tmp_path):
    fit = reference[name]
    overrides = ["predictions.columns=[parameters]", "evaluation.metrics=[nll]"]
    run = fitted(write_config(tmp_path / f"{name}.yaml", document_of(name, fit, tmp_path)), tmp_path / "run", *overrides)
    assert run.finished.evaluations["train"].document["rows"] == fit["n"]
    # The reference has densities per radian where the file has degrees.
    reference_nll = fit["mean_nll"] + (np.log(180 / np.pi) if fit["family"] == "von mises" else 0.0)
    assert run.nll("train") == pytest.approx(reference_nll, abs=1e-5)
    # The reference is the minimum; the floor that our exp stands on makes ours another model, by some 1e-7.
    assert run.nll("train") > reference_nll - 1e-6


@pytest.mark.slow
def test_the_log_of_an_exposure_is_an_offset(reference, tmp_path):
    fit = reference["poisson_offset_au_vehicle"]
    document = document_of("poisson", fit, tmp_path)
    assert "exposure" not in document["data"]
    document["data"] |= {"train": str(derived(SHARED / fit["file"], ["log_exposure"], tmp_path)), "offset": {"rate": "log_exposure"}}
    overrides = ["predictions.columns=[parameters]", "evaluation.metrics=[nll]"]
    run = fitted(write_config(tmp_path / "offset.yaml", document), tmp_path / "run", *overrides)
    assert run.nll("train") == pytest.approx(fit["mean_nll"], abs=1e-5)
    assert run.nll("train") > fit["mean_nll"] - 1e-6


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    table = pq.read_table(SAMPLES / "auto_mpg.parquet")
    return write_table(tmp_path_factory.mktemp("cars") / "cars.parquet", table.filter(table["horsepower"].is_valid()))


def least_squares(cars, folder, scale):
    features = ["horsepower", "weight", "acceleration"]
    parameters = {"scale": {"fixed": scale}}
    document = linear(
        {
            "recipe": "plain",
            "distribution": {"family": "normal", "parameters": parameters},
            "data": {"train": str(cars), "target": "mpg", "features": features},
        }
    )
    return fitted(write_config(folder / f"scale_{scale}.yaml", document), folder / f"run_{scale}")


def test_a_gaussian_of_fixed_scale_predicts_what_least_squares_does(cars, tmp_path):
    table = pq.read_table(cars)
    x = np.column_stack(
        [np.ones(table.num_rows), *(table[name].to_numpy().astype(float) for name in ("horsepower", "weight", "acceleration"))]
    )
    y = table["mpg"].to_numpy()
    line = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    for scale in (0.5, 3.0):
        run = least_squares(cars, tmp_path, scale)
        assert run.predictions["loc"].to_numpy() == pytest.approx(line, rel=1e-7)
        assert run.predictions["scale"].to_pylist() == pytest.approx([scale] * table.num_rows, rel=1e-15)
        constants = np.log(scale) + 0.5 * np.log(2 * np.pi)
        assert run.nll("train") == pytest.approx(((y - line) ** 2).mean() / (2 * scale**2) + constants, rel=1e-10)


def test_a_fixed_scale_costs_no_output(cars, tmp_path):
    started = least_squares(cars, tmp_path, 1.0).events[0]
    assert started.weights == started.inputs + 1


def test_the_certified_line_of_norris_is_found(tmp_path):
    run = fitted(CONFIGS / "least_squares.yaml", tmp_path / "run")
    predictions = run.predicted(SAMPLES / "nist_norris.csv", tmp_path / "line.parquet")
    x = np.genfromtxt(SAMPLES / "nist_norris.csv", delimiter=",", names=True)["x"]
    assert predictions["loc"].to_numpy() == pytest.approx(-0.262323073774029 + 1.00211681802045 * x, rel=1e-8, abs=1e-7)
    rmse = run.evaluated("rmse").document["metrics"]["rmse"]["value"]
    # The certified residual standard deviation divides by n - 2.
    assert rmse * np.sqrt(36 / 34) == pytest.approx(0.884796396144373, rel=1e-8)
