"""References of the distributions that came first."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import mp, mpf

from tests.distributions.reference_point import Reference, log_uniform, signed

__all__ = ["REFERENCES"]


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


def tails_of_normal(y, loc, scale):
    return mp.ncdf((y - loc) / scale), mp.ncdf(-(y - loc) / scale)


def tails_of_student_t(y, df, loc, scale):
    z = (y - loc) / scale
    tail = mp.betainc(df / 2, mpf(1) / 2, 0, df / (df + z * z), regularized=True) / 2
    return (tail, 1 - tail) if z < 0 else (1 - tail, tail)


def tails_of_laplace(y, loc, scale):
    z = (y - loc) / scale
    tail = mp.exp(-abs(z)) / 2
    return (tail, 1 - tail) if z < 0 else (1 - tail, tail)


def tails_of_logistic(y, loc, scale):
    z = (y - loc) / scale
    return 1 / (1 + mp.exp(-z)), 1 / (1 + mp.exp(z))


def tails_of_cauchy(y, loc, scale):
    z = (y - loc) / scale
    return mp.mpf(1) / 2 + mp.atan(z) / mp.pi, mp.mpf(1) / 2 - mp.atan(z) / mp.pi


def tails_of_gumbel(y, loc, scale):
    inner = -mp.exp(-(y - loc) / scale)
    return mp.exp(inner), -mp.expm1(inner)


def tails_of_exponential(y, rate):
    return -mp.expm1(-rate * y), mp.exp(-rate * y)


def tails_of_gamma(y, concentration, rate):
    return tuple(mp.gammainc(concentration, *ends, regularized=True) for ends in ((0, rate * y), (rate * y, mp.inf)))


def tails_of_log_normal(y, loc, scale):
    return tails_of_normal(mp.log(y), loc, scale)


def tails_of_weibull(y, scale, concentration):
    return tails_of_exponential((y / scale) ** concentration, 1)


def tails_of_inverse_gaussian(y, mean, concentration):
    root = mp.sqrt(concentration / y)
    mirrored = mp.exp(2 * concentration / mean) * mp.ncdf(-root * (y / mean + 1))
    return mp.ncdf(root * (y / mean - 1)) + mirrored, mp.ncdf(-root * (y / mean - 1)) - mirrored


def tails_of_beta(y, concentration1, concentration0):
    a, b = concentration1, concentration0
    return mp.betainc(a, b, 0, y, regularized=True), mp.betainc(b, a, 0, 1 - y, regularized=True)


def tails_of_poisson(y, rate):
    return tuple(reversed(tails_of_gamma(rate, mp.floor(y) + 1, 1)))


def tails_of_negative_binomial(y, mean, concentration):
    return tails_of_beta(concentration / (concentration + mean), concentration, mp.floor(y) + 1)


def tails_of_geometric(y, probs):
    upper = mp.exp((mp.floor(y) + 1) * mp.log1p(-probs))
    return 1 - upper, upper


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
REFERENCES = {
    "Normal": Reference(normal, location_scale(True, 40), location_scale(False, 40), tails_of_normal,
        CORNERS.get("Normal", []), (1e-13, 1e-13)),
    "StudentT": Reference(student_t, of_student_t(True), of_student_t(False), tails_of_student_t,
        CORNERS.get("StudentT", []), (1e-12, 1e-09)),
    "Laplace": Reference(laplace, location_scale(True, 40), location_scale(False, 700), tails_of_laplace,
        CORNERS.get("Laplace", []), (1e-12, 1e-12)),
    "Logistic": Reference(logistic, location_scale(True, 40), location_scale(False, 700), tails_of_logistic,
        CORNERS.get("Logistic", []), (1e-12, 1e-12)),
    "Cauchy": Reference(cauchy, location_scale(True, 1e3), location_scale(False, 1e8), tails_of_cauchy,
        CORNERS.get("Cauchy", []), (1e-12, 1e-12)),
    "Gumbel": Reference(gumbel, location_scale(True, 5), location_scale(False, 600), tails_of_gumbel,
        CORNERS.get("Gumbel", []), (1e-12, 1e-12)),
    "Exponential": Reference(exponential, lambda rng: {"y": log_uniform(rng, 1e-6, 1e3), "rate": log_uniform(rng, 1e-3, 1e3)},
                    lambda rng: {"y": log_uniform(rng, 1e-300, 1e10), "rate": log_uniform(rng, 1e-30, 1e10)}, tails_of_exponential,
        CORNERS.get("Exponential", []), (1e-12, 1e-12)),
    "Gamma": Reference(gamma, of_gamma(True), of_gamma(False), tails_of_gamma,
        CORNERS.get("Gamma", []), (1e-12, 1e-09)),
    "LogNormal": Reference(log_normal, of_log_normal(True), of_log_normal(False), tails_of_log_normal,
        CORNERS.get("LogNormal", []), (1e-12, 1e-12)),
    "Weibull": Reference(weibull, of_positive("scale", "concentration", 1e-3, 1e3), of_positive("scale", "concentration", 1e-290, 1e290),
        tails_of_weibull,
        CORNERS.get("Weibull", []), (1e-12, 1e-12)),
    "InverseGaussian": Reference(inverse_gaussian, of_positive("mean", "concentration", 1e-2, 1e2),
        of_positive("mean", "concentration", 1e-6, 1e6), tails_of_inverse_gaussian,
        CORNERS.get("InverseGaussian", []), (1e-12, 1e-09)),
    "Beta": Reference(beta, of_beta(True), of_beta(False), tails_of_beta,
        CORNERS.get("Beta", []), (1e-12, 1e-10)),
    "Poisson": Reference(poisson, of_counts((1e-3, 1e4), None), of_counts((1e-6, 1e7), None), tails_of_poisson,
        CORNERS.get("Poisson", []), (1e-12, 1e-10)),
    "NegativeBinomial": Reference(negative_binomial, of_counts((1e-2, 1e4), (0.1, 1e3)), of_counts((1e-2, 1e6), (1e-2, 1e8)), tails_of_negative_binomial,
        CORNERS.get("NegativeBinomial", []), (1e-12, 1e-09)),
    "Geometric": Reference(geometric, of_geometric, of_geometric, tails_of_geometric,
        CORNERS.get("Geometric", []), (1e-12, 1e-12)),
    "Bernoulli": Reference(bernoulli, of_bernoulli(True), of_bernoulli(False), None,
        CORNERS.get("Bernoulli", []), (1e-13, 1e-12)),
}  # fmt: skip
