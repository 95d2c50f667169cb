"""References of distributions cut out of others: between two ends, on a grid."""

from __future__ import annotations

from collections.abc import Callable

from mpmath import mp

from tests.distributions.reference_first import gamma, normal, of_gamma, poisson, tails_of_gamma, tails_of_normal, tails_of_poisson
from tests.distributions.reference_point import Point, Reference, log_uniform, signed, whole

__all__ = ["REFERENCES", "tails_of_truncated", "truncated"]


def between(tails: Callable, start, end, *parameters):
    """P(start < base <= end), as the difference in the tail where 60 digits are enough; an end may be infinite."""
    below_start, above_start = tails(start, *parameters) if start > -mp.inf else (mp.mpf(0), mp.mpf(1))
    below_end, above_end = tails(end, *parameters) if end < mp.inf else (mp.mpf(1), mp.mpf(0))
    return above_start - above_end if above_start < below_end else below_end - below_start


def truncated(log_density: Callable, tails: Callable, whole: int = 0) -> Callable:
    """The log-density; lower and upper are the last two parameters, and counts are `whole`."""

    def score(y, *parameters):
        *inner, lower, upper = parameters
        if not lower <= y <= upper:
            return -mp.inf
        return log_density(y, *inner) - mp.log(between(tails, lower - whole, upper, *inner))

    return score


def tails_of_truncated(tails: Callable, whole: int = 0) -> Callable:
    def pair(y, *parameters):
        *inner, lower, upper = parameters
        at = min(max(y, lower - whole), upper)
        mass = between(tails, lower - whole, upper, *inner)
        return between(tails, lower - whole, at, *inner) / mass, between(tails, at, upper, *inner) / mass

    return pair


def from_below(function: Callable) -> Callable:
    """Without an upper end."""
    return lambda y, *parameters: function(y, *parameters, mp.inf)


def discretized(tails: Callable, lowest=-mp.inf) -> Callable:
    """The log-mass; the step is the last parameter, `lowest` the start of the support."""

    def score(y, *parameters):
        *inner, step = parameters
        cell = mp.nint(y / step)
        start, end = (cell - 0.5) * step, (cell + 0.5) * step
        return mp.log(between(tails, start if start > lowest else -mp.inf, end, *inner))

    return score


def tails_of_discretized(tails: Callable) -> Callable:
    return lambda y, *parameters: tails((mp.nint(y / parameters[-1]) + 0.5) * parameters[-1], *parameters[:-1])


def rounded(value: float, digits: int = 5) -> float:
    return float(f"{value:.{digits}g}")


def of_truncated_normal(core: bool) -> Callable:
    """Intervals of any width, within 5 scales of the location or up to a thousand away."""

    def point(rng):
        scale, loc = rounded(log_uniform(rng, *((0.1, 10) if core else (1e-6, 1e6)))), rounded(rng.normal() * 5) if core else 0.0
        start = signed(rng, 1e-2, 5) if core else signed(rng, 5, 1e3)
        lower = rounded(loc + scale * start)
        upper = rounded(lower + scale * log_uniform(rng, *((0.3, 10) if core else (0.01, 100))))
        share = rng.uniform() if core else log_uniform(rng, 1e-6, 1)
        return {"y": lower + (upper - lower) * share, "loc": loc, "scale": scale, "lower": lower, "upper": upper}

    return point


def of_truncated_gamma(core: bool) -> Callable:
    def point(rng):
        inner = of_gamma(True)(rng) if core else of_gamma(False)(rng) | {"concentration": log_uniform(rng, 1e-2, 1e4)}
        mean = inner["concentration"] / inner["rate"]
        lower = rounded(mean * log_uniform(rng, *((0.05, 2) if core else (1e-6, 30))))
        y = lower + log_uniform(rng, 1e-3, 10) / inner["rate"]
        return {"y": y, "concentration": inner["concentration"], "rate": inner["rate"], "lower": lower}

    return point


def of_truncated_poisson(core: bool) -> Callable:
    def point(rng):
        rate = log_uniform(rng, *((0.1, 1e2) if core else (1e-4, 1e4)))
        lower = whole(rate * rng.uniform(0, 1.5)) if core else whole(rate * log_uniform(rng, 1e-2, 1e2) + rng.integers(3))
        upper = lower + whole(log_uniform(rng, 1.0, 30 if core else 3000))
        y = lower + whole((upper - lower + 1) * (rng.uniform() if core else log_uniform(rng, 1e-3, 1)))
        return {"y": min(y, upper), "rate": rate, "lower": lower, "upper": upper}

    return point


