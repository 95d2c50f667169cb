"""Distributions of vectors: against scipy, against mpmath in the corners, their gradients and the moments of their samples."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.stats as st
import torch

from disttrain.distributions import Dirichlet, DirichletMultinomial, Multinomial, MultivariateNormal, MultivariateStudentT

LOC = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
TRIL = torch.tensor([[0.7, 0.0, 0.0], [-0.4, 1.3, 0.0], [2.0, 0.1, 0.2]], dtype=torch.float64)
POINTS = torch.tensor([[0.0, 0.0, 0.0], [1.0, -2.0, 3.5], [30.0, 5.0, -40.0]], dtype=torch.float64)
SHARES = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
CONCENTRATIONS = ([0.3, 2.0, 5.0], [1.0, 1.0, 1.0], [40.0, 3.0, 700.0])
COUNTS = ([3.0, 0.0, 7.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [100.0, 2000.0, 5.0])


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def test_the_normal_is_that_of_scipy():
    theirs = st.multivariate_normal(LOC.numpy(), (TRIL @ TRIL.T).numpy()).logpdf(POINTS.numpy())
    np.testing.assert_allclose(MultivariateNormal(LOC, TRIL).log_prob(POINTS).numpy(), theirs, rtol=1e-10)


@pytest.mark.parametrize("df", [0.5, 3.0, 40.0])
def test_the_t_is_that_of_scipy(df):
    theirs = st.multivariate_t(LOC.numpy(), (TRIL @ TRIL.T).numpy(), df=df).logpdf(POINTS.numpy())
    np.testing.assert_allclose(MultivariateStudentT(df, LOC, TRIL).log_prob(POINTS).numpy(), theirs, rtol=1e-10)


def test_the_t_tends_to_the_normal_where_a_difference_of_log_gammas_has_no_digits_left():
    df, normal = double(1e15), MultivariateNormal(LOC, TRIL).log_prob(POINTS[:2])
    naive = torch.lgamma((df + 3) / 2) - torch.lgamma(df / 2) - 1.5 * (df / 2).log()
    assert abs(float(naive)) > 0.1
    torch.testing.assert_close(MultivariateStudentT(df, LOC, TRIL).log_prob(POINTS[:2]), normal, rtol=1e-10, atol=0.0)


def test_an_ill_conditioned_factor_keeps_its_digits_where_the_covariance_is_singular():
    tril = double([[1.0, 0.0], [1.0, 1e-9]])
    assert float(torch.linalg.det(tril @ tril.T)) == 0.0
    ours = float(MultivariateNormal(double([0.0, 0.0]), tril).log_prob(double([0.5, 0.5 + 2.0**-30])))
    z = mp.mpf(2) ** -30 / mp.mpf(1e-9)
    assert ours == pytest.approx(float(-(mp.mpf(0.25) + z**2) / 2 - mp.log(mp.mpf(1e-9)) - mp.log(2 * mp.pi)), rel=1e-12)


@pytest.mark.parametrize("a", CONCENTRATIONS)
def test_the_dirichlet_is_that_of_scipy(a):
    ours = float(Dirichlet(double(a)).log_prob(SHARES))
    assert ours == pytest.approx(st.dirichlet(a).logpdf(SHARES.numpy()), rel=1e-10)


@pytest.mark.parametrize("counts", COUNTS)
def test_the_multinomial_is_that_of_scipy(counts):
    theirs = st.multinomial(int(sum(counts)), SHARES.numpy()).logpmf(np.array(counts, dtype=int))
    for made in (Multinomial(probs=SHARES), Multinomial(logits=SHARES.log() + 5.0)):
        assert float(made.log_prob(double(counts))) == pytest.approx(theirs, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("a", CONCENTRATIONS)
@pytest.mark.parametrize("counts", COUNTS)
def test_the_dirichlet_multinomial_is_that_of_scipy(a, counts):
    theirs = st.dirichlet_multinomial(a, int(sum(counts))).logpmf(np.array(counts, dtype=int))
    assert float(DirichletMultinomial(double(a)).log_prob(double(counts))) == pytest.approx(theirs, rel=1e-9, abs=1e-13)


def exact_dirichlet(a, y):
    with mp.workdps(80):
        a, y = [mp.mpf(v) for v in a], [mp.mpf(v) for v in y]
        # The row in float64 sums to 1 up to rounding only; it stands for the one that does.
        y = [v / mp.fsum(y) for v in y]
        return float(mp.loggamma(mp.fsum(a)) + mp.fsum((p - 1) * mp.log(v) - mp.loggamma(p) for p, v in zip(a, y, strict=True)))


def exact_dirichlet_multinomial(a, y):
    with mp.workdps(80):
        a, y = [mp.mpf(v) for v in a], [mp.mpf(v) for v in y]
        n, total = mp.fsum(y), mp.fsum(a)
        parts = mp.fsum(mp.loggamma(v + p) - mp.loggamma(p) - mp.loggamma(v + 1) for p, v in zip(a, y, strict=True))
        return float(mp.loggamma(n + 1) + mp.loggamma(total) - mp.loggamma(n + total) + parts)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("y", [[0.25, 0.25, 0.5], [1e-12, 0.5, 0.5 - 1e-12], [0.125, 0.375, 0.5]])
def test_the_dirichlet_in_the_corners(scale, y):
    a = [scale * part for part in (1.0, 3.0, 4.0)]
    ours = float(Dirichlet(double(a)).log_prob(double(y)))
    assert ours == pytest.approx(exact_dirichlet(a, y), rel=1e-9, abs=1e-9)


def test_log_gammas_of_a_large_concentration_cancel():
    a, y = double([1e12, 3e12, 4e12]), double([0.125, 0.375, 0.5])
    exact = exact_dirichlet(a.tolist(), y.tolist())
    naive = torch.lgamma(a.sum()) - torch.lgamma(a).sum() + ((a - 1) * y.log()).sum()
    assert abs(float(naive) - exact) > 1e-4
    assert float(Dirichlet(a).log_prob(y)) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e4, 1e10, 1e30])
@pytest.mark.parametrize("counts", COUNTS)
def test_the_dirichlet_multinomial_in_the_corners(scale, counts):
    a = [scale * part for part in (1.0, 3.0, 4.0)]
    ours = float(DirichletMultinomial(double(a)).log_prob(double(counts)))
    assert ours == pytest.approx(exact_dirichlet_multinomial(a, counts), rel=1e-9, abs=1e-11)


def gradient_cases():
    a, tril = double([[0.3, 2.0, 5.0]]), TRIL.clone()
    yield "normal", lambda loc, part: MultivariateNormal(loc, part.tril()).log_prob(POINTS), (LOC.clone(), tril)
    yield "t", lambda df, loc, part: MultivariateStudentT(df, loc, part.tril()).log_prob(POINTS), (double(4.0), LOC.clone(), tril)
    yield "dirichlet", lambda a: Dirichlet(a).log_prob(SHARES[None]), (a,)
    yield "multinomial", lambda z: Multinomial(logits=z).log_prob(double([[4.0, 0.0, 1.0]])), (a,)
    yield "dirichlet_multinomial", lambda a: DirichletMultinomial(a).log_prob(double([[4.0, 0.0, 1.0]])), (a,)


@pytest.mark.parametrize(("function", "values"), [pytest.param(*case[1:], id=case[0]) for case in gradient_cases()])
def test_gradients_are_those_of_finite_differences(function, values):
    assert torch.autograd.gradcheck(function, tuple(value.clone().requires_grad_() for value in values))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4, 1e30])
def test_gradients_of_extreme_concentrations_are_finite(scale):
    for make, y in ((Dirichlet, [1e-12, 0.5, 0.5]), (DirichletMultinomial, [0.0, 0.0, 0.0]), (DirichletMultinomial, [5.0, 0.0, 1e6])):
        a = (scale * double([1.0, 2.0, 3.0])).requires_grad_()
        score = make(a).log_prob(double(y))
        (slope,) = torch.autograd.grad(score, a)
        assert bool(score.isfinite())
        assert bool(slope.isfinite().all())


def test_a_class_that_cannot_happen_and_did_not_leaves_a_finite_gradient():
    logits = double([0.0, -1e4, 0.0]).requires_grad_()
    score = Multinomial(logits=logits).log_prob(double([2.0, 0.0, 1.0]))
    (slope,) = torch.autograd.grad(score, logits)
    assert float(score.detach()) == pytest.approx(float(st.binom(3, 0.5).logpmf(2)))
    assert bool(slope.isfinite().all())


SAMPLED = {
    "normal": MultivariateNormal(LOC[None], TRIL[None]),
    "t": MultivariateStudentT(9.0, LOC[None], TRIL[None]),
    "dirichlet": Dirichlet(double([[0.8, 2.0, 5.0]])),
    "multinomial": Multinomial(probs=SHARES[None], total_count=6),
    "dirichlet_multinomial": DirichletMultinomial(double([[0.8, 2.0, 5.0]]), total_count=6),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_samples_have_the_moments(name):
    made = SAMPLED[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        drawn = made.sample((40_000,))
    assert drawn.shape == (40_000, 1, 3)
    error = (made.variance / 40_000).sqrt()
    assert bool(((drawn.mean(0) - made.mean).abs() < 4.5 * error).all())
    torch.testing.assert_close(drawn.var(0), made.variance, rtol=0.08, atol=0.0)


@pytest.mark.parametrize("name", SAMPLED)
def test_expanding_repeats_the_rows(name):
    made = SAMPLED[name].expand((4, 2))
    y = made.sample()
    assert y.shape == (4, 2, 3)
    torch.testing.assert_close(made.log_prob(y)[3, 1], SAMPLED[name].log_prob(y[3, 1])[0])


def test_moments_of_the_t_that_do_not_exist():
    made = MultivariateStudentT(double([0.5, 1.5, 3.0]), LOC, TRIL)
    assert made.mean.isnan().all(-1).tolist() == [True, False, False]
    assert made.variance.isnan().all(-1).tolist() == [True, False, False]
    assert made.variance.isinf().all(-1).tolist() == [False, True, False]
