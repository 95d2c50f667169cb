"""The traps of the distributions of angles: large concentrations, and the turn."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import integrate, stats

from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import of, tensor

TURN = 2.0 * math.pi


def test_the_slope_at_a_large_concentration_is_that_of_the_normal_limit():
    k = tensor(1e6).requires_grad_()
    naive = k * 1.0 - (TURN * torch.special.i0(k)).log()
    assert not bool(naive.isfinite())
    (slope,) = torch.autograd.grad(of("VonMises", loc=0.0, concentration=k, period=TURN).log_prob(tensor(0.0)), k)
    # log density at loc is ½ log(k/2π) - 1/(8k) - ...
    assert float(slope) == pytest.approx(0.5e-6 + 0.125e-12, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("concentration", [1e4, 1e6, 1e10])
def test_half_lies_below_loc_however_sharp_the_peak(concentration):
    made = of("VonMises", loc=0.0, concentration=concentration, period=TURN)
    assert float(functionals.cdf(made, tensor(0.0))) == pytest.approx(0.5, abs=1e-12)
    z = tensor([-2.0, -0.5, 1.0])
    normal = torch.special.ndtr(z)
    # The next term of the normal limit is of size 1/concentration.
    torch.testing.assert_close(functionals.cdf(made, z / concentration**0.5), normal, atol=1.0 / concentration + 1e-12, rtol=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("concentration", [1e-6, 0.5, 4.0, 40.0])
def test_moments_and_the_density_are_those_of_scipy(concentration):
    made, oracle = of("VonMises", loc=0.0, concentration=concentration, period=TURN), stats.vonmises(concentration)
    y = tensor([-3.0, -1.0, 0.0, 0.3, 2.0])
    torch.testing.assert_close(made.log_prob(y), tensor(oracle.logpdf(y)), rtol=1e-11, atol=1e-11)
    variance, _ = integrate.quad(lambda angle: angle**2 * oracle.pdf(angle), -math.pi, math.pi, epsabs=0.0, epsrel=1e-9)
    assert float(functionals.variance(made)) == pytest.approx(variance, rel=1e-7)


def test_degrees_are_radians_with_another_unit():
    turn = of("VonMises", loc=1.0, concentration=3.0, period=TURN)
    degrees = of("VonMises", loc=math.degrees(1.0), concentration=3.0, period=360.0)
    y = tensor([-2.0, 0.5, 3.0])
    torch.testing.assert_close(degrees.log_prob(torch.rad2deg(y)), turn.log_prob(y) - math.log(180.0 / math.pi))
    torch.testing.assert_close(functionals.cdf(degrees, torch.rad2deg(y)), functionals.cdf(turn, y))
    assert float(degrees.variance.sqrt()) == pytest.approx(math.degrees(float(turn.variance.sqrt())))


def test_any_turn_is_the_same_angle():
    made = of("VonMises", loc=350.0, concentration=2.0, period=360.0)
    torch.testing.assert_close(made.log_prob(tensor([10.0, 370.0, -350.0, 3610.0])), made.log_prob(tensor(10.0)).expand(4))
    assert float(made.log_prob(tensor(10.0))) == pytest.approx(float(made.log_prob(tensor(330.0))))
