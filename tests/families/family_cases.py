"""What the battery walks: every family of the table at a few ordinary parameters, and the scipy expression of its docstring, executed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from scipy import special, stats
from torch import Tensor

from disttrain.families import ACTIVATIONS, FAMILIES, Activation, Family, Parameter, activation_for, build, facts_of, objection
from disttrain.networks import Output, activated

__all__ = [
    "ALLOWED", "CONTINUOUS", "DISCRETE", "FAMILY", "KNOWN", "NUMBERS", "OF_LABELS", "PARAMETERS", "arguments", "distribution", "extremes", "named",
    "oracle", "outputs", "parameters", "parameters_of", "raw_rows", "samples", "scipy_log_prob", "targets",
]  # fmt: skip

FAMILY: dict[str, Family] = {name: build(name, {"classes": 3, "targets": 2}) for name in FAMILIES} | {
    # Nested, and of other parts than the defaults.
    "mixture of hurdles": build("mixture", {"of": {"family": "hurdle", "of": "gamma"}, "components": 2}),
    "hurdle of counts": build("hurdle", {"of": "negative_binomial"}),
    "truncated counts": build("truncated", {"of": "poisson", "lower": 1}),
    "truncated on both sides": build("truncated", {"of": "normal", "lower": -1.0, "upper": 2.0}),
    "discretized gamma": build("discretized", {"of": "gamma", "step": 0.5}),
    "independent mixtures": build("independent", {"of": {"family": "mixture", "components": 3}, "targets": 2}),
    "independent hurdles": build("independent", {"of": "hurdle", "targets": 2}),
    "independent truncated": build("independent", {"of": {"family": "truncated", "of": "normal", "lower": -1.0}, "targets": 2}),
    "normal of low rank": build("multivariate_normal", {"targets": 4, "rank": 2}),
    "mixture of low rank": build("mixture", {"of": {"family": "multivariate_normal", "rank": 1}, "targets": 4}),
}
NUMBERS = [name for name, family in FAMILY.items() if not family.event]
DISCRETE = [name for name in NUMBERS if FAMILY[name].support.discrete]
CONTINUOUS = [name for name in NUMBERS if name not in DISCRETE]
OF_LABELS = [name for name, family in FAMILY.items() if any("classes" in parameter.axes for parameter in family.parameters)]
# Those whose distribution scipy.stats has.
KNOWN = [name for name in FAMILY if facts_of(FAMILY[name]).lines["scipy"] != "none"]


def _kind(parameter: Parameter) -> tuple[object, ...]:
    return parameter.support, parameter.shape, parameter.activation, parameter.floor, parameter.tied


def named(family: str, parameter: Parameter) -> str:
    return f"{family}-{parameter.name}"


# One of each kind of parameter: its support, shape, default activation and floor decide all that happens to it.
PARAMETERS: list[tuple[str, Parameter]] = list(
    {_kind(p): (name, p) for name, family in reversed(FAMILY.items()) for p in family.parameters if p.given is None}.values()
)
# Every activation that a config may give a parameter, defaults included.
ALLOWED: list[tuple[str, Parameter, str]] = [
    (name, parameter, activation)
    for name, parameter in PARAMETERS
    for activation in ACTIVATIONS
    if objection(activation, parameter, name) is None
]

_POINTS = (-1.0, 0.4, 1.7)


def outputs(family: Family) -> tuple[Output, ...]:
    """How the parameters of a family leave a network with default activations."""
    return tuple(Output(parameter, activation_for(parameter), fixed=parameter.given) for parameter in family.parameters)


def raw_rows(activation: Activation, shape: tuple[int, ...], values: Tensor, most: int = 4000) -> Tensor:
    """Raw outputs (n, *raw_shape): every combination of `values`, or `most` of them, seeded, where there are more."""
    raw_shape = activation.raw_shape(shape)
    size = math.prod(raw_shape)
    if len(values) ** size <= most:
        rows = torch.tensor(list(product(values.tolist(), repeat=size)), dtype=torch.float64)
    else:
        rows = values[torch.randint(len(values), (most, size), generator=torch.Generator().manual_seed(1))]
        rows[: len(values)] = values.unsqueeze(1)
    return rows.reshape(-1, *raw_shape)


def extremes(family: Family, levels: Sequence[float], most: int = 1500) -> dict[str, Tensor]:
    """Raw outputs {name: (n, *raw_shape)} at these levels: every combination of them, or `most`, drawn, where there are more."""
    values = torch.tensor(levels, dtype=torch.float64)
    learned = [output for output in outputs(family) if output.size]
    sizes = [output.size for output in learned]
    generator = torch.Generator().manual_seed(2)
    if len(values) ** sum(sizes) <= most:
        rows = torch.tensor(list(product(values.tolist(), repeat=sum(sizes))), dtype=torch.float64)
    else:
        rows = values[torch.randint(len(values), (most, sum(sizes)), generator=generator)]
        rows[: len(values)] = values.unsqueeze(1)
    pieces = rows.split(sizes, 1)
    return {o.parameter.name: piece.reshape(-1, *o.raw_shape).clone() for o, piece in zip(learned, pieces, strict=True)}


def arguments(family: Family, raw: Mapping[str, Tensor], *, logits: bool = False) -> dict[str, Tensor]:
    """What the distribution of a family is made of at raw outputs {name: (n, *raw_shape)}."""
    return activated(outputs(family), raw, len(next(iter(raw.values()))), logits=logits)


def parameters_of(family: Family) -> dict[str, Tensor]:
    """Three rows of ordinary values of each parameter, {name: (3, *shape)}, inside the range of its default activation."""
    raw = {}
    for place, output in enumerate(outputs(family)):
        if output.fixed is not None:
            continue
        rows = [[_POINTS[(row + place + 2 * column) % 3] * (1.0 + 0.1 * column) for column in range(output.size)] for row in range(3)]
        if output.activation.name == "exp":
            # Not below 1: a beta of little precision piles up where float64 has no numbers.
            rows = [[abs(value) for value in row] for row in rows]
        raw[output.parameter.name] = torch.tensor(rows, dtype=torch.float64).reshape(3, *output.raw_shape)
    return arguments(family, raw)


def parameters(name: str) -> dict[str, Tensor]:
    return parameters_of(FAMILY[name])


def distribution(name: str, values: Mapping[str, Tensor] | None = None) -> Any:
    """The distribution of a family, (3,) unless other values are given."""
    return FAMILY[name].distribution(**(values or parameters(name)), validate_args=False)


def samples(name: str, draws: int) -> Tensor:
    """Targets drawn from the three distributions of a family: (draws, 3, *event)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        return distribution(name).sample((draws,)).double()


