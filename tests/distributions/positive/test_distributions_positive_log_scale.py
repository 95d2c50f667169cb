"""The traps of the positive distributions: formulas that overflow or cancel, and moments that do not exist."""

from __future__ import annotations

import math

import pytest
import torch
from mpmath import mp, mpf

from tests.distributions.distribution_examples import of, tensor


def normal_limit(y: float, loc: float, scale: float) -> float:
    w = (math.log(y) - loc) / scale
    return -0.5 * w * w - math.log(y * scale) - 0.5 * math.log(2.0 * math.pi)


@pytest.mark.parametrize("shape", [1e-7, -1e-7, 1e-9])
def test_generalized_gamma_near_shape_zero_does_not_cancel(shape):
    def naive(y: float) -> float:
        w, a = (math.log(y) - 0.5) / 0.3, shape**-2
        kernel = a * (shape * w - math.exp(shape * w))
        return math.log(abs(shape)) - math.log(0.3 * y) + a * math.log(a) - math.lgamma(a) + kernel

    assert abs(naive(2.0) - normal_limit(2.0, 0.5, 0.3)) > 1e-3
    assert float(of("GeneralizedGamma", loc=0.5, scale=0.3, shape=shape).log_prob(tensor(2.0))) == pytest.approx(
        normal_limit(2.0, 0.5, 0.3), abs=1e-6
    )


@pytest.mark.parametrize("w", [-6.0, -1.0, 0.0, 1.0, 6.0])
@pytest.mark.parametrize("shape", [9e-4, -9e-4, 1.4e-3, 1.6e-3, -1.6e-3])
def test_generalized_gamma_tails_near_shape_zero_are_those_of_the_density(shape, w):
    def density(u):
        a, x = mpf(shape) ** -2, mpf(shape) * u
        return mp.exp(mp.log(abs(mpf(shape))) + a * mp.log(a) - mp.loggamma(a) + a * (x - mp.exp(x)))

    with mp.workdps(40):
        lower, upper = mp.quad(density, [-40, w - 3, w]), mp.quad(density, [w, w + 3, 40])
    distribution, y = of("GeneralizedGamma", loc=0.0, scale=1.0, shape=shape), tensor(math.exp(w))
    assert float(distribution.log_cdf(y)) == pytest.approx(float(mp.log(lower)), abs=1e-9)
    assert float(distribution.log_survival(y)) == pytest.approx(float(mp.log(upper)), abs=1e-9)


def test_a_burr_far_below_its_scale_keeps_its_lower_tail():
    y, d = tensor(1e-200), of("Burr", scale=1.0, concentration1=3.0, concentration0=2.0)
    assert float((1.0 - (1.0 + y**3.0) ** -2.0).log()) == -math.inf
    assert float(d.log_cdf(y)) == pytest.approx(math.log(2.0) + 3.0 * math.log(1e-200), rel=1e-14)


@pytest.mark.parametrize("name", ["Burr", "Dagum", "Lomax", "Frechet", "LogLogistic", "InverseGamma", "GeneralizedGamma"])
def test_extreme_parameters_and_targets_keep_finite_scores_and_slopes(name):
    scales, shapes = (math.exp(-100.0), 1.0, math.exp(100.0)), (1e-6, 1.0, 1e4)
    if name == "GeneralizedGamma":
        grid = torch.cartesian_prod(tensor((-1e4, 0.0, 1e4)), tensor(shapes), tensor((-1e4, -1.0, -1e-6, 0.0, 1e-6, 1.0, 1e4)))
    elif name == "InverseGamma":
        grid = torch.cartesian_prod(tensor(shapes), tensor(shapes))
    else:
        grid = torch.cartesian_prod(tensor(scales), *[tensor(shapes)] * (2 if name in ("Burr", "Dagum") else 1))
    names = list(getattr(__import__("disttrain.distributions", fromlist=[name]), name).arg_constraints)
    parameters = {key: column.clone().requires_grad_() for key, column in zip(names, grid.T, strict=True)}
    for y in (1e-290, 1.0, 1e290):
        score = of(name, **parameters).log_prob(tensor(y))
        assert bool(score.isfinite().all())
        assert all(bool(slope.isfinite().all()) for slope in torch.autograd.grad(score.sum(), list(parameters.values())))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Burr", {"scale": 1.0, "concentration1": 2.0, "concentration0": 0.5}),
        ("Dagum", {"scale": 1.0, "concentration1": 1.0, "concentration0": 3.0}),
        ("Lomax", {"scale": 1.0, "concentration": 0.7}),
        ("Pareto", {"concentration": 1.0, "scale": 2.0}),
        ("Frechet", {"scale": 1.0, "concentration": 0.5}),
        ("LogLogistic", {"scale": 1.0, "concentration": 0.9}),
        ("InverseGamma", {"concentration": 1.0, "rate": 1.0}),
        ("GeneralizedGamma", {"loc": 0.0, "scale": 2.0, "shape": -0.6}),
    ],
)
def test_moments_that_do_not_exist_are_infinite(name, parameters):
    assert float(of(name, **parameters).mean) == math.inf
    assert float(of(name, **parameters).variance) == math.inf
