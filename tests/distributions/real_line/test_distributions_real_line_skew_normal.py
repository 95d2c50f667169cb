"""The traps of the skewed and peaked distributions of the real line: where the formula of the textbook fails, and ours does not."""

from __future__ import annotations

import math

import pytest
import scipy.special
import torch
from scipy import stats

from disttrain import distributions
from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import of, tensor


def slope(score, parameter):
    return torch.autograd.grad(score.sum(), parameter)[0]


def test_skew_normal_keeps_its_score_where_the_normal_cdf_underflows():
    z = tensor(-20.0)
    naive = (torch.special.ndtr(4.0 * z) * 2.0).log() - 0.5 * z.square() - 0.5 * math.log(2.0 * math.pi)
    assert not bool(naive.isfinite())
    made = of("SkewNormal", loc=0.0, scale=1.0, skewness=4.0)
    assert float(made.log_prob(z)) == pytest.approx(math.log(2.0) + stats.norm.logpdf(-20.0) + stats.norm.logcdf(-80.0), rel=1e-13)


def test_the_lower_tail_of_skew_normal_does_not_cancel():
    y, skewness = -3.0, 4.0
    naive = stats.norm.cdf(y) - 2.0 * scipy.special.owens_t(y, skewness)
    made = of("SkewNormal", loc=0.0, scale=1.0, skewness=skewness)
    steps = torch.linspace(y - 3.0, y, 20001, dtype=torch.float64)
    expected = float(torch.trapezoid(made.log_prob(steps).exp(), steps))
    assert abs(naive / expected - 1.0) > 1.0
    assert float(made.cdf(tensor(y))) == pytest.approx(expected, rel=1e-5)


def test_at_skewness_zero_the_score_of_the_skewness_is_that_of_the_location():
    # The information is singular there: a start at 0 would see two parameters as one.
    y = tensor([-2.0, -0.3, 0.7, 3.0])
    loc, skewness = torch.zeros(4, dtype=torch.float64).requires_grad_(), torch.zeros(4, dtype=torch.float64).requires_grad_()
    score = distributions.SkewNormal(loc, 1.0, skewness).log_prob(y)
    in_loc, in_skewness = torch.autograd.grad(score.sum(), (loc, skewness))
    torch.testing.assert_close(in_skewness, math.sqrt(2.0 / math.pi) * in_loc)