def oracle(name: str, values: Mapping[str, Tensor]) -> Any:
    """scipy's distribution: what the line `scipy` of the family's docstring evaluates to."""
    words = vars(stats) | {"special": special, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "pi": np.pi, "diag": np.diag}
    return eval(facts_of(FAMILY[name]).lines["scipy"], words | {key: value.numpy() for key, value in values.items()})


def scipy_log_prob(name: str, values: Mapping[str, Tensor], y: np.ndarray) -> np.ndarray:
    """scipy's log-density of targets y (m, 3, *event) under the three rows of parameters: (m, 3)."""
    if name not in OF_LABELS and not FAMILY[name].event:
        frozen = oracle(name, values)
        return frozen.logpmf(y) if name in DISCRETE else frozen.logpdf(y)
    rows = [oracle(name, {key: value[row] for key, value in values.items()}) for row in range(3)]
    if name in OF_LABELS:
        y = np.eye(next(iter(values.values())).shape[-1])[y.astype(int)]
    return np.stack([getattr(row, "logpdf", getattr(row, "logpmf", None))(y[:, place]) for place, row in enumerate(rows)], 1)


def targets(family: Family) -> Tensor:
    """Targets (m, *event) all over the support, in units of a standardised target: from its middle to far out."""
    support = family.support
    if support.kind == "simplex":
        shares = torch.tensor([[0.5, 0.5], [1e-9, 1.0 - 1e-9], [0.9, 0.1], [0.02, 0.98]], dtype=torch.float64)
        return torch.nn.functional.pad(shares, (0, family.event[0] - 2))
    if family.event:
        numbers = _numbers(support)
        return torch.stack([numbers, numbers.flip(0)], 1).repeat(1, family.event[0] // 2)
    return _numbers(support)


def _numbers(support: Any) -> Tensor:
    if support.discrete:
        steps = torch.tensor([0.0, 1.0, 2.0, 3.0, 10.0, 1e3, 1e6], dtype=torch.float64) * support.step
        counts = torch.cat([-steps.flip(0), steps]) if math.isinf(support.lower) else steps + support.lower
        return counts[counts <= support.upper]
    far = torch.logspace(-6.0, 4.0, 21, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    if math.isinf(support.lower):
        return torch.cat([-far, zero, far])
    if math.isinf(support.upper):
        return support.lower + (torch.cat([zero, far]) if support.closed_lower else far)
    share = torch.tensor([1e-9, 1e-4, 0.02, 0.3, 0.5, 0.7, 0.98, 1.0 - 1e-9], dtype=torch.float64)
    ends = torch.cat([zero, 1.0 + zero]) if support.closed_lower and support.closed_upper else share[:0]
    return support.lower + torch.cat([share, ends]) * (support.upper - support.lower)
