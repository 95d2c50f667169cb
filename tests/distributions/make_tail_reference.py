"""Makes tail_reference.json: P(Y <= y) and P(Y > y) with 40 digits, from the far lower to the far upper tail, at stored parameters.

Run it as a script. The points are placed by moments and a few ratios, the probabilities come from mpmath alone.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 60


def normal(y, loc, scale):
    return mp.ncdf((y - loc) / scale), mp.ncdf(-(y - loc) / scale)


def student_t(y, df, loc, scale):
    z = (y - loc) / scale
    tail = mp.betainc(df / 2, mpf(1) / 2, 0, df / (df + z * z), regularized=True) / 2
    return (tail, 1 - tail) if z < 0 else (1 - tail, tail)


def laplace(y, loc, scale):
    z = (y - loc) / scale
    tail = mp.exp(-abs(z)) / 2
    return (tail, 1 - tail) if z < 0 else (1 - tail, tail)


def logistic(y, loc, scale):
    z = (y - loc) / scale
    return 1 / (1 + mp.exp(-z)), 1 / (1 + mp.exp(z))


def cauchy(y, loc, scale):
    z = (y - loc) / scale
    return mp.mpf(1) / 2 + mp.atan(z) / mp.pi, mp.mpf(1) / 2 - mp.atan(z) / mp.pi


def gumbel(y, loc, scale):
    inner = -mp.exp(-(y - loc) / scale)
    return mp.exp(inner), -mp.expm1(inner)


def exponential(y, rate):
    return -mp.expm1(-rate * y), mp.exp(-rate * y)


def gamma(y, concentration, rate):
    return tuple(mp.gammainc(concentration, *ends, regularized=True) for ends in ((0, rate * y), (rate * y, mp.inf)))


def log_normal(y, loc, scale):
    return normal(mp.log(y), loc, scale)


def weibull(y, scale, concentration):
    return exponential((y / scale) ** concentration, 1)


def inverse_gaussian(y, mean, concentration):
    root = mp.sqrt(concentration / y)
    mirrored = mp.exp(2 * concentration / mean) * mp.ncdf(-root * (y / mean + 1))
    return mp.ncdf(root * (y / mean - 1)) + mirrored, mp.ncdf(-root * (y / mean - 1)) - mirrored


def beta(y, concentration1, concentration0):
    a, b = concentration1, concentration0
    return mp.betainc(a, b, 0, y, regularized=True), mp.betainc(b, a, 0, 1 - y, regularized=True)


def poisson(y, rate):
    return tuple(reversed(gamma(rate, mp.floor(y) + 1, 1)))


def negative_binomial(y, mean, concentration):
    return beta(concentration / (concentration + mean), concentration, mp.floor(y) + 1)


def geometric(y, probs):
    upper = mp.exp((mp.floor(y) + 1) * mp.log1p(-probs))
    return 1 - upper, upper


Z = (-35.0, -12.0, -6.0, -1.0, -1e-3, 0.5, 3.0, 8.0, 30.0)
RATIOS = (1e-6, 1e-3, 0.1, 0.6, 1.0, 1.7, 4.0, 30.0)
NEAR = (0.9, 0.97, 0.995, 1.0, 1.004, 1.03, 1.1)
SHARES = (1e-9, 1e-3, 0.1, 0.4, 0.5, 0.8, 0.99, 1 - 1e-6)


def around(loc: float, scale: float, *front: float) -> list[tuple[float, ...]]:
    return [(loc + scale * z, *front, loc, scale) for z in Z]


def times(mean: float, *parameters: float, ratios: tuple = RATIOS, whole: bool = False) -> list[tuple[float, ...]]:
    return [(float(math.floor(mean * ratio)) if whole else mean * ratio, *parameters) for ratio in ratios]


POINTS = {
    "Normal": (normal, around(0.0, 1.0) + around(5.0, 1e-3)),
    "StudentT": (student_t, around(0.0, 1.0, 0.3) + around(1.0, 2.0, 3.5) + around(0.0, 1.0, 40.0) + around(0.0, 1.0, 1e5)),
    "Laplace": (laplace, around(0.0, 1.0) + around(-3.0, 10.0)),
    "Logistic": (logistic, around(0.0, 1.0) + around(-3.0, 10.0)),
    "Cauchy": (cauchy, around(0.0, 1.0) + around(0.0, 1e-9) + [(-1e12, 0.0, 1.0), (1e12, 0.0, 1.0)]),
    "Gumbel": (gumbel, [row for row in around(0.0, 1.0) if row[0] > -7]),
    "Exponential": (exponential, times(1.0, 1.0) + times(100.0, 0.01)),
    "Gamma": (gamma, times(0.05, 0.05, 1.0) + times(1.0, 2.0, 2.0) + times(3.0, 30.0, 10.0) + times(1.0, 1e4, 1e4, ratios=NEAR)),
    "LogNormal": (log_normal, times(1.0, 0.0, 0.5) + times(math.e, 1.0, 3.0)),
    "Weibull": (weibull, times(1.0, 1.0, 0.5) + times(5.0, 5.0, 3.0)),
    "InverseGaussian": (inverse_gaussian, times(1.0, 1.0, 1.0) + times(1.0, 1.0, 100.0, ratios=NEAR)
                        + times(3.0, 3.0, 1e-3, ratios=(*RATIOS, 1e4)) + times(2.0, 2.0, 0.1)
                        + times(3.0, 3.0, 1e-6, ratios=(1e3, 1e5, 1e6))),
    "Beta": (beta, [(y, *p) for p in ((0.5, 0.5), (2.0, 5.0), (0.05, 3.0), (100.0, 80.0)) for y in SHARES]),
    "Poisson": (poisson, times(0.01, 0.01, ratios=(0.0, 100.0, 500.0), whole=True) + times(4.0, 4.0, whole=True)
                + times(1e4, 1e4, ratios=NEAR, whole=True)),
    "NegativeBinomial": (negative_binomial, times(4.0, 4.0, 0.3, whole=True) + times(50.0, 50.0, 20.0, whole=True)
                         + times(10.0, 10.0, 1e4, ratios=(0.0, 0.5, 1.0, 2.0, 4.0), whole=True)),
    "Geometric": (geometric, times(3.0, 0.25, whole=True) + times(1e6, 1e-6, ratios=(1e-6, 0.1, 1.0, 10.0), whole=True)),
}  # fmt: skip


def row(probabilities, point: tuple[float, ...]) -> list[float]:
    return [*point, *(float(value) for value in probabilities(*map(mpf, point)))]


if __name__ == "__main__":
    tables = {name: [row(probabilities, point) for point in points] for name, (probabilities, points) in POINTS.items()}
    text = json.dumps(tables)
    Path(__file__).with_name("tail_reference.json").write_text(text.replace("[[", "[\n[").replace("], [", "],\n[") + "\n")