def test_skew_t_of_skewness_one_is_student_t_and_tends_to_the_two_piece_normal():
    y = torch.linspace(-30.0, 30.0, 41, dtype=torch.float64)
    t = of("StudentT", df=3.0, loc=0.5, scale=2.0)
    skewed = of("SkewT", df=3.0, loc=0.5, scale=2.0, skewness=1.0)
    torch.testing.assert_close(skewed.log_prob(y), t.log_prob(y), rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(skewed.cdf(y), t.cdf(y), rtol=1e-12, atol=0.0)
    near = of("SkewT", df=1e14, loc=0.5, scale=2.0, skewness=2.0).log_prob(y)
    torch.testing.assert_close(near, of("TwoPieceNormal", loc=0.5, scale_lower=1.0, scale_upper=4.0).log_prob(y), rtol=1e-9, atol=1e-10)


def test_johnson_su_keeps_the_left_tail_that_a_logarithm_of_a_sum_loses():
    u = tensor(-1e9)
    assert not bool((u + (u.square() + 1.0).sqrt()).log().isfinite())
    made = of("JohnsonSU", loc=0.0, scale=1.0, skewness=0.0, tailweight=2.0)
    below, above = made.log_prob(tensor([-1e9, 1e9]))
    assert float(below) == pytest.approx(float(above), rel=1e-13)


def test_loc_and_scale_of_johnson_su_are_its_mean_and_deviation():
    made = of("JohnsonSU", loc=1.5, scale=2.5, skewness=1.0, tailweight=2.0)
    y = made.icdf((torch.arange(400_000, dtype=torch.float64) + 0.5) / 400_000)
    # The ends of the quantile sum, a mass of 1e-6 on either side, are missing.
    assert float(y.mean()) == pytest.approx(1.5, rel=1e-4)
    assert float(y.std()) == pytest.approx(2.5, rel=1e-3)


def test_johnson_su_and_sinh_arcsinh_are_finite_where_the_hyperbolic_functions_overflow():
    assert not bool(tensor(1e4).sinh().isfinite())
    for name in ("JohnsonSU", "SinhArcsinh"):
        skewness, tailweight = tensor([1e4, -1e4, 1e4, 0.0]).requires_grad_(), tensor([1e-6, 1e-6, 1e4, 1e-6]).requires_grad_()
        score = getattr(distributions, name)(0.0, 1.0, skewness, tailweight).log_prob(tensor([0.0, 3.0, -1e4, 1e6]))
        assert bool(score.isfinite().all())
        assert all(bool(value.isfinite().all()) for value in torch.autograd.grad(score.sum(), (skewness, tailweight)))


def test_power_exponential_has_a_finite_gradient_at_its_peak():
    loc, power = tensor(0.0).requires_grad_(), tensor(0.5).requires_grad_()
    naive = -((0.0 - loc).abs() ** power)
    assert not all(bool(value.isfinite()) for value in torch.autograd.grad(naive, (loc, power)))
    score = distributions.PowerExponential(loc, 1.0, power).log_prob(tensor(0.0))
    in_loc, in_power = torch.autograd.grad(score, (loc, power))
    assert float(in_loc) == 0.0
    assert float(in_power) == pytest.approx(float(torch.digamma(tensor(3.0))) / 0.25, rel=1e-13)


def test_power_exponential_keeps_its_middle_where_the_power_underflows():
    # |z|^400 is 0 here, its root is not.
    made = of("PowerExponential", loc=0.0, scale=1.0, power=400.0)
    assert 0.01**400.0 == 0.0
    assert float(made.cdf(tensor(0.01))) == pytest.approx(0.5 + 0.005 / math.gamma(1.0 + 1.0 / 400.0), rel=1e-14)
    assert float(made.icdf(made.cdf(tensor(0.01)))) == pytest.approx(0.01, rel=1e-12)


def test_ex_gaussian_tends_to_its_normal_where_the_exponential_is_short():
    y, rate = tensor(1.3), 1e8
    naive = math.log(rate) + 0.5 * rate**2 - rate * 1.3 + float(torch.special.log_ndtr(tensor(1.3 - rate)))
    expected = stats.norm.logpdf(1.3)
    assert abs(naive - expected) > 0.1
    assert float(of("ExGaussian", loc=0.0, scale=1.0, rate=rate).log_prob(y)) == pytest.approx(expected, rel=1e-7)
    # exp(rate²/2) alone overflows at 38.
    assert float(of("ExGaussian", loc=0.0, scale=1.0, rate=60.0).log_prob(y)) == pytest.approx(
        stats.exponnorm(1 / 60).logpdf(1.3), rel=1e-9
    )


def test_ex_gaussian_keeps_its_lower_mass_where_the_exponential_is_long():
    rate = 1e-9
    naive = stats.norm.cdf(0.5) - math.exp(0.5 * rate**2 - rate * 0.5) * stats.norm.cdf(0.5 - rate)
    expected = rate * (0.5 * stats.norm.cdf(0.5) + stats.norm.pdf(0.5))
    assert abs(naive / expected - 1.0) > 1e-9
    assert float(of("ExGaussian", loc=0.0, scale=1.0, rate=rate).cdf(tensor(0.5))) == pytest.approx(expected, rel=1e-8)


def test_the_best_location_of_an_asymmetric_laplace_is_the_quantile():
    y = torch.sort(torch.randn(999, dtype=torch.float64, generator=torch.Generator().manual_seed(4))).values
    loss = -of("AsymmetricLaplace", loc=y.tolist(), scale=1.0, quantile=0.9).log_prob(y.unsqueeze(1)).sum(0)
    assert int(loss.argmin()) == 899
    level = of("AsymmetricLaplace", loc=3.0, scale=2.0, quantile=0.9)
    assert float(level.cdf(tensor(3.0))) == pytest.approx(0.9, rel=1e-15)


def test_two_piece_normal_is_continuous_at_its_kink_and_its_other_scale_gets_no_gradient_from_the_distance():
    loc, lower, upper = tensor(1.0), tensor(0.5).requires_grad_(), tensor(4.0).requires_grad_()
    made = distributions.TwoPieceNormal(loc, lower, upper)
    made_here, step = made.log_prob(loc).detach(), torch.nextafter(loc, tensor(0.0))
    assert float(made.log_prob(step).detach()) == pytest.approx(float(made_here), rel=1e-15)
    assert float(slope(made.log_prob(tensor(-2.0)), upper)) == pytest.approx(-1.0 / 4.5, rel=1e-14)


@pytest.mark.parametrize("shape", [1e-8, -1e-8, 1e-12, 0.0])
def test_the_slope_in_the_shape_of_extreme_values_is_right_near_zero(shape):
    z, given = tensor(1.0), tensor(shape).requires_grad_()
    score = of("GeneralizedExtremeValue", loc=0.0, scale=1.0, shape=0.0).log_prob(z)
    exact = slope(distributions.GeneralizedExtremeValue(0.0, 1.0, given).log_prob(z), given)
    # d/dξ of the log-density at ξ = 0: z²/2 (1 - exp(-z)) - z.
    assert float(exact) == pytest.approx(0.5 * (1.0 - math.exp(-1.0)) - 1.0, abs=1e-7)
    assert float(score) == pytest.approx(-1.0 - math.exp(-1.0), rel=1e-15)


def test_the_textbook_form_of_extreme_values_has_a_wrong_slope_near_zero():
    shape = tensor(1e-8).requires_grad_()
    inner = 1.0 + shape * 1.0
    naive = -(1.0 + 1.0 / shape) * inner.log() - inner ** (-1.0 / shape)
    assert abs(float(slope(naive, shape)) - (0.5 * (1.0 - math.exp(-1.0)) - 1.0)) > 0.1


@pytest.mark.parametrize(("shape", "outside"), [(0.3, -10.0), (-0.3, 10.0), (-2.0, 3.0)])
def test_beyond_the_end_of_the_support_the_score_is_finite_and_its_gradient_leads_back(shape, outside):
    y = tensor([outside, 2.0 * outside]).requires_grad_()
    made = of("GeneralizedExtremeValue", loc=0.0, scale=1.0, shape=shape)
    score = made.log_prob(y)
    assert bool(score.isfinite().all())
    towards = slope(score, y)
    assert bool((towards * (1.0 if shape > 0 else -1.0) > 0).all())
    assert bool((made.cdf(y.detach()) == (0.0 if shape > 0 else 1.0)).all())
    assert bool((made.survival(y.detach()) == (1.0 if shape > 0 else 0.0)).all())


@pytest.mark.parametrize("shape", [1e-9, 1e-4, 4.9e-3, 5.1e-3, -5.1e-3, -4.9e-3, -1e-6])
def test_moments_of_extreme_values_join_the_gumbel_without_a_step(shape):
    made, gumbel = of("GeneralizedExtremeValue", loc=0.0, scale=1.0, shape=shape), of("Gumbel", loc=0.0, scale=1.0)
    # First terms of the expansions in the shape: (γ² + π²/6)/2, and 2 ζ(3) + γ π²/3.
    assert float(made.mean - gumbel.mean) == pytest.approx(0.98905599532797 * shape, rel=0.02)
    assert float(made.variance - gumbel.variance) == pytest.approx(4.3029 * shape, rel=0.05)


NAMES = {
    "SkewNormal": "loc scale skewness",
    "ExGaussian": "loc scale rate",
    "TwoPieceNormal": "loc scale_lower scale_upper",
    "SkewT": "df loc scale skew",
    "JohnsonSU": "loc scale skewness tailweight",
    "SinhArcsinh": "loc scale skewness tailweight",
    "PowerExponential": "loc scale power",
    "AsymmetricLaplace": "loc scale quantile",
    "ReverseGumbel": "loc scale",
    "GeneralizedExtremeValue": "loc scale shape",
}
ENDS = {"loc": (-1e4, 0.0, 1e4), "skewness": (-1e4, 0.0, 1e4), "shape": (-0.4999, 0.0, 0.4999), "quantile": (2e-15, 0.5, 1.0 - 2e-15)}
ENDS["skew"] = (1e-6, 1.0, 1e43)


@pytest.mark.parametrize("name", NAMES)
def test_scores_tails_and_gradients_are_finite_at_the_ends_of_what_activations_give(name):
    keys = NAMES[name].split()
    axes = torch.meshgrid(*(tensor(ENDS.get(key, (1e-6, 1.0, 1e4))) for key in keys), tensor([-1e12, -1.0, 0.0, 1.0, 1e12]), indexing="ij")
    *values, y = (axis.flatten().clone() for axis in axes)
    values, y = [value.requires_grad_() for value in values], y.requires_grad_()
    made = getattr(distributions, name)(*values)
    score = made.log_prob(y)
    assert bool(score.isfinite().all())
    assert all(bool(value.isfinite().all()) for value in torch.autograd.grad(score.sum(), values))
    for tail in (functionals.log_cdf(made, y), functionals.log_survival(made, y)):
        assert bool((tail <= 0.0).all())
        slopes = torch.autograd.grad(tail[tail.isfinite()].sum(), [*values, y], retain_graph=True, allow_unused=True)
        assert all(value is None or bool(value.isfinite().all()) for value in slopes)
