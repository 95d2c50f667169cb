"""Families of one number per row, made of a support, the name of the distribution and the usual parameters."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import supports
from disttrain.families.family import Family, Parameter
from disttrain.families.supports import Support

LOC = Parameter("loc", supports.real, role="location")
SCALE = Parameter("scale", supports.positive, role="scale")
# Of positive targets, whose features act as factors.
EXP_SCALE = Parameter("scale", supports.positive, role="scale", activation="exp")
MEAN = Parameter("mean", supports.positive, role="mean", activation="exp")
DF = Parameter("df", supports.positive, role="shape", activation="softplus_above_2")
PRECISION = Parameter("precision", supports.positive, activation="exp")


def shape(name: str, support: Support = supports.positive, activation: str | None = None) -> Parameter:
    """A parameter without a unit."""
    return Parameter(name, support, role="shape", activation=activation)


CONCENTRATION = shape("concentration")


def univariate(
    name: str, distribution: str, support: Support, *parameters: Parameter,
    tails: bool = True, atoms: tuple[float, ...] = (), ends: tuple[str, str] = ("", ""), pool: str = "moments",
) -> Family:  # fmt: skip
    """The family called `name` of targets in the support; `distribution` is a class or function of disttrain.distributions, or of torch."""
    return Family(name, support, parameters, deferred_class(distribution), tails=tails, atoms=atoms, ends=ends, pool=pool)
