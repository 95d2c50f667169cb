"""What goes wrong with lifetimes, exceedances and the Box-Cox families when their formulas are typed as they stand, and does not here."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from disttrain import distributions
from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import made, of, rows, tensor

PARETO = {"scale": 2.0, "shape": 1e-8, "threshold": 0.0}


def slopes_of(name, parameters, y):
    """The score at y and its slopes in the parameters."""
    given = {key: tensor(value).requires_grad_() for key, value in parameters.items()}
    score = getattr(distributions, name)(**given).log_prob(tensor(y))
    found = torch.autograd.grad(score.sum(), given.values(), allow_unused=True)
    return score.detach(), dict(zip(given, found, strict=True))


def test_the_slope_in_the_shape_of_a_pareto_is_noise_in_the_naive_formula_and_right_in_ours():
    y, z = 5.0, 2.5
    # The first term of the series in the shape; the next one is of the size of the shape.
    expected = z * z / 2.0 - z

    shape = tensor(1e-8).requires_grad_()
    naive = -(1.0 + 1.0 / shape) * torch.log(1.0 + shape * z)
    assert abs(float(torch.autograd.grad(naive, shape)[0]) - expected) > 0.1

    for size in (1e-8, -1e-8, 0.0):
        _, slopes = slopes_of("GeneralizedPareto", {**PARETO, "shape": size}, y)
        assert float(slopes["shape"]) == pytest.approx(expected, rel=1e-6)


def test_a_pareto_of_shape_zero_is_the_exponential():
    y = torch.linspace(0.0, 30.0, 31, dtype=torch.float64)
    ours, exponential = of("GeneralizedPareto", **{**PARETO, "shape": 0.0}), stats.expon(scale=2.0)
    torch.testing.assert_close(ours.log_prob(y), tensor(exponential.logpdf(y.numpy())), rtol=1e-14, atol=0.0)
    torch.testing.assert_close(
        functionals.quantile(ours, tensor([0.1, 0.999])), tensor(exponential.ppf([0.1, 0.999])), rtol=1e-14, atol=0.0
    )


def test_a_target_beyond_the_end_of_a_pareto_has_a_finite_score_that_leads_back():
    # The end lies at 2/0.4 = 5.
    for y in (5.0001, 6.0, 1e6):
        score, slopes = slopes_of("GeneralizedPareto", {"scale": 2.0, "shape": -0.4, "threshold": 0.0}, y)
        assert math.isfinite(float(score))
        assert float(score) < -100.0
        # A larger scale and a larger shape both move the end towards the target.
        assert float(slopes["scale"]) > 0
        assert float(slopes["shape"]) > 0
    assert float(of("GeneralizedPareto", scale=2.0, shape=-0.4, threshold=0.0).survival(tensor(6.0))) == 0.0
    assert not math.isfinite(stats.genpareto(-0.4, scale=2.0).logpdf(6.0))


def test_moments_of_a_pareto_are_infinite_where_they_do_not_exist():
    pareto = of("GeneralizedPareto", scale=1.0, shape=[0.4, 0.6, 1.5], threshold=3.0)
    assert functionals.mean(pareto).tolist() == pytest.approx([3.0 + 1.0 / 0.6, 3.0 + 1.0 / 0.4, math.inf])
    assert functionals.variance(pareto)[1:].tolist() == [math.inf, math.inf]


def test_a_gompertz_far_out_does_not_overflow():
    score, slopes = slopes_of("Gompertz", {"scale": 1.0, "concentration": 1e-3}, 1000.0)
    assert math.isinf(float(torch.expm1(tensor(1000.0))))
    assert math.isfinite(float(score))
    assert all(math.isfinite(float(slope)) for slope in slopes.values())
    assert float(slopes["scale"]) > 0


def test_far_tails_of_lifetimes_keep_their_digits():
    y = tensor(60.0)
    assert stats.halfnorm.logsf(60.0) == -math.inf
    assert float(of("HalfNormal", scale=1.0).log_survival(y)) == pytest.approx(math.log(2.0) + stats.norm.logsf(60.0), rel=1e-12)
    assert float(of("Rayleigh", scale=1.0).log_survival(y)) == -1800.0
    assert float(of("Rayleigh", scale=1.0).log_cdf(tensor(1e-200))) == pytest.approx(2.0 * math.log(1e-200) - math.log(2.0), rel=1e-14)
    assert float(of("BirnbaumSaunders", scale=1.0, concentration=0.2).log_cdf(tensor(1e-4))) == pytest.approx(
        stats.norm.logcdf((0.01 - 100.0) / 0.2), rel=1e-12
    )


@pytest.mark.parametrize("shape", [0.0, 1e-8, -1e-8, 1e-5])
def test_a_box_cox_of_shape_near_zero_is_the_log_normal(shape):
    loc, scale, y = 3.0, 0.4, 5.0
    score, slopes = slopes_of("BoxCoxColeGreen", {"loc": loc, "scale": scale, "shape": shape}, y)
    ratio = math.log(y / loc)
    limit = stats.lognorm(scale, scale=loc).logpdf(y)
    # log f = limit + shape · (log(y/μ) - log(y/μ)³/(2σ²)) + O(shape²); the truncation lies beyond 1/(σ · 1e-5).
    expected = ratio - ratio**3 / (2.0 * scale**2)
    assert float(score) == pytest.approx(limit + shape * expected, abs=1e-9)
    assert float(slopes["shape"]) == pytest.approx(expected, abs=1e-4)


def test_the_naive_box_cox_transform_loses_its_slope_near_shape_zero():
    loc, scale, y, size = 3.0, 0.4, 5.0, 1e-8
    ratio = math.log(y / loc)
    shape = tensor(size).requires_grad_()
    z = ((tensor(y) / loc) ** shape - 1.0) / (shape * scale)
    naive = -0.5 * z.square() + shape * ratio
    (slope,) = torch.autograd.grad(naive, shape)
    assert abs(float(slope) - (ratio - ratio**3 / (2.0 * scale**2))) > 0.1


def test_the_truncation_constant_counts_where_the_end_is_near():
    # Φ(1/(σν)) = Φ(0.5): a fourth of the normal would lie below y = 0.
    wide = of("BoxCoxColeGreen", loc=1.0, scale=1.0, shape=2.0)
    normal = stats.norm
    y = 1.7
    z = (y**2 - 1.0) / 2.0
    assert float(wide.log_prob(tensor(y))) == pytest.approx(normal.logpdf(z) + math.log(y) - normal.logcdf(0.5), rel=1e-12)
    assert float(wide.survival(tensor(y))) == pytest.approx(normal.sf(z) / normal.cdf(0.5), rel=1e-12)
    assert float(functionals.quantile(wide, 1e-12)) > 0.0


def test_a_box_cox_of_shape_one_is_a_truncated_normal():
    loc, scale = 2.0, 0.7
    oracle = stats.truncnorm(-1.0 / scale, math.inf, loc=loc, scale=loc * scale)
    y = torch.linspace(0.05, 8.0, 30, dtype=torch.float64)
    ours = of("BoxCoxColeGreen", loc=loc, scale=scale, shape=1.0)
    torch.testing.assert_close(ours.log_prob(y), tensor(oracle.logpdf(y.numpy())), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(ours.cdf(y), tensor(oracle.cdf(y.numpy())), rtol=1e-10, atol=0.0)
    assert float(functionals.mean(ours)) == pytest.approx(oracle.mean(), rel=1e-7)


def test_a_box_cox_t_of_many_degrees_of_freedom_is_cole_and_greens():
    y = torch.linspace(0.3, 4.0, 20, dtype=torch.float64)
    place = {"loc": 1.5, "scale": 0.3, "shape": 0.6}
    # The difference of t and normal is (z⁴ - 2z² - 1)/(4 df) and z is below 6 here.
    torch.testing.assert_close(of("BoxCoxT", **place, df=1e10).log_prob(y), of("BoxCoxColeGreen", **place).log_prob(y), rtol=0.0, atol=1e-7)


def test_the_truncation_of_a_box_cox_t_counts_however_far_out_where_its_tail_is_heavy():
    # The end lies 5000 scales out; with one degree of freedom 6e-5 of a Cauchy is beyond.
    ours = of("BoxCoxT", loc=1.0, scale=0.2, shape=1e-3, df=1.0)
    (example,) = rows("BoxCoxT", None, {"loc": 1.0, "scale": 0.2, "shape": 1e-3, "df": 1.0})
    assert torch.equal(made(example).log_prob(tensor(1.0)), ours.log_prob(tensor(1.0)))
    assert float(ours.log_prob(tensor(1.0))) == pytest.approx(
        stats.cauchy.logpdf(0.0) - math.log(0.2) - stats.cauchy.logcdf(5000.0), rel=1e-11
    )
