"""References of the distributions of shares."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import mp, mpf

from tests.distributions.reference_point import Reference, log_uniform, signed

__all__ = ["REFERENCES"]


def kumaraswamy(y, a, b):
    return mp.log(a * b) + (a - 1) * mp.log(y) + (b - 1) * mp.log(-mp.expm1(a * mp.log(y)))


def tails_of_kumaraswamy(y, a, b):
    hazard = -b * mp.log(-mp.expm1(a * mp.log(y)))
    return -mp.expm1(-hazard), mp.exp(-hazard)


def logit_z(y, loc, scale):
    return (mp.log(y) - mp.log1p(-y) - loc) / scale


def logit_normal(y, loc, scale):
    return -(logit_z(y, loc, scale) ** 2) / 2 - mp.log(2 * mp.pi) / 2 - mp.log(scale * y * (1 - y))


def tails_of_logit_normal(y, loc, scale):
    z = logit_z(y, loc, scale)
    return mp.ncdf(z), mp.ncdf(-z)


def simplex_normal(y, mean, dispersion):
    distance = (y - mean) ** 2 / (y * (1 - y) * mean**2 * (1 - mean) ** 2)
    return -distance / (2 * dispersion**2) - mp.log(2 * mp.pi * dispersion**2 * (y * (1 - y)) ** 3) / 2


def tails_of_simplex_normal(y, mean, dispersion):
    """By the closed form, whose slope is held against the density at every point."""

    def pair(at):
        unit = dispersion * mean * (1 - mean) * mp.sqrt(at * (1 - at))
        near, far = (at - mean) / unit, (at * (1 - 2 * mean) + mean) / unit
        mirrored = (1 - 2 * mean) * mp.exp(2 / (dispersion**2 * mean * (1 - mean))) * mp.ncdf(-far)
        return mp.ncdf(near) + mirrored, mp.ncdf(-near) - mirrored

    step = y * (1 - y) * mpf(10) ** -20
    below, above = pair(y)
    smaller = 0 if below < above else 1
    slope = (-1) ** smaller * (pair(y + step)[smaller] - pair(y - step)[smaller]) / (2 * step)
    assert abs(slope / mp.exp(simplex_normal(y, mean, dispersion)) - 1) < 1e-15
    return below, above


def log_mean_exp(x):
    """log((exp(x) - 1)/x)."""
    return mp.log(mp.expm1(x) / x) if x else mpf(0)


def continuous_bernoulli(y, logits):
    return logits * y - log_mean_exp(logits)


def tails_of_continuous_bernoulli(y, logits):
    if logits == 0:
        return y, 1 - y
    below = mp.expm1(logits * y) / mp.expm1(logits)
    above = mp.expm1(-logits * (1 - y)) / mp.expm1(-logits)
    return below, above


def of_kumaraswamy(core: bool) -> Callable:
    def point(rng):
        a, b = (log_uniform(rng, *((0.05, 100) if core else (1e-6, 1e4))) for _ in range(2))
        y = rng.uniform(1e-6, 1 - 1e-6) if rng.random() < 0.6 else log_uniform(rng, *((1e-6, 0.5) if core else (1e-300, 0.5)))
        return {"y": float(y), "concentration1": a, "concentration0": b}

    return point


def of_logit_normal(core: bool) -> Callable:
    def point(rng):
        loc = rng.normal() * (2 if core else 10)
        scale = log_uniform(rng, *((0.05, 5) if core else (1e-2, 50)))
        # Above 0.9999999 the digits of 1 - y are lost in the share itself.
        x = min(loc + scale * signed(rng, 1e-2, 5 if core else 30), 16.0)
        return {"y": 1 / (1 + math.exp(-max(x, -600.0))), "loc": float(loc), "scale": scale}

    return point


def of_simplex_normal(core: bool) -> Callable:
    def point(rng):
        mean = float(rng.uniform(0.05, 0.95) if core else rng.uniform(1e-3, 0.999))
        dispersion = log_uniform(rng, *((0.1, 10) if core else (1e-2, 1e3)))
        x = math.log(mean / (1 - mean)) + signed(rng, 1e-2, 3 if core else 8)
        return {"y": 1 / (1 + math.exp(-x)), "mean": mean, "dispersion": dispersion}

    return point


def of_continuous_bernoulli(core: bool) -> Callable:
    def point(rng):
        logits = signed(rng, *((1e-3, 20) if core else (1e-12, 1e4)))
        y = float(rng.uniform()) if rng.random() < 0.7 else log_uniform(rng, 1e-6 if core else 1e-300, 1)
        return {"y": y, "logits": logits}

    return point


def ends(*parameters: dict[str, float]) -> list[dict[str, float]]:
    """Shares close to both ends at each of these parameters."""
    return [{"y": y, **values} for values in parameters for y in (1e-300, 1e-12, 1.0 - 1e-12, 1.0 - 2.0**-53)]


REFERENCES = {
    "Kumaraswamy": Reference(kumaraswamy, of_kumaraswamy(True), of_kumaraswamy(False), tails_of_kumaraswamy,
        ends({"concentration1": 2.0, "concentration0": 3.0}, {"concentration1": 0.5, "concentration0": 1e-3}), (1e-12, 1e-9)),
    "LogitNormal": Reference(logit_normal, of_logit_normal(True), of_logit_normal(False), tails_of_logit_normal,
        ends({"loc": 0.5, "scale": 1.0}, {"loc": -0.5, "scale": 20.0}), (1e-11, 1e-9)),
    "SimplexNormal": Reference(simplex_normal, of_simplex_normal(True), of_simplex_normal(False), tails_of_simplex_normal,
        [{"y": 0.5, "mean": 0.5, "dispersion": s} for s in (1e-3, 1e4)], (1e-11, 1e-9)),
    "ContinuousBernoulli": Reference(continuous_bernoulli, of_continuous_bernoulli(True), of_continuous_bernoulli(False),
        tails_of_continuous_bernoulli, [{"y": y, "logits": x} for x in (1e-15, 0.3, -0.3, 1e4, -1e4) for y in (0.0, 0.25, 1.0)],
        (1e-12, 1e-12)),
}  # fmt: skip
