"""References of vectors, all of three numbers, and of independent ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from mpmath import mp

from tests.distributions.reference_first import gamma, of_gamma
from tests.distributions.reference_point import Point, Reference, log_uniform, signed, whole

__all__ = ["REFERENCES"]

PLACES = (1, 2, 3)
# The entries of a lower triangular matrix, row by row.
ENTRIES = ("l11", "l21", "l22", "l31", "l32", "l33")
OUTCOMES = ("y1", "y2", "y3")
# Shares are multiples of this, so that the three of a row add up to 1 without rounding.
SHARE = 2.0**-24


def solved(y, loc, l11, l21, l22, l31, l32, l33):
    """|z|² and log det L, where L z = y - loc."""
    first, second, third = (value - place for value, place in zip(y, loc, strict=True))
    z1 = first / l11
    z2 = (second - l21 * z1) / l22
    z3 = (third - l31 * z1 - l32 * z2) / l33
    return z1**2 + z2**2 + z3**2, mp.log(l11) + mp.log(l22) + mp.log(l33)


def multivariate_normal(y1, y2, y3, loc1, loc2, loc3, *triangle):
    square, log_det = solved((y1, y2, y3), (loc1, loc2, loc3), *triangle)
    return -square / 2 - log_det - 3 * mp.log(2 * mp.pi) / 2


def multivariate_student_t(y1, y2, y3, df, loc1, loc2, loc3, *triangle):
    square, log_det = solved((y1, y2, y3), (loc1, loc2, loc3), *triangle)
    front = mp.loggamma((df + 3) / 2) - mp.loggamma(df / 2) - 3 * mp.log(df * mp.pi) / 2
    return front - log_det - (df + 3) / 2 * mp.log1p(square / df)


def dirichlet(y1, y2, y3, *a):
    logs = mp.fsum((p - 1) * mp.log(y) for p, y in zip(a, (y1, y2, y3), strict=True))
    return mp.loggamma(mp.fsum(a)) - mp.fsum(mp.loggamma(p) for p in a) + logs


def multinomial(y1, y2, y3, *logits):
    y = (y1, y2, y3)
    logs = mp.fsum(count * score for count, score in zip(y, logits, strict=True))
    whole_ = mp.log(mp.fsum(mp.exp(score) for score in logits)) * mp.fsum(y)
    return mp.loggamma(mp.fsum(y) + 1) - mp.fsum(mp.loggamma(count + 1) for count in y) + logs - whole_


def dirichlet_multinomial(y1, y2, y3, *a):
    y = (y1, y2, y3)
    trials, total = mp.fsum(y), mp.fsum(a)
    parts = mp.fsum(mp.loggamma(k + p) - mp.loggamma(p) - mp.loggamma(k + 1) for k, p in zip(y, a, strict=True))
    return mp.loggamma(trials + 1) + mp.loggamma(total) - mp.loggamma(trials + total) + parts


def independent_gamma(y1, y2, a1, a2, rate1, rate2):
    return gamma(y1, a1, rate1) + gamma(y2, a2, rate2)


def of_triangle(core: bool, degrees: bool, widest: float) -> Callable:
    """y = loc + L z, z up to `widest`. At the extremes the rows of L differ by up to 60 powers of ten, which leaves the solution exact."""

    def point(rng):
        rows = [log_uniform(rng, *((0.05, 20) if core else (1e-30, 1e30))) for _ in PLACES]
        inner = {name: float(rng.normal()) if name[1] != name[2] else log_uniform(rng, 0.3, 3) for name in ENTRIES}
        triangle = {name: float(f"{rows[int(name[1]) - 1] * value:.4g}") for name, value in inner.items()}
        loc = [float(f"{rng.normal() * row:.4g}") for row in rows]
        factor = np.zeros((3, 3))
        factor[np.tril_indices(3)] = list(triangle.values())
        y = np.array(loc) + factor @ (log_uniform(rng, 1e-2, widest) * rng.normal(size=3))
        df = {"df": log_uniform(rng, *((1, 100) if core else (0.1, 1e8)))} if degrees else {}
        return dict(zip(OUTCOMES, map(float, y), strict=True)) | df | {f"loc{k}": loc[k - 1] for k in PLACES} | triangle

    return point


def nearly_dependent(df: Point) -> list[Point]:
    """Factors of condition 1e8 to 1e16 whose solution is exact in float64, as the products are: the covariance would be singular."""
    triangles = ({"l11": 1.0, "l21": 1.0, "l22": e, "l31": -0.5, "l32": 0.0, "l33": 2.0} for e in (1e-8, 1e-12, 1e-15))
    ys = ((0.5, 0.5 + 2.0**-30, 1.0), (0.25, 0.25, -3.0), (-1.0, -1.0 + 2.0**-40, 0.5))
    return [dict(zip(OUTCOMES, y, strict=True)) | df | dict.fromkeys(("loc1", "loc2", "loc3"), 0.0) | t for t in triangles for y in ys]


def of_shares(core: bool) -> Callable:
    def point(rng):
        a = [log_uniform(rng, *((0.05, 1e3) if core else (1e-6, 1e8))) for _ in PLACES]
        cells = [max(1.0, round(share / SHARE)) for share in rng.dirichlet(a)[:2]]
        cells = [min(cell, 2.0**23 - 1) if sum(cells) > 2.0**24 - 1 else cell for cell in cells]
        y = [SHARE * cell for cell in (*cells, 2.0**24 - sum(cells))]
        return dict(zip(OUTCOMES, y, strict=True)) | {f"concentration{k}": a[k - 1] for k in PLACES}

    return point


def counts(rng, shares, most: float) -> Point:
    """Counts of up to `most` trials with about these shares, or nothing at all."""
    trials = float(rng.choice((0.0, 1.0, *(log_uniform(rng, 2, most) for _ in range(10)))))
    near = [whole(trials * share * math.exp(rng.normal() * 0.3) + rng.uniform()) if trials else 0.0 for share in shares]
    return dict(zip(OUTCOMES, near, strict=True))


def of_multinomial(core: bool) -> Callable:
    def point(rng):
        logits = rng.normal(size=3) * 2 if core else np.array([signed(rng, 1e-3, 50) for _ in PLACES])
        shares = np.exp(logits - logits.max())
        drawn = rng.random() < (0.8 if core else 0.4)
        y = counts(rng, shares / shares.sum() if drawn else rng.dirichlet((1, 1, 1)), 1e4 if core else 1e8)
        return y | {f"logits{k}": float(logits[k - 1]) for k in PLACES}

    return point


def of_dirichlet_multinomial(core: bool) -> Callable:
    def point(rng):
        a = [log_uniform(rng, *((1e-2, 1e3) if core else (1e-8, 1e12))) for _ in PLACES]
        y = counts(rng, rng.dirichlet(a) if rng.random() < 0.7 else rng.dirichlet((1, 1, 1)), 1e4 if core else 1e7)
        return y | {f"concentration{k}": a[k - 1] for k in PLACES}

    return point


def of_independent(core: bool) -> Callable:
    def point(rng):
        one, two = of_gamma(core)(rng), of_gamma(core)(rng)
        y = {"y1": one["y"], "y2": two["y"]}
        return y | {"a1": one["concentration"], "a2": two["concentration"], "rate1": one["rate"], "rate2": two["rate"]}

    return point


def with_counts(name: str, parameters: tuple[float, ...], *rows: tuple[float, ...]) -> list[Point]:
    return [dict(zip(OUTCOMES, y, strict=True)) | {f"{name}{k}": parameters[k - 1] for k in PLACES} for y in rows]


REFERENCES = {
    "MultivariateNormal": Reference(multivariate_normal, of_triangle(True, False, 6), of_triangle(False, False, 40), None,
        nearly_dependent({}), (1e-11, 1e-11), points=100, outcomes=3, digits=5, exact=("y1", "y2", "y3")),
    "MultivariateStudentT": Reference(multivariate_student_t, of_triangle(True, True, 1e2), of_triangle(False, True, 1e6), None,
        nearly_dependent({"df": 3.0}) + nearly_dependent({"df": 1e12}), (1e-11, 1e-9), points=100, outcomes=3, digits=5,
        exact=("y1", "y2", "y3")),
    "Dirichlet": Reference(dirichlet, of_shares(True), of_shares(False), None,
        [dict(zip(OUTCOMES, y, strict=True)) | {f"concentration{k}": a * k for k in PLACES}
         for a in (1e-8, 1e-3, 1.0, 1e4, 1e10) for y in ((0.25, 0.25, 0.5), (1e-300, 0.5, 0.5), (0.125, 0.375, 0.5))],
        (1e-12, 1e-10), points=100, outcomes=3, digits=5, exact=("y1", "y2", "y3")),
    "Multinomial": Reference(multinomial, of_multinomial(True), of_multinomial(False), None,
        with_counts("logits", (0.0, 50.0, -50.0), (0.0, 0.0, 0.0), (0.0, 7.0, 0.0), (3.0, 0.0, 2.0), (0.0, 0.0, 1e8))
        + with_counts("logits", (0.0, 1e4, -1e4), (0.0, 0.0, 0.0), (0.0, 1e6, 0.0), (3.0, 0.0, 2.0)),
        (1e-12, 1e-12), points=105, outcomes=3, digits=5),
    "DirichletMultinomial": Reference(dirichlet_multinomial, of_dirichlet_multinomial(True), of_dirichlet_multinomial(False), None,
        [point for a in (1e-12, 1e-3, 1.0, 1e8, 1e15)
         for point in with_counts("concentration", (a, 3 * a, 4 * a), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (3.0, 0.0, 7.0), (100.0, 2000.0, 5.0))],
        (1e-11, 1e-9), points=100, outcomes=3, digits=5),
    "Independent-Gamma": Reference(independent_gamma, of_independent(True), of_independent(False), None,
        [], (1e-12, 1e-9), points=102, outcomes=2, digits=5),
}  # fmt: skip
