"""References of the positive distributions beyond the first ones."""

from __future__ import annotations

from collections.abc import Callable

from mpmath import mp

from tests.distributions.reference_point import Reference, log_uniform

__all__ = ["REFERENCES"]


def burr(y, scale, c, d):
    x = (y / scale) ** c
    return mp.log(c * d / y) + mp.log(x) - (d + 1) * mp.log1p(x)


def dagum(y, scale, c, d):
    x = (y / scale) ** -c
    return mp.log(c * d / y) + mp.log(x) - (d + 1) * mp.log1p(x)


def lomax(y, scale, k):
    return mp.log(k / scale) - (k + 1) * mp.log1p(y / scale)


def pareto(y, k, scale):
    return mp.log(k / y) - k * mp.log(y / scale)


def frechet(y, scale, k):
    x = (y / scale) ** -k
    return mp.log(k / y) + mp.log(x) - x


def log_logistic(y, scale, k):
    return burr(y, scale, k, 1)


def inverse_gamma(y, k, rate):
    return k * mp.log(rate) - mp.loggamma(k) - (k + 1) * mp.log(y) - rate / y


def generalized_gamma(y, loc, scale, shape):
    w, a = (mp.log(y) - loc) / scale, shape**-2
    return mp.log(abs(shape)) - mp.log(scale * y) + a * mp.log(a) - mp.loggamma(a) + a * (shape * w - mp.exp(shape * w))


def by_exponent(exponent) -> tuple:
    """exp(-exponent) and what it lacks to 1."""
    return mp.exp(-exponent), -mp.expm1(-exponent)


def tails_of_burr(y, scale, c, d):
    return by_exponent(d * mp.log1p((y / scale) ** c))[::-1]


def tails_of_dagum(y, scale, c, d):
    return by_exponent(d * mp.log1p((y / scale) ** -c))


def tails_of_inverse_gamma(y, k, rate):
    return mp.gammainc(k, rate / y, mp.inf, regularized=True), mp.gammainc(k, 0, rate / y, regularized=True)


def tails_of_generalized_gamma(y, loc, scale, shape):
    a = shape**-2
    x = a * mp.exp(shape * (mp.log(y) - loc) / scale)
    pair = mp.gammainc(a, 0, x, regularized=True), mp.gammainc(a, x, mp.inf, regularized=True)
    return pair if shape > 0 else pair[::-1]


def scaled(core: bool, *names: str, least: float = -30.0) -> Callable:
    """Points whose cumulative hazards are of ordinary size; `names` are the parameters, the first concentration the power of y."""

    def point(rng):
        shapes = {name: log_uniform(rng, *((0.3, 30) if core else (1e-3, 1e3))) for name in names if name != "scale"}
        scale, power = log_uniform(rng, *((1e-3, 1e3) if core else (1e-40, 1e40))), next(iter(shapes.values()))
        z = rng.uniform(-4.0, 8.0) if core else rng.uniform(least, 60.0)
        y = min(max(scale * mp.exp(z / power), mp.mpf("1e-250")), mp.mpf("1e250"))
        values = shapes | {"scale": scale}
        return {"y": float(y)} | {name: values[name] for name in names}

    return point


def of_pareto(core: bool) -> Callable:
    def point(rng):
        k, scale = log_uniform(rng, *((0.3, 30) if core else (1e-3, 1e3))), log_uniform(rng, 1e-3, 1e3)
        return {"y": scale * (1 + log_uniform(rng, 1e-3, 1e3 if core else 1e30)), "concentration": k, "scale": scale}

    return point


def of_inverse_gamma(core: bool) -> Callable:
    def point(rng):
        k, rate = log_uniform(rng, *((0.3, 30) if core else (1e-3, 1e3))), log_uniform(rng, 1e-3, 1e3)
        spread = rng.uniform(-2.0, 2.0) if core else rng.uniform(-4.0, 6.0)
        return {"y": float(rate / k * mp.exp(spread / max(k, 1.0) ** 0.5)), "concentration": k, "rate": rate}

    return point


def of_generalized_gamma(core: bool) -> Callable:
    def point(rng):
        loc, scale = rng.uniform(-5, 5), log_uniform(rng, *((0.1, 2) if core else (1e-2, 10)))
        shape = log_uniform(rng, *((0.1, 2) if core else (1e-2, 4))) * rng.choice((-1, 1))
        w = rng.uniform(-3, 3) if core else rng.uniform(-5, 5)
        w = min(max(w, -6 / abs(shape)), 6 / abs(shape))
        return {"y": float(mp.exp(loc + scale * w)), "loc": float(loc), "scale": scale, "shape": float(shape)}

    return point


_THREE, _TWO = ("scale", "concentration1", "concentration0"), ("scale", "concentration")

REFERENCES = {
    "Burr": Reference(burr, scaled(True, *_THREE), scaled(False, *_THREE), tails_of_burr),
    "Dagum": Reference(dagum, scaled(True, *_THREE), scaled(False, *_THREE), tails_of_dagum),
    "Lomax": Reference(lomax, scaled(True, *_TWO), scaled(False, *_TWO),
        lambda y, scale, k: by_exponent(k * mp.log1p(y / scale))[::-1]),
    "Pareto": Reference(pareto, of_pareto(True), of_pareto(False), lambda y, k, scale: by_exponent(k * mp.log(y / scale))[::-1]),
    "Frechet": Reference(frechet, scaled(True, *_TWO, least=-6.0), scaled(False, *_TWO, least=-6.0),
        lambda y, scale, k: by_exponent((y / scale) ** -k)),
    "LogLogistic": Reference(log_logistic, scaled(True, *_TWO), scaled(False, *_TWO), lambda y, scale, k: tails_of_burr(y, scale, k, 1)),
    "InverseGamma": Reference(inverse_gamma, of_inverse_gamma(True), of_inverse_gamma(False), tails_of_inverse_gamma),
    "GeneralizedGamma": Reference(generalized_gamma, of_generalized_gamma(True), of_generalized_gamma(False), tails_of_generalized_gamma,
        [{"y": 2.0, "loc": 0.5, "scale": 0.3, "shape": 1e-8}, {"y": 2.0, "loc": 0.5, "scale": 0.3, "shape": -1e-5}]),
}  # fmt: skip
