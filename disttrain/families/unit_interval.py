"""Families of targets between 0 and 1."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = ["beta"]


def beta() -> Family:
    """Shares and proportions strictly between 0 and 1.

    density   y^(a-1) (1 - y)^(b-1) / B(a, b)
    loss      -[ (a-1) log y + (b-1) log(1 - y) - log B(a, b) ]
    symbols   a = concentration1, b = concentration0
    mean      a/(a + b)
    variance  ab / ((a + b)² (a + b + 1))
    crps      closed form
    scipy     beta(a=concentration1, b=concentration0)
    gamlss    BE: mu = concentration1/(concentration1 + concentration0), sigma = 1/sqrt(concentration1 + concentration0 + 1)
    instead   exactly 0 or 1 only: bernoulli · shares of several classes: categorical
    """
    return Family(
        "beta",
        support=on.unit,
        parameters=(Parameter("concentration1", on.positive), Parameter("concentration0", on.positive)),
        distribution=deferred_class("Beta"),
    )
