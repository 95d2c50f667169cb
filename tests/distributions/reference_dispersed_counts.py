"""References of counts with a dispersion of their own, counts of trials, and differences of counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from mpmath import mp, mpf

from tests.distributions.reference_point import Reference, log_uniform, whole

__all__ = ["REFERENCES"]


def generalized_poisson(y, mean, dispersion):
    spread, grown = 1 + dispersion * mean, 1 + dispersion * y
    return y * mp.log(mean / spread) + (y - 1) * mp.log(grown) - mp.loggamma(y + 1) - mean * grown / spread


def poisson_inverse_gaussian(y, mean, dispersion):
    """By the recursion of the ratios of K of half-integer orders, which is stable upwards: DLMF 10.29.1."""
    argument = mp.sqrt(1 / dispersion**2 + 2 * mean / dispersion)
    log_bessel, ratio = mpf(0), mpf(1)
    for k in range(1, int(y)):
        ratio = 1 / ratio + (2 * k - 1) / argument
        log_bessel += mp.log(ratio)
    root = mp.sqrt(1 + 2 * mean * dispersion)
    return -2 * mean / (1 + root) + log_bessel + y * mp.log(mean / root) - mp.loggamma(y + 1)


def skellam(y, rate1, rate2):
    """The power series of I, summed outwards from its largest term: DLMF 10.25.2."""
    size, product = int(abs(y)), rate1 * rate2
    start = int(mp.floor((mp.sqrt(size * size + 4 * product) - size) / 2))
    total = mpf(1)
    for direction in (1, -1):
        term, k = mpf(1), start
        while term > total * mpf(10) ** -50 and (k > 0 or direction > 0):
            term *= product / ((k + 1) * mpf(k + 1 + size)) if direction > 0 else k * mpf(k + size) / product
            k, total = k + direction, total + term
    largest = start * mp.log(product) - mp.loggamma(start + 1) - mp.loggamma(start + size + 1) + mp.log(total)
    return -rate1 - rate2 + size * mp.log(rate1 if y >= 0 else rate2) + largest


@cache
def _weights(count: int):
    return [mp.loggamma(k + 1) for k in range(count)]


def com_poisson(y, mean, dispersion):
    """By Newton's method for log λ on sums over all counts."""
    count = int(60 + mean + 60 * mp.sqrt(mean * min(1 + mean, 1 / min(dispersion, mpf(1)))))
    factorials = _weights(count)
    centre = mean + (dispersion - 1) / (2 * dispersion)
    rate = mp.log(mean / (1 + mean)) if mean < 1 or dispersion < 1 else dispersion * mp.log(centre)
    for _ in range(60):
        weights = [mp.exp(k * rate - dispersion * f) for k, f in enumerate(factorials)]
        total = sum(weights)
        got = sum(k * w for k, w in enumerate(weights)) / total
        step = (got - mean) / (sum((k - got) ** 2 * w for k, w in enumerate(weights)) / total)
        rate -= max(min(step, mpf(1)), mpf(-1))
        if abs(step) < mpf(10) ** -50:
            break
    else:
        return mp.nan
    total = sum(mp.exp(k * rate - dispersion * f) for k, f in enumerate(factorials))
    return y * rate - dispersion * mp.loggamma(y + 1) - mp.log(total)


def log_choose(total, y):
    return mp.loggamma(total + 1) - mp.loggamma(y + 1) - mp.loggamma(total - y + 1)


def binomial(y, total_count, probs):
    return log_choose(total_count, y) + y * mp.log(probs) + (total_count - y) * mp.log1p(-probs)


def beta_binomial(y, total_count, probs, precision):
    def log_beta(a, b):
        return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)

    a, b = probs * precision, (1 - probs) * precision
    return log_choose(total_count, y) + log_beta(y + a, total_count - y + b) - log_beta(a, b)


def tails_of_binomial(y, total_count, probs):
    lower = mp.betainc(total_count - y, y + 1, 0, 1 - probs, regularized=True)
    return lower, mp.betainc(y + 1, total_count - y, 0, probs, regularized=True)


def summed(log_mass: Callable, first: Callable, last: Callable, longest: int = 1500) -> Callable:
    """Both tails as sums of the mass, where they are short."""

    def tails(y, *parameters):
        low, high = (int(end(y, *parameters)) for end in (first, last))
        if high - low > longest:
            return mpf(0), mpf(0)
        below = sum(mp.exp(log_mass(mpf(k), *parameters)) for k in range(low, int(y) + 1))
        return below, sum(mp.exp(log_mass(mpf(k), *parameters)) for k in range(int(y) + 1, high + 1))

    return tails


def of_dispersed(means: tuple, dispersions: tuple, spread: Callable, highest: float = 1e7) -> Callable:
    def point(rng):
        mean, dispersion = log_uniform(rng, *means), log_uniform(rng, *dispersions)
        near = mean + 3 * rng.normal() * spread(mean, dispersion)
        y = rng.choice((near, near, 0.0, 10 * mean + 5, rng.integers(60)))
        return {"y": min(whole(y), highest), "mean": mean, "dispersion": dispersion}

    return point


