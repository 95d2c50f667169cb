"""Shapes far out: no power family gives more than its closed form, nor another slope, and the tails keep their power law."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import mpmath as mp
import pytest
import torch

from disttrain import distributions as d

mp.mp.dps = 60
FAR = (1e2, 1e4, 1e8, 1e13)
BOTH = (*FAR, *(-shape for shape in FAR))
SCALES = (1e-3, 1.0, 1e6, 1e19)
VALUES = (0.5, 2.0, 1.001, 1e-3)
# What float64 holds as a log-density that is told from another one.
HOPELESS = -1e8


def tensor(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64, requires_grad=True)


def t_survival(z: Any, df: Any) -> Any:
    half = mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + z * z), regularized=True) / 2
    return half if z > 0 else 1 - half


def normal_survival(z: Any) -> Any:
    return mp.erfc(z / mp.sqrt(2)) / 2


def box_cox(log_kernel: Callable[[Any], Any], survival: Callable[[Any], Any], y: Any, loc: Any, scale: Any, shape: Any) -> Any:
    z = ((y / loc) ** shape - 1) / (shape * scale)
    kept = 1 - survival(1 / (scale * abs(shape)))
    return log_kernel(z) + shape * mp.log(y / loc) - mp.log(scale) - mp.log(y) - mp.log(kept)


def box_cox_t(y: Any, loc: Any, scale: Any, shape: Any, df: Any) -> Any:
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2
    return box_cox(lambda z: constant - (df + 1) / 2 * mp.log1p(z * z / df), lambda z: t_survival(z, df), y, loc, scale, shape)


def box_cox_cole_green(y: Any, loc: Any, scale: Any, shape: Any) -> Any:
    return box_cox(lambda z: -z * z / 2 - mp.log(2 * mp.pi) / 2, normal_survival, y, loc, scale, shape)


def generalized_gamma(y: Any, loc: Any, scale: Any, shape: Any) -> Any:
    w, a = (mp.log(y) - loc) / scale, 1 / shape**2
    return mp.log(abs(shape)) - mp.log(scale) - mp.log(y) + a * mp.log(a) - mp.loggamma(a) + a * (shape * w - mp.exp(shape * w))


def power_exponential(y: Any, loc: Any, scale: Any, power: Any) -> Any:
    return -(abs((y - loc) / scale) ** power) - mp.loggamma(1 + 1 / power) - mp.log(2 * scale)


def johnson_su(y: Any, loc: Any, scale: Any, skewness: Any, tailweight: Any) -> Any:
    w, slant = mp.exp(1 / tailweight**2), skewness / tailweight
    unit = mp.sqrt((w - 1) * (w * mp.cosh(2 * slant) + 1) / 2)
    u = mp.sqrt(w) * mp.sinh(slant) + (y - loc) / scale * unit
    normal = tailweight * mp.asinh(u) - skewness
    return mp.log(tailweight * unit / scale) - mp.log1p(u * u) / 2 - normal**2 / 2 - mp.log(2 * mp.pi) / 2


def sinh_arcsinh(y: Any, loc: Any, scale: Any, skewness: Any, tailweight: Any) -> Any:
    z = (y - loc) / scale
    bent = tailweight * mp.asinh(z) - skewness
    return mp.log(tailweight / scale * mp.cosh(bent)) - mp.log1p(z * z) / 2 - mp.sinh(bent) ** 2 / 2 - mp.log(2 * mp.pi) / 2


def burr(y: Any, scale: Any, c: Any, k: Any) -> Any:
    return mp.log(c * k / y) + c * mp.log(y / scale) - (k + 1) * mp.log1p((y / scale) ** c)


def dagum(y: Any, scale: Any, c: Any, k: Any) -> Any:
    return mp.log(c * k / y) - c * mp.log(y / scale) - (k + 1) * mp.log1p((y / scale) ** -c)


def weibull(y: Any, scale: Any, k: Any) -> Any:
    return mp.log(k / y) + k * mp.log(y / scale) - (y / scale) ** k


def frechet(y: Any, scale: Any, k: Any) -> Any:
    return mp.log(k / y) - k * mp.log(y / scale) - (y / scale) ** -k


def generalized_pareto(y: Any, scale: Any, shape: Any, threshold: Any) -> Any:
    z = 1 + shape * (y - threshold) / scale
    return -mp.log(scale) - (1 + 1 / shape) * mp.log(z) if z > 0 else mp.ninf


def generalized_extreme_value(y: Any, loc: Any, scale: Any, shape: Any) -> Any:
    z = 1 + shape * (y - loc) / scale
    return -mp.log(scale) - (1 + 1 / shape) * mp.log(z) - z ** (-1 / shape) if z > 0 else mp.ninf


SHAPED = list(product((0.0,), SCALES, BOTH))
TAILED = list(product((0.0,), (1e-3, 1.0, 1e6), (0.0, 3.0, -3.0, 1e3, -1e6), (0.05, 1.0, 1e4)))
POWERS = list(product((1e-3, 1.0, 1e6), (1e-8, 1e-2, *FAR), (1e-8, 1e-2, *FAR)))
CASES: dict[str, tuple[type, Callable[..., Any], list[tuple[float, ...]]]] = {
    "box_cox_t": (d.BoxCoxT, box_cox_t, list(product((1.0,), SCALES, BOTH, (0.5, 5.0)))),
    "box_cox_cole_green": (d.BoxCoxColeGreen, box_cox_cole_green, list(product((1.0,), (*SCALES, 1e140), BOTH))),
    "generalized_gamma": (d.GeneralizedGamma, generalized_gamma, SHAPED),
    "power_exponential": (d.PowerExponential, power_exponential, list(product((0.0,), SCALES, (1e-8, 1e-2, *FAR)))),
    "johnson_su": (d.JohnsonSU, johnson_su, TAILED),
    "sinh_arcsinh": (d.SinhArcsinh, sinh_arcsinh, TAILED),
    "burr": (d.Burr, burr, POWERS),
    "dagum": (d.Dagum, dagum, POWERS),
    "weibull": (d.Weibull, weibull, list(product(SCALES, (1e-8, 1e-2, *FAR)))),
    "frechet": (d.Frechet, frechet, list(product(SCALES, (1e-8, 1e-2, *FAR)))),
    "generalized_pareto": (d.GeneralizedPareto, generalized_pareto, list(product(SCALES, BOTH, (0.0,)))),
    "generalized_extreme_value": (d.GeneralizedExtremeValue, generalized_extreme_value, SHAPED),
}


def closed(formula: Callable[..., Any], *arguments: float) -> Any:
    return mp.re(formula(*(mp.mpf(argument) for argument in arguments)))


@pytest.mark.parametrize("name", CASES)
def test_a_density_is_that_of_the_closed_form_however_far_the_shape(name: str) -> None:
    made, formula, rows = CASES[name]
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True)]
    for y in VALUES:
        scores = made(*columns).log_prob(torch.full_like(columns[0], y)).tolist()
        for row, score in zip(rows, scores, strict=True):
            right = closed(formula, y, *row)
            if right < HOPELESS:
                # Beyond what tells two rows apart any number will do that is as hopeless.
                assert score < 0.99 * HOPELESS, (row, y, score)
            else:
                assert score == pytest.approx(float(right), rel=1e-6, abs=1e-6), (row, y)


@pytest.mark.parametrize("name", ["box_cox_t", "box_cox_cole_green"])
@pytest.mark.parametrize("shape", [1e4, -1e4, 1e8, -1e8, 1e13])
def test_the_slopes_are_those_of_the_closed_form(name: str, shape: float) -> None:
    made, formula, _ = CASES[name]
    row = (1.0, 1e6, shape, 5.0)[: 4 if name == "box_cox_t" else 3]
    for y in (2.0, 0.5, 1.001):
        numbers = [tensor(value) for value in (y, *row)]
        right = closed(formula, y, *row)
        if right < HOPELESS:
            continue
        slopes = torch.autograd.grad(made(*numbers[1:]).log_prob(numbers[0]).sum(), numbers)
        for place, slope in enumerate(slopes):

            def moved(step: Any, place: int = place, y: float = y) -> Any:
                values = [mp.mpf(value) for value in (y, *row)]
                values[place] += step
                return mp.re(formula(*values))

            step = mp.mpf(abs((y, *row)[place])) * mp.mpf(10) ** -25
            assert float(slope) == pytest.approx(float((moved(step) - moved(-step)) / (2 * step)), rel=1e-6, abs=1e-12), (y, place)


@pytest.mark.parametrize(("shape", "y"), [(1e4, 2.0), (-1e4, 0.5), (1e8, 1.001), (1e13, 2.0), (-1e13, 0.5), (300.0, 3.0)])
@pytest.mark.parametrize("df", [0.5, 5.0, 1e3])
def test_the_tail_of_box_cox_t_is_a_power_of_z_where_z_is_beyond_float64(shape: float, y: float, df: float) -> None:
    scale, freedom = mp.mpf(1e6), mp.mpf(df)
    z = (mp.mpf(y) ** shape - 1) / (abs(shape) * scale)
    right = mp.log(t_survival(z, freedom)) - mp.log(1 - t_survival(1 / (scale * abs(shape)), freedom))
    numbers = [tensor(value) for value in (1.0, 1e6, shape, df)]
    made = d.BoxCoxT(*numbers)
    # A negative shape bends the other way: its long tail is the lower one.
    tail = (made.log_survival if shape > 0 else made.log_cdf)(tensor(y))
    assert tail.item() == pytest.approx(float(right), rel=1e-9)
    slopes = torch.autograd.grad(tail.sum(), numbers)
    # log S = constant - df log |z|, and log |z| falls by 1/scale a unit of the scale.
    assert slopes[1].item() == pytest.approx(df / 1e6, rel=1e-3 if df < 1.0 else 1e-6)
    assert all(math.isfinite(slope.item()) for slope in slopes)
