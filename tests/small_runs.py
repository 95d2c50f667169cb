"""Small data, small configs, and fits of them: what the tests of workflows and of the command line stand on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from disttrain.evaluation.result import Evaluation
from disttrain.families import FAMILIES, Family, build, options
from disttrain.families.supports import Support
from disttrain.validation.config import configuration
from disttrain.validation.options import EvaluateOptions, PredictOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.fit import Finished, fit
from disttrain.workflows.predict import predict

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
SAMPLES = ROOT / "sample_data"
SHARED = ROOT.parent / "shared" / "data"
ROWS = 400
LABELS = np.array(["blue", "green", "red"])


def _draws(rng: np.random.Generator, x: np.ndarray) -> dict[str, Any]:
    """Targets of the best known families drawn from themselves, each moved by the feature x."""
    mean = np.exp(0.5 + 0.4 * x)
    share = 1 / (1 + np.exp(-x))
    symmetric = {
        "normal": rng.normal(size=ROWS),
        "student_t": rng.standard_t(5, ROWS),
        "laplace": rng.laplace(size=ROWS),
        "logistic": rng.logistic(size=ROWS),
        "cauchy": rng.standard_cauchy(ROWS),
        "gumbel": rng.gumbel(size=ROWS),
    }
    return {
        **{name: 3 + 2 * x + (0.5 + share) * draw for name, draw in symmetric.items()},
        "exponential": rng.exponential(mean),
        "gamma": rng.gamma(2.0, mean),
        "log_normal": rng.lognormal(0.5 * x, 0.5),
        "weibull": mean * rng.weibull(1.7, ROWS),
        "inverse_gaussian": rng.wald(mean, 3.0),
        "beta": rng.beta(2 + share, 3.0),
        "poisson": rng.poisson(mean),
        "negative_binomial": rng.negative_binomial(2, 2 / (2 + mean)),
        "geometric": rng.geometric(0.2 + 0.6 * share) - 1,
        "bernoulli": (rng.random(ROWS) < share).astype(int),
        "categorical": LABELS[np.clip((x + 1.5 + 0.7 * rng.normal(size=ROWS)).astype(int), 0, 2)],
    }


def options_of(name: str) -> dict[str, Any]:
    """The options under which a family is fitted here, where the defaults are too small to be ordinary."""
    return {"total_count": 6} if "total_count" in options(name) else {}


def built(name: str) -> Family:
    """The family as it is fitted here: of three classes, or of two targets."""
    return build(name, {"classes": 3, "targets": 2, **options_of(name)})


def target_of(name: str) -> str | list[str]:
    """The column of `family_table` that is the target of a family, or the columns of a vector."""
    return [f"{name}_0", f"{name}_1"] if built(name).event else name


def _numbers(support: Support, rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A number in the support for each value of the feature x, which moves it."""
    share = 1 / (1 + np.exp(-x))
    if support.discrete and np.isfinite(support.upper):
        return support.lower + rng.binomial(int(support.upper - support.lower), 0.2 + 0.6 * share)
    if support.discrete:
        counts = rng.poisson(np.exp(0.5 + 0.4 * x))
        return support.step * (counts - rng.poisson(1.0, ROWS)) if np.isinf(support.lower) else support.lower + support.step * counts
    if np.isfinite(support.upper):
        return support.lower + (support.upper - support.lower) * rng.beta(2 + share, 3.0)
    return 0.5 * x + 0.5 * rng.normal(size=ROWS) if np.isinf(support.lower) else support.lower + rng.gamma(2.0, np.exp(0.5 + 0.4 * x))


def _columns(name: str, rng: np.random.Generator, x: np.ndarray) -> dict[str, Any]:
    """The target of any family, by what its support holds: {column: (ROWS,)}."""
    family = built(name)
    if family.support.kind == "simplex":
        share = rng.beta(2 + 1 / (1 + np.exp(-x)), 3.0)
        return {f"{name}_0": share, f"{name}_1": 1 - share}
    if family.event:
        element = replace(family.support, kind="number")
        return {column: _numbers(element, rng, x) for column in target_of(name)}
    y = _numbers(family.support, rng, x)
    for atom in family.atoms:
        y = np.where(rng.random(ROWS) < 0.15, atom, y)
    return {name: y}


