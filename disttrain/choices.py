"""The words that a config accepts, listed without torch. A test compares each list with the table or the code that uses it."""

from __future__ import annotations

__all__ = [
    "COLUMN_KINDS",
    "CSV_THOUSANDS",
    "ENCODINGS",
    "FORMATS",
    "HEADS",
    "INITIALIZATIONS",
    "MEMBER_SPLITS",
    "METRICS",
    "MISSING",
    "MOMENTUM_OPTIMIZERS",
    "NORMALIZATIONS",
    "NOT_AVAILABLE",
    "NUMERIC_EMBEDDINGS",
    "OPTIMIZERS",
    "OPTIMIZER_DEFAULTS",
    "POOLINGS",
    "PRECISIONS",
    "PREDICTION_COLUMNS",
    "RECIPES",
    "SCALINGS",
    "SCHEDULES",
    "SCHEDULE_DEFAULTS",
    "SPLITS",
    "SPLIT_METHODS",
    "STOPPING_METRICS",
    "SUFFIXES",
    "TEXT_FORMATS",
    "TIMED_COLUMNS",
    "TRUNK_ACTIVATIONS",
    "UNKNOWN_CATEGORIES",
]

RECIPES = ("plain", "default", "best")
METRICS = ("nll", "crps", "pit", "coverage", "pinball", "interval", "brier", "accuracy", "concordance", "mae", "rmse", "deviance")
STOPPING_METRICS = ("nll",)
TRUNK_ACTIVATIONS = ("relu", "silu", "gelu", "tanh", "elu", "selu", "mish", "leaky_relu", "softplus", "sigmoid", "identity")
NORMALIZATIONS = ("none", "layer", "batch")
NUMERIC_EMBEDDINGS = ("none", "periodic", "piecewise_linear", "both")
HEADS = ("shared", "separate")
# The formats of files, for reading and writing, and the suffixes of their names.
SUFFIXES = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".tsv"),
    "feather": (".feather",),
    "arrow": (".arrow", ".arrows", ".ipc"),
    "ndjson": (".ndjson", ".jsonl"),
}
FORMATS = ("auto", *SUFFIXES)
# Formats that are text: without bytes and UUIDs, and shown by a terminal.
TEXT_FORMATS = ("csv", "ndjson")
CSV_THOUSANDS = (",", ".", "'", " ", "\u00a0", "\u202f")
COLUMN_KINDS = ("numeric", "categorical", "boolean", "datetime")
ENCODINGS = ("auto", "onehot", "embedding")
SPLIT_METHODS = ("random", "group", "time", "per_member")
# What each member holds out of its own by a column.
MEMBER_SPLITS = ("group", "time")
MISSING = ("impute", "drop", "error")
UNKNOWN_CATEGORIES = ("other", "error")
SCALINGS = ("standard", "quantile", "none")
OPTIMIZERS = ("adam", "adamw", "sgd", "lbfgs")
SCHEDULES = ("constant", "cosine", "step", "plateau")
INITIALIZATIONS = ("marginal", "linear", "auto", "zero")
PRECISIONS = ("float32", "float64", "bfloat16", "auto")
POOLINGS = ("mixture", "family")
PREDICTION_COLUMNS = ("parameters", "mean", "std", "variance", "median", "mode", "quantiles", "survival", "hazard")
# Columns of which there is one for each of `predictions.times`.
TIMED_COLUMNS = ("survival", "hazard")
SPLITS = ("train", "validation", "test")

# What an optimizer is given where the config leaves it out.
OPTIMIZER_DEFAULTS: dict[str, dict[str, float]] = {
    "adam": {"lr": 1e-3, "weight_decay": 0.0},
    "adamw": {"lr": 1e-3, "weight_decay": 1e-4},
    "sgd": {"lr": 1e-2, "weight_decay": 0.0},
    "lbfgs": {"lr": 1.0, "weight_decay": 0.0},
}
MOMENTUM_OPTIMIZERS = ("sgd",)

# The keys that only one schedule has, with what they are where the config leaves them out.
SCHEDULE_DEFAULTS: dict[str, dict[str, float]] = {
    "step": {"step_size": 30, "gamma": 0.1},
    "plateau": {"factor": 0.5, "patience": 10},
}

# Keys of the config format that this version cannot do, and the one value of each that asks for nothing.
NOT_AVAILABLE: dict[tuple[str, ...], bool | None] = {
    ("output", "report"): False,
    ("tune",): None,
}
