"""What explain, families and check say: the loss as it is, the table as it is, the data as they are."""

from __future__ import annotations

import itertools
import json
import math
import re

import numpy as np
import pyarrow as pa
import pytest
import yaml
from safetensors.numpy import load_file
from typer.testing import CliRunner

from disttrain.cli.app import app
from disttrain.errors import ConfigError, DataError, UsageError
from disttrain.families import ACTIVATIONS, FAMILIES, build, default_name
from disttrain.selection.family_docs import KINDS, described, listing
from disttrain.validation.config import configuration, configuration_of
from disttrain.workflows.check import check
from disttrain.workflows.explain import explain
from tests.small_runs import CONFIGS, config_of, fitted, write_config, write_table

EXAMPLES = sorted(CONFIGS.glob("*.yaml"))
ROWS = 400
_TOLD = {}

GAMMA = """\
loss = -(1/N) Σ log q(y_i | Θ(W, X_i))

Cross-entropy  H(p, q) = -E_p[log q(y)] is the mean surprise, in nats, of data that come from p under the forecast q.
  p, the truth, is known only through N rows: averaging over them gives the loss above.
  H(p, q) = entropy of p + Kullback-Leibler divergence of q from p, so the loss is least where q = p, and never below the entropy.
  The loss is -1/N times the log-likelihood of the weights W: minimising it is maximum likelihood.

  q                gamma(concentration = θ₁, rate = θ₂)
  target           `gamma`, one number per row: y > 0
  θ₁               concentration: one number per row, θ₁ > 0
                   = softplus(z₁) + 1e-6     softplus (default): grows like z and no faster, so that no row runs away: the usual choice for scales and shapes
  θ₂               rate: one number per row, θ₂ > 0, in 1 / target units
                   = softplus(z₂) + 1e-6     softplus (default): grows like z and no faster, so that no row runs away: the usual choice for scales and shapes
  z                MLP 4 → 8 → 2, silu        58 weights
  density          θ₂^θ₁ y^(θ₁-1) exp(-θ₂ y) / Γ(θ₁)
  per row          -[ θ₁ log θ₂ + (θ₁-1) log y - θ₂ y - log Γ(θ₁) ]
  marginal start   the network starts at the constant model of maximum likelihood: the baseline that features have to beat
  recipe           plain: the network that the config names, and nothing else"""

FAMILY_GAMMA = """\
gamma   y > 0, continuous
  Positive, right-skewed amounts: claim sizes, rainfall, waiting times.

  parameter       support                 default activation
  concentration   > 0                     softplus           softplus(z) + 1e-6
  rate            > 0                     softplus           softplus(z) + 1e-6

  density       r^k y^(k-1) exp(-r y) / Γ(k)
  loss per row  -[ k log r + (k-1) log y - r y - log Γ(k) ]
  symbols       k = concentration, r = rate
  mean          k/r
  variance      k/r²
  crps          closed form
  scipy.stats   gamma(a=concentration, scale=1/rate)
  gamlss        GA: mu = concentration/rate, sigma = 1/sqrt(concentration)
  simplifies    concentration fixed: log Γ(k) and (k-1) log y do not move the minimum; what is left is k (y/m + log m) with mean m = k/r
  try instead   heavier tail: log_normal, inverse_gaussian · a hazard of its own: weibull"""


def subscript(number):
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request):
    """A config of the examples and its explanation, which is made once."""
    path = request.param
    if path not in _TOLD:
        loaded = configuration(path)
        _TOLD[path] = loaded.config, explain(loaded)
    return _TOLD[path]


def told(document, *overrides):
    return explain(configuration_of(document, overrides))


def row(explanation, name):
    """The text of a row of an explanation."""
    found = [line for line in explanation.lines if re.match(rf"  {re.escape(name)}\s", line)]
    assert len(found) == 1, name
    return found[0][19:]


def learned_of(config):
    family = build(config.distribution.family, {"classes": 3, "targets": 2, **config.distribution.options})
    sections = config.distribution.parameters
    fixed = {name for name, section in sections.items() if section.fixed is not None}
    return [p for p in family.parameters if p.name not in fixed and p.given is None], fixed


