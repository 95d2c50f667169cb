"""References of lifetimes and exceedances."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import mp, mpf

from tests.distributions.reference_point import Reference, log_uniform, signed

__all__ = ["REFERENCES"]


def generalized_pareto(y, scale, shape, threshold):
    z = (y - threshold) / scale
    return -mp.log(scale) - (1 + 1 / shape) * mp.log1p(shape * z)


def half_cauchy(y, scale):
    return mp.log(2 / (mp.pi * scale)) - mp.log1p((y / scale) ** 2)


def half_normal(y, scale):
    return mp.log(2 / mp.pi) / 2 - mp.log(scale) - (y / scale) ** 2 / 2


def nakagami(y, scale, concentration):
    k, x = concentration, (y / scale) ** 2
    return mp.log(2) + k * mp.log(k * x) - mp.log(y) - k * x - mp.loggamma(k)


def rayleigh(y, scale):
    return mp.log(y) - 2 * mp.log(scale) - (y / scale) ** 2 / 2


def gompertz(y, scale, concentration):
    return mp.log(concentration / scale) + y / scale - concentration * mp.expm1(y / scale)


def birnbaum_saunders(y, scale, concentration):
    root = mp.sqrt(y / scale)
    z = (root - 1 / root) / concentration
    return mp.log(root + 1 / root) - mp.log(2 * concentration * y) - z * z / 2 - mp.log(2 * mp.pi) / 2


def of_hazard(hazard):
    return -mp.expm1(-hazard), mp.exp(-hazard)


def tails_of_generalized_pareto(y, scale, shape, threshold):
    return of_hazard(mp.log1p(shape * (y - threshold) / scale) / shape)


def tails_of_half_normal(y, scale):
    z = y / scale / mp.sqrt(2)
    return mp.erf(z), mp.erfc(z)


def tails_of_nakagami(y, scale, concentration):
    k, x = concentration, concentration * (y / scale) ** 2
    return mp.gammainc(k, 0, x, regularized=True), mp.gammainc(k, x, mp.inf, regularized=True)


def tails_of_rayleigh(y, scale):
    return of_hazard((y / scale) ** 2 / 2)


def tails_of_gompertz(y, scale, concentration):
    return of_hazard(concentration * mp.expm1(y / scale))


def tails_of_birnbaum_saunders(y, scale, concentration):
    root = mp.sqrt(y / scale)
    z = (root - 1 / root) / concentration
    return mp.ncdf(z), mp.ncdf(-z)


def of_generalized_pareto(core: bool) -> Callable:
    def point(rng):
        scale = log_uniform(rng, *((1e-3, 1e3) if core else (1e-30, 1e30)))
        shape = signed(rng, *((1e-3, 0.5) if core else (1e-14, 1e-3)))
        hazard = log_uniform(rng, 1e-6, 8) if core or rng.random() < 0.7 else log_uniform(rng, 1e-30, 300)
        # Of a threshold far from 0 the subtraction would lose the digits of the exceedance.
        threshold = float(rng.choice((0.0, 1.0))) if core and scale > 0.1 and hazard > 0.1 else 0.0
        return {"y": threshold + scale * float(mp.expm1(shape * hazard) / shape), "scale": scale, "shape": shape, "threshold": threshold}

    return point


def of_scale(core: bool) -> Callable:
    def point(rng):
        scale = log_uniform(rng, *((1e-3, 1e3) if core else (1e-30, 1e30)))
        return {"y": scale * log_uniform(rng, *((1e-6, 8) if core else (1e-100, 40))), "scale": scale}

    return point


def of_nakagami(core: bool) -> Callable:
    def point(rng):
        scale = log_uniform(rng, *((1e-3, 1e3) if core else (1e-30, 1e30)))
        concentration = log_uniform(rng, *((0.05, 100) if core else (1e-3, 1e6)))
        z = signed(rng, 1e-3, 6)
        # About the mode and z standard deviations of the logarithm away from it; of a small concentration far below it.
        return {"y": scale * math.exp(z / math.sqrt(4 * concentration + 1)), "scale": scale, "concentration": concentration}

    return point


def of_gompertz(core: bool) -> Callable:
    def point(rng):
        scale = log_uniform(rng, *((1e-3, 1e3) if core else (1e-30, 1e30)))
        concentration = log_uniform(rng, *((1e-3, 1e2) if core else (1e-30, 1e10)))
        hazard = log_uniform(rng, *((1e-6, 20) if core else (1e-100, 500)))
        return {"y": scale * float(mp.log1p(mpf(hazard) / concentration)), "scale": scale, "concentration": concentration}

    return point


def of_birnbaum_saunders(core: bool) -> Callable:
    def point(rng):
        scale = log_uniform(rng, *((1e-3, 1e3) if core else (1e-30, 1e30)))
        concentration = log_uniform(rng, *((0.01, 10) if core else (1e-4, 1e4)))
        z = signed(rng, 1e-3, 6 if core else 30)
        return {"y": scale * float(mp.exp(2 * mp.asinh(concentration * z / 2))), "scale": scale, "concentration": concentration}

    return point


REFERENCES = {
    "GeneralizedPareto": Reference(generalized_pareto, of_generalized_pareto(True), of_generalized_pareto(False), tails_of_generalized_pareto,
        [{"y": 3.0, "scale": 1.0, "shape": s, "threshold": 0.0} for s in (1e-8, -1e-8, 1e-15, 3.0, -0.333)]
        + [{"y": 1.9999999, "scale": 1.0, "shape": -0.5, "threshold": 0.0}, {"y": 1e300, "scale": 1e-3, "shape": 0.5, "threshold": 0.0}],
        (1e-12, 1e-12), constants=("threshold",)),
    "HalfCauchy": Reference(half_cauchy, of_scale(True), of_scale(False), None, [{"y": 0.0, "scale": 1.0}], (1e-12, 1e-12)),
    "HalfNormal": Reference(half_normal, of_scale(True), of_scale(False), tails_of_half_normal, [{"y": 0.0, "scale": 1.0}], (1e-12, 1e-12)),
    "Rayleigh": Reference(rayleigh, of_scale(True), of_scale(False), tails_of_rayleigh, [{"y": 1e-300, "scale": 1.0}], (1e-12, 1e-12)),
    "Nakagami": Reference(nakagami, of_nakagami(True), of_nakagami(False), tails_of_nakagami,
        [{"y": 1e-100, "scale": 1.0, "concentration": 0.4}, {"y": 1.0, "scale": 1.0, "concentration": 1e8}], (1e-12, 1e-9)),
    "Gompertz": Reference(gompertz, of_gompertz(True), of_gompertz(False), tails_of_gompertz,
        [{"y": 0.0, "scale": 1.0, "concentration": 1e-6}, {"y": 690.0, "scale": 1.0, "concentration": 1e-290}], (1e-12, 1e-12)),
    "BirnbaumSaunders": Reference(birnbaum_saunders, of_birnbaum_saunders(True), of_birnbaum_saunders(False), tails_of_birnbaum_saunders,
        [{"y": 1.000001, "scale": 1.0, "concentration": 1e-6}, {"y": 1e-12, "scale": 1.0, "concentration": 1.0}], (1e-12, 1e-9)),
}  # fmt: skip