def family_table() -> pa.Table:
    """400 rows: features `x`, `z` and `kind`, an `id`, a `weight`, a `fold`, and a target named after each family: `target_of`."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=ROWS)
    targets = _draws(rng, x)
    for place, name in enumerate(name for name in FAMILIES if name not in targets):
        targets |= _columns(name, np.random.default_rng([7, place]), x)
    kind = np.where(x + rng.normal(size=ROWS) > 0, "north", "south")
    others = {"z": rng.normal(size=ROWS), "kind": kind, "id": np.arange(9000, 9000 + ROWS), "weight": rng.uniform(0.5, 2.0, ROWS)}
    return pa.table({"x": x, **others, "fold": np.arange(ROWS) % 5, **targets})


# Families whose every score is quick.
CLOSED = (
    "normal", "student_t", "laplace", "logistic", "cauchy", "gumbel", "exponential", "gamma", "log_normal", "weibull", "inverse_gaussian",
    "beta", "poisson", "negative_binomial", "geometric", "bernoulli", "categorical",
)  # fmt: skip


def config_of(target: str, train: str, *, family: str | None = None, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """A config document for a target of `family_table`: three epochs of a small network, fold 4 held out."""
    name = family or target
    columns = target_of(target) if target in FAMILIES else target
    return {
        "distribution": {"family": name, **(options_of(name) if name in FAMILIES else {}), "parameters": parameters or {}},
        "data": {"train": train, "target": columns, "features": ["x", "z", "kind"], "test": {"column": "fold", "values": [4]}},
        "network": {"hidden": [8]},
        "training": {"epochs": 3},
        "recipe": "plain",
        # Scores without a closed form are tested where they are made; seventy fits need not wait for them.
        **({} if name in CLOSED else {"evaluation": {"metrics": ["nll"]}}),
    }


def linear(document: dict[str, Any], epochs: int = 40) -> dict[str, Any]:
    """The same as a linear predictor fitted to all rows, to convergence."""
    data = {key: value for key, value in document["data"].items() if key != "test"} | {"validation": None}
    training = {"epochs": epochs, "optimizer": "lbfgs", "early_stopping": None}
    return {**document, "data": data, "network": {"hidden": []}, "training": training}


def write_config(path: Path, document: dict[str, Any]) -> Path:
    """The document as a YAML file."""
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def write_table(path: Path, table: pa.Table) -> Path:
    """The table as a Parquet file."""
    pq.write_table(table, path)
    return path


@dataclass(frozen=True)
class FittedRun:
    """What a fit said, and its folder."""

    folder: Path
    events: tuple[Any, ...]

    @property
    def finished(self) -> Finished:
        """The last event."""
        assert isinstance(self.events[-1], Finished)
        return self.events[-1]

    @property
    def predictions(self) -> pa.Table:
        """The predictions that the fit wrote."""
        return pq.read_table(self.folder / "predictions.parquet")

    @property
    def weights(self) -> bytes:
        """The file of weights."""
        return (self.folder / "model" / "weights.safetensors").read_bytes()

    def nll(self, split: str) -> float:
        """The mean negative log-likelihood that the fit reported for a split."""
        return self.finished.evaluations[split].document["metrics"]["nll"]["value"]

    def evaluated(self, *metrics: str, data: Path | None = None, split: str | None = None) -> Evaluation:
        """The answer of `evaluate`."""
        return evaluate(
            EvaluateOptions(run=self.folder, metrics=metrics, data=None if data is None else str(data), split=split), self.folder
        )

    def predicted(self, data: Path | str, output: Path) -> pa.Table:
        """What `predict` writes for a file."""
        predict(PredictOptions(run=self.folder, data=str(data), output=str(output)), self.folder)
        return pq.read_table(output)


def fitted(config: Path, out: Path, *overrides: str) -> FittedRun:
    """Fit the config file into the folder `out`."""
    return FittedRun(out, tuple(fit(configuration(config, overrides), out=out)))