def test_every_learned_parameter_has_a_symbol_and_an_activation(example):
    config, explanation = example
    learned, fixed = learned_of(config)
    text = "\n".join(explanation.lines)
    for number, parameter in enumerate(learned, 1):
        symbol = "θ" + subscript(number)
        assert row(explanation, symbol).startswith(f"{parameter.name}: ")
        assert f"{parameter.name} = {symbol}" in row(explanation, "q")
        assert symbol in explanation.document["per row"]
        section = config.distribution.parameters.get(parameter.name)
        chosen = section.activation if section is not None else None
        name, how = (chosen, "chosen in the config") if chosen else (default_name(parameter), "default")
        after = explanation.lines[[line.startswith(f"  {symbol} ") for line in explanation.lines].index(True) + 1]
        assert f"{name} ({how})" in after
    assert "θ" + subscript(len(learned) + 1) not in text
    for name in fixed:
        assert "fixed" in row(explanation, name)


def test_the_document_says_what_the_lines_say(example):
    _, explanation = example
    assert json.loads(json.dumps(explanation.document)) == explanation.document
    for name in ("q", "target", "z", "density", "per row"):
        # The network of each parameter is told below that of all, where they differ.
        assert explanation.document[name].startswith(row(explanation, name))


def test_the_weights_are_those_of_the_layers_shown(example):
    """Each layer has a matrix and a bias; other parts (normalisation, embeddings, own layers, constants) only add to them."""
    config, explanation = example
    chain = [int(width) for width in re.search(r"\d+( → \d+)+", explanation.document["z"])[0].split(" → ")]
    weights = int(re.search(r"([\d,]+) weights", explanation.document["z"])[1].replace(",", ""))
    dense = sum((a + 1) * b for a, b in itertools.pairwise(chain))
    assert chain[1:-1] == list(config.network.hidden)
    plain = all(section.features is None and not section.hidden for section in config.distribution.parameters.values())
    plain = plain and not any(parameter.constant for parameter in learned_of(config)[0])
    plain = plain and config.network.numeric_embedding == "none" and config.network.members == 1
    if plain and config.network.normalization == "none" and config.network.heads == "shared" and not embedded(config):
        assert weights == dense
    else:
        assert weights >= 1


def embedded(config):
    return config.data.features != "*" and any(
        not isinstance(feature, str) and feature.encoding == "embedding" for feature in config.data.features
    )


@pytest.mark.parametrize("name", ["all_options", "credit", "gamma", "gaussian_fixed_scale", "linear", "multinomial"])
def test_the_weights_are_those_of_the_fitted_network(name, tmp_path):
    path = CONFIGS / f"{name}.yaml"
    run = fitted(path, tmp_path / "run", "training.epochs=1")
    stored = load_file(run.folder / "model" / "weights.safetensors")
    counted = sum(value.size for key, value in stored.items() if "running_" not in key and "num_batches" not in key)
    assert f"{counted:,} weights" in explain(configuration(path)).document["z"]
    assert run.events[0].weights == counted


def test_the_loss_of_gamma_is_derived_like_this(table_file):
    assert "\n".join(told(config_of("gamma", str(table_file))).lines) == GAMMA


def test_the_loss_of_a_normal_is_derived_like_this(table_file):
    document = told(config_of("normal", str(table_file))).document
    assert document["density"] == "exp(-(y - θ₁)² / (2θ₂²)) / (θ₂ √(2π))"
    assert document["per row"] == "log θ₂ + ½ log 2π + (y - θ₁)² / (2θ₂²)"
    assert document["q"] == "normal(loc = θ₁, scale = θ₂)"
    assert "drops out" not in document


def test_a_fixed_scale_is_said_to_be_mean_squared_error(table_file):
    fixed = config_of("normal", str(table_file), parameters={"scale": {"fixed": 2}})
    document = told(fixed).document
    assert document["q"] == "normal(loc = θ₁, scale = 2)"
    assert document["scale"] == "= 2, fixed: the network has no output for it"
    assert document["per row"] == "log 2 + ½ log 2π + (y - θ₁)² / (2·2²)"
    assert document["drops out"].endswith("the mean squared error")
    assert document["z"] == "MLP 4 → 8 → 1, silu        49 weights"


def test_labels_and_one_hot_columns_are_told_apart(table, tmp_path):
    labels = table["categorical"].to_numpy(zero_copy_only=False)
    hot = {f"is_{name}": (labels == name).astype(int) for name in ("blue", "green", "red")}
    path = write_table(tmp_path / "hot.parquet", pa.table({"x": table["x"], "label": labels, **hot}))
    one = {"recipe": "plain", "distribution": "categorical", "data": {"train": str(path), "target": "label", "features": ["x"]}}
    many = {"recipe": "plain", "distribution": "categorical", "data": {"train": str(path), "target": list(hot), "features": ["x"]}}
    first, second = told(one).document, told(many).document
    assert first["target"] == "`label`, one label per row; y is its place among the classes: blue, green, red"
    assert second["target"] == "one-hot: 3 columns with one 1 per row; y is the place of the 1: is_blue, is_green, is_red"
    assert {key: value for key, value in first.items() if key != "target"} == {
        key: value for key, value in second.items() if key != "target"
    }
    assert first["θ₁"].startswith("probs: 3 numbers per row")


