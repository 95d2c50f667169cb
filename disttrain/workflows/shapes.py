"""Shapes: how well the constant model of a family, without any feature, fits numbers; quickly enough to try every family."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from disttrain.families import Family, Scaling, activation_for
from disttrain.likelihood import cross_entropy
from disttrain.networks import Output, activated
from disttrain.outcomes import Outcome
from disttrain.training import Rows, marginal_raw
from disttrain.workflows.plans import constant_of

__all__ = ["FITTED_ROWS", "Shape", "constants_of", "shape_of"]

# The fits and their scores look at this many rows at most: a few thousand tell shapes apart, and all families have to be tried.
FITTED_ROWS = 2_500


@dataclass(frozen=True)
class Shape:
    """The constant model of a family at its maximum likelihood: nats per row in target units, numbers learned, parameters in target units.

    `mixed` says that it gives a probability to one of the values seen and a density to the others.
    """

    nll: float
    constants: int
    parameters: Mapping[str, float | list[float]]
    mixed: bool


def shape_of(family: Family, y: Tensor, weight: Tensor | None) -> Shape:
    """The constant model of `family` for targets `y` (n,) in its support, with weights (n,)."""
    learned = {parameter.name: activation_for(parameter) for parameter in family.parameters if parameter.given is None}
    scaling = Scaling.of(family, {name: activation.range for name, activation in learned.items()}, y)
    outputs = [
        Output(p, activation_for(p), fixed=scaling.reduce(family, p.name, p.given) if isinstance(p.given, float) else None)
        for p in family.parameters
    ]
    rows = Rows.without_inputs(Outcome.exact(scaling.apply(y)), weight)
    raw = marginal_raw(family, outputs, rows)
    with torch.no_grad():
        constants = activated(outputs, {name: value[None] for name, value in raw.items()}, 1, logits=True)
        nll = float(cross_entropy(family.distribution(**constants, validate_args=False), rows.outcome, weight))
        made = scaling.restore(family, activated(outputs, {name: value[None] for name, value in raw.items()}, 1))
    parameters = {name: value[0].tolist() for name, value in made.items()}
    nll += constant_of(family, scaling, rows)
    return Shape(nll, sum(map(constants_of, outputs)), parameters, _sees_atom(family, y))


def constants_of(output: Output) -> int:
    """How many numbers are free where the parameter is one constant: K - 1 for K probabilities, 1 for an angle given by two raw outputs."""
    shape = output.parameter.shape
    if output.fixed is not None:
        return 0
    if output.parameter.support.kind == "simplex":
        return math.prod(shape) - math.prod(shape[:-1])
    return math.prod(shape) if output.parameter.support.kind == "angle" else output.size


def _sees_atom(family: Family, y: Tensor) -> bool:
    """Whether some targets have a probability of their own: 0 of tweedie, 0 and 1 of an inflated beta."""
    return bool(torch.isin(y, torch.tensor(family.atoms, dtype=y.dtype)).any())
