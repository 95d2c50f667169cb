"""References of angles."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import mp, mpf

from tests.distributions.reference_point import Reference, log_uniform

__all__ = ["REFERENCES"]


def turn(y, loc, period):
    """The angle from loc in radians, from -π to π."""
    turns = (y - loc) / period
    return 2 * mp.pi * (turns - mp.nint(turns))


def log_bessel(k):
    """log I₀(k) - k, from 300 on by the asymptotic series. Source: NIST DLMF 10.40.1."""
    if k < 300:
        return mp.log(mp.besseli(0, k)) - k
    term = total = mpf(1)
    for n in range(1, 60):
        term *= mpf((2 * n - 1) ** 2) / (8 * n * k)
        total += term
    return mp.log(total) - mp.log(2 * mp.pi * k) / 2


def von_mises(y, loc, concentration, period):
    kernel = -2 * concentration * mp.sin(turn(y, loc, period) / 2) ** 2
    return kernel - log_bessel(concentration) - mp.log(period)


def tails_of_von_mises(y, loc, concentration, period):
    """By quadrature from the angle to half a turn, in pieces as wide as the peak."""
    angle = turn(y, loc, period)
    size, front = abs(angle), mp.exp(-log_bessel(concentration)) / (2 * mp.pi)
    width = 1 / mp.sqrt(1 + concentration)
    edges = [size, *(size + width * step for step in (0.1, 0.3, 1, 2, 4, 8, 16, 32) if size + width * step < mp.pi), mp.pi]
    with mp.workdps(30):
        tail = front * mp.quad(lambda t: mp.exp(-2 * concentration * mp.sin(t / 2) ** 2), edges)
    return (tail, 1 - tail) if angle < 0 else (1 - tail, tail)


def of_von_mises(core: bool) -> Callable:
    def point(rng):
        period = float(rng.choice((2 * math.pi, 360.0, 24.0)))
        concentration = log_uniform(rng, *((1e-2, 100) if core else (1e-6, 1e8)))
        # So far out that the density still counts; loc at 0 in the extremes, where a rounded angle would be all the error.
        size = min(0.49, log_uniform(rng, 1e-3, 6 if core else 30) / math.sqrt(concentration) / (2 * math.pi))
        loc = float(f"{period * rng.uniform(-1, 1):.4g}") if core else 0.0
        return {"y": loc + period * size * float(rng.choice((-1, 1))), "loc": loc, "concentration": concentration, "period": period}

    return point


REFERENCES = {
    "VonMises": Reference(von_mises, of_von_mises(True), of_von_mises(False), tails_of_von_mises,
        [{"y": 0.1, "loc": 0.0, "concentration": k, "period": 360.0} for k in (49.9, 50.1, 1e6, 1e10)]
        + [{"y": 721.0, "loc": 1.0, "concentration": 2.0, "period": 360.0}],
        (1e-11, 1e-9), tail_points=30, constants=("period",)),
}  # fmt: skip
