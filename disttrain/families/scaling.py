"""Standardising the target and bringing parameters back, derived from the roles of a family's parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from disttrain import deferred
from disttrain.families import on
from disttrain.families.family import Family, Parameter
from disttrain.families.on import Support

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred.module("torch")

__all__ = ["Scaling", "exposed", "takes_exposure"]


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


_UNITS: dict[str, _Unit] = {
    "location": _Unit(lambda v, m, s: v * s + m, lambda v, m, s: (v - m) / s, _cone),
    "scale": _Unit(lambda v, _, s: v * s, lambda v, _, s: v / s, _cone),
    "variance": _Unit(lambda v, _, s: v * s * s, lambda v, _, s: v / s / s, _cone),
    "rate": _Unit(lambda v, _, s: v / s, lambda v, _, s: v * s, _cone),
    "log_scale": _Unit(lambda v, _, s: v + _log(s), lambda v, _, s: v - _log(s), lambda support: support == on.real),
    "shape": _Unit(lambda v, _, s: v, lambda v, _, s: v, lambda _: True),
    # Of a family that is not closed under scaling: it follows the exposure of a row, never the spread of the target.
    "mean": _Unit(lambda v, _, s: v * s, lambda v, _, s: v / s, lambda _: False),
}

_CLOSED = {"location", "scale", "variance", "rate", "log_scale", "shape"}


def exposed(parameter: Parameter, value: Any, exposure: Any) -> Any:
    """The parameter (n, *shape) of a target observed for `exposure` (n,) units, from that of one unit: the mean is proportional to it."""
    if parameter.role is None or parameter.given is not None:
        return value
    times = exposure.reshape(-1, *(1 for _ in parameter.shape))
    return _UNITS[parameter.role].restore(value, 0.0, times)


def takes_exposure(family: Family) -> bool:
    """Whether the target's mean can be made proportional to an exposure: counts and totals, with a parameter that has their unit."""
    roles = {parameter.role for parameter in family.parameters if parameter.given is None}
    total = family.support.lower == 0.0 and math.isinf(family.support.upper) and None not in roles and bool(roles & (_CLOSED - {"shape"}))
    return total or "mean" in roles


