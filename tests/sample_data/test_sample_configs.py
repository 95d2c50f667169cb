"""The example configs, looked at as text and against their data; that they can be fitted is tested with the workflows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
EXAMPLES = {"gaussian", "gaussian_fixed_scale", "bernoulli", "gamma", "categorical_softmax", "categorical_normalized_sigmoid", "student_t"}
KINDS = {"poisson", "negative_binomial", "beta", "log_normal", "weibull", "inverse_gaussian", "linear", "all_options"}
OBSERVED = {
    "survival": "censoring",
    "claim_counts": "exposure",
    "claim_sizes": "censoring",
    "rounded": "censoring",
    "binomial": "trials",
    "survey": "weight",
}


def columns(path: Path) -> set[str]:
    table: pa.Schema = pq.read_schema(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path).schema
    return set(table.names)


def listed(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def mentioned(data: dict) -> dict[str, list[str]]:
    """Every column that the data section names, by key."""
    features = [feature if isinstance(feature, str) else feature["name"] for feature in listed(data["features"]) if feature != "*"]
    splits = [data[key]["column"] for key in ("validation", "test") if isinstance(data.get(key), dict)]
    by = listed((data.get("split") or {}).get("by"))
    plain = {key: listed(data.get(key)) for key in ("target", "exclude", "id", "weight", "exposure", "trials")}
    seen = [column for column in {**(data.get("censoring") or {}), **(data.get("offset") or {})}.values() if isinstance(column, str)]
    return {"features": features, "splits": splits, "by": by, "seen": seen, **plain}


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def config(request):
    return request.param, yaml.safe_load(request.param.read_text(encoding="utf-8"))


def test_there_is_a_config_for_every_worked_example_and_kind_of_target():
    assert {path.stem for path in CONFIGS} >= EXAMPLES | KINDS


@pytest.mark.parametrize("name", OBSERVED)
def test_there_is_a_config_for_every_kind_of_target_that_was_seen_in_part(name):
    path = next(path for path in CONFIGS if path.stem == name)
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["data"][OBSERVED[name]]


def test_every_column_a_config_names_is_in_its_data(config):
    path, document = config
    names = mentioned(document["data"])
    for source in {document["data"]["train"]} | {s for s in [document["data"].get("test")] if isinstance(s, str)}:
        known = columns(path.parent / source)
        assert {name for group in names.values() for name in group} <= known


def test_no_config_is_told_the_answer(config):
    path, document = config
    data = document["data"]
    features = set(mentioned(data)["features"])
    if data["features"] == "*":
        features = columns(path.parent / data["train"]) - set(mentioned(data)["splits"] + mentioned(data)["exclude"])
        features -= set(mentioned(data)["target"])
    assert features
    assert not {name for name in features if name.startswith("true_") or name in {"fold", "food", "casual", "registered"}}
    assert not features & {name for key in ("target", "seen", "exposure", "trials") for name in mentioned(data)[key]}


def test_a_config_is_named_after_its_file_and_explains_itself(config):
    path, document = config
    text = path.read_text(encoding="utf-8")
    assert document["name"].replace("-", "_") == path.stem
    assert text.startswith("# ")
    assert max(map(len, text.splitlines())) <= 140
    assert path.stem in {"all_options", "default"} or 15 <= len(text.splitlines()) <= 35


def test_a_config_is_small_enough_for_a_test_to_fit_it(config):
    if config[0].stem in {"best", "default"}:
        pytest.skip("a recipe for those who can wait; the tests fit two epochs of it")
    training = config[1]["training"]
    assert training["epochs"] <= 100 if training.get("optimizer") == "lbfgs" else training["epochs"] <= 60
    assert config[1]["network"]["hidden"] in ([], [16], [32, 32])
