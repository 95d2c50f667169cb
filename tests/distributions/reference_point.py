"""What a frozen reference is made of: a log-density in mpmath, points to evaluate it at, and the probabilities below and above."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Point", "Reference", "log_uniform", "signed", "whole"]

# {"y": value, parameter: value, ...} in the order of the distribution's parameters, as plain floats.
Point = dict[str, float]


@dataclass(frozen=True)
class Reference:
    """A distribution in mpmath.

    `log_density(y, *parameters)` is the logarithm of the density or mass, in mpf. `core` and `extreme` draw a point from a numpy
    generator; `corners` are extreme points by hand. `probabilities(y, *parameters)` is the pair P(Y <= y), P(Y > y) in mpf, None
    where only the density is checked. `target` are the errors allowed in log_prob in the core range and at the extremes, `tail_target`
    that of log F and log S. The `constants` are not differentiated (a count of trials). The first `outcomes` numbers of a point are y, which
    is a vector where there are several. Numbers are stored with `digits`, but those called in `exact` as they are.
    """

    log_density: Callable[..., Any]
    core: Callable[[np.random.Generator], Point]
    extreme: Callable[[np.random.Generator], Point]
    probabilities: Callable[..., tuple[Any, Any]] | None = None
    corners: list[Point] = field(default_factory=list)
    target: tuple[float, float] = (1e-9, 1e-9)
    tail_target: float = 1e-10
    points: int = 110
    tail_points: int = 60
    constants: tuple[str, ...] = ()
    outcomes: int = 1
    digits: int = 8
    exact: tuple[str, ...] = ()


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between low and high, uniform in its logarithm."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def signed(rng: np.random.Generator, low: float, high: float) -> float:
    """The same with either sign."""
    return float(log_uniform(rng, low, high) * rng.choice((-1, 1)))


def whole(value: float) -> float:
    """The count at or below a number, never below 0."""
    return float(math.floor(max(0.0, value)))
