"""Standardising the target and bringing parameters back, derived from the roles of a family's parameters."""

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

__all__ = ["Scaling", "exposed", "takes_exposure"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class _Unit:
    """How a parameter of one role moves when the target is standardised as (y - shift) / spread."""

    restore: Callable[[Any, float, float], Any]
    reduce: Callable[[Any, float, float], Any]
    # Where the activation may put values such that both directions stay inside: shifted ones need the whole line, scaled ones a cone.
    survives: Callable[[Support], bool]


def _log(spread: Any) -> Any:
    return math.log(spread) if isinstance(spread, float) else spread.log()


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
    # Its unit depends on the power, another parameter: the unit that it is given is s^(2 - power) already.
    "dispersion": _PROPORTIONAL,
}


def exposed(parameter: Parameter, value: Any, exposure: Any) -> Any:
    """The parameter (n, *shape) of a target observed for `exposure` (n,) units, from that of one unit: the mean is proportional to it."""
    if parameter.role in (None, "dispersion") or parameter.given is not None:
        return value
    times = exposure.reshape(-1, *(1 for _ in parameter.shape))
    return _UNITS[str(parameter.role)].restore(value, 0.0, times)


def takes_exposure(family: Family) -> bool:
    """Whether the target's mean can be made proportional to an exposure: counts and totals, with a parameter that has their unit."""
    roles = {parameter.role for parameter in family.parameters if parameter.given is None}
    total = family.support.lower == 0.0 and math.isinf(family.support.upper) and None not in roles and bool(roles - {"shape"})
    return family.proportional and (total or "mean" in roles)


def _closed(family: Family) -> bool:
    """Whether a target in another unit is one of the family again: not counts of events, which have no unit."""
    roles = {parameter.role for parameter in family.parameters}
    return None not in roles and not (family.support.discrete and "mean" in roles)


