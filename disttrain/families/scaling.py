"""Standardisation of the target, and transformation of its parameters by their roles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from disttrain import lazy
from disttrain.families import supports
from disttrain.families.activations.base import Activation, in_units
from disttrain.families.family import Family, Parameter
from disttrain.families.supports import Support
from disttrain.families.target_columns import TargetColumn

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class _Unit:
    """The transformation of a parameter of one role under (y - shift) / scale of the target, and its inverse."""

    restore: Callable[[Any, Any, Any], Any]
    reduce: Callable[[Any, Any, Any], Any]
    # Where the activation may put values such that both directions stay inside: shifted ones need the whole line, scaled ones a cone.
    survives: Callable[[Support], bool]


def _log(scale: Any) -> Any:
    return math.log(scale) if isinstance(scale, float) else scale.log()


def _cone(support: Support) -> bool:
    return support.lower in (0.0, -math.inf) and support.upper in (0.0, math.inf)


_PROPORTIONAL = _Unit(lambda v, _, s: v * s, lambda v, _, s: v / s, _cone)
_UNITS: dict[str, _Unit] = {
    "location": _Unit(lambda v, m, s: v * s + m, lambda v, m, s: (v - m) / s, _cone),
    "scale": _PROPORTIONAL,
    "variance": _Unit(lambda v, _, s: v * s * s, lambda v, _, s: v / s / s, _cone),
    "rate": _Unit(lambda v, _, s: v / s, lambda v, _, s: v * s, _cone),
    "log_scale": _Unit(lambda v, _, s: v + _log(s), lambda v, _, s: v - _log(s), lambda support: support == supports.real),
    "shape": _Unit(lambda v, _, s: v, lambda v, _, s: v, lambda _: True),
    "mean": _PROPORTIONAL,
    # Its unit depends on the power, another parameter: the argument s is s^(2 - power) already.
    "dispersion": _PROPORTIONAL,
}


def exposed(parameter: Parameter, value: Any, exposure: Any) -> Any:
    """The parameter (n, *shape) of a target observed for `exposure` (n,) units, from the parameter for one unit: the mean is proportional."""
    if parameter.role in (None, "dispersion") or parameter.given is not None:
        return value
    times = exposure.reshape(-1, *(1 for _ in parameter.shape))
    return _UNITS[str(parameter.role)].restore(value, 0.0, times)


def moved(family: Family, parameters: Mapping[str, Tensor], shift: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """The parameters {name: (n,)} of shift + scale y, (n,) each, from those of the target y, by their roles."""
    return {p.name: _UNITS[str(p.role)].restore(parameters[p.name], shift, scale) for p in family.parameters}


def takes_exposure(family: Family) -> bool:
    """Return True where the target's mean can be proportional to an exposure: counts and totals, with a parameter in their unit."""
    roles = {parameter.role for parameter in family.parameters if parameter.given is None}
    total = family.support.lower == 0.0 and math.isinf(family.support.upper) and None not in roles and bool(roles - {"shape"})
    return family.proportional and (total or "mean" in roles)


def _closed(family: Family) -> bool:
    """Return True where the family is closed under a change of the target's unit: not counts of events, which have no unit."""
    roles = {parameter.role for parameter in family.parameters}
    return None not in roles and not (family.support.discrete and "mean" in roles)


