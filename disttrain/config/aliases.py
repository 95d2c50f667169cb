"""Words of other programs for the keys of a config, and the key for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from disttrain.config.sections.config import Config
from disttrain.config.yaml.source_map import Path

# The word for a key in LightGBM, XGBoost, scikit-learn, Keras, PyTorch Lightning, Ludwig and Hugging Face.
_ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(("learning_rate", "base_lr", "initial_lr", "learning_rate_init", "eta"), "training.optimizer.lr"),
    **dict.fromkeys(("l2", "lambda_l2", "reg_lambda", "l2_regularization"), "training.optimizer.weight_decay"),
    **dict.fromkeys(
        ("num_epochs", "n_epochs", "max_epochs", "num_train_epochs", "nepochs", "max_iter", "num_iterations", "iterations"), "training.epochs"
    ),
    **dict.fromkeys(("batch", "batchsize", "minibatch_size", "per_device_train_batch_size"), "training.batch_size"),
    **dict.fromkeys(("early_stopping_rounds", "early_stopping_patience", "early_stop", "n_iter_no_change", "patience"), "training.early_stopping.patience"),
    **dict.fromkeys(("random_state", "random_seed"), "training.seed"),
    **dict.fromkeys(("clipnorm", "grad_clip", "gradient_clip_val", "max_grad_norm", "gradient_clipping"), "training.gradient_clip"),
    **dict.fromkeys(("accelerator", "device_type"), "training.device"),
    **dict.fromkeys(("lr_scheduler", "lr_schedule", "scheduler", "learning_rate_scheduler"), "training.schedule"),
    **dict.fromkeys(("dropout_rate", "drop_rate", "drop_prob"), "network.dropout"),
    **dict.fromkeys(("activation_function", "nonlinearity"), "network.activation"),
    **dict.fromkeys(("hidden_layers", "hidden_units", "hidden_size", "hidden_sizes", "hidden_dims", "hidden_layer_sizes", "units", "layers",
                     "fc_layers", "neurons"), "network.hidden"),
    **dict.fromkeys(("batch_norm", "batchnorm", "norm"), "network.normalization"),
    **dict.fromkeys(("ensemble_size", "n_members", "num_models", "n_models"), "network.members"),
    **dict.fromkeys(("dist", "distr", "output_distribution", "likelihood"), "distribution.family"),
    **dict.fromkeys(("label", "response", "outcome", "dependent", "label_column", "target_column", "output_features", "y"), "data.target"),
    **dict.fromkeys(("inputs", "input_features", "covariates", "predictors", "feature_columns", "X"), "data.features"),
    **dict.fromkeys(("dataset", "data_path", "train_data", "training_data", "train_file", "file", "path", "filename"), "data.train"),
    **dict.fromkeys(("valid", "valid_data", "validation_data", "validation_split", "val_split", "eval_set"), "data.validation"),
    **dict.fromkeys(("weights", "sample_weight", "sample_weights", "case_weights", "weight_column"), "data.weight"),
    **dict.fromkeys(("test_data", "test_file"), "data.test"),
    **dict.fromkeys(("output_dir", "out_dir", "outdir", "save_dir", "log_dir", "model_dir"), "output.folder"),
    **dict.fromkeys(("metric", "eval_metric"), "evaluation.metrics"),
    "optimiser": "training.optimizer",
    "trainer": "training",
    "model": "network",
    "preprocessing": "data",
}  # fmt: skip

_TREES = "trees have it and networks have not: `network: {hidden: [64, 64]}` says how large the network is"
_ROUNDS = "trees have it and networks have not: `training: {epochs: 300}` says how long is trained at most"
_LOSS = "the loss follows from the distribution: `distribution: gamma`, or another of `disttrain families`"
# Words that have no key here, and what does their work.
_WITHOUT_A_KEY: dict[str, str] = {
    **dict.fromkeys(("max_depth", "num_leaves", "min_child_samples", "min_data_in_leaf", "min_child_weight", "max_leaves", "max_bin"), _TREES),
    **dict.fromkeys(("n_estimators", "num_boost_round", "num_trees", "boosting", "boosting_type", "booster"), _ROUNDS),
    **dict.fromkeys(("loss", "objective", "loss_function", "criterion"), _LOSS),
    **dict.fromkeys(
        ("categorical_feature", "categorical_features", "cat_features", "categorical"),
        "a feature says so itself: `features: [{name: COLUMN, type: categorical}]`",
    ),
    "link": "the inverse of a link stands here: `activation: exp` is a log link",
}  # fmt: skip
# The activation that undoes a link function.
LINKS = {
    "log": "exp",
    "identity": "linear",
    "logit": "sigmoid",
    "logshiftto2": "softplus_above_2",
    "own": "softplus",
    "softplus": "softplus",
}


def key_of(word: str) -> str | None:
    """The dotted key for a word: the key of this name in some section, or the key that another program calls so."""
    exact = (key for key in _keys() if key.rpartition(".")[2] == word and not key.startswith("distribution.parameters"))
    return _ELSEWHERE.get(word) or next(exact, None)


def remark_on(word: str) -> str | None:
    """The hint for a word of another program that has no key here; None for other words."""
    return _WITHOUT_A_KEY.get(word)


def _keys(model: type[BaseModel] = Config, before: str = "") -> Iterator[str]:
    """Every dotted key of a config outside lists, the outer ones first."""
    sections = []
    for name, field in model.model_fields.items():
        yield f"{before}{name}"
        sections += [(name, inner) for inner in _models_of(field.annotation) if f"{before}{name}" not in ("data.features",)]
    for name, inner in sections:
        yield from _keys(inner, f"{before}{name}.")


@dataclass(frozen=True)
class Key:
    """A key of a config by its path, or an item of a list: the field of its value, and the keys inside and beside it."""

    path: Path

    @property
    def name(self) -> str:
        """The last part of the path; empty for the whole config."""
        return str(self.path[-1]) if self.path else ""

    @property
    def section(self) -> Key:
        """The key of the section that has this key."""
        return Key(self.path[:-1])

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the section that this key holds; empty if it holds none."""
        return tuple(chain.from_iterable(model.model_fields for model in self._models()))

    @property
    def field(self) -> FieldInfo | None:
        """The field of the value; None if the section has no such key."""
        models = self.section._models() if self.path else []
        return next((model.model_fields[self.name] for model in models if self.name in model.model_fields), None)

    def inner(self, name: str) -> Key:
        """A key of the section that this key holds."""
        return Key((*self.path, name))

    def _models(self) -> list[type[BaseModel]]:
        """The classes of the sections that this key may hold."""
        models: list[type[BaseModel]] = [Config]
        for part in self.path:
            fields = [model.model_fields[str(part)] for model in models if str(part) in model.model_fields]
            # An item of a list, or of a mapping of sections by name, is one of the sections of that list.
            models = list(chain.from_iterable(_models_of(field.annotation) for field in fields)) if fields else models
        return models


def _models_of(annotation: object) -> Iterator[type[BaseModel]]:
    """The section classes in an annotation."""
    if get_origin(annotation) is Annotated:
        yield from _models_of(get_args(annotation)[0])
    elif get_args(annotation):
        yield from chain.from_iterable(_models_of(part) for part in get_args(annotation))
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
