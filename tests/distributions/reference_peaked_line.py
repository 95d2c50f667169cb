"""References of the distributions on the real line with a peak, and of those of extremes."""

from __future__ import annotations

from collections.abc import Callable

from mpmath import mp, mpf

from tests.distributions.reference_first import location_scale
from tests.distributions.reference_point import Reference, log_uniform, signed

__all__ = ["REFERENCES"]


def power_exponential(y, loc, scale, power):
    return -(abs((y - loc) / scale) ** power) - mp.loggamma(1 + 1 / power) - mp.log(2 * scale)


def asymmetric_laplace(y, loc, scale, quantile):
    z = (y - loc) / scale
    return mp.log(quantile) + mp.log1p(-quantile) - mp.log(scale) - z * (quantile - (1 if z < 0 else 0))


def reverse_gumbel(y, loc, scale):
    z = (y - loc) / scale
    return z - mp.exp(z) - mp.log(scale)


def reduced(y, loc, scale, shape):
    z = (y - loc) / scale
    return mp.log1p(shape * z) / shape if shape else z


def generalized_extreme_value(y, loc, scale, shape):
    t = reduced(y, loc, scale, shape)
    return -(1 + shape) * t - mp.exp(-t) - mp.log(scale)


def tails_of_power_exponential(y, loc, scale, power):
    z = (y - loc) / scale
    tail = mp.gammainc(1 / power, abs(z) ** power, mp.inf, regularized=True) / 2
    return (tail, 1 - tail) if z < 0 else (1 - tail, tail)


def tails_of_asymmetric_laplace(y, loc, scale, quantile):
    z = (y - loc) / scale
    if z < 0:
        lower = quantile * mp.exp((1 - quantile) * z)
        return lower, 1 - lower
    upper = (1 - quantile) * mp.exp(-quantile * z)
    return 1 - upper, upper


def tails_of_reverse_gumbel(y, loc, scale):
    inner = -mp.exp((y - loc) / scale)
    return -mp.expm1(inner), mp.exp(inner)


def tails_of_generalized_extreme_value(y, loc, scale, shape):
    inner = -mp.exp(-reduced(y, loc, scale, shape))
    return mp.exp(inner), -mp.expm1(inner)


def of_power_exponential(core: bool) -> Callable:
    def point(rng):
        power = log_uniform(rng, *((0.3, 10) if core else (0.05, 200)))
        scale, loc = log_uniform(rng, 1e-3, 1e3), signed(rng, 1e-3, 1e3)
        # |z|^power to 300, so that the score stays one that a data set meets.
        z = log_uniform(rng, 1e-3, 300.0) ** (1.0 / max(power, 0.3)) * rng.choice((-1, 1))
        return {"y": float(loc + scale * z), "loc": loc, "scale": scale, "power": power}

    return point


def of_asymmetric_laplace(core: bool) -> Callable:
    def point(rng):
        edge = 1e-2 if core else 1e-9
        share = log_uniform(rng, edge, 0.5)
        scale, loc = log_uniform(rng, *((1e-3, 1e3) if core else (1e-30, 1e30))), signed(rng, 1e-3, 1e3) if core else 0.0
        values = {"y": loc + scale * signed(rng, 1e-3, 1e2 if core else 700.0), "loc": loc, "scale": scale}
        return values | {"quantile": float(rng.choice((share, 1 - share)))}

    return point


def of_generalized_extreme_value(core: bool) -> Callable:
    def point(rng):
        shape = rng.uniform(-0.5, 0.5) if core else signed(rng, 1e-12, 0.9)
        scale, loc = log_uniform(rng, 1e-3, 1e3), signed(rng, 1e-3, 1e3) if core else 0.0
        t = rng.uniform(-3.0, 12.0) if core else rng.uniform(-6.0, 30.0)
        z = float(mp.expm1(mpf(shape) * mpf(t)) / mpf(shape))
        # Nearer to an upper end y itself has lost the distance to it.
        z = min(z, 0.999 / -shape) if shape < 0 else max(z, -0.999 / shape)
        return {"y": loc + scale * z, "loc": loc, "scale": scale, "shape": float(shape)}

    return point


REFERENCES = {
    "PowerExponential": Reference(power_exponential, of_power_exponential(True), of_power_exponential(False), tails_of_power_exponential,
        [{"y": 1e-200, "loc": 0.0, "scale": 1.0, "power": 0.5}, {"y": 0.5, "loc": 0.0, "scale": 1.0, "power": 1e4},
         {"y": 3.0, "loc": 0.0, "scale": 1.0, "power": 1e-3}]),
    "AsymmetricLaplace": Reference(asymmetric_laplace, of_asymmetric_laplace(True), of_asymmetric_laplace(False), tails_of_asymmetric_laplace,
        [{"y": 1.0, "loc": 0.0, "scale": 1.0, "quantile": 1e-15}]),
    "ReverseGumbel": Reference(reverse_gumbel, location_scale(True, 5), location_scale(False, 600), tails_of_reverse_gumbel,
        [{"y": -700.0, "loc": 0.0, "scale": 1.0}, {"y": 700.0, "loc": 0.0, "scale": 1.0}], (1e-12, 1e-12)),
    "GeneralizedExtremeValue": Reference(generalized_extreme_value, of_generalized_extreme_value(True), of_generalized_extreme_value(False),
        tails_of_generalized_extreme_value,
        [{"y": y, "loc": 0.0, "scale": 1.0, "shape": shape} for y in (-2.0, 1.0, 20.0) for shape in (1e-8, -1e-8)]),
}  # fmt: skip
