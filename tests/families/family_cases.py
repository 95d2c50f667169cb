"""What the battery walks: every family of the table at a few ordinary parameters, and the scipy expression of its docstring, executed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from disttrain.families import ACTIVATIONS, FAMILIES, Family, Parameter, activation_for, build, facts, objection

__all__ = [
    "ALLOWED", "CONTINUOUS", "DISCRETE", "FAMILY", "NUMBERS", "OF_VECTORS", "distribution", "oracle", "parameters", "parameters_of",
    "raw_grid", "scipy_log_prob", "targets",
]  # fmt: skip

FAMILY: dict[str, Family] = {name: build(name, {"classes": 3}) for name in FAMILIES}
DISCRETE = [name for name, family in FAMILY.items() if family.support.integer]
CONTINUOUS = [name for name in FAMILY if name not in DISCRETE]
OF_VECTORS = [name for name, family in FAMILY.items() if any(parameter.shape for parameter in family.parameters)]
NUMBERS = [name for name in FAMILY if name not in OF_VECTORS]
# Every activation that a config may give a parameter, defaults included.
ALLOWED: list[tuple[str, Parameter, str]] = [
    (name, parameter, activation)
    for name, family in FAMILY.items()
    for parameter in family.parameters
    for activation in ACTIVATIONS
    if objection(activation, parameter, name) is None
]

_POINTS = (-1.0, 0.4, 1.7)


def raw_grid(parameter: Parameter, values: Tensor) -> Tensor:
    """Raw outputs (n, *shape) of a parameter: every value, and for vectors every combination of a few of them."""
    if not parameter.shape:
        return values
    few = values[:: max(1, len(values) // 8)].tolist()
    return torch.tensor(list(product(few, repeat=parameter.shape[0])), dtype=torch.float64)


def parameters_of(family: Family) -> dict[str, Tensor]:
    """Three rows of ordinary values of each parameter, {name: (3, *shape)}, inside the range of its default activation."""
    made = {}
    for place, parameter in enumerate(family.parameters):
        count = 1 if not parameter.shape else parameter.shape[0]
        raw = [[_POINTS[(row + place + 2 * column) % 3] * (1.0 + 0.1 * column) for column in range(count)] for row in range(3)]
        shaped = torch.tensor(raw, dtype=torch.float64).reshape(3, *parameter.shape)
        made[parameter.name] = activation_for(parameter).forward(shaped)
    return made


def parameters(name: str) -> dict[str, Tensor]:
    return parameters_of(FAMILY[name])


def distribution(name: str, values: Mapping[str, Tensor] | None = None) -> Any:
    """The distribution of a family, (3,) unless other values are given."""
    return FAMILY[name].distribution(**(values or parameters(name)), validate_args=False)


def oracle(name: str, values: Mapping[str, Tensor]) -> Any:
    """scipy's distribution: what the line `scipy` of the family's docstring evaluates to."""
    words = vars(stats) | {"exp": np.exp, "log": np.log, "sqrt": np.sqrt} | {key: value.numpy() for key, value in values.items()}
    return eval(facts(name).lines["scipy"], words)


def scipy_log_prob(name: str, values: Mapping[str, Tensor], y: np.ndarray) -> np.ndarray:
    """scipy's log-density of targets y (m, 3), or (m, 1), under the three rows of parameters: (m, 3)."""
    if name in OF_VECTORS:
        count = next(iter(values.values())).shape[-1]
        onehot = np.eye(count)[np.broadcast_to(y, (len(y), 3)).astype(int)]
        rows = [oracle(name, {key: value[row] for key, value in values.items()}) for row in range(3)]
        return np.stack([row.logpmf(onehot[:, place]) for place, row in enumerate(rows)], 1)
    frozen = oracle(name, values)
    return frozen.logpmf(y) if name in DISCRETE else frozen.logpdf(y)


def targets(family: Family) -> Tensor:
    """Targets all over the support, in units of a standardised target: from its middle to far out."""
    support = family.support
    if support.integer:
        counts = torch.tensor([0.0, 1.0, 2.0, 3.0, 10.0, 1e3, 1e6], dtype=torch.float64)
        return counts[counts <= support.upper]
    far = torch.logspace(-6.0, 4.0, 21, dtype=torch.float64)
    if np.isinf(support.lower):
        return torch.cat([-far, torch.zeros(1, dtype=torch.float64), far])
    if np.isinf(support.upper):
        return support.lower + far
    share = torch.tensor([1e-9, 1e-4, 0.02, 0.3, 0.5, 0.7, 0.98, 1.0 - 1e-9], dtype=torch.float64)
    return support.lower + share * (support.upper - support.lower)