def test_labels_are_short_on_the_screen(tmp_path):
    names = ["\x1b" + "long" * 50, *"abcdefghi"]
    path = write_table(tmp_path / "long.parquet", pa.table({"x": range(200), "label": names * 20}))
    document = told(
        {"recipe": "plain", "distribution": "categorical", "data": {"train": str(path), "target": "label", "features": ["x"]}}
    ).document
    assert document["target"].endswith(r"classes: \x1blonglonglonglonglonglongl…, a, b, c, d, e, f, g, …")


@pytest.mark.parametrize("family", FAMILIES)
def test_data_that_cannot_be_read_do_not_hinder_the_derivation(family, table_file):
    document = config_of(family, str(table_file))
    there, gone = told(document).document, told(document, "data.train=nowhere.parquet").document
    for key in ("loss", "family", "q", "density", "per row"):
        assert gone[key] == there[key]
    assert "the data could not be read" in gone["z"]
    assert there.keys() == gone.keys()


def test_what_the_data_alone_would_say_is_left_open():
    document = {
        "recipe": "plain",
        "distribution": "categorical",
        "data": {"train": "nowhere.parquet", "target": "label", "features": ["x"]},
    }
    gone = told(document).document
    assert gone["θ₁"].startswith("probs: K numbers per row")
    assert "→ K" in gone["z"]
    document["data"]["target"] = ["a", "b", "c", "d"]
    hot = told(document).document
    assert hot["θ₁"].startswith("probs: 4 numbers per row")
    assert "→ 4" in hot["z"]
    parameters = {"scale": {"fixed": 1.0}}
    fixed = {
        "recipe": "plain",
        "distribution": {"family": "normal", "parameters": parameters},
        "data": {"train": "no.parquet", "target": "y", "features": ["x"]},
    }
    assert "→ 1," in told(fixed).document["z"]
    fixed["distribution"]["parameters"] = {"scale": {"features": []}}
    assert "→ 1," in told(fixed).document["z"]


def test_a_wrong_word_is_refused_before_anything_is_derived():
    with pytest.raises(ConfigError):
        told(config_of("gama", "nowhere.parquet"))


def test_gamma_is_described_like_this():
    assert "\n".join(described("gamma").lines) == FAMILY_GAMMA


@pytest.mark.parametrize("name", FAMILIES)
def test_a_description_names_every_parameter_and_activation(name):
    found, family = described(name), build(name, {"classes": 2})
    text = "\n".join(found.lines)
    for parameter in family.parameters:
        how = default_name(parameter) if parameter.given is None else f"set by an option, here {parameter.given:g}"
        assert re.search(rf"^  {parameter.name} .*{how}", text, re.MULTILINE)
        assert parameter.given is not None or ACTIVATIONS[how].formula in text
    assert found.document["parameters"] == [parameter.name for parameter in family.parameters]
    assert {"density", "loss", "mean", "variance", "summary"} <= found.document.keys()
    assert json.loads(json.dumps(found.document)) == found.document


def test_the_list_of_families_is_the_table():
    assert [entry["family"] for entry in listing(None)] == list(FAMILIES)
    kinds = {kind: {entry["family"] for entry in listing(kind)} for kind in KINDS}
    # Every family is for exactly one kind of target.
    assert sorted(name for names in kinds.values() for name in names) == sorted(FAMILIES)
    examples = {"real": "normal", "positive": "gamma", "unit": "beta", "count": "poisson", "class": "categorical"}
    assert all(example in kinds[kind] for kind, example in examples.items())
    with pytest.raises(UsageError):
        listing("circular")
    with pytest.raises(UsageError, match="gamma"):
        described("gama")


