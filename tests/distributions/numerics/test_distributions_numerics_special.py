"""The building blocks of log-densities at extreme arguments: values and slopes are those of 60 digits and more."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import mpmath as mp
import pytest
import torch

from disttrain.distributions.numerics import log_probabilities, special

SIZES = (1e-300, 1e-160, 1e-20, 1e-8, 1e-3, 0.3, 1.0, 15.9, 16.1, 1e3, 1e8, 1e17, 1e19, 1e100, 1e155, 1e300)
SIGNED = (*SIZES, *(-size for size in SIZES))


def stirling(x: Any) -> Any:
    return mp.loggamma(x) - ((x - mp.mpf(1) / 2) * mp.log(x) - x + mp.log(2 * mp.pi) / 2) if x < 1e12 else 1 / (12 * x)


def half_step(x: Any) -> Any:
    return mp.loggamma(x + mp.mpf(1) / 2) - mp.loggamma(x) - mp.log(x) / 2 if x < 1e12 else -1 / (8 * x)


# Each with its slopes, one for every argument.
Slopes = tuple[Callable[..., Any], ...]
CASES: dict[str, tuple[Callable[..., torch.Tensor], Callable[..., Any], Slopes, list[tuple[float, ...]]]] = {
    "log1p_square": (special.log1p_square, lambda x: mp.log1p(x * x), (lambda x: 2 * x / (1 + x * x),), [(x,) for x in SIGNED]),
    "stirling_remainder": (
        special.stirling_remainder,
        stirling,
        (lambda x: mp.digamma(x) - mp.log(x) + 1 / (2 * x) if x < 1e12 else -1 / (12 * x * x),),
        [(x,) for x in SIZES if 1e-150 < x < 1e150],
    ),
    "half_step": (
        special.half_step,
        half_step,
        (lambda x: mp.digamma(x + mp.mpf(1) / 2) - mp.digamma(x) - 1 / (2 * x) if x < 1e12 else 1 / (8 * x * x),),
        [(x,) for x in SIZES if 1e-150 < x < 1e150],
    ),
    "deviance": (
        special.deviance,
        lambda x, m: x * mp.log(x / m) - x + m,
        (lambda x, m: mp.log(x / m), lambda x, m: 1 - x / m),
        [pair for pair in product(SIZES, SIZES) if 1e-290 < pair[0] / pair[1] < 1e290],
    ),
    "log_ratio": (
        special.log_ratio,
        lambda x, y: mp.log(x / y),
        (lambda x, y: 1 / x, lambda x, y: -1 / y),
        list(product(SIZES, SIZES)),
    ),
    "log1mexp": (
        log_probabilities.log1mexp,
        lambda x: mp.log(-mp.expm1(x)),
        (lambda x: -1 / mp.expm1(-x),),
        [(-x,) for x in SIZES if 1e-200 < x < 1e3],
    ),
    "log_ndtr": (
        log_probabilities.log_ndtr,
        lambda z: mp.log(mp.erfc(-z / mp.sqrt(2)) / 2),
        (lambda z: mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi) / (mp.erfc(-z / mp.sqrt(2)) / 2),),
        [(z,) for z in SIGNED if -1e4 < z < 20],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_value_and_slopes_are_right_at_every_size(name: str) -> None:
    function, known, slopes, points = CASES[name]
    with mp.workdps(700):
        for point in points:
            arguments = [torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in point]
            result = function(*arguments)
            exact = [mp.mpf(value) for value in point]
            assert result.item() == pytest.approx(float(known(*exact)), rel=1e-10, abs=1e-300), point
            for got, slope in zip(torch.autograd.grad(result.sum(), arguments), slopes, strict=True):
                assert got.item() == pytest.approx(float(slope(*exact)), rel=1e-7, abs=1e-300), point