@dataclass(frozen=True)
class Scaling:
    """Standardisation of a target as (y - shift) / spread, both in target units; the identity where a family is not closed under it.

    Both are one number, or for a vector one number for each target column.

    log p(y | restored θ) = log p((y - shift)/spread | θ) - log spread: the network learns in units of the spread, and the reported
    likelihood is the likelihood of the original target.

    `level` is the unit of the parameters whose role is `mean`, per unit of exposure: of counts, which cannot be standardised, it is
    their mean per unit of exposure, so that the parameter is of order one.
    """

    shift: float | tuple[float, ...] = 0.0
    spread: float | tuple[float, ...] = 1.0
    level: float | tuple[float, ...] = 1.0

    @staticmethod
    def of(
        family: Family, ranges: Mapping[str, Support], y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None
    ) -> Scaling:
        """The scaling for exact training targets `y` (n, *event) of a family whose learned parameters have these activation ranges.

        Median and interquartile range of the targets per unit of `exposure` (n,), weighted by `weight` (n,): robust against outliers of a
        heavy-tailed target; for positive targets the median alone. Where more than half the rows are equal, mean and standard deviation,
        then 1. Where a parameter has the role `mean`: the mean of the total targets, as their median may be 0, with the mean exposure of
        a row for the unit of that parameter.
        """
        roles = {parameter.name: parameter.role for parameter in family.parameters}
        if not _closed(family) or not all(_UNITS[str(roles[name])].survives(range_) for name, range_ in ranges.items()):
            return Scaling.at_level(family, y, weight, exposure)
        locations = [name for name, role in roles.items() if role == "location"]
        # Moved is only what any real number can stand for: `replace` gives the set of one element of a vector.
        free = all(ranges.get(name, supports.real) == supports.real for name in locations)
        centred = free and replace(family.support, kind="number") == supports.real
        totals = "mean" in roles.values()
        rows = [TargetColumn.of(column, weight, exposure) for column in (y.unbind(1) if family.event else (y,))]
        units = [(0.0, column.mean_total) if totals else column.without(family.atoms).units(bool(locations), centred) for column in rows]
        level = 1.0 / rows[0].mean_exposure if totals else 1.0
        if not family.event:
            return Scaling(*units[0], level)
        return Scaling(tuple(shift for shift, _ in units), tuple(scale for _, scale in units), level)

    @staticmethod
    def at_level(family: Family, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None) -> Scaling:
        """The identity for targets, with the level of parameters whose role is `mean`."""
        if all(parameter.role != "mean" for parameter in family.parameters):
            return Scaling()
        rows = [TargetColumn.of(column, weight, exposure) for column in (y.unbind(1) if family.event else (y,))]
        levels = tuple(column.mean_total / column.mean_exposure for column in rows)
        return Scaling(level=levels if family.event else levels[0])

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Scaling:
        """The scaling from its fields in JSON. Raises ValueError for invalid numbers."""
        fields = (state["shift"], state["spread"], state.get("level", 1.0))
        scaling = Scaling(*(tuple(map(float, v)) if isinstance(v, list | tuple) else float(v) for v in fields))
        shifts, scales, levels = map(_listed, (scaling.shift, scaling.spread, scaling.level))
        if not (all(map(math.isfinite, (*shifts, *scales, *levels))) and min(*scales, *levels) > 0 and len(shifts) == len(scales)):
            raise ValueError(f"scaling {scaling}")
        return scaling

    @property
    def standardises(self) -> bool:
        """Return True where the network learns a standardised target, not the original one."""
        return (self.shift, self.spread) != (0.0, 1.0)

    def activation(self, parameter: Parameter, activation: Activation) -> Activation:
        """The activation of a parameter, in units of the level where its role is `mean`: its floor scales with the level.

        An activation with other bounds than 0 is unchanged, as its bounds would scale too.
        """
        if parameter.role != "mean" or self.level == 1.0 or not _cone(activation.range):
            return activation
        name = "the level of each target" if isinstance(self.level, tuple) else f"{self.level:.6g}"
        return in_units(activation, partial(self.level_of, parameter), name)

    def level_of(self, parameter: Parameter, like: Tensor) -> Any:
        """The level in a parameter's unit (n, *shape), as a number or a tensor of the dtype and device of `like`; 1 for other roles than `mean`."""
        if parameter.role != "mean" or not isinstance(self.level, tuple):
            return self.level if parameter.role == "mean" else 1.0
        behind = (1,) * (len(parameter.axes) - parameter.axes.index("targets") - 1)
        return torch.tensor(self.level, dtype=like.dtype, device=like.device).reshape(-1, *behind)

    def apply(self, y: Tensor) -> Tensor:
        """The standardised targets: the same shape, float64."""
        shift, scale = self._numbers(y)
        standardised: Tensor = (y - shift) / scale
        return standardised

    def restore(self, family: Family, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The parameters of the target in its units, from the parameters of the standardised target: the same names and shapes."""
        if not self.standardises:
            return dict(parameters)
        return {name: self._moved(family, name, value, "restore", parameters) for name, value in parameters.items()}

    def reduced(self, family: Family, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The parameters of the standardised target, from the parameters (n, *shape) of the target: the inverse of `restore`."""
        return {name: self._moved(family, name, value, "reduce", parameters) for name, value in parameters.items()}

    def reduced_offset(self, family: Family, name: str, value: Tensor) -> Tensor:
        """The addend to a parameter of the standardised target, from the addend (n,) to the parameter of the target."""
        nothing = torch.zeros_like(value)
        return self.reduced(family, {name: value})[name] - self.reduced(family, {name: nothing})[name]

    def reduce(self, family: Family, name: str, value: float) -> Any:
        """The value of a parameter of the standardised target, from the value in target units.

        A tuple where each target has its own unit, nested where the parameter has axes after the axis of targets. Raises KeyError for a
        dispersion, whose unit depends on the power.
        """
        moved = self._moved(family, name, value, "reduce")
        return _nested(moved.tolist()) if isinstance(moved, torch.Tensor) else float(moved)

    @property
    def log_jacobian(self) -> float:
        """The difference of the negative log-likelihoods per row of the target and of the standardised target: log spread, summed over a vector."""
        return math.fsum(map(math.log, _listed(self.spread)))

    def _moved(self, family: Family, name: str, value: Any, direction: str, parameters: Mapping[str, Tensor] = _NOTHING) -> Any:
        role, axes = family.parameter(name).role, family.parameter(name).axes
        if role is None:
            return value
        unit, (shift, scale) = _UNITS[role], self._numbers(value)
        if isinstance(self.spread, tuple) and "targets" in axes:
            # The first axis that counts targets: the rows of a factor of the covariance belong to them, its columns do not.
            behind = (1,) * (len(axes) - axes.index("targets") - 1)
            shift, scale = shift.reshape(-1, *behind), scale.reshape(-1, *behind)
        if role == "dispersion" and self.standardises:
            scale = scale ** (2.0 - parameters["power"])
        return (unit.restore if direction == "restore" else unit.reduce)(value, shift, scale)

    def _numbers(self, like: Any) -> tuple[Any, Any]:
        """Shift and spread as numbers, or as tensors (d,) on the device of `like`."""
        if not isinstance(self.spread, tuple):
            return self.shift, self.spread
        home = like.device if isinstance(like, torch.Tensor) else "cpu"
        shift, scale = (torch.tensor(numbers, dtype=torch.float64, device=home) for numbers in (self.shift, self.spread))
        return shift, scale


def _nested(numbers: Any) -> Any:
    return tuple(map(_nested, numbers)) if isinstance(numbers, list) else numbers


def _listed(numbers: float | tuple[float, ...]) -> tuple[float, ...]:
    return numbers if isinstance(numbers, tuple) else (numbers,)
