"""Random small problems: any family, a tiny network, and targets as awkward as people's are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from disttrain.families import FAMILIES
from disttrain.families.supports import Support
from tests.small_runs import LABELS, built, options_of

__all__ = ["COUNT", "problem"]

COUNT = 200
_NAMES = tuple(FAMILIES)


def problem(seed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A config document without its source, and the columns of 16 to 48 rows; the families take turns, the rest is drawn."""
    rng = np.random.default_rng([2024, seed])
    name, rows = _NAMES[seed % len(_NAMES)], int(rng.integers(16, 49))
    features = {f"x{number}": rng.normal(size=rows) for number in range(int(rng.integers(1, 4)))}
    twist = str(rng.choice(["plain", "outliers", "ties", "constant"]))
    columns = _targets(name, rng, features["x0"], twist)
    if rng.random() < 0.3:
        features["x0"] = np.full(rows, 3.5)
    if rng.random() < 0.2:
        features["kind"] = np.where(rng.random(rows) < 0.5, "north", "south")
    document = _document(name, rng, list(columns), list(features))
    if rng.random() < 0.25:
        document["data"]["weight"] = "weight"
        columns |= {"weight": rng.integers(0, 4, rows) + 0.5}
    return document, {**features, **columns}


def _document(name: str, rng: np.random.Generator, targets: list[str], features: list[str]) -> dict[str, Any]:
    members = int(rng.integers(1, 4))
    training = {
        "epochs": int(rng.integers(3, 8)),
        "batch_size": int(rng.choice([8, 16, 64])),
        "optimizer": {"name": str(rng.choice(["sgd", "adam"])), "lr": float(10.0 ** rng.uniform(-4.0, 1.0))},
        "initialize": str(rng.choice(["marginal", "marginal", "zero", "linear", "auto"])),
        "averaging": float(rng.choice([0.0, 0.9])),
    }
    data: dict[str, Any] = {"target": targets[0] if len(targets) == 1 else targets, "features": features}
    data["validation"] = None if rng.random() < 0.3 else 0.25
    if members > 1 and data["validation"] and rng.random() < 0.3:
        data["split"] = {"method": "per_member"}
    straight = training["initialize"] in ("linear", "auto")
    # Without hidden layers the network is its own linear path.
    network = {"hidden": [[4], [6, 4], []][int(rng.integers(2 if straight else 3))], "members": members, "linear_path": straight}
    return {
        "recipe": "plain",
        "distribution": {"family": name, **options_of(name)},
        "data": data,
        "network": network,
        "training": training,
        "evaluation": {"metrics": ["nll"]},
        "predictions": {"columns": ["parameters"]},
    }


def _targets(name: str, rng: np.random.Generator, x: np.ndarray, twist: str) -> dict[str, np.ndarray]:
    """The target columns of a family: inside its support, then bent."""
    family = built(name)
    if name == "categorical":
        return {"y": LABELS[_every_class(rng.integers(0, 3, len(x)), 3)]}
    if family.support.kind == "simplex":
        share = 0.3 + 0.4 / (1 + np.exp(-x - rng.normal(size=len(x))))
        share = np.full(len(x), 0.4) if twist == "constant" else share
        return {"y0": share, "y1": 1 - share}
    if family.event:
        return {f"y{place}": _bent(family.support, rng, _numbers(family.support, rng, x), twist) for place in range(2)}
    y = _bent(family.support, rng, _numbers(family.support, rng, x), twist)
    for atom in family.atoms:
        y = y if twist == "constant" else np.where(rng.random(len(x)) < 0.15, atom, y)
    return {"y": y}


def _numbers(support: Support, rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    share, size = 1 / (1 + np.exp(-x)), len(x)
    if support.discrete and math.isfinite(support.upper):
        return support.lower + _every_class(rng.binomial(int(support.upper - support.lower), share), int(support.upper - support.lower) + 1)
    if support.discrete:
        return support.step * (rng.poisson(np.exp(0.5 + x)) - (rng.poisson(1.0, size) if math.isinf(support.lower) else 0)) + (
            0 if math.isinf(support.lower) else support.lower
        )
    if math.isfinite(support.upper):
        return support.lower + (support.upper - support.lower) * rng.beta(2 + share, 3.0)
    return x + rng.normal(size=size) if math.isinf(support.lower) else support.lower + rng.gamma(1.0, np.exp(x)) + 1e-3


def _bent(support: Support, rng: np.random.Generator, y: np.ndarray, twist: str) -> np.ndarray:
    """The numbers with far outliers, with ties, or all the same, as far as the support and a sensible question allow."""
    bounded = math.isfinite(support.upper)
    if twist == "constant" and not (support.discrete and bounded):
        return np.full(len(y), y[len(y) // 2])
    if twist == "ties" and not support.discrete:
        return np.where(rng.random(len(y)) < 0.6, y[0], y)
    if twist == "outliers" and not bounded:
        far = 1000.0 if support.discrete else 10.0 ** rng.uniform(2.0, 6.0)
        return np.where(
            np.arange(len(y)) % 11 == 0, support.lower + far * (y - support.lower) if math.isfinite(support.lower) else far * y, y
        )
    return y


def _every_class(y: np.ndarray, classes: int) -> np.ndarray:
    """The same with each of the first rows' classes there at least thrice: a class that only validation has is another question."""
    return np.concatenate([np.tile(np.arange(classes), 3), y])[: len(y)] if 3 * classes < len(y) else y