def of_discretized_normal(core: bool) -> Callable:
    """Steps from a tenth to five scales, at the extremes from a millionth to a thousand."""

    def point(rng):
        scale, loc = log_uniform(rng, *((0.1, 10) if core else (1e-3, 1e3))), float(rng.normal() * 3)
        step = rounded(scale * log_uniform(rng, *((0.1, 5) if core else (1e-6, 1e3))), 3)
        y = loc + scale * (rng.normal() * 2 if core else signed(rng, 1e-2, 200))
        return {"y": round(y / step) * step, "loc": loc, "scale": scale, "step": step}

    return point


def of_discretized_gamma(core: bool) -> Callable:
    def point(rng):
        inner = of_gamma(True)(rng) if core else of_gamma(False)(rng) | {"concentration": log_uniform(rng, 1e-2, 1e4)}
        spread = max(inner["concentration"], 1.0) ** 0.5 / inner["rate"]
        step = rounded(spread * log_uniform(rng, *((0.1, 5) if core else (1e-4, 1e2))), 3)
        y = inner["y"] if core else inner["concentration"] / inner["rate"] + spread * log_uniform(rng, 1e-2, 30)
        return {"y": round(y / step) * step, "concentration": inner["concentration"], "rate": inner["rate"], "step": step}

    return point


def far(*starts: float) -> list[Point]:
    """Intervals of width 1 at these distances, both sides, and one so narrow that the density is flat in it."""
    near = [{"y": z + 0.25, "loc": 0.0, "scale": 1.0, "lower": z, "upper": z + 1.0} for start in starts for z in (start, -start - 1.0)]
    return near + [{"y": z, "loc": 0.0, "scale": 1.0, "lower": z, "upper": z + 2.0**-20} for z in (0.0, 3.0, -30.0)]


ENDS = ("lower", "upper")
CUT = {"points": 102, "tail_points": 50, "digits": 5}
REFERENCES = {
    "Truncated-Normal": Reference(truncated(normal, tails_of_normal), of_truncated_normal(True), of_truncated_normal(False),
        tails_of_truncated(tails_of_normal), far(8.0, 38.0, 40.0, 1e3, 1e4), (1e-12, 1e-9), 2e-9, constants=ENDS, exact=("y", *ENDS), **CUT),
    "Truncated-Gamma": Reference(from_below(truncated(gamma, tails_of_gamma)), of_truncated_gamma(True), of_truncated_gamma(False),
        from_below(tails_of_truncated(tails_of_gamma)),
        [{"y": 801.0, "concentration": 2.0, "rate": 1.0, "lower": 800.0}, {"y": 1e-300, "concentration": 0.5, "rate": 1.0, "lower": 1e-300}],
        (1e-9, 1e-9), constants=("lower",), exact=("y", "lower"), **CUT),
    "Truncated-Poisson": Reference(truncated(poisson, tails_of_poisson, 1), of_truncated_poisson(True), of_truncated_poisson(False),
        tails_of_truncated(tails_of_poisson, 1),
        [{"y": y, "rate": 1.0, "lower": 300.0, "upper": 310.0} for y in (300.0, 301.0, 310.0)]
        + [{"y": y, "rate": 1e3, "lower": 0.0, "upper": 3.0} for y in (0.0, 2.0, 3.0)] + [{"y": 5.0, "rate": 2.0, "lower": 5.0, "upper": 5.0}],
        (1e-12, 1e-9), constants=ENDS, **CUT),
    "Discretized-Normal": Reference(discretized(tails_of_normal), of_discretized_normal(True), of_discretized_normal(False),
        tails_of_discretized(tails_of_normal), [{"y": y, "loc": 0.0, "scale": 1.0, "step": 1.0} for y in (0.0, 9.0, -38.0, 1e3, -1e4)],
        (1e-12, 1e-9), constants=("step",), exact=("y",), **CUT),
    "Discretized-Gamma": Reference(discretized(tails_of_gamma, 0), of_discretized_gamma(True), of_discretized_gamma(False),
        tails_of_discretized(tails_of_gamma), [{"y": y, "concentration": 0.5, "rate": 1.0, "step": 1.0} for y in (0.0, 1.0, 700.0)],
        (1e-9, 1e-9), constants=("step",), exact=("y",), **CUT),
}  # fmt: skip