@pytest.fixture
def checked(tmp_path):
    """What check warns of in 400 rows with the given columns beside x and y."""
    rng = np.random.default_rng(5)
    base = {"x": rng.normal(size=ROWS), "y": rng.normal(size=ROWS)}

    def warnings(family="normal", **columns):
        made = base | columns
        path = write_table(tmp_path / "data.parquet", pa.table(made))
        data = {"train": str(path), "target": "y", "features": [name for name in made if name != "y"]}
        document = {"recipe": "plain", "distribution": family, "data": data, "network": {"hidden": [4]}}
        write_config(tmp_path / "c.yaml", document)
        return [(remark.topic, remark.text) for remark in check(configuration_of(document)) if remark.warning]

    return warnings, base, tmp_path / "c.yaml"


def test_sound_data_earn_no_warning(checked):
    warnings, _, config = checked
    assert warnings() == []
    assert CliRunner().invoke(app, ["check", str(config), "--strict"]).exit_code == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_feature_that_all_but_equals_the_target_is_a_leak(sign, checked):
    warnings, base, _ = checked
    found = warnings(paid=sign * 1000 * base["y"] + 3 + base["x"])
    assert [topic for topic, _ in found] == ["leakage"]
    assert "`paid`" in found[0][1]
    # A feature that explains much, but not all, is what one hopes for: correlation 1/√1.5 = 0.82.
    assert warnings(good=base["y"] + math.sqrt(0.5) * base["x"]) == []


def test_a_target_with_few_values_has_ties(checked):
    warnings, base, _ = checked
    assert [topic for topic, _ in warnings(y=np.round(base["y"], 1))] == ["ties"]
    assert warnings("poisson", y=np.random.default_rng(0).poisson(2.0, ROWS)) == []


def test_a_feature_with_one_value_is_warned_of(checked):
    warnings, _, _ = checked
    assert warnings(flat=np.full(ROWS, 3.0)) == [("features", "`flat` has one value in all training rows and can explain nothing")]
    assert [topic for topic, _ in warnings(word=["same"] * ROWS)] == ["features"]


def test_missing_values_are_counted(checked):
    warnings, _, config = checked
    z = np.random.default_rng(1).normal(size=ROWS)
    assert warnings(z=pa.array(np.where(np.arange(ROWS) < 8, np.nan, z), from_pandas=True)) == [
        ("features", "z: 8 missing (2.0 %), filled in, and an input says where")
    ]
    result = CliRunner().invoke(app, ["check", str(config)])
    assert result.exit_code == 0
    assert "1 warning, 0 errors. `--strict` would fail." in result.stdout
    assert CliRunner().invoke(app, ["check", str(config), "--strict"]).exit_code == 1


@pytest.mark.parametrize("name", ["z", "days missing"])
def test_a_missing_value_says_so_where_training_had_one(name, checked):
    warnings, _, config = checked
    last = np.arange(ROWS) == ROWS - 1
    fold = (np.arange(ROWS) >= ROWS - 20).astype(int)
    column = pa.array(np.where(last, np.nan, np.random.default_rng(1).normal(size=ROWS)), from_pandas=True)
    warnings(**{name: column, "fold": fold})
    document = yaml.safe_load(config.read_text())
    document["data"] |= {"features": ["x", name], "test": {"column": "fold", "values": [1]}}
    said = [remark.text for remark in check(configuration_of(document)) if remark.warning]
    assert said == [f"{name}: 1 missing (0.2 %), filled in"]


@pytest.mark.parametrize("categories", [2, 10, 11, 20, 21])
def test_the_inputs_of_a_feature_are_counted(categories, checked):
    warnings, _, config = checked
    warnings(kind=[f"k{row % categories:02}" for row in range(ROWS)])
    remarks = check(configuration(config), detailed=True)
    inputs = [remark.text for remark in remarks if remark.topic == "inputs"]
    assert inputs[0].startswith("x -> 1 input: x")
    assert inputs[1].startswith(f"kind -> {categories} inputs: kind=k00, kind=k01")


def test_a_check_counts_the_rows_of_the_fit(table_file):
    remarks = {remark.topic: remark.text for remark in check(configuration_of(config_of("gamma", str(table_file))))}
    assert re.fullmatch(r"train \d+ · validation \d+ · test 80", remarks["split"])
    assert sum(map(int, re.findall(r"\d+", remarks["split"]))) == ROWS
    assert "58 weights" in remarks["network"]
    assert "families.parquet" in remarks["files"]


def test_a_check_refuses_what_a_fit_refuses(table_file):
    with pytest.raises(DataError, match="gamma"):
        check(configuration_of(config_of("normal", str(table_file), family="gamma")))
    with pytest.raises(ConfigError):
        check(configuration_of(config_of("categorical", str(table_file)), ["evaluation.metrics=[crps]"]))
