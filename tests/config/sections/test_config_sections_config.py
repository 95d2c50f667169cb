"""What the sections of a config take, refuse and fill in."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from disttrain import choices, config
from disttrain.config.diagnostics import problems_of
from disttrain.config.sections.config import Config
from disttrain.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))

MINIMAL: dict[str, Any] = {
    "recipe": "plain",
    "distribution": "gamma",
    "data": {"train": "a.parquet", "target": "y", "features": ["a", "b"]},
}

# Dotted key -> values that it takes.
TAKES: dict[str, list[Any]] = {
    "recipe": ["plain", "default", "best"],
    "version": [1],
    "name": ["claims", "a b-1.2+x", "größe", None],
    "distribution": ["normal", {"family": "mixture", "of": {"family": "normal"}, "components": 3}],
    "distribution.parameters": [
        {"rate": {"fixed": 1}},
        {"rate": {"fixed": [1.0, 2]}},
        {"rate": {"bounds": [None, 3]}},
        {"a": {"features": []}},
    ],
    "data.train": ["a/*.csv", ["a", "b"], "-"],
    "data.validation": [0.2, "b.csv", ["b", "c"], {"column": "fold", "values": [1, "a", True, 0.5]}, None],
    "data.test": [0.1, "b.csv", ["b", "c"], {"column": "fold", "values": [9]}, None],
    "data.format": choices.FORMATS,
    "data.filter": ["y > 0", ["y > 0", "b == 'x'"], None],
    "data.target": ["y", ["y", "z"]],
    "data.features": [["a"], "*", [], [{"name": "a"}, {"name": "b", "type": "categorical", "encoding": "embedding", "dimensions": 4}]],
    "data.id": ["i", ["i", "j"], []],
    "data.weight": ["w", None],
    "data.exposure": ["e", "a"],
    "data.offset": [{"rate": "e", "concentration": "a"}],
    "data.trials": ["n", "a"],
    "data.censoring": [
        {"limit": 3},
        {"limit": "a"},
        {"event": "e", "limit": 5, "rounding": 0.1, "entry": "a"},
        {"lower": "y", "upper": "u"},
        {},
    ],
    "data.split": [
        {"method": "random"},
        {"method": "group", "by": "i"},
        {"method": "time", "by": "a"},
        {"method": "per_member"},
        {"method": "per_member", "by": "i"},
        {"method": "per_member", "of": "time", "by": "a"},
    ],
    "network.hidden": [[], [1], [64] * 64],
    "network.activation": choices.TRUNK_ACTIVATIONS,
    "network.dropout": [0, 0.99],
    "network.members": [1, 8],
    "network.numeric_embedding": choices.NUMERIC_EMBEDDINGS,
    "network.linear_path": [True, False],
    "training.batch_size": ["auto", 1, 10_000],
    "training.optimizer": [*choices.OPTIMIZERS, {"name": "sgd", "momentum": 0.9}, {"lr": 0.5}, {"name": "adam", "weight_decay": 1e-3}],
    "training.schedule": [*choices.SCHEDULES, {"name": "step", "step_size": 3}, {"name": "plateau", "factor": 0.1, "patience": 2}],
    "training.early_stopping": [None, {}, {"patience": 1, "min_delta": 0}],
    "training.averaging": [0.0, 0.99],
    "training.gradient_clip": [None, 1, 0.5],
    "training.device": ["auto", "cpu", "cuda", "cuda:3", "mps"],
    "training.precision": choices.PRECISIONS,
    "training.seed": [0, 2**63 - 1],
    "training.time_limit": [None, "30m", "2h", "1h30m", "90s", 12.5],
    "evaluation.metrics": [None, [], list(choices.METRICS)],
    "evaluation.by": ["a", ["a", "c"]],
    "predictions.columns": [[name for name in choices.PREDICTION_COLUMNS if name not in choices.TIMED_COLUMNS], []],
    "predictions": [{"columns": ["survival", "hazard"], "times": [1, 0.5]}],
    "predictions.splits": [[], ["test"]],
    "output.folder": ["runs", "/tmp/x"],
    "output.report": [False],
    "tune": [None],
}

# Dotted key -> (code, value) pairs that it refuses.
REFUSES: dict[str, list[tuple[str, Any]]] = {
    "recipe": [("unknown-choice", "bset"), ("wrong-type", 3)],
    "version": [("out-of-range", 2), ("out-of-range", 0), ("wrong-type", "1"), ("wrong-type", True), ("wrong-type", 1.0)],
    "name": [("out-of-range", n) for n in ("", "a/b", "..", ".x", "x\n", "a" * 101)] + [("wrong-type", 3)],
    "distribution": [("wrong-type", 3), ("wrong-type", None), ("missing-key", {}), ("out-of-range", "")],
    "distribution.parameters": [("wrong-type", []), ("wrong-type", {"a": None}), ("unknown-key", {"a": {"activaton": "exp"}}),
                                ("out-of-range", {"a": {"bounds": [1]}}), ("wrong-type", {"a": {"fixed": True}})],
    "data": [("wrong-type", "x"), ("missing-key", {}), ("wrong-type", None)],
    "data.train": [("wrong-type", 3), ("out-of-range", []), ("out-of-range", ""), ("wrong-type", [3]), ("out-of-range", "a\0b")],
    "data.validation": [("out-of-range", v) for v in (0, 1, 1.5, -0.1)] + [("wrong-type", True), ("missing-key", {"column": "a"}),
                        ("wrong-type", {"column": "a", "values": [None]}), ("unknown-key", {"column": "a", "values": [1], "x": 1})],
    "data.target": [("wrong-type", 3), ("out-of-range", []), ("out-of-range", ""), ("role-conflict", ["y", "y"]),
                    ("role-conflict", "a")],
    "data.features": [("wrong-type", "a"), ("wrong-type", [3]), ("role-conflict", ["a", "a"]), ("role-conflict", ["y"]),
                      ("missing-key", [{}]),
                      ("role-conflict", ["a", {"name": "a"}]), ("unknown-key", [{"name": "a", "kind": "x"}]),
                      ("unknown-choice", [{"name": "a", "type": "number"}]), ("conflict", [{"name": "a", "dimensions": 3}]),
                      ("conflict", [{"name": "a", "type": "numeric", "encoding": "embedding"}])],
    "data.exclude": [("conflict", ["c"])],
    "data.id": [("role-conflict", "y"), ("role-conflict", ["a"]), ("wrong-type", 3), ("role-conflict", ["i", "i"])],
    "data.weight": [("role-conflict", "y"), ("role-conflict", "a"), ("wrong-type", 1.0)],
    "data.split": [
        ("missing-key", {"method": "group"}),
        ("missing-key", {"method": "per_member", "of": "time"}),
        ("conflict", {"by": "a"}),
        ("conflict", {"method": "time", "of": "time", "by": "a"}),
        ("unknown-choice", {"method": "groups", "by": "a"}),
        ("unknown-choice", {"method": "per_member", "of": "groups", "by": "a"}),
    ],
    "data.exposure": [("role-conflict", "y"), ("wrong-type", 1.0), ("wrong-type", ["e"])],
    "data.offset": [("role-conflict", {"rate": "y"}), ("wrong-type", "e")],
    "data.trials": [("role-conflict", "y"), ("wrong-type", 10)],
    "data.censoring": [("wrong-type", {"limit": True}), ("wrong-type", "nonsense"), ("unknown-key", {"evnt": "e"}),
                       ("role-conflict", {"event": "a"}), ("role-conflict", {"event": "y"}), ("role-conflict", {"upper": "b"}),
                       ("conflict", {"lower": "l", "event": "e"}), ("conflict", {"upper": "u", "limit": 3}),
                       ("out-of-range", {"rounding": 0}), ("out-of-range", {"limit": 1e200})],
    "network.hidden": [("out-of-range", [0]), ("out-of-range", [10**9]), ("out-of-range", [1] * 65), ("wrong-type", [1.5]),
                       ("wrong-type", 64),
                       ("wrong-type", [True])],
    "network.activation": [("unknown-choice", "rleu"), ("wrong-type", None)],
    "network.dropout": [("out-of-range", 1), ("out-of-range", -0.1), ("wrong-type", "0.1"), ("wrong-type", True)],
    "network.residual": [("wrong-type", 1), ("wrong-type", "yes")],
    "network.members": [("out-of-range", 0), ("out-of-range", 10**6), ("wrong-type", 2.5), ("wrong-type", True)],
    "network.numeric_embedding": [("unknown-choice", "fourier"), ("wrong-type", None)],
    "network.linear_path": [("wrong-type", "yes")],
    "training.epochs": [("out-of-range", 0), ("wrong-type", 1.5), ("wrong-type", True), ("wrong-type", None), ("out-of-range", 10**9)],
    "training.batch_size": [("wrong-type", "large"), ("out-of-range", 0), ("wrong-type", 1.5)],
    "training.optimizer": [("unknown-choice", "adamax"), ("out-of-range", {"lr": 0}), ("conflict", {"name": "adam", "momentum": 0.9}),
                           ("conflict", {"name": "lbfgs", "weight_decay": 0.1}), ("wrong-type", 3), ("wrong-type", {"name": ["adam"]})],
    "training.schedule": [("unknown-choice", "linear"), ("conflict", {"name": "cosine", "gamma": 0.5}),
                          ("out-of-range", {"warmup_epochs": -1})],
    "training.early_stopping": [("unknown-choice", {"metric": "crps"}), ("wrong-type", False), ("out-of-range", {"patience": 0})],
    "training.averaging": [("out-of-range", 1.0), ("wrong-type", None)],
    "training.gradient_clip": [("out-of-range", 0)],
    "training.device": [("unknown-choice", "gpu"), ("unknown-choice", "cuda:x")],
    "training.precision": [("unknown-choice", "float16")],
    "training.seed": [("out-of-range", -1), ("wrong-type", 1.0)],
    "training.time_limit": [("wrong-type", "soon"), ("wrong-type", ""), ("out-of-range", 0), ("out-of-range", "0m"), ("wrong-type", True)],
    "evaluation.metrics": [("unknown-choice", ["crsp"]), ("role-conflict", ["nll", "nll"]), ("wrong-type", "nll")],
    "evaluation.levels": [("out-of-range", [0.5, 1]), ("out-of-range", []), ("role-conflict", [0.5, 0.5])],
    "predictions.columns": [("unknown-choice", ["means"]), ("not-available", ["samples"]), ("missing-key", ["survival"])],
    "predictions.times": [("out-of-range", [0]), ("conflict", [30]), ("role-conflict", [2, 2]), ("wrong-type", 30)],
    "output.folder": [("out-of-range", ""), ("wrong-type", 3)],
    "output.report": [("not-available", True)],
    "tune": [("not-available", {"trials": 50})],
    "nonsense": [("unknown-key", 1)],
}  # fmt: skip


def with_value(key: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(MINIMAL)
    here, parts = document, key.split(".")
    if parts[0] == "distribution" and len(parts) > 1:
        document["distribution"] = {"family": "gamma"}
    for part in parts[:-1]:
        here = here.setdefault(part, {})
    here[parts[-1]] = value
    return document


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in TAKES.items() for value in values])
def test_what_a_key_takes(key, value):
    assert config.parse(with_value(key, value))


@pytest.mark.parametrize(("key", "code", "value"), [(key, code, value) for key, pairs in REFUSES.items() for code, value in pairs])
def test_what_a_key_refuses_and_why(key, code, value):
    with pytest.raises(ConfigError) as caught:
        config.parse(with_value(key, value))
    assert code in [finding.code for finding in caught.value.findings]
    assert all(finding.where.startswith(key) or code == "role-conflict" for finding in caught.value.findings)


def test_the_defaults_are_those_of_the_interface():
    full = config.parse(MINIMAL)
    assert (full.data.validation, full.data.split.method, full.data.missing) == (0.15, "random", "impute")
    assert (full.network.hidden, full.network.activation, full.network.heads, full.network.members) == ((64, 64), "silu", "shared", 1)
    assert (full.training.epochs, full.training.batch_size, full.training.gradient_clip) == (300, "auto", 10.0)
    assert (full.training.optimizer.name, full.training.optimizer.lr, full.training.optimizer.weight_decay) == ("adamw", 1e-3, 1e-4)
    assert (full.training.schedule.name, full.training.schedule.warmup_epochs, full.training.precision) == ("cosine", 5, "auto")
    assert full.training.early_stopping is not None
    assert (full.training.early_stopping.patience, full.training.early_stopping.min_delta) == (20, 1e-4)
    assert (full.evaluation.metrics, full.evaluation.levels, full.predictions.quantiles) == (None, (0.5, 0.9), (0.05, 0.5, 0.95))


def test_lbfgs_brings_what_suits_it():
    training = config.parse(with_value("training.optimizer", "lbfgs")).training
    assert (training.precision, training.optimizer.lr, training.schedule.name) == ("float64", 1.0, "constant")
    own = config.parse(with_value("training", {"optimizer": {"name": "lbfgs"}, "precision": "float32", "schedule": "cosine"})).training
    assert (own.precision, own.schedule.name) == ("float32", "cosine")


def test_lbfgs_takes_no_batch_size():
    with pytest.raises(ConfigError, match="all rows at once"):
        config.parse(with_value("training", {"optimizer": "lbfgs", "batch_size": 5}))


@pytest.mark.parametrize("name", choices.OPTIMIZERS)
def test_an_optimizer_alone_means_its_defaults(name):
    optimizer = config.parse(with_value("training.optimizer", name)).training.optimizer
    assert {"lr": optimizer.lr, "weight_decay": optimizer.weight_decay} == choices.OPTIMIZER_DEFAULTS[name]


def test_further_keys_of_a_distribution_are_options_of_its_family():
    section = config.parse(with_value("distribution", {"family": "mixture", "of": "normal", "components": 3})).distribution
    assert section.options == {"of": "normal", "components": 3}


def test_a_rule_may_refuse_an_option():
    def rule(document):
        yield config.Problem(("distribution", "componnts"), "unknown-key", "`mixture` takes no `componnts`", on_key=True)

    with pytest.raises(ConfigError) as caught:
        config.loads("distribution: {family: mixture, componnts: 3}\ndata: {train: a, target: y, features: [x]}", rules=rule)
    assert caught.value.findings[0].where == "config:1:33  (distribution.componnts)"


def test_a_key_that_is_not_available_is_refused_for_nothing_else():
    with pytest.raises(ConfigError) as caught:
        config.parse(with_value("tune", {"trails": 3}))
    assert [(finding.code, finding.what) for finding in caught.value.findings] == [
        ("not-available", "`tune` is not available in this version")
    ]


def test_two_ends_need_no_target_and_one_does():
    data = {"train": "a.parquet", "features": ["a"], "censoring": {"lower": "from", "upper": "to"}}
    assert config.parse({"recipe": "plain", "distribution": "gamma", "data": data}).data.targets == ("from",)
    with pytest.raises(ConfigError, match="target"):
        config.parse({"recipe": "plain", "distribution": "gamma", "data": {**data, "censoring": {"lower": "from"}}})


def test_a_time_limit_is_in_seconds():
    limits = [config.parse(with_value("training.time_limit", text)).training.time_limit for text in ("30m", "1h30m", "2d", "90s", 7)]
    assert limits == [1_800.0, 5_400.0, 172_800.0, 90.0, 7.0]


def test_one_target_or_several_are_a_tuple_of_targets():
    assert config.parse(MINIMAL).data.targets == ("y",)
    assert config.parse(with_value("data.target", ["y", "z"])).data.targets == ("y", "z")


def test_a_config_cannot_be_changed():
    full = config.parse(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        full.training.epochs = 5


def test_a_document_given_from_python_is_left_alone():
    document = copy.deepcopy(MINIMAL)
    config.parse(document, ["training.optimizer.lr=0.5", "data.features=[z]"])
    assert document == MINIMAL


def test_paths_and_tuples_of_python_are_understood():
    document = with_value("data.train", Path("a") / "b.parquet")
    document["network"] = {"hidden": (8, 8)}
    full = config.parse(document)
    assert (full.data.train, full.network.hidden) == (str(Path("a") / "b.parquet"), (8, 8))


@pytest.mark.slow
@pytest.mark.parametrize("items", [200_000, 20_000])
def test_any_number_of_wrong_items_makes_one_short_report(items):
    with pytest.raises(ConfigError) as caught:
        config.parse(with_value("data.features", [1] * items))
    assert len(caught.value.findings) <= 20
    assert len(str(caught.value)) < 10_000


def complaint(document) -> ValidationError | None:
    try:
        Config.model_validate(document)
    except ValidationError as error:
        return error
    return None


def test_every_kind_of_complaint_has_words_of_ours():
    """The fallback of the translation is for kinds that the sections do not produce."""
    errors = [complaint(with_value(key, value)) for key, pairs in REFUSES.items() for _, value in pairs]
    told = [problem.what for error in errors if error for problem in problems_of(error)]
    assert len(told) > 80
    assert not [what for what in told if " cannot be " in what and "name of a run" not in what]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_example_is_a_config(path):
    loaded = config.load(path)
    assert loaded.text == path.read_bytes()
    assert loaded.base == path.parent


@pytest.mark.parametrize(
    "changes",
    [{"training": {"optimizer": "lbfgs", "averaging": 0.9}}, {"training": {"averaging": 0.9}, "network": {"normalization": "batch"}}],
)
def test_weights_are_averaged_only_where_that_has_a_meaning(changes):
    document = with_value("training", changes["training"]) | {key: value for key, value in changes.items() if key != "training"}
    with pytest.raises(ConfigError, match="averag"):
        config.parse(document)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {"hidden": [], "linear_path": True}},
        {"training": {"initialize": "linear"}},
        {"training": {"initialize": "auto"}, "network": {"members": 2}},
    ],
)
def test_a_linear_path_stands_beside_hidden_layers_and_a_linear_start_needs_one(changes):
    with pytest.raises(ConfigError, match="linear"):
        config.parse(MINIMAL | changes)
    assert config.parse(MINIMAL | {"training": {"initialize": "auto"}, "network": {"linear_path": True}}).network.linear_path
