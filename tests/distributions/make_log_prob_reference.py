"""Makes log_prob_reference.json: log-densities and their gradients with 60 digits, at the float64 parameters that are stored.

Run it as a script; it takes a second. Every family has a core range and extremes, over 200 points in all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
POINTS = 110


def student_t(y, df, loc, scale):
    z = (y - loc) / scale
    return mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2 - mp.log(scale) - (df + 1) / 2 * mp.log1p(z * z / df)


def normal(y, loc, scale):
    return -(((y - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2


def laplace(y, loc, scale):
    return -abs((y - loc) / scale) - mp.log(2 * scale)


def logistic(y, loc, scale):
    z = (y - loc) / scale
    return -abs(z) - 2 * mp.log1p(mp.exp(-abs(z))) - mp.log(scale)


def gumbel(y, loc, scale):
    z = (y - loc) / scale
    return -z - mp.exp(-z) - mp.log(scale)


def cauchy(y, loc, scale):
    return -mp.log1p(((y - loc) / scale) ** 2) - mp.log(mp.pi * scale)


def exponential(y, rate):
    return mp.log(rate) - rate * y


def gamma(y, concentration, rate):
    return concentration * mp.log(rate) + (concentration - 1) * mp.log(y) - rate * y - mp.loggamma(concentration)


def log_normal(y, loc, scale):
    return normal(mp.log(y), loc, scale) - mp.log(y)


def weibull(y, scale, concentration):
    z = mp.log(y / scale) * concentration
    return mp.log(concentration) - mp.log(y) + z - mp.exp(z)


def inverse_gaussian(y, mean, concentration):
    return mp.log(concentration / (2 * mp.pi * y**3)) / 2 - concentration * (y - mean) ** 2 / (2 * mean**2 * y)


def beta(y, concentration1, concentration0):
    a, b = concentration1, concentration0
    return (a - 1) * mp.log(y) + (b - 1) * mp.log1p(-y) + mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)


def poisson(y, rate):
    return y * mp.log(rate) - rate - mp.loggamma(y + 1)


def negative_binomial(y, mean, concentration):
    k = concentration
    front = mp.loggamma(y + k) - mp.loggamma(k) - mp.loggamma(y + 1)
    return front - k * mp.log1p(mean / k) + y * mp.log(mean / (k + mean))


def geometric(y, probs):
    return mp.log(probs) + y * mp.log1p(-probs)


def bernoulli(y, logits):
    return -mp.log1p(mp.exp(-logits if y == 1 else logits))


def log_uniform(rng, low, high):
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def signed(rng, low, high):
    return log_uniform(rng, low, high) * rng.choice((-1, 1))


def location_scale(core: bool, widest: float) -> Callable:
    def point(rng):
        scale = log_uniform(rng, *((1e-6, 1e6) if core else (1e-30, 1e30)))
        loc = signed(rng, 1e-3, 1e6) if core else 0.0
        return {"y": loc + scale * signed(rng, 1e-3, widest), "loc": loc, "scale": scale}

    return point


def of_student_t(core: bool) -> Callable:
    def point(rng):
        df = log_uniform(rng, *((1, 100) if core else (0.1, 1e8)))
        scale, loc = log_uniform(rng, 1e-3, 1e3), signed(rng, 1e-3, 1e3)
        return {"y": loc + scale * signed(rng, 1e-3, 1e3 if core else 1e8), "df": df, "loc": loc, "scale": scale}

    return point


def of_gamma(core: bool) -> Callable:
    def point(rng):
        k, rate = log_uniform(rng, *((1e-2, 1e3) if core else (1e-3, 1e8))), log_uniform(rng, 1e-4, 1e4)
        near = k / rate * math.exp(rng.normal() * min(3.0, 3.0 / math.sqrt(k)))
        y = near if core or rng.random() < 0.7 else log_uniform(rng, 1e-300, 1e3)
        return {"y": y, "concentration": k, "rate": rate}

    return point


def of_beta(core: bool) -> Callable:
    def point(rng):
        a, b = (log_uniform(rng, *((0.05, 1e3) if core else (1e-3, 1e8))) for _ in range(2))
        near = a / (a + b) + rng.normal() * 3 * math.sqrt(a * b / (a + b + 1)) / (a + b)
        edge = 1e-6 if core else 1e-12
        y = near if rng.random() < 0.7 else rng.choice((log_uniform(rng, edge, 0.5), 1 - log_uniform(rng, edge, 0.5)))
        return {"y": float(min(max(y, edge), 1 - edge)), "concentration1": a, "concentration0": b}

    return point


def of_positive(first: str, second: str, low: float, high: float) -> Callable:
    def point(rng):
        p, k = log_uniform(rng, low, high), log_uniform(rng, 0.1, 20)
        return {"y": p * math.exp(rng.normal()), first: p, second: k}

    return point


def of_log_normal(core: bool) -> Callable:
    def point(rng):
        loc, scale = rng.normal() * (3 if core else 200), log_uniform(rng, 0.01, 5)
        return {"y": math.exp(min(max(loc + scale * rng.normal() * 3, -690), 690)), "loc": loc, "scale": scale}

    return point


def of_counts(mean_range: tuple, concentration_range: tuple | None) -> Callable:
    def point(rng):
        mean = log_uniform(rng, *mean_range)
        k = log_uniform(rng, *concentration_range) if concentration_range else math.inf
        spread = math.sqrt(mean + mean * mean / k)
        near = max(0.0, mean + 3 * rng.normal() * spread)
        y = rng.choice((near, near, 0.0, 10 * mean + 5))
        values = {"y": float(math.floor(y)), "mean": mean, "concentration": k}
        return values if concentration_range else {"y": values["y"], "rate": mean}

    return point


def of_geometric(rng):
    probs = float(rng.choice((log_uniform(rng, 1e-6, 0.5), 1 - log_uniform(rng, 1e-12, 0.5))))
    return {"y": float(math.floor(rng.exponential() / probs * 3)), "probs": probs}


def of_bernoulli(core: bool) -> Callable:
    return lambda rng: {"y": float(rng.integers(2)), "logits": rng.uniform(-30, 30) if core else signed(rng, 1e-3, 1e4)}


CORNERS = {
    "Normal": [{"y": 40.0, "loc": 0.0, "scale": 1.0}],
    "StudentT": [{"y": 1.0, "df": 1e8, "loc": 0.0, "scale": 1.0}, {"y": 3.0, "df": 1e7, "loc": 0.0, "scale": 1.0}],
    "Gamma": [{"y": 1.0, "concentration": 1e8, "rate": 1e8}, {"y": 1e-300, "concentration": 1e-3, "rate": 1.0}],
    "Beta": [{"y": 0.5, "concentration1": 1e8, "concentration0": 1e8}, {"y": 1 - 1e-8, "concentration1": 2.0, "concentration0": 0.5}],
    "Weibull": [{"y": 2.0, "scale": 1.0, "concentration": 9.0}, {"y": 1e-300, "scale": 1e-300, "concentration": 2.0}],
    "Poisson": [{"y": 1e7, "rate": 1e7}, {"y": 0.0, "rate": 1e7}, {"y": 0.0, "rate": 1e-3}, {"y": 1e7, "rate": 1.0}],
    "NegativeBinomial": [{"y": 1e5, "mean": 1e5, "concentration": 1e8}, {"y": 0.0, "mean": 3.0, "concentration": 1e8}],
    "InverseGaussian": [{"y": 1e-12, "mean": 1.0, "concentration": 1.0}, {"y": 1e-200, "mean": 1.0, "concentration": 1.0}],
    "Gumbel": [{"y": -700.0, "loc": 0.0, "scale": 1.0}, {"y": 700.0, "loc": 0.0, "scale": 1.0}],
    "Geometric": [{"y": 0.0, "probs": 0.3}],
    "Bernoulli": [{"y": 0.0, "logits": 1e4}, {"y": 1.0, "logits": 30.0}],
}
# family: (log-density, core range, extremes)
FAMILIES = {
    "Normal": (normal, location_scale(True, 40), location_scale(False, 40)),
    "StudentT": (student_t, of_student_t(True), of_student_t(False)),
    "Laplace": (laplace, location_scale(True, 40), location_scale(False, 700)),
    "Logistic": (logistic, location_scale(True, 40), location_scale(False, 700)),
    "Cauchy": (cauchy, location_scale(True, 1e3), location_scale(False, 1e8)),
    "Gumbel": (gumbel, location_scale(True, 5), location_scale(False, 600)),
    "Exponential": (exponential, lambda rng: {"y": log_uniform(rng, 1e-6, 1e3), "rate": log_uniform(rng, 1e-3, 1e3)},
                    lambda rng: {"y": log_uniform(rng, 1e-300, 1e10), "rate": log_uniform(rng, 1e-30, 1e10)}),
    "Gamma": (gamma, of_gamma(True), of_gamma(False)),
    "LogNormal": (log_normal, of_log_normal(True), of_log_normal(False)),
    "Weibull": (weibull, of_positive("scale", "concentration", 1e-3, 1e3), of_positive("scale", "concentration", 1e-290, 1e290)),
    "InverseGaussian": (inverse_gaussian, of_positive("mean", "concentration", 1e-2, 1e2), of_positive("mean", "concentration", 1e-6, 1e6)),
    "Beta": (beta, of_beta(True), of_beta(False)),
    "Poisson": (poisson, of_counts((1e-3, 1e4), None), of_counts((1e-6, 1e7), None)),
    "NegativeBinomial": (negative_binomial, of_counts((1e-2, 1e4), (0.1, 1e3)), of_counts((1e-2, 1e6), (1e-2, 1e8))),
    "Geometric": (geometric, of_geometric, of_geometric),
    "Bernoulli": (bernoulli, of_bernoulli(True), of_bernoulli(False)),
}  # fmt: skip


def reference(log_density: Callable, point: dict) -> list[float]:
    """The log-density and its derivatives in the parameters, in their order."""
    values = [mpf(float(value)) for value in point.values()]
    slopes = []
    for index in range(1, len(values)):
        # A location of 0 is moved on the scale of its distance from y.
        step = (abs(values[index]) or abs(values[0])) * mpf(10) ** -20
        moved = [log_density(*(v + sign * step if i == index else v for i, v in enumerate(values))) for sign in (-1, 1)]
        slopes.append((moved[1] - moved[0]) / (2 * step))
    return [float(log_density(*values)), *map(float, slopes)]


def table(name: str) -> dict:
    """The points of one family. Each row: y, the parameters, the log-density, its slopes in the parameters."""
    log_density, core, extreme = FAMILIES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    points = {"core": [core(rng) for _ in range(POINTS)], "extreme": [extreme(rng) for _ in range(POINTS)] + CORNERS.get(name, [])}
    rows = {where: [[*map(float, p.values()), *reference(log_density, p)] for p in listed] for where, listed in points.items()}
    return {"parameters": list(points["core"][0])[1:]} | {
        where: [row for row in listed if all(map(math.isfinite, row))] for where, listed in rows.items()
    }


if __name__ == "__main__":
    text = json.dumps({name: table(name) for name in FAMILIES})
    Path(__file__).with_name("log_prob_reference.json").write_text(text.replace("[[", "[\n[").replace("], [", "],\n[") + "\n")
