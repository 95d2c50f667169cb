"""References of mixtures, and of distributions with zeros of their own."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import mp

from tests.distributions.reference_cut import tails_of_truncated, truncated
from tests.distributions.reference_first import (
    gamma,
    negative_binomial,
    normal,
    of_counts,
    of_gamma,
    poisson,
    tails_of_gamma,
    tails_of_negative_binomial,
    tails_of_normal,
    tails_of_poisson,
)  # fmt: skip
from tests.distributions.reference_point import Point, Reference, log_uniform, signed

__all__ = ["REFERENCES"]


def gate(logits):
    """The probability and that of the rest."""
    return 1 / (1 + mp.exp(-logits)), 1 / (1 + mp.exp(logits))


def mixed(log_density: Callable) -> Callable:
    """The log-density of a mixture of two, whose parameters come as first1, first2, second1, second2, ..."""

    def score(y, logits1, logits2, *parameters):
        first, second = (mp.exp(log_density(y, *parameters[k::2])) for k in (0, 1))
        one, two = gate(logits1 - logits2)
        return mp.log(one * first + two * second)

    return score


def tails_of_mixed(tails: Callable) -> Callable:
    def pair(y, logits1, logits2, *parameters):
        parts = [tails(y, *parameters[k::2]) for k in (0, 1)]
        one, two = gate(logits1 - logits2)
        return tuple(one * first + two * second for first, second in zip(*parts, strict=True))

    return pair


def inflated(log_mass: Callable) -> Callable:
    def score(y, gate_logits, *parameters):
        zero, rest = gate(gate_logits)
        return mp.log((zero if y == 0 else 0) + rest * mp.exp(log_mass(y, *parameters)))

    return score


def tails_of_inflated(tails: Callable) -> Callable:
    def pair(y, gate_logits, *parameters):
        zero, rest = gate(gate_logits)
        below, above = tails(y, *parameters)
        return zero + rest * below, rest * above

    return pair


def hurdle(log_density: Callable, whole: bool) -> Callable:
    def score(y, gate_logits, *parameters):
        zero, rest = gate(gate_logits)
        if y == 0:
            return mp.log(zero)
        passed = -mp.expm1(log_density(mp.mpf(0), *parameters)) if whole else 1
        return mp.log(rest) + log_density(y, *parameters) - mp.log(passed)

    return score


def tails_of_hurdle(log_density: Callable, tails: Callable, whole: bool) -> Callable:
    def pair(y, gate_logits, *parameters):
        zero, rest = gate(gate_logits)
        below, above = tails(y, *parameters) if y > 0 or whole else (mp.mpf(0), mp.mpf(1))
        none = mp.exp(log_density(mp.mpf(0), *parameters)) if whole else 0
        return zero + rest * ((below - none) / (1 - none) if y > 0 else 0), rest * above / (1 - none)

    return pair


def two(rng, core: bool, component: Callable) -> Point:
    """Two of a component, with y of one of them, and logits of the weights."""
    parts = [component(rng) for _ in range(2)]
    y = parts[int(rng.integers(2))]["y"]
    logits = [float(rng.normal() * 2) if core else signed(rng, 1e-2, 50) for _ in range(2)]
    names = [name for name in parts[0] if name != "y"]
    return {"y": y, "logits1": logits[0], "logits2": logits[1]} | {f"{name}{k + 1}": parts[k][name] for name in names for k in (0, 1)}


def of_two(component: Callable[[bool], Callable]) -> tuple[Callable, Callable]:
    """Core and extremes."""
    return (lambda rng: two(rng, True, component(True))), (lambda rng: two(rng, False, component(False)))


def behind_gate(component: Callable[[bool], Callable]) -> tuple[Callable, Callable]:
    """Core and extremes of a distribution with zeros of its own."""

    def of(core: bool) -> Callable:
        def point(rng):
            inner = component(core)(rng)
            logits = float(rng.normal() * 3) if core else signed(rng, 1e-2, 50)
            y = 0.0 if rng.random() < 0.25 else inner["y"]
            return {"y": y, "gate_logits": logits} | {name: value for name, value in inner.items() if name != "y"}

        return point

    return of(True), of(False)


def of_normal(core: bool) -> Callable:
    def point(rng):
        loc, scale = float(rng.normal() * (3 if core else 300)), log_uniform(rng, *((0.1, 10) if core else (1e-4, 1e4)))
        return {"y": loc + scale * signed(rng, 1e-2, 5 if core else 40), "loc": loc, "scale": scale}

    return point


def of_cut(core: bool) -> Callable:
    """Normals that end at either side of their location; y of one of them is often outside of the other."""

    def point(rng):
        inner = of_normal(core)(rng)
        scale = inner["scale"]
        lower, upper = inner["y"] - scale * log_uniform(rng, 1e-2, 3), inner["y"] + scale * log_uniform(rng, 1e-2, 3)
        return inner | {"lower": float(f"{lower:.9g}"), "upper": float(f"{upper:.9g}")}

    return point


def of_hurdle_gamma(core: bool) -> Callable:
    def point(rng):
        k, rate = log_uniform(rng, *((0.1, 50) if core else (1e-2, 1e5))), log_uniform(rng, *((0.1, 10) if core else (1e-4, 1e4)))
        logits = float(rng.normal() * 2) if core else signed(rng, 1e-2, 50)
        y = 0.0 if rng.random() < 0.2 else k / rate * math.exp(rng.normal() / math.sqrt(1 + k))
        return {"y": y, "gate_logits": logits, "concentration": k, "rate": rate}

    return point


def poissons(core: bool) -> Callable:
    return of_counts(*(((1e-2, 1e3), None) if core else ((1e-8, 1e6), None)))


def negative_binomials(core: bool) -> Callable:
    return of_counts(*(((1e-2, 1e3), (0.1, 1e3)) if core else ((1e-6, 1e5), (1e-2, 1e8))))


def ends(parameters: Point, *ys: float) -> list[Point]:
    """Zeros and others behind gates that are all but open and all but closed."""
    return [{"y": y, "gate_logits": logits, **parameters} for logits in (-700.0, -50.0, 50.0, 700.0) for y in ys]


NORMALS = {"loc1": 0.0, "loc2": 3.0, "scale1": 1.0, "scale2": 1e-3}
HURDLE_GAMMA = hurdle(gamma, False), tails_of_hurdle(gamma, tails_of_gamma, False)
SMALL = {"points": 100, "tail_points": 50, "digits": 5, "target": (1e-11, 1e-10)}
REFERENCES = {
    "Mixture-Normal": Reference(mixed(normal), *of_two(of_normal), tails_of_mixed(tails_of_normal),
        [{"y": y, "logits1": a, "logits2": -a, **NORMALS} for a in (-50.0, 50.0, 700.0) for y in (-40.0, 0.0, 3.0, 50.0)], **SMALL),
    "Mixture-Poisson": Reference(mixed(poisson), *of_two(poissons), tails_of_mixed(tails_of_poisson),
        [{"y": y, "logits1": a, "logits2": -a, "rate1": 1e-6, "rate2": 1e3} for a in (-50.0, 50.0) for y in (0.0, 1.0, 1e3, 1e4)], **SMALL),
    "Mixture-Hurdle": Reference(mixed(HURDLE_GAMMA[0]), *of_two(of_hurdle_gamma), tails_of_mixed(HURDLE_GAMMA[1]), **SMALL),
    "Mixture-Truncated": Reference(mixed(truncated(normal, tails_of_normal)), *of_two(of_cut),
        tails_of_mixed(tails_of_truncated(tails_of_normal)), constants=("lower1", "lower2", "upper1", "upper2"),
        exact=("y", "lower1", "lower2", "upper1", "upper2"), **SMALL),
    "ZeroInflated-Poisson": Reference(inflated(poisson), *behind_gate(poissons), tails_of_inflated(tails_of_poisson),
        ends({"rate": 3.0}, 0.0, 4.0) + ends({"rate": 1e4}, 0.0), **SMALL),
    "ZeroInflated-NegativeBinomial": Reference(inflated(negative_binomial), *behind_gate(negative_binomials),
        tails_of_inflated(tails_of_negative_binomial), ends({"mean": 3.0, "concentration": 0.5}, 0.0, 4.0), **SMALL),
    "Hurdle-Poisson": Reference(hurdle(poisson, True), *behind_gate(poissons), tails_of_hurdle(poisson, tails_of_poisson, True),
        ends({"rate": 3.0}, 0.0, 4.0) + ends({"rate": 1e-12}, 0.0, 1.0, 2.0), **SMALL),
    "Hurdle-NegativeBinomial": Reference(hurdle(negative_binomial, True), *behind_gate(negative_binomials),
        tails_of_hurdle(negative_binomial, tails_of_negative_binomial, True), ends({"mean": 1e-6, "concentration": 1e4}, 0.0, 1.0, 2.0), **SMALL),
    "Hurdle-Gamma": Reference(HURDLE_GAMMA[0], *behind_gate(of_gamma), HURDLE_GAMMA[1],
        ends({"concentration": 0.5, "rate": 1.0}, 0.0, 1e-300, 1.0), **SMALL),
}  # fmt: skip
