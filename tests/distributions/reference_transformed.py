"""References of the Box-Cox families and of Tweedie."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import mp, mpf

from tests.distributions.reference_point import Reference, log_uniform, signed

__all__ = ["REFERENCES"]


def standard(y, loc, scale, shape):
    """z, its end towards y = 0, and the logarithm of dz/dy."""
    x = shape * mp.log(y / loc)
    return mp.expm1(x) / (shape * scale), 1 / (scale * abs(shape)), x - mp.log(scale * y)


def t_lower(df, z):
    """P(T <= z), near the middle as ½ and a part: there the complement converges slowly."""
    square = z * z
    if square < df:
        middle = mp.betainc(mpf(1) / 2, df / 2, 0, square / (df + square), regularized=True) / 2
        return mpf(1) / 2 + mp.sign(z) * middle
    tail = mp.betainc(df / 2, mpf(1) / 2, 0, df / (df + square), regularized=True) / 2
    return tail if z < 0 else 1 - tail


def box_cox_cole_green(y, loc, scale, shape):
    z, end, slope = standard(y, loc, scale, shape)
    return -z * z / 2 - mp.log(2 * mp.pi) / 2 + slope - mp.log(mp.ncdf(end))


def box_cox_t(y, loc, scale, shape, df):
    z, end, slope = standard(y, loc, scale, shape)
    front = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2
    return front - (df + 1) / 2 * mp.log1p(z * z / df) + slope - mp.log(t_lower(df, end))


def cut(lower: Callable, y, loc, scale, shape):
    """Both tails of what is left of `lower` when the end towards y = 0 is cut off."""
    z, end, _ = standard(y, loc, scale, shape)
    kept = lower(end)
    if shape > 0:
        return (lower(z) - lower(-end)) / kept, lower(-z) / kept
    return lower(z) / kept, (lower(-z) - lower(-end)) / kept


def tails_of_box_cox_cole_green(y, loc, scale, shape):
    return cut(mp.ncdf, y, loc, scale, shape)


def tails_of_box_cox_t(y, loc, scale, shape, df):
    return cut(lambda z: t_lower(df, z), y, loc, scale, shape)


def tweedie_parts(mean, dispersion, power):
    rate = mean ** (2 - power) / (dispersion * (2 - power))
    return rate, (2 - power) / (power - 1), dispersion * (power - 1) * mean ** (power - 1)


def places(top, spread, first: int):
    """The whole numbers whose terms count, or every so many of them where they are very many: exp(-2π² 8²) is what that leaves out."""
    step = max(1, int(spread / 8)) if spread > 20 else 1
    reach = int(16 * spread + 60)
    lowest = max(first, int(top) - reach) if step == 1 else int(top) - reach // step * step
    return range(lowest, int(top) + reach, step), step


def tweedie(y, mean, dispersion, power):
    rate, alpha, scale = tweedie_parts(mean, dispersion, power)
    if y == 0:
        return -rate
    x = y / scale
    top = mp.exp((mp.log(rate) + alpha * mp.log(x / alpha)) / (1 + alpha))
    numbers, step = places(top, mp.sqrt(top / (1 + alpha)), 1)
    slope = mp.log(rate) + alpha * mp.log(x)
    terms = [n * slope - mp.loggamma(n + 1) - mp.loggamma(n * alpha) for n in numbers]
    largest = max(terms)
    return largest + mp.log(step * mp.fsum(mp.exp(term - largest) for term in terms)) - rate - x - mp.log(y)


def tails_of_tweedie(y, mean, dispersion, power):
    rate, alpha, scale = tweedie_parts(mean, dispersion, power)
    if rate > 200:
        raise ValueError("a sum of too many incomplete gamma functions")
    numbers, _ = places(rate, mp.sqrt(rate), 1)
    weights = [mp.exp(n * mp.log(rate) - rate - mp.loggamma(n + 1)) for n in numbers]
    uppers = [mp.gammainc(n * alpha, y / scale, mp.inf, regularized=True) for n in numbers]
    upper = mp.fsum(weight * above for weight, above in zip(weights, uppers, strict=True))
    return 1 - upper, upper


def inside(loc: float, scale: float, shape: float, z: float) -> float:
    """The y of a z, which is drawn back from the end of the support."""
    x = max(shape * scale * z, -0.9)
    return loc * math.exp(math.log1p(x) / shape)


def of_box_cox(core: bool, with_df: bool) -> Callable:
    def point(rng):
        loc = log_uniform(rng, *((1e-3, 1e3) if core else (1e-30, 1e30)))
        scale = log_uniform(rng, *((0.01, 1) if core else (1e-3, 10)))
        shape = signed(rng, *((1e-3, 3) if core else (1e-12, 1e-3) if rng.random() < 0.5 else (1e-3, 10)))
        z = signed(rng, 1e-3, 5 if core else 20)
        values = {"y": inside(loc, scale, shape, z), "loc": loc, "scale": scale, "shape": shape}
        return {**values, "df": log_uniform(rng, *((2, 100) if core else (2, 1e4)))} if with_df else values

    return point


def of_tweedie(core: bool) -> Callable:
    def point(rng):
        power = rng.uniform(1.1, 1.9) if core else rng.uniform(1.01, 1.99)
        mean = log_uniform(rng, *((1e-2, 1e3) if core else (1e-4, 1e5)))
        # The mean number of amounts says how long the series is.
        number = log_uniform(rng, *((0.05, 50) if core else (1e-4, 1e6)))
        dispersion = mean ** (2 - power) / (number * (2 - power))
        spread = math.sqrt(dispersion * mean**power) / mean
        y = 0.0 if rng.random() < 0.05 else mean * math.exp(rng.normal() * min(2.0, 3.0 * spread))
        return {"y": y, "mean": mean, "dispersion": dispersion, "power": power}

    return point


REFERENCES = {
    "BoxCoxColeGreen": Reference(box_cox_cole_green, of_box_cox(True, False), of_box_cox(False, False), tails_of_box_cox_cole_green,
        [{"y": 2.0, "loc": 1.0, "scale": 0.3, "shape": n} for n in (1e-8, -1e-8, 1e-15, 5.0)], (1e-11, 1e-9), points=100, tail_points=50),
    "BoxCoxT": Reference(box_cox_t, of_box_cox(True, True), of_box_cox(False, True), tails_of_box_cox_t,
        [{"y": 2.0, "loc": 1.0, "scale": 0.3, "shape": n, "df": 5.0} for n in (1e-8, -1e-8, 1e-15, 5.0)], (1e-11, 1e-9),
        points=100, tail_points=50),
    "Tweedie": Reference(tweedie, of_tweedie(True), of_tweedie(False), tails_of_tweedie,
        [{"y": 3.0, "mean": 3.0, "dispersion": 1e-6, "power": 1.5}, {"y": 1e-12, "mean": 1.0, "dispersion": 2.0, "power": 1.5},
         {"y": 1e5, "mean": 1.0, "dispersion": 2.0, "power": 1.5}], (1e-11, 1e-9), points=100),
}  # fmt: skip