def of_skellam(low: float, high: float) -> Callable:
    def point(rng):
        a, b = log_uniform(rng, low, high), log_uniform(rng, low, high)
        y = rng.choice((a - b + 3 * rng.normal() * math.sqrt(a + b), a - b, 0.0, rng.integers(-60, 60)))
        return {"y": float(round(y)), "rate1": a, "rate2": b}

    return point


def of_trials(most: float, precisions: tuple | None) -> Callable:
    def point(rng):
        n = whole(log_uniform(rng, 1, most))
        probs = float(rng.choice((log_uniform(rng, 1e-9 if most > 1e4 else 1e-3, 0.5), 1 - log_uniform(rng, 1e-3, 0.5))))
        y = rng.choice((n * probs + 3 * rng.normal() * math.sqrt(n * probs * (1 - probs)), 0.0, n, rng.uniform(0, n)))
        values = {"y": min(whole(y), n), "total_count": n, "probs": probs}
        return values | ({"precision": log_uniform(rng, *precisions)} if precisions else {})

    return point


def _inflated(mean: float, dispersion: float) -> float:
    return math.sqrt(mean) * (1 + dispersion * mean)


def _mixed(mean: float, dispersion: float) -> float:
    return math.sqrt(mean * (1 + dispersion * mean))


def _conway(mean: float, dispersion: float) -> float:
    return math.sqrt(mean * min(1 + mean, 1 / min(dispersion, 1)))


def _zero(y, *parameters):
    return 0


REFERENCES = {
    "GeneralizedPoisson": Reference(
        generalized_poisson, of_dispersed((1e-2, 1e3), (1e-3, 10), _inflated), of_dispersed((1e-6, 1e8), (1e-12, 1e4), _inflated, 1e12),
        summed(generalized_poisson, _zero, lambda y, m, d: y + 60 + 60 * (mp.sqrt(m) * (1 + d * m) + 3 * (1 + d * m) ** 2), 20000),
        [{"y": 1e7, "mean": 1e7, "dispersion": 1e-12}, {"y": 0.0, "mean": 1e7, "dispersion": 1e4}], tail_points=80,
    ),
    # The recursion of the reference takes a step for each order: extreme counts stop at 3000.
    "PoissonInverseGaussian": Reference(
        poisson_inverse_gaussian, of_dispersed((1e-2, 1e2), (1e-3, 10), _mixed, 1000), of_dispersed((1e-6, 1e8), (1e-8, 1e4), _mixed, 3000),
        summed(poisson_inverse_gaussian, _zero, lambda y, m, d: y + 60 + 60 * (mp.sqrt(m + d * m * m) + 2 * d * m), 400),
        [{"y": 3000.0, "mean": 3000.0, "dispersion": 1e-8}, {"y": 0.0, "mean": 1e10, "dispersion": 1e-6}], tail_points=60,
    ),
    # The sums of the reference are as long as the counts are spread: means stop at 150, and at 20 where the dispersion is small.
    "ComPoisson": Reference(
        # Below a dispersion of 0.5 the starting point of the reference's own search may lead it to another mean.
        com_poisson, of_dispersed((1e-2, 60), (0.5, 5), _conway), of_dispersed((1e-4, 20), (1e-3, 30), _conway),
        None, [{"y": 150.0, "mean": 150.0, "dispersion": 2.0}, {"y": 3.0, "mean": 1.5, "dispersion": 100.0}], points=101,
    ),
    "Skellam": Reference(
        skellam, of_skellam(1e-2, 1e3), of_skellam(1e-6, 1e6),
        summed(skellam, lambda y, a, b: min(y, a - b) - 20 - 30 * mp.sqrt(a + b), lambda y, a, b: max(y, a - b) + 20 + 30 * mp.sqrt(a + b), 800),
        [{"y": 0.0, "rate1": 1e7, "rate2": 1e7}, {"y": -400.0, "rate1": 1e-3, "rate2": 1e-3}], (1e-11, 1e-9),
    ),
    "Binomial": Reference(
        binomial, of_trials(1e4, None), of_trials(1e8, None), tails_of_binomial,
        [{"y": 5e6, "total_count": 1e7, "probs": 0.5}, {"y": 0.0, "total_count": 0.0, "probs": 0.3}], (1e-12, 1e-9),
        constants=("total_count",),
    ),
    "BetaBinomial": Reference(
        beta_binomial, of_trials(1e4, (0.1, 1e3)), of_trials(1e8, (1e-3, 1e10)),
        summed(beta_binomial, _zero, lambda y, n, p, s: n, 1500),
        [{"y": 20.0, "total_count": 40.0, "probs": 0.5, "precision": 1e16}], constants=("total_count",),
    ),
}  # fmt: skip
