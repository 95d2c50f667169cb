"""The multivariate normal of low rank: against scipy, against mpmath where a covariance is singular in float64, gradients and samples."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.stats as st
import torch

from disttrain.distributions import LowRankMultivariateNormal

THEIRS = torch.distributions.LowRankMultivariateNormal
LOC = torch.tensor([0.3, -1.0, 2.0, 0.0], dtype=torch.float64)
FACTOR = torch.tensor([[0.7, 0.0], [-0.4, 1.3], [2.0, 0.1], [0.5, -0.6]], dtype=torch.float64)
DIAG = torch.tensor([0.2, 1.5, 0.01, 0.8], dtype=torch.float64)
COVARIANCE = FACTOR @ FACTOR.T + DIAG.diag()


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def drawn(made, count, seed=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return made.sample((count,))


def exact(loc, factor, diag, y):
    """The log-density at 80 digits, from the covariance itself."""
    with mp.workdps(80):
        w, size = mp.matrix(factor.tolist()), len(loc)
        covariance = w * w.T + mp.diag([mp.mpf(value) for value in diag.tolist()])
        away = mp.matrix([mp.mpf(a) - mp.mpf(b) for a, b in zip(y.tolist(), loc.tolist(), strict=True)])
        lower = mp.cholesky(covariance)
        log_det = mp.fsum(mp.log(lower[place, place]) for place in range(size))
        return float(-(away.T * mp.lu_solve(covariance, away))[0] / 2 - log_det - size * mp.log(2 * mp.pi) / 2)


@pytest.mark.parametrize("rank", [1, 2])
def test_it_is_that_of_scipy_and_of_torch(rank):
    factor = FACTOR[:, :rank]
    ours, y = LowRankMultivariateNormal(LOC, factor, DIAG), drawn(LowRankMultivariateNormal(LOC, 3 * factor, DIAG), 50)
    theirs = st.multivariate_normal(LOC.numpy(), (factor @ factor.T + DIAG.diag()).numpy()).logpdf(y.numpy())
    np.testing.assert_allclose(ours.log_prob(y).numpy(), theirs, rtol=1e-11)
    torch.testing.assert_close(ours.log_prob(y), THEIRS(LOC, factor, DIAG).log_prob(y), rtol=1e-11, atol=0.0)


def ill_conditioned():
    """(factor, diag): up to twelve digits between what the targets share and what they have of their own, and columns all but parallel."""
    generator = torch.Generator().manual_seed(4)
    for size, rank, shared, own in ((4, 2, 1.0, 1e-6), (4, 2, 1.0, 1e-12), (6, 3, 1e4, 1e-6), (5, 4, 1e3, 1e-6), (20, 5, 1.0, 1e-8)):
        factor = shared * torch.randn(size, rank, generator=generator, dtype=torch.float64)
        diag = own * (0.1 + torch.rand(size, generator=generator, dtype=torch.float64))
        parallel = torch.cat([factor[:, :-1], factor[:, :1] * (1.0 + 1e-9)], 1)
        yield from ((factor, diag), (parallel, diag))


@pytest.mark.parametrize(("factor", "diag"), list(ill_conditioned()))
def test_digits_are_kept_where_the_covariance_is_singular(factor, diag):
    loc = torch.zeros_like(diag)
    ours = LowRankMultivariateNormal(loc, factor, diag)
    # A step of float64 in what the targets share, seen in units of what they have of their own.
    step = 2.0**-52 * float(factor.abs().max() / diag.min().sqrt())
    for y in drawn(ours, 3):
        assert float(ours.log_prob(y)) == pytest.approx(exact(loc, factor, diag, y), rel=1e-12, abs=20 * step)


def test_a_difference_of_squared_lengths_has_no_digits_left():
    factor, diag = list(ill_conditioned())[4]
    loc = torch.zeros_like(diag)
    (y,) = drawn(LowRankMultivariateNormal(loc, factor, diag), 1)
    assert abs(float(THEIRS(loc, factor, diag).log_prob(y)) - exact(loc, factor, diag, y)) > 1e-3


def test_without_shared_causes_it_is_a_product_of_normals():
    made = LowRankMultivariateNormal(LOC, torch.zeros_like(FACTOR), DIAG)
    y = drawn(made, 5)
    torch.testing.assert_close(made.log_prob(y), torch.distributions.Normal(LOC, DIAG.sqrt()).log_prob(y).sum(-1), rtol=1e-13, atol=0.0)


def test_a_rotated_factor_is_the_same_distribution():
    turn = double([[0.6, -0.8], [0.8, 0.6]])
    one, other = (LowRankMultivariateNormal(LOC, factor, DIAG) for factor in (FACTOR, FACTOR @ turn))
    torch.testing.assert_close(one.log_prob(POINTS), other.log_prob(POINTS), rtol=1e-13, atol=0.0)


POINTS = double([[0.0, 0.0, 0.0, 0.0], [1.0, -2.0, 3.5, 0.5], [30.0, 5.0, -40.0, 2.0]])


def test_gradients_are_those_of_finite_differences():
    def log_prob(loc, factor, diag):
        return LowRankMultivariateNormal(loc, factor, diag).log_prob(POINTS)

    assert torch.autograd.gradcheck(log_prob, tuple(value.clone().requires_grad_() for value in (LOC, FACTOR, DIAG)))


def test_samples_have_the_mean_and_the_covariance():
    made = LowRankMultivariateNormal(LOC, FACTOR, DIAG)
    y = drawn(made, 60_000)
    assert bool(((y.mean(0) - made.mean).abs() < 4.5 * (made.variance / 60_000).sqrt()).all())
    # Var(y_i y_j) = c_ii c_jj + c_ij² of a normal.
    error = ((made.variance.outer(made.variance) + COVARIANCE.square()) / 60_000).sqrt()
    assert bool(((torch.cov(y.T) - COVARIANCE).abs() < 4.5 * error).all())
    torch.testing.assert_close(made.variance, COVARIANCE.diagonal(), rtol=1e-14, atol=0.0)
    assert torch.equal(made.mode, LOC)


def test_parameters_broadcast_and_expanding_repeats_the_rows():
    made = LowRankMultivariateNormal(LOC.expand(3, 4), FACTOR, DIAG)
    assert (made.batch_shape, made.event_shape) == ((3,), (4,))
    assert made.cov_factor.shape == (3, 4, 2)
    many = made.expand((5, 3))
    y = drawn(many, 2)
    assert y.shape == (2, 5, 3, 4)
    torch.testing.assert_close(many.log_prob(y)[1, 4, 2], LowRankMultivariateNormal(LOC, FACTOR, DIAG).log_prob(y[1, 4, 2]))


def test_what_cannot_be_is_refused_when_asked():
    for loc, factor, diag in ((LOC, FACTOR, -DIAG), (LOC, FACTOR * torch.nan, DIAG)):
        with pytest.raises(ValueError, match="cov_"):
            LowRankMultivariateNormal(loc, factor, diag, validate_args=True)
    with pytest.raises(ValueError, match="support"):
        LowRankMultivariateNormal(LOC, FACTOR, DIAG, validate_args=True).log_prob(LOC * torch.nan)
