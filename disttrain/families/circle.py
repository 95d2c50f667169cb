"""Families of angles."""

from __future__ import annotations

import math

from disttrain.families import supports
from disttrain.families.family import Family, InvalidOption, Parameter
from disttrain.families.univariate import univariate

__all__ = ["von_mises"]

_PERIODS = {"radians": (2.0 * math.pi, "angle"), "degrees": (360.0, "angle_degrees")}


def von_mises(unit: str = "radians") -> Family:
    """Angles: wind directions, times of day, headings. The option `unit` says whether the target is in radians or degrees; any turn is taken.

    density   exp(κ cos(2π (y - μ)/T)) / (T I₀(κ)),   per unit of the target
    loss      -κ cos(2π (y - μ)/T) + log T + log I₀(κ)
    symbols   μ = loc, κ = concentration, T = period
    mean      μ, the mean direction
    variance  mean square of the angle from μ
    crps      does not apply: angles have no order
    scipy     vonmises(kappa=concentration, loc=loc, scale=period/(2*pi))
    gamlss    none
    instead   angles that stay far from where they wrap: normal
    """
    if unit not in _PERIODS:
        raise InvalidOption("unit", f"`unit: {unit}` is not known", "radians or degrees")
    period, activation = _PERIODS[unit]
    return univariate(
        "von_mises",
        "VonMises",
        supports.real,
        Parameter("loc", supports.angle(period), activation=activation),
        Parameter("concentration", supports.positive),
        Parameter("period", supports.positive, given=period),
        tails=False,
        pool="direction",
    )
