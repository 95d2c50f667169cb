"""The incomplete gamma and beta functions and Student's t against frozen mpmath values, with their slopes, and at the ends.

The numbers are mpmath's with 50 digits: gammainc and betainc, in the far tails the quadrature of their integrals in logarithms;
slopes are differences of step 1e-14.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special as scipy_special

from disttrain import distributions
from disttrain.distributions.numerics import incomplete_gamma_beta, student_t_cdf

# The arguments, the logarithm, its slope in each argument.
FROZEN = {
    "log_gamma_lower": (
        (0.001, 1e-250, -0.575069879650228, -575.0707013167012, 1e+247),
        (0.001, 0.5, -0.0005602235523847767, -0.560673414592686, 0.0012135993949936915),
        (0.3, 2.0, -0.02227217456311407, -0.10148803358312693, 0.028474997807481122),
        (1.0, 1e-05, -11.512930464966061, -11.935712300070085, 99999.50000083333),
        (3.0, 5.0, -0.13313377966369797, -0.1298830193458, 0.09621812052257364),
        (7.0, 1e-80, -1297.972813437731, -186.22244891747926, 7e+80),
        (50.0, 2000.0, -0.0, -0.0, 0.0),
        (400.0, 250.0, -40.94625271855333, -0.47528050371500746, 0.6064854805967191),
        (400.0, 10000.0, -0.0, -0.0, 0.0),
        (20000.0, 15000.0, -758.1264401339583, -0.28785683303160775, 0.3335330542488765),
        (1000000.0, 950000.0, -1298.1257288046006, -0.05131277921671969, 0.052651563377386724),
        (1000000.0, 1050000.0, -0.0, -0.0, 0.0),
        (100000000.0, 99600000.0, -806.7481934026355, -0.004010513294693667, 0.004018561147952349),
    ),
    "log_gamma_upper": (
        (0.001, 1e-250, -0.8270570415063412, 739.874186800441, -1.2865795198858161e+247),
        (0.001, 0.5, -7.487454751906464, 1000.5226942791023, -2.165670254468342),
        (0.3, 2.0, -3.81553257570435, 4.506163011769775, -1.26431636666995),
        (1.0, 1e-05, -1e-05, 0.00011935771978830515, -1.0),
        (3.0, 5.0, -2.082229267915721, 0.9120818030807539, -0.6756756756756757),
        (7.0, 1e-80, -0.0, 0.0, -0.0),
        (50.0, 2000.0, -1772.0967311693275, 3.699425068172048, -0.9755125444874693),
        (400.0, 250.0, -1.649181254456405e-18, 7.838236973353881e-19, -1.000204485700093e-18),
        (400.0, 10000.0, -8319.542711511935, 3.2202304897709895, -0.9601041549157213),
        (20000.0, 15000.0, -0.0, 0.0, -0.0),
        (1000000.0, 950000.0, -0.0, 0.0, -0.0),
        (1000000.0, 1050000.0, -1214.6672117582427, 0.04881064740418527, -0.04763903125288809),
        (100000000.0, 99600000.0, -0.0, 0.0, -0.0),
    ),
    "log_beta_lower": (
        (0.05, 0.07, 1e-200, -23.559551414346675, -468.7479622747769, 6.024538038314213, 5e+198),
        (0.6, 0.7, 0.25, -1.0573065541857356, -1.648999459604527, 0.9466744272680104, 2.5366720521551813),
        (2.0, 5.0, 1e-100, -457.8089683977069, -229.30850929940456, 0.36666666666666664, 2e+100),
        (2.0, 5.0, 0.75, -0.00464946390009031, -0.005673242429705873, 0.005724697782996792, 0.08830022075055188),
        (60.0, 3.0, 0.125, -117.48401056979282, -2.04699584163472, 3.081208609550017, 477.7571057210991),
        (300.0, 20.0, 0.5, -151.39697545341048, -0.6320597358134692, 2.1066168602264415, 562.267369741699),
        (500.0, 800.0, 0.03125, -896.2895829352896, -2.5117169922489846, 0.45406744188536263, 15177.016669938695),
        (4000.0, 3000.0, 0.375, -557.3938409779166, -0.42161377373810616, 0.37766160949765876, 5871.747858054312),
    ),
    "log_t_lower": (
        (0.7, -1e+30, -49.52279929290759, -69.1265615547941, 7e-31),
        (0.7, 3.0, -0.15278489419614616, 0.19774038197442168, 0.03674660669346342),
        (3.0, -0.5, -1.1217049359318676, -0.01626866001881016, 0.9614917166310571),
        (3.0, -1e+100, -690.6778044591691, -229.3493893078439, 3e-100),
        (40.0, -25.0, -58.95828000321117, -0.9471226943681539, 1.506044378066967),
        (40.0, 2.0, -0.026509462961619882, 8.842160479727158e-05, 0.057697749731802944),
        (600.0, -60.0, -587.814066068293, -0.5450972387566417, 8.573800308010126),
        (10000.0, -5.0, -15.048169809798392, -1.6801081715481363e-06, 5.1735382917792165),
    ),
}  # fmt: skip
FUNCTIONS = {
    "log_gamma_lower": incomplete_gamma_beta.log_gamma_lower,
    "log_gamma_upper": incomplete_gamma_beta.log_gamma_upper,
    "log_beta_lower": lambda a, b, x: incomplete_gamma_beta.log_beta_lower(a, b, x, 1.0 - x),
    "log_t_lower": student_t_cdf.log_t_lower,
}
SHAPES = {"log_gamma_lower": 1, "log_gamma_upper": 1, "log_beta_lower": 2, "log_t_lower": 1}
every = pytest.mark.parametrize("name", FUNCTIONS)


def tensor(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def columns(name: str) -> tuple[list[torch.Tensor], torch.Tensor, list[torch.Tensor]]:
    """The arguments, values and slopes of a table."""
    table, count = list(tensor(FROZEN[name]).T), SHAPES[name] + 1
    return [column.clone().requires_grad_() for column in table[:count]], table[count], table[count + 1 :]


@every
def test_logarithms_have_all_their_digits_in_both_tails(name):
    arguments, expected, _ = columns(name)
    np.testing.assert_allclose(FUNCTIONS[name](*arguments).detach(), expected, rtol=1e-13, atol=1e-300)


@every
def test_slopes_in_the_value_are_exact_and_those_in_the_shapes_to_eight_digits(name):
    arguments, _, expected = columns(name)
    slopes = torch.autograd.grad(FUNCTIONS[name](*arguments).sum(), arguments)
    for place, (slope, wanted) in enumerate(zip(slopes, expected, strict=True)):
        # Of a probability next to 1 the logarithm bends within one step of the difference: its tiny slope has few digits.
        rtol, atol = (1e-8, 1e-9) if place < SHAPES[name] else (1e-11, 0.0)
        np.testing.assert_allclose(slope, wanted, rtol=rtol, atol=atol)


@every
def test_they_broadcast_and_give_each_argument_a_slope_of_its_own_shape(name):
    arguments, *_ = columns(name)
    first = arguments[0].detach()[:2].reshape(2, 1).requires_grad_()
    rest = [argument.detach()[:3].requires_grad_() for argument in arguments[1:]]
    value = FUNCTIONS[name](first, *rest)
    assert value.shape == (2, 3)
    assert torch.equal(value.detach().diagonal(), FUNCTIONS[name](*(argument.detach()[:2] for argument in arguments)))
    slopes = torch.autograd.grad(value.sum(), (first, *rest))
    assert [slope.shape for slope in slopes] == [(2, 1), *((3,) for _ in rest)]


@pytest.mark.parametrize("a", [1e-3, 0.7, 30.0, 1e6])
def test_at_the_ends_of_the_half_line_the_gamma_functions_are_certain_and_have_finite_slopes(a):
    shape, x = tensor([a, a]).requires_grad_(), tensor([0.0, math.inf]).requires_grad_()
    for function, expected in (
        (incomplete_gamma_beta.log_gamma_lower, [-math.inf, 0.0]),
        (incomplete_gamma_beta.log_gamma_upper, [0.0, -math.inf]),
    ):
        value = function(shape, x)
        assert value.tolist() == expected
        assert all(bool(slope.isfinite().all()) for slope in torch.autograd.grad(value.sum(), (shape, x)))


def test_at_the_ends_of_the_unit_interval_the_beta_function_is_certain_and_has_finite_slopes():
    a, b, x = tensor([0.4, 3.0]).requires_grad_(), tensor([2.0, 0.1]).requires_grad_(), tensor([0.0, 1.0]).requires_grad_()
    value = incomplete_gamma_beta.log_beta_lower(a, b, x, 1.0 - x)
    assert value.tolist() == [-math.inf, 0.0]
    assert all(bool(slope.isfinite().all()) for slope in torch.autograd.grad(value.sum(), (a, b, x)))


def test_infinite_values_of_student_t_are_certain_and_have_finite_slopes():
    df, z = tensor([3.0, 3.0]).requires_grad_(), tensor([-math.inf, math.inf]).requires_grad_()
    value = student_t_cdf.log_t_lower(df, z)
    assert float(value.detach()[1]) == 0.0
    assert all(bool(slope.isfinite().all()) for slope in torch.autograd.grad(value[1], (df, z)))


def test_the_upper_end_of_a_share_keeps_the_digits_of_its_rest():
    # 1 - x of such an x is 0. With t = 1 - x the tail of a beta(2, 3) is 12 ∫ t² (1 - t) dt = 4 t³ to 30 digits.
    rest = tensor(1e-30)
    value = incomplete_gamma_beta.log_beta_lower(tensor(3.0), tensor(2.0), rest, tensor(1.0))
    assert float(value) == pytest.approx(math.log(4e-90), rel=1e-14)


def test_far_below_a_large_shape_the_power_series_would_need_more_terms_than_anyone_sums():
    a, x = 1e8, 9.96e7
    terms = np.cumprod(x / (a + np.arange(1.0, 400.0)))
    naive = a * math.log(x) - x - math.lgamma(a + 1.0) + math.log1p(terms.sum())
    exact = FROZEN["log_gamma_lower"][-1][2]
    assert abs(naive - exact) > 1e-3
    assert float(incomplete_gamma_beta.log_gamma_lower(tensor(a), tensor(x))) == pytest.approx(exact, rel=1e-13)


def test_where_scipy_underflows_the_logarithm_goes_on():
    assert scipy_special.gammainc(7.0, 1e-80) == 0.0
    assert scipy_special.gammaincc(400.0, 1e4) == 0.0
    assert scipy_special.betainc(500.0, 800.0, 0.03125) == 0.0
    for function, arguments in (
        (incomplete_gamma_beta.log_gamma_lower, (7.0, 1e-80)),
        (incomplete_gamma_beta.log_gamma_upper, (400.0, 1e4)),
    ):
        assert math.isfinite(float(function(*map(tensor, arguments))))


@pytest.mark.parametrize("a", [0.05, 5.0, 800.0, 1e6])
def test_the_two_gamma_tails_sum_to_one_and_meet_the_far_formulas_without_a_step(a):
    x = a * torch.exp(torch.linspace(-40.0, 40.0, 401, dtype=torch.float64) / math.sqrt(a + 1.0))
    lower, upper = incomplete_gamma_beta.log_gamma_lower(tensor(a), x), incomplete_gamma_beta.log_gamma_upper(tensor(a), x)
    np.testing.assert_allclose(lower.exp() + upper.exp(), 1.0, atol=1e-14)
    # A step at a joint as large as the next move along the tail would break the order.
    assert bool((lower.diff() >= 0).all())
    assert bool((upper.diff() <= 0).all())


def test_far_above_its_mean_the_inverse_gaussian_keeps_log_survival_and_its_slopes():
    # y, mean, concentration, log S by mpmath with 120 digits; the hazard tends to λ/(2 μ²), and the next term is 3/(2 y).
    rows = [(1e4, 1.0, 1.0, -5013.0416517956855), (1e6, 1.0, 1e-3, -517.4971691189742), (1e12, 1.0, 1e-3, -500000038.2174455)]
    y, mean, concentration = (tensor(column).requires_grad_() for column in list(zip(*rows, strict=True))[:3])
    value = distributions.InverseGaussian(mean, concentration).log_survival(y)
    np.testing.assert_allclose(value.detach(), [row[3] for row in rows], rtol=1e-14)
    (slope,) = torch.autograd.grad(value.sum(), y)
    hazard = 0.5 * concentration / mean.square() + 1.5 / y
    # What follows is of the order of 1/(λ y²): the square of the second term over the first.
    np.testing.assert_allclose(-slope, hazard.detach(), rtol=1e-4)
    # The difference of two scaled error functions, as it stands in the textbooks, is lost.
    near, far = ((1e-3 / 1e12) ** 0.5 * (1e12 + sign) / 2**0.5 for sign in (-1.0, 1.0))
    naive = scipy_special.erfcx(near) - scipy_special.erfcx(far)
    exact = 2.0 * ((1e-3 / 1e12) / 2.0) ** 0.5 / (near * far * math.sqrt(math.pi))
    assert abs(naive / exact - 1.0) > 1e-5
