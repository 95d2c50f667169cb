"""The settings of the parameters of a family: the rules of a parameter block, and its settings with every default. No torch is loaded.

A config, the loss for networks of one's own and the command `explain` read a block by these rules. Each has words of its own for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeGuard

from disttrain import lazy
from disttrain.families import ACTIVATIONS, Activation, Family, Fixed, Parameter, activation_for, objection

if TYPE_CHECKING:
    import torch
else:
    torch = lazy.module("torch")

Number = int | float
Bounds = tuple[Number | None, Number | None]
Rule = Literal[
    "given",
    "activation-no-text", "activation-tied", "activation-unknown", "activation-support",
    "fixed-tied", "fixed-vector", "fixed-list", "fixed-no-number", "fixed-shape", "fixed-support", "fixed-alone",
    "bounds-tied", "bounds-vector", "bounds-shape", "bounds-no-pair", "bounds-order", "bounds-support", "bounds-range",
]  # fmt: skip
# The settings of a learned parameter, which a fixed one has not.
_LEARNED = ("activation", "hidden", "features", "bounds")


@dataclass(frozen=True)
class ParameterSettings:
    """The settings of one parameter, in target units: those of its block, and the family's for the rest.

    `chosen`: the block names the activation. `fixed` is the value that the block or an option of the family sets. `features` are the
    features that the parameter depends on (None: all; empty: it is one learned constant), `hidden` the widths of its own layers.
    """

    parameter: Parameter
    activation: Activation
    chosen: bool = False
    fixed: Fixed | None = None
    bounds: Bounds | None = None
    features: tuple[str, ...] | None = None
    hidden: tuple[int, ...] = ()

    @property
    def learned(self) -> bool:
        """True if the network has an output for the parameter: no value is set, and no column has one."""
        return self.fixed is None and self.parameter.given is None


def resolved(
    parameter: Parameter,
    activation: str | None = None,
    fixed: Fixed | None = None,
    bounds: Bounds | None = None,
    features: Sequence[str] | None = None,
    hidden: Sequence[int] | None = None,
) -> ParameterSettings:
    """The settings of a parameter from the values of its block, which breaks no rule. Raises KeyError for an unknown activation."""
    if parameter.given is not None:
        value = None if isinstance(parameter.given, str) else parameter.given
        return ParameterSettings(parameter, activation_for(parameter, activation), fixed=value)
    columns = () if features is None and parameter.constant else None if features is None else tuple(features)
    chosen = activation is not None
    return ParameterSettings(parameter, activation_for(parameter, activation), chosen, fixed, bounds, columns, tuple(hidden or ()))


@dataclass(frozen=True)
class Violation:
    """A rule that a parameter block breaks, and the key whose value breaks it; no key: the block itself."""

    rule: Rule
    key: str = ""


def violations(family: Family, parameter: Parameter, block: Mapping[str, object]) -> Iterator[Violation]:
    """The rules that a parameter block breaks, key by key; of one key, the rule to tell of comes first.

    A key without a value is absent. A reader of blocks has words for those rules only that bind it: a config fixes no vectors, and the
    loss for networks of one's own has no columns.
    """
    if parameter.given is not None:
        yield from [Violation("given")] if block else []
        return
    settings = {key: value for key, value in block.items() if value is not None}
    if "activation" in settings:
        yield from _activation_violations(family, parameter, settings["activation"])
    if "fixed" in settings:
        yield from _fixed_violations(parameter, settings["fixed"])
        yield from (Violation("fixed-alone", key) for key in _LEARNED if key in settings)
    if "bounds" in settings:
        yield from _bounds_violations(parameter, settings["bounds"], settings.get("activation"))


def _activation_violations(family: Family, parameter: Parameter, name: object) -> Iterator[Violation]:
    if not isinstance(name, str):
        yield Violation("activation-no-text", "activation")
        return
    if parameter.tied:
        yield Violation("activation-tied", "activation")
    if name not in ACTIVATIONS:
        yield Violation("activation-unknown", "activation")
    elif objection(name, parameter, family.name):
        yield Violation("activation-support", "activation")


def _fixed_violations(parameter: Parameter, fixed: object) -> Iterator[Violation]:
    support = parameter.support
    if parameter.tied:
        yield Violation("fixed-tied", "fixed")
    if support.kind != "number":
        yield Violation("fixed-vector", "fixed")
    if isinstance(fixed, list | tuple):
        yield Violation("fixed-list", "fixed")
    shape = _shape(fixed)
    if shape is None:
        yield Violation("fixed-no-number", "fixed")
    elif shape != parameter.shape:
        yield Violation("fixed-shape", "fixed")
    if is_number(fixed) and support.kind == "number":
        outside = not support.contains(float(fixed))
    else:
        outside = shape == parameter.shape and not bool(support.contains(torch.tensor(fixed, dtype=torch.float64)).all())
    if outside:
        yield Violation("fixed-support", "fixed")


def _bounds_violations(parameter: Parameter, bounds: object, activation: object) -> Iterator[Violation]:
    if parameter.shape:
        yield Violation("bounds-shape", "bounds")
    if not is_pair(bounds):
        yield Violation("bounds-no-pair", "bounds")
        return
    if parameter.tied:
        yield Violation("bounds-tied", "bounds")
    elif parameter.support.kind != "number":
        yield Violation("bounds-vector", "bounds")
    low, high = (-math.inf if bounds[0] is None else bounds[0]), (math.inf if bounds[1] is None else bounds[1])
    if low >= high:
        yield Violation("bounds-order", "bounds")
    if not (high > parameter.support.lower and low < parameter.support.upper):
        yield Violation("bounds-support", "bounds")
    if activation is None or (isinstance(activation, str) and activation in ACTIVATIONS):
        reach = activation_for(parameter, activation).range
        if not max(low, reach.lower) < min(high, reach.upper):
            yield Violation("bounds-range", "bounds")


def is_number(value: object) -> TypeGuard[Number]:
    """True for a whole or a real number, and not for true and false."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_pair(value: object) -> TypeGuard[list[Number | None] | Bounds]:
    """True for a lower and an upper bound, each a number or None."""
    return isinstance(value, list | tuple) and len(value) == 2 and all(bound is None or is_number(bound) for bound in value)


def _shape(value: object) -> tuple[int, ...] | None:
    """The shape of a number or of nested lists of numbers; None for anything else."""
    if is_number(value):
        return ()
    if not isinstance(value, list | tuple):
        return None
    inner = {_shape(item) for item in value}
    if not inner:
        return (0,)
    (first, *others) = inner
    return None if first is None or others else (len(value), *first)