@dataclass(frozen=True)
class Scaling:
    """Standardisation of a target as (y - shift) / spread, both in target units; the identity where a family is not closed under it.

    Of a vector each element has a shift and a spread of its own: both are one number, or one for each target column.

    log p(y | restored θ) = log p((y - shift)/spread | θ) - log spread, so the network learns in units of the target's own spread
    and the reported likelihood is that of the target as it was given.
    """

    shift: float | tuple[float, ...] = 0.0
    spread: float | tuple[float, ...] = 1.0

    @staticmethod
    def of(family: Family, ranges: Mapping[str, Support], y: Tensor) -> Scaling:
        """The scaling for exact training targets `y` (n, *event) of a family whose learned parameters have the given activation ranges.

        Median and interquartile range, because one outlier would otherwise set the unit of a heavy-tailed target; for positive
        targets the median alone. Falls back to mean and standard deviation, then to 1, where more than half the rows are equal.
        """
        roles = {parameter.name: parameter.role for parameter in family.parameters}
        if not set(roles.values()) <= _CLOSED:
            return Scaling()
        if not all(_UNITS[str(roles[name])].survives(range_) for name, range_ in ranges.items()):
            return Scaling()
        locations = [name for name, role in roles.items() if role == "location"]
        # Moved is only what any real number can stand for: `replace` gives the set of one element of a vector.
        free = all(ranges.get(name, on.real) == on.real for name in locations)
        centred = free and replace(family.support, kind="number") == on.real
        columns = y.unbind(1) if family.event else (y,)
        dense = [column[~torch.isin(column, torch.tensor(family.atoms, dtype=y.dtype))] for column in columns]
        units = [_units_of(part if len(part) else y, bool(locations), centred) for part, y in zip(dense, columns, strict=True)]
        if not family.event:
            return Scaling(*units[0])
        return Scaling(tuple(shift for shift, _ in units), tuple(spread for _, spread in units))

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Scaling:
        """The scaling of its fields as JSON holds them. Raises ValueError for numbers that cannot be."""
        shift, spread = (tuple(map(float, v)) if isinstance(v, list | tuple) else float(v) for v in (state["shift"], state["spread"]))
        scaling = Scaling(shift, spread)
        shifts, spreads = _listed(shift), _listed(spread)
        if not (all(map(math.isfinite, (*shifts, *spreads))) and min(spreads) > 0 and len(shifts) == len(spreads)):
            raise ValueError(f"scaling {scaling}")
        return scaling

    def apply(self, y: Tensor) -> Tensor:
        """Targets in units of their spread: the same shape, float64."""
        shift, spread = self._numbers(y)
        standardised: Tensor = (y - shift) / spread
        return standardised

    def restore(self, family: Family, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters of the standardised target, as parameters of the target in its own units: the same names and shapes."""
        if self == Scaling():
            return dict(parameters)
        return {name: self._moved(family, name, value, "restore") for name, value in parameters.items()}

    def reduced(self, family: Family, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters of the target, each row's (n, *shape), as those of the standardised target: the inverse of `restore`."""
        return {name: self._moved(family, name, value, "reduce") for name, value in parameters.items()}

    def reduced_offset(self, family: Family, name: str, value: Tensor) -> Tensor:
        """What is added to a parameter of the target, (n,), as what is added to that of the standardised one."""
        nothing = torch.zeros_like(value)
        return self.reduced(family, {name: value})[name] - self.reduced(family, {name: nothing})[name]

    def reduce(self, family: Family, name: str, value: float) -> Any:
        """A parameter's value in target units, as that of the standardised target; a tuple where each target has a unit of its own, nested
        where the parameter has axes behind that of the targets."""
        moved = self._moved(family, name, value, "reduce")
        return _nested(moved.tolist()) if isinstance(moved, torch.Tensor) else float(moved)

    @property
    def log_jacobian(self) -> float:
        """What is added to a negative log-likelihood per row of the standardised target to have that of the target: log spread, summed over a vector."""
        return math.fsum(map(math.log, _listed(self.spread)))

    def _moved(self, family: Family, name: str, value: Any, way: str) -> Any:
        role, axes = family.parameter(name).role, family.parameter(name).axes
        if role is None:
            return value
        unit, (shift, spread) = _UNITS[role], self._numbers(value)
        if isinstance(self.spread, tuple) and "targets" in axes:
            # The first axis that counts targets: the rows of a factor of the covariance belong to them, its columns do not.
            behind = (1,) * (len(axes) - axes.index("targets") - 1)
            shift, spread = shift.reshape(-1, *behind), spread.reshape(-1, *behind)
        return (unit.restore if way == "restore" else unit.reduce)(value, shift, spread)

    def _numbers(self, like: Any) -> tuple[Any, Any]:
        """Shift and spread as numbers, or as tensors (d,) where `like` lives."""
        if not isinstance(self.spread, tuple):
            return self.shift, self.spread
        home = like.device if isinstance(like, torch.Tensor) else "cpu"
        shift, spread = (torch.tensor(numbers, dtype=torch.float64, device=home) for numbers in (self.shift, self.spread))
        return shift, spread


def _units_of(y: Tensor, whole_line: bool, centred: bool) -> tuple[float, float]:
    """Shift and spread of one column of targets (n,)."""
    if not whole_line:
        return 0.0, _first_positive(float(y.median()), float(y.mean()))
    quartiles = torch.quantile(_thinned(y), torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    spread = _first_positive(float(quartiles[2] - quartiles[0]) / 1.349, float(y.std(correction=0)))
    return (float(quartiles[1]) if centred else 0.0), spread


def _nested(numbers: Any) -> Any:
    return tuple(map(_nested, numbers)) if isinstance(numbers, list) else numbers


def _listed(numbers: float | tuple[float, ...]) -> tuple[float, ...]:
    return numbers if isinstance(numbers, tuple) else (numbers,)


def _first_positive(*candidates: float) -> float:
    return next((value for value in candidates if math.isfinite(value) and value > 0), 1.0)


def _thinned(y: Tensor) -> Tensor:
    # torch.quantile takes at most 16 million values; every k-th row is as good for a unit of measure.
    return y[:: max(1, math.ceil(len(y) / 10_000_000))]
