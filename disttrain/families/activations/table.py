"""Output activations (response functions, inverse links): from any real raw output into the support of a parameter.

This file alone defines floors. They are added, never clamped, so that the gradient stays nonzero; as parameters are learned for a
standardised target, a floor is relative to the scale of the target.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from disttrain import lazy
from disttrain.families import supports
from disttrain.families.activations.base import EDGE, FLOOR, Activation, inverse_softplus, softplus
from disttrain.families.activations.bounds import level, unlevel
from disttrain.families.activations.structured import SHAPED
from disttrain.families.family import Parameter
from disttrain.families.supports import Support

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")

__all__ = ["ACTIVATIONS", "EDGE", "FLOOR", "Activation", "activation_for", "default_name", "objection"]

# exp is exact for raw outputs inside ±60 and levels off at ±100: squares and ratios of two such parameters stay finite in float64.
EXP_LIMIT = 100.0


def _identity(raw: Tensor) -> Tensor:
    return raw


def _squareplus(raw: Tensor) -> Tensor:
    root = torch.sqrt(raw.square() + 4.0)
    # For negative raw outputs the sum cancels; its reciprocal form does not.
    return torch.where(raw < 0, 2.0 / (root + raw.abs()), (raw.abs() + root) / 2.0)


def _sigmoid(raw: Tensor) -> Tensor:
    return EDGE + (1.0 - 2.0 * EDGE) * torch.sigmoid(raw)


def _tanh(raw: Tensor) -> Tensor:
    return (1.0 - EDGE) * torch.tanh(raw)


def _simplex(logits: Tensor) -> Tensor:
    return (torch.softmax(logits, -1) + EDGE) / (1.0 + EDGE * logits.shape[-1])


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation("linear", supports.real, _identity, _identity, "z", "means and locations", adds="units"),
    "softplus": Activation(
        "softplus", supports.positive, lambda raw: FLOOR + softplus(raw), lambda value: inverse_softplus(value - FLOOR),
        "softplus(z) + 1e-6", "grows like z and no faster, so that no row runs away: the usual choice for scales and shapes",
    ),
    "exp": Activation(
        "exp", supports.positive, lambda raw: FLOOR + torch.exp(level(raw, -EXP_LIMIT, EXP_LIMIT)),
        lambda value: unlevel(torch.log(value - FLOOR), -EXP_LIMIT, EXP_LIMIT),
        "exp(z) + 1e-6", "effects multiply, as with the log link of a GLM", adds="factors",
    ),
    "squareplus": Activation(
        "squareplus", supports.positive, lambda raw: FLOOR + _squareplus(raw), lambda value: (value - FLOOR) - 1.0 / (value - FLOOR),
        "(z + sqrt(z² + 4))/2 + 1e-6", "its gradient fades as 1/z², not exponentially: a parameter that became small can come back",
    ),
    "relu": Activation(
        "relu", supports.nonnegative, lambda raw: torch.relu(raw), _identity, "max(z, 0)", "seldom: no gradient on the left, and exactly 0",
    ),
    "sigmoid": Activation(
        "sigmoid", supports.unit, _sigmoid, lambda value: torch.logit((value - EDGE) / (1.0 - 2.0 * EDGE)), "1/(1 + exp(-z))",
        "probabilities and shares (logistic)", logits=_identity,
    ),
    "tanh": Activation("tanh", supports.interval(-1.0, 1.0), _tanh, lambda value: torch.atanh(value / (1.0 - EDGE)), "tanh(z)", "correlations"),
    "softmax": Activation(
        "softmax", supports.simplex, _simplex, lambda value: torch.log(value), "exp(z_k) / Σ exp(z_j)",
        "probabilities of classes", logits=_identity,
    ),
    "normalized_sigmoid": Activation(
        "normalized_sigmoid", supports.simplex, lambda raw: _simplex(torch.nn.functional.logsigmoid(raw)), lambda value: torch.logit(value),
        "σ(z_k) / Σ σ(z_j)", "K logistic outputs divided by their sum: every class has a bounded score of its own",
        logits=lambda raw: torch.nn.functional.logsigmoid(raw),
    ),
}  # fmt: skip


def _shifted(activation: Activation, lower: float) -> Activation:
    return replace(
        activation,
        range=supports.greater_than(lower),
        forward=lambda raw: lower + activation.forward(raw),
        inverse=lambda value: activation.inverse(value - lower),
        formula=f"{lower:g} + {activation.formula}",
        adds="raw",
    )


def _stretched(activation: Activation, lower: float, upper: float) -> Activation:
    old, factor = activation.range, (upper - lower) / (activation.range.upper - activation.range.lower)
    return replace(
        activation,
        range=supports.interval(lower, upper),
        forward=lambda raw: lower + factor * (activation.forward(raw) - old.lower),
        inverse=lambda value: activation.inverse(old.lower + (value - lower) / factor),
        formula=f"{lower:g} + {factor:g} · ({activation.formula}{f' + {-old.lower:g}' if old.lower else ''})",
        logits=None,
    )


ACTIVATIONS |= {
    "half_tanh": Activation(
        "half_tanh", supports.interval(-0.5, 0.5), lambda raw: (0.5 - EDGE) * torch.tanh(raw), lambda value: torch.atanh(value / (0.5 - EDGE)),
        "½ tanh(z)", "shapes of extremes: mean and variance exist",
    ),
    "sigmoid_1_to_2": Activation(
        "sigmoid_1_to_2", supports.interval(1.01, 1.99), lambda raw: 1.01 + 0.98 * _sigmoid(raw), lambda value: torch.logit((value - 1.01) / 0.98),
        "1.01 + 0.98/(1 + exp(-z))", "powers of a variance function, away from the ends where the series gets long",
    ),
}  # fmt: skip
ACTIVATIONS |= SHAPED
ACTIVATIONS |= {
    f"softplus_above_{lower}": replace(_shifted(ACTIVATIONS["softplus"], lower), name=f"softplus_above_{lower}",
                                       remark=f"softplus from {lower} up: moments below that order exist") for lower in (1, 2)
}  # fmt: skip


def default_name(parameter: Parameter) -> str:
    """The name of the default activation of a parameter: its `activation`, else the default of its support."""
    if parameter.activation is not None:
        return parameter.activation
    support = parameter.support
    if support.kind != "number":
        return {"simplex": "softmax", "increasing": "ordered", "triangle": "cholesky", "angle": "angle"}[support.kind]
    if math.isinf(support.lower):
        return "linear"
    return "softplus" if math.isinf(support.upper) else "sigmoid"


def _placed(name: str, support: Support) -> Activation:
    """The activation, shifted and scaled to a half line or an interval."""
    activation = ACTIVATIONS[name]
    if support.kind != "number" or activation.range.kind != "number":
        return activation
    if activation.range == supports.positive and math.isinf(support.upper) and support.lower not in (0.0, -math.inf):
        return _shifted(activation, support.lower)
    bounded_support = not (math.isinf(support.lower) or math.isinf(support.upper))
    if bounded_support and not math.isinf(activation.range.upper) and not activation.range.within(support):
        return _stretched(activation, support.lower, support.upper)
    return activation


def objection(name: str, parameter: Parameter, family: str) -> tuple[str, str, str] | None:
    """The message why activation `name` does not fit a parameter, its reason and an alternative; None where its range fits."""
    activation = _placed(name, parameter.support)
    if activation.range.within(parameter.support):
        return None
    what = f"the range of `{name}` is {activation.range.text('θ')}, and `{parameter.name}` of {family} needs {parameter.support.text('θ')}"
    why = "a value outside the support has no density"
    if name == "relu":
        what = f"`relu` can give 0, and `{parameter.name}` of {family} must be {parameter.support.text('θ').removeprefix('θ ')}"
        why = "at 0 the density is singular, and relu has no gradient for negative inputs"
    first = default_name(parameter)
    general = [n for n in ACTIVATIONS if n != first and not any(char.isdigit() for char in n) and not n.startswith(("angle", "half"))]
    others = [n for n in general if _placed(n, parameter.support).range.within(parameter.support)]
    listed = [f"`{first}` (default)", *(f"`{other}`" for other in others)]
    return what, why, "use " + (" or ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else listed[0])


def activation_for(parameter: Parameter, name: str | None = None) -> Activation:
    """The activation of a parameter: the activation called `name`, or the default, shifted and scaled to its support. Raises KeyError for an unknown name."""
    activation, floor = _placed(name or default_name(parameter), parameter.support), parameter.floor
    if not floor:
        return activation
    return replace(
        activation,
        # A half line stays what it was called, as its floor is one in units of the standardised target.
        range=replace(activation.range, upper=activation.range.upper + floor),
        forward=lambda raw: floor + activation.forward(raw),
        inverse=lambda value: activation.inverse(value - floor),
        formula=f"{floor:g} + {activation.formula}",
        logits=None,
        adds="raw",
    )