@dataclass(frozen=True)
class Scaling:
    """Standardisation of a target as (y - shift) / spread, both in target units; the identity where a family is not closed under it.

    Of a vector each element has a shift and a spread of its own: both are one number, or one for each target column.

    log p(y | restored θ) = log p((y - shift)/spread | θ) - log spread, so the network learns in units of the target's own spread
    and the reported likelihood is that of the target as it was given.

    `level` is the unit of the parameters whose role is `mean`, per unit of exposure in which the standardised target is of order one: of
    counts, which cannot be standardised, their mean per unit of exposure.
    """

    shift: float | tuple[float, ...] = 0.0
    spread: float | tuple[float, ...] = 1.0
    level: float | tuple[float, ...] = 1.0

    @staticmethod
    def of(
        family: Family, ranges: Mapping[str, Support], y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None
    ) -> Scaling:
        """The scaling for exact training targets `y` (n, *event) of a family whose learned parameters have the given activation ranges.

        Median and interquartile range of the targets per unit of `exposure` (n,), each row as often as its `weight` (n,) says, because one
        outlier would otherwise set the unit of a heavy-tailed target; for positive targets the median alone. Falls back to mean and
        standard deviation, then to 1, where more than half the rows are equal. Where a parameter has the role `mean`: the mean of whole
        targets, for their median may be 0, and what a row has of exposure as the unit of that parameter.
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
        return Scaling(tuple(shift for shift, _ in units), tuple(spread for _, spread in units), level)

    @staticmethod
    def at_level(family: Family, y: Tensor, weight: Tensor | None = None, exposure: Tensor | None = None) -> Scaling:
        """The scaling that leaves targets as they are: the identity, but for the level of parameters whose role is `mean`."""
        if all(parameter.role != "mean" for parameter in family.parameters):
            return Scaling()
        rows = [TargetColumn.of(column, weight, exposure) for column in (y.unbind(1) if family.event else (y,))]
        levels = tuple(column.mean_total / column.mean_exposure for column in rows)
        return Scaling(level=levels if family.event else levels[0])

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Scaling:
        """The scaling of its fields as JSON holds them. Raises ValueError for numbers that cannot be."""
        fields = (state["shift"], state["spread"], state.get("level", 1.0))
        scaling = Scaling(*(tuple(map(float, v)) if isinstance(v, list | tuple) else float(v) for v in fields))
        shifts, spreads, levels = map(_listed, (scaling.shift, scaling.spread, scaling.level))
        if not (all(map(math.isfinite, (*shifts, *spreads, *levels))) and min(*spreads, *levels) > 0 and len(shifts) == len(spreads)):
            raise ValueError(f"scaling {scaling}")
        return scaling

    @property
    def standardises(self) -> bool:
        """Whether the network learns another target than the one that was given."""
        return (self.shift, self.spread) != (0.0, 1.0)

    def activation(self, parameter: Parameter, activation: Activation) -> Activation:
        """An activation of a parameter with its values in units of the level where that is the parameter's: its floor is as low, then.

        Not one whose values end somewhere, which would end elsewhere.
        """
        if parameter.role != "mean" or self.level == 1.0 or not _cone(activation.range):
            return activation
        name = "the level of each target" if isinstance(self.level, tuple) else f"{self.level:.6g}"
        return in_units(activation, partial(self.level_of, parameter), name)

    def level_of(self, parameter: Parameter, like: Tensor) -> Any:
        """The level that is the unit of a parameter (n, *shape), as a number or a tensor of the kind of `like`; 1 for one without that role."""
        if parameter.role != "mean" or not isinstance(self.level, tuple):
            return self.level if parameter.role == "mean" else 1.0
        behind = (1,) * (len(parameter.axes) - parameter.axes.index("targets") - 1)
        return torch.tensor(self.level, dtype=like.dtype, device=like.device).reshape(-1, *behind)

    def apply(self, y: Tensor) -> Tensor:
        """Targets in units of their spread: the same shape, float64."""
        shift, spread = self._numbers(y)
        standardised: Tensor = (y - shift) / spread
        return standardised

    def restore(self, family: Family, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters of the standardised target, as parameters of the target in its own units: the same names and shapes."""
        if not self.standardises:
            return dict(parameters)
        return {name: self._moved(family, name, value, "restore", parameters) for name, value in parameters.items()}

    def reduced(self, family: Family, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters of the target, each row's (n, *shape), as those of the standardised target: the inverse of `restore`."""
        return {name: self._moved(family, name, value, "reduce", parameters) for name, value in parameters.items()}

    def reduced_offset(self, family: Family, name: str, value: Tensor) -> Tensor:
        """What is added to a parameter of the target, (n,), as what is added to that of the standardised one."""
        nothing = torch.zeros_like(value)
        return self.reduced(family, {name: value})[name] - self.reduced(family, {name: nothing})[name]

    def reduce(self, family: Family, name: str, value: float) -> Any:
        """A parameter's value in target units, as that of the standardised target; a tuple where each target has a unit of its own, nested
        where the parameter has axes behind that of the targets. A dispersion alone has no unit: raises KeyError."""
        moved = self._moved(family, name, value, "reduce")
        return _nested(moved.tolist()) if isinstance(moved, torch.Tensor) else float(moved)

    @property
    def log_jacobian(self) -> float:
        """What is added to a negative log-likelihood per row of the standardised target to have that of the target: log spread, summed over a vector."""
        return math.fsum(map(math.log, _listed(self.spread)))

    def _moved(self, family: Family, name: str, value: Any, way: str, parameters: Mapping[str, Tensor] = _NOTHING) -> Any:
        role, axes = family.parameter(name).role, family.parameter(name).axes
        if role is None:
            return value
        unit, (shift, spread) = _UNITS[role], self._numbers(value)
        if isinstance(self.spread, tuple) and "targets" in axes:
            # The first axis that counts targets: the rows of a factor of the covariance belong to them, its columns do not.
            behind = (1,) * (len(axes) - axes.index("targets") - 1)
            shift, spread = shift.reshape(-1, *behind), spread.reshape(-1, *behind)
        if role == "dispersion" and self.standardises:
            spread = spread ** (2.0 - parameters["power"])
        return (unit.restore if way == "restore" else unit.reduce)(value, shift, spread)

    def _numbers(self, like: Any) -> tuple[Any, Any]:
        """Shift and spread as numbers, or as tensors (d,) where `like` lives."""
        if not isinstance(self.spread, tuple):
            return self.shift, self.spread
        home = like.device if isinstance(like, torch.Tensor) else "cpu"
        shift, spread = (torch.tensor(numbers, dtype=torch.float64, device=home) for numbers in (self.shift, self.spread))
        return shift, spread


def _nested(numbers: Any) -> Any:
    return tuple(map(_nested, numbers)) if isinstance(numbers, list) else numbers


def _listed(numbers: float | tuple[float, ...]) -> tuple[float, ...]:
    return numbers if isinstance(numbers, tuple) else (numbers,)
