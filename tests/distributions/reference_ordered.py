"""References of classes with an order, and of shares with exact zeros and ones."""

from __future__ import annotations

from collections.abc import Callable

from mpmath import mp

from tests.distributions.reference_first import beta, tails_of_beta
from tests.distributions.reference_point import Point, Reference, log_uniform, signed

__all__ = ["REFERENCES"]


def of_link(below: Callable) -> tuple[Callable, Callable]:
    """The log-mass and both tails of four classes, from P(Z <= z), whose other tail is P(Z <= -z)."""

    def log_mass(y, loc, *cuts):
        code = int(y)
        lower = cuts[code - 1] - loc if code else -mp.inf
        upper = cuts[code] - loc if code < 3 else mp.inf
        # In the nearer tail, where 60 digits are enough.
        lower, upper = (lower, upper) if lower + upper < 0 else (-upper, -lower)
        return mp.log((below(upper) if upper < mp.inf else 1) - (below(lower) if lower > -mp.inf else 0))

    def tails(y, loc, *cuts):
        return (below(cuts[int(y)] - loc), below(loc - cuts[int(y)])) if y < 3 else (mp.mpf(1), mp.mpf(0))

    return log_mass, tails


def logistic(z):
    return 1 / (1 + mp.exp(-z))


def inflated_beta(y, mean, precision, zero, one):
    if y in (0, 1):
        return mp.log(one if y else zero)
    return mp.log(1 - zero - one) + beta(y, mean * precision, (1 - mean) * precision)


def tails_of_inflated_beta(y, mean, precision, zero, one):
    below, above = tails_of_beta(y, mean * precision, (1 - mean) * precision) if 0 < y < 1 else (y, 1 - y)
    if y == 1:
        return mp.mpf(1), mp.mpf(0)
    rest = 1 - zero - one
    return zero + rest * below, one + rest * above


def of_ordinal(core: bool, farthest: float) -> Callable:
    def point(rng):
        loc = float(rng.normal() * 3) if core else signed(rng, 1e-2, farthest)
        first = round(float(rng.normal()), 2)
        gaps = [log_uniform(rng, *((0.05, 5) if core else (1e-6, 10))) for _ in range(2)]
        return {"y": float(rng.integers(4)), "loc": loc, "cut1": first, "cut2": first + gaps[0], "cut3": first + gaps[0] + gaps[1]}

    return point


def narrow(*locs: float) -> list[Point]:
    return [{"y": y, "loc": loc, "cut1": -1.0, "cut2": -1.0 + 1e-6, "cut3": 2.0} for loc in locs for y in (0.0, 1.0, 2.0, 3.0)]


def of_inflated_beta(core: bool) -> Callable:
    def point(rng):
        mean = float(rng.uniform(0.02, 0.98)) if core else log_uniform(rng, 1e-4, 0.999)
        precision = log_uniform(rng, *((0.3, 300) if core else (1e-2, 1e6)))
        zero, one = (log_uniform(rng, *((1e-3, 0.45) if core else (1e-22, 0.49))) for _ in range(2))
        inside = min(max(float(rng.beta(mean * precision, (1 - mean) * precision)), 1e-12), 1 - 1e-12)
        y = float(rng.choice((0.0, 1.0, inside, inside, inside)))
        return {"y": y, "mean": mean, "precision": precision, "zero": zero, "one": one}

    return point


REFERENCES = {
    "Ordinal-logit": Reference(*of_link(logistic)[:1], of_ordinal(True, 0), of_ordinal(False, 1e3), of_link(logistic)[1],
        narrow(0.0, 40.0, -40.0, 1e4, -1e4), (1e-12, 1e-9), points=102, tail_points=50, digits=9),
    "Ordinal-probit": Reference(*of_link(mp.ncdf)[:1], of_ordinal(True, 0), of_ordinal(False, 1e2), of_link(mp.ncdf)[1],
        narrow(0.0, 40.0, -40.0), (1e-12, 1e-9), points=102, tail_points=50, digits=9),
    "ZeroOneInflatedBeta": Reference(inflated_beta, of_inflated_beta(True), of_inflated_beta(False), tails_of_inflated_beta,
        [{"y": y, "mean": 0.3, "precision": 5.0, "zero": zero, "one": one}
         for y in (0.0, 1e-300, 0.4, 1.0 - 2.0**-53, 1.0) for zero, one in ((1e-22, 0.25), (0.5, 1e-22), (0.75, 0.25 - 2.0**-40))],
        (1e-11, 1e-10), points=102, digits=5),
}  # fmt: skip
