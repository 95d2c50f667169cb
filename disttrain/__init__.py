"""disttrain: train a neural network that predicts a probability distribution, by empirical cross-entropy.

    run = disttrain.fit("claims.yaml")
    run = disttrain.load("runs/claims-001")
    run.predict(frame); run.distribution(frame); run.evaluate(frame)
    loss = disttrain.CrossEntropy("gamma")

Names are imported on first use, so that importing the package costs nothing.

The examples of docstrings stand in a checkout, with `torch`, `pandas as pd` and `pyarrow as pa` imported. `runs/norris` is the run that the
example of `fit` makes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disttrain.api import Evaluation, FittedRun, fit, load
    from disttrain.errors import DataWarning, DisttrainError
    from disttrain.families import Family, Parameter
    from disttrain.networks import Conditions
    from disttrain.outcomes import Outcome
    from disttrain.training import CrossEntropy

__all__ = [
    "Conditions", "CrossEntropy", "DataWarning", "DisttrainError", "Evaluation", "Family", "FittedRun", "Outcome", "Parameter", "fit", "load",
]  # fmt: skip

_MODULES = {
    "Conditions": "disttrain.networks",
    "CrossEntropy": "disttrain.training",
    "DataWarning": "disttrain.errors",
    "DisttrainError": "disttrain.errors",
    "Evaluation": "disttrain.api",
    "Family": "disttrain.families",
    "FittedRun": "disttrain.api",
    "Outcome": "disttrain.outcomes",
    "Parameter": "disttrain.families",
    "fit": "disttrain.api",
    "load": "disttrain.api",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
