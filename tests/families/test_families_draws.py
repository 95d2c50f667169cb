"""Draws from uniform numbers that are given: of every family they are those of its distribution, and a row's do not depend on others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from disttrain.distributions.core import functionals
from disttrain.distributions.draws import draw, uniforms_needed
from disttrain.distributions.numerics.philox import uniforms
from disttrain.errors import UsageError
from tests.families.family_cases import DISCRETE, FAMILY, NUMBERS, distribution, parameters

VECTORS = [name for name in FAMILY if name not in NUMBERS]
DRAWS = 20_000


def drawn(name, draws):
    """Draws of the three rows of a family, (draws, 3, *event), and their uniform numbers."""
    made = distribution(name)
    uniform = torch.from_numpy(uniforms(1, np.arange(3), np.arange(draws)[:, None], uniforms_needed(made)))
    return draw(made, uniform), uniform


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_drawn_by_inversion_of_its_cdf(name):
    y, uniform = drawn(name, 8)
    made, p = distribution(name), uniform.squeeze(-1)
    upto = functionals.cdf(made, y)
    if name in DISCRETE:
        before = functionals.cdf_before(made, y)
        assert bool(((before < p + 1e-9) & (p <= upto + 1e-9)).all())
        return
    # Where a value has a probability of its own, the cdf jumps over the number.
    below = upto - functionals.probability_at(made, y)
    assert bool(((below - 1e-7 < p) & (p < upto + 1e-7)).all())


@pytest.mark.slow
@pytest.mark.parametrize("name", VECTORS)
def test_vectors_have_mean_and_variance_of_their_distribution(name):
    y, _ = drawn(name, DRAWS)
    made = distribution(name)
    mean, variance = functionals.mean(made), functionals.variance(made)
    error = (variance / DRAWS).sqrt()
    assert bool(((y.mean(0) - mean).abs() < 5 * error).all())
    squares = (y - mean).square()
    # Where fourth moments are infinite a sample variance has no standard error.
    tame = squares.var(0).sqrt() / squares.mean(0) < 20
    spread = (squares.var(0) / DRAWS).sqrt()
    assert bool(((squares.mean(0) - variance).abs() < 5 * spread + 1e-12)[tame].all())
    assert bool(FAMILY[name].support.contains(y.flatten(0, 1)).all())


@pytest.mark.parametrize("name", ["multivariate_normal", "normal of low rank", "multivariate_student_t"])
def test_vectors_move_together_as_their_covariance_says(name):
    y, _ = drawn(name, DRAWS)
    for row in range(3):
        values = {key: value[row].numpy() for key, value in parameters(name).items()}
        if "scale_tril" in values:
            shape = values["scale_tril"] @ values["scale_tril"].T
        else:
            shape = values["cov_factor"] @ values["cov_factor"].T + np.diag(values["cov_diag"])
        z = np.linalg.solve(np.linalg.cholesky(shape), (y[:, row].numpy() - values["loc"]).T)
        law = stats.t(values["df"]) if "df" in values else stats.norm
        # Any direction of standardised vectors follows the law of one number; one seed, tested once.
        for direction in (np.eye(len(z))[0], np.ones(len(z)) / np.sqrt(len(z)), np.eye(len(z))[-1]):
            assert stats.kstest(direction @ z, law.cdf).pvalue > 1e-4


def test_shares_have_beta_margins():
    y, _ = drawn("dirichlet", DRAWS)
    for row, a in enumerate(parameters("dirichlet")["concentration"].numpy()):
        for place, own in enumerate(a):
            assert stats.kstest(y[:, row, place].numpy(), stats.beta(own, a.sum() - own).cdf).pvalue > 1e-4


def test_shares_of_tiny_concentrations_are_shares():
    made = FAMILY["dirichlet"].distribution(concentration=torch.full((1, 2), 1e-4, dtype=torch.float64), validate_args=False)
    y = draw(made, torch.from_numpy(uniforms(0, 0, np.arange(400)[:, None], 4)))
    assert bool(FAMILY["dirichlet"].support.contains(y.flatten(0, 1)).all())
    # One of the two is all of it, each equally often: 5 standard errors.
    assert float((y[:, 0, 0] > 0.5).double().mean()) == pytest.approx(0.5, abs=5 * 0.5 / 20)


@pytest.mark.parametrize("name", FAMILY)
def test_a_rows_draw_is_the_same_whatever_rows_are_beside_it(name):
    """In whole lanes of the processor, as predictions are made: bit for bit."""
    made = parameters(name)
    size = uniforms_needed(distribution(name))
    few, many = torch.arange(32) % 3, torch.arange(96) % 3
    rows = [FAMILY[name].distribution(**{key: value[part] for key, value in made.items()}, validate_args=False) for part in (few, many)]
    uniform = torch.from_numpy(uniforms(2, np.arange(96), np.arange(2)[:, None], size))
    alone = draw(rows[0], uniform[:1, :32].contiguous())
    assert torch.equal(draw(rows[1], uniform)[0, :32], alone[0])


def test_vectors_of_unknown_classes_are_refused():
    other = torch.distributions.MultivariateNormal(torch.zeros(1, 2), torch.eye(2).expand(1, 2, 2))
    with pytest.raises(UsageError, match="cannot derive"):
        uniforms_needed(other)
