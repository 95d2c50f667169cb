"""The likelihood of what was seen of a row, for every family with tails: cells add up, slopes are right, nothing is NaN."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch

from disttrain.distributions import Normal
from disttrain.distributions.core import functionals
from disttrain.errors import UsageError
from disttrain.likelihood import log_likelihood
from disttrain.outcomes import Outcome
from tests.families.family_cases import KNOWN, OF_LABELS, extremes, oracle, parameters, targets
from tests.families.likelihood_cases import CENSORED, INF, REFUSED, ends, joined, made, outcomes_over, raw_of, scored, spread_and_middle

every = pytest.mark.parametrize("name", CENSORED)
continuous = pytest.mark.parametrize("name", [name for name, family in CENSORED.items() if not family.support.discrete])
known = pytest.mark.parametrize("name", [name for name in KNOWN if name in CENSORED and name not in OF_LABELS])
# How much a density bends within a tenth of the distance of its quartiles: where it is much more than 1.
PEAKED = {"sinh_arcsinh": 400.0}
LEVELS = (-200.0, -50.0, -30.0, -3.0, 0.0, 3.0, 30.0, 50.0, 200.0)
# Every how many of the raw outputs and of the outcomes are taken where a tail is a long sum.
THINNED = {"skellam": 5, "tweedie": 3, "poisson_inverse_gaussian": 3}


def quantiles(name, *levels):
    return functionals.quantile(made(name), torch.tensor(levels, dtype=torch.float64).unsqueeze(1))


def cuts(name):
    """Random cut points and the atoms, in order: (m, 3)."""
    levels = torch.rand(9, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    atoms = torch.tensor(CENSORED[name].atoms, dtype=torch.float64).unsqueeze(1).expand(-1, 3)
    return torch.cat([quantiles(name, *levels.tolist()), atoms]).sort(0).values


@every
def test_the_probabilities_of_cells_add_up_to_one(name):
    at = cuts(name)
    edge = torch.full_like(at[:1], INF)
    cells = log_likelihood(made(name), Outcome(torch.cat([-edge, at]), torch.cat([at, edge]))).exp()
    # Both ends belong to a cell: what has a probability of its own lies in two.
    twice = functionals.probability_at(made(name), at)
    np.testing.assert_allclose(cells.sum(0) - twice.sum(0), 1.0, atol=1e-12)


@every
def test_open_and_closed_cells_have_the_probability_of_the_cdf(name):
    q, at = made(name), cuts(name)
    below, above, here = functionals.cdf(q, at), functionals.survival(q, at), functionals.probability_at(q, at)
    right, left = (log_likelihood(q, outcome) for outcome in (Outcome(at, at + INF), Outcome(at - INF, at)))
    np.testing.assert_allclose(right.exp(), above + here, rtol=1e-8)
    np.testing.assert_allclose(left.exp(), below, rtol=1e-8)
    wide = log_likelihood(q, Outcome(at[:-3], at[3:]))
    np.testing.assert_allclose(wide.exp(), below[3:] - below[:-3] + here[:-3], rtol=1e-7, atol=1e-12)
    entered = log_likelihood(q, Outcome(at[3:], at[3:] + INF, at[:-3]))
    # A value that has a probability of its own and is the entry itself could not have been seen, nor anything above the largest value.
    beyond, reached = above[:-3], torch.minimum((above + here)[3:], above[:-3])
    np.testing.assert_allclose(entered.exp(), torch.where(beyond > 0, reached / torch.where(beyond > 0, beyond, 1.0), 0.0), rtol=1e-7)


@known
def test_censored_rows_score_as_the_scipy_expression_says(name):
    q, at = made(name), cuts(name)
    theirs = oracle(name, parameters(name))
    y, before = at.numpy(), (at - 1.0 if CENSORED[name].support.discrete else at).numpy()
    np.testing.assert_allclose(log_likelihood(q, Outcome(at, at + INF)), theirs.logsf(before), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(log_likelihood(q, Outcome(at - INF, at)), theirs.logcdf(y), rtol=1e-8, atol=1e-12)


def seen(name):
    """Outcomes (m, 3) in the middle and far out with their entries: every kind, one interval wide and one like rounding."""
    family = CENSORED[name]
    spread, middle = spread_and_middle(name)
    far = torch.stack([middle - 30.0 * spread, middle + 30.0 * spread])
    y = torch.cat([quantiles(name, 0.06, 0.33, 0.74, 0.97), far])
    y = y.round() if family.support.discrete and family.support.step == 1.0 else y
    lowest, highest = family.support.lower, family.support.upper
    held = (y > lowest) & (y < highest)
    y = torch.where(held, y, quantiles(name, 0.55)) + 0.0
    step = torch.full_like(spread, 2.0 * family.support.step) if family.support.discrete else 1e-3 * spread
    lower, upper = joined((y, INF), (-INF, y), (y, y + 1.3 * spread), (y, y + step), (y, y))
    entry = torch.cat([torch.full_like(lower, -INF), torch.minimum(torch.where(lower.isfinite(), lower, upper), middle) - 0.4 * spread])
    return lower.repeat(2, 1), upper.repeat(2, 1), entry


@pytest.mark.slow
@every
def test_the_slopes_of_the_likelihood_are_those_of_finite_differences(name):
    family, (lower, upper, entry) = CENSORED[name], seen(name)
    outcome = Outcome(lower.flatten(), upper.flatten(), entry.flatten())
    raw = {key: value.repeat(len(lower), *(1 for _ in value.shape[1:])).requires_grad_() for key, value in raw_of(family).items()}
    score = scored(family, raw, outcome)
    assert not bool(score.isnan().any())
    held = score.isfinite()
    slopes = torch.autograd.grad(score[held].sum(), list(raw.values()))
    step = 1e-3
    for key, slope in zip(raw, slopes, strict=True):
        for place in range(slope[0].numel()):
            nudge = torch.zeros(slope[0].numel(), dtype=torch.float64)
            nudge[place] = step
            nudge = nudge.reshape(slope.shape[1:])

            def moved(times, key=key, nudge=nudge):
                with torch.no_grad():
                    return scored(family, {**raw, key: raw[key] + times * nudge}, outcome)

            # Central differences of the fourth order: what they leave out is of the order of step⁴.
            numeric = (8.0 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12.0 * step)
            exact = slope.reshape(len(slope), -1)[:, place]
            error = torch.where(held, (exact - numeric).abs() / (1.0 + exact.abs() + 1e-6 * score.detach().abs()), 0.0)
            worst = int(error.argmax())
            said = key, place, float(exact[worst]), float(numeric[worst]), float(outcome.lower[worst]), float(outcome.upper[worst])
            assert float(error[worst]) < 2e-6, said


def possible(family, lower, upper):
    """Which of the outcomes hold a value that can be: an end without a probability of its own is none where it is all that is left."""
    support = family.support
    dense = not support.discrete
    none_below = (upper < support.lower) | ((upper == support.lower) & (dense & (support.lower not in family.atoms)) & (lower < upper))
    none_above = (lower > support.upper) | ((lower == support.upper) & (dense & (support.upper not in family.atoms)) & (lower < upper))
    return ~(none_below | none_above)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "logits"),
    [(name, logits) for name, family in CENSORED.items() for logits in {False, any(parameter.logits for parameter in family.parameters)}],
)
def test_any_mix_of_rows_has_finite_scores_and_slopes_for_every_raw_output(name, logits):
    family = CENSORED[name]
    thinned = THINNED.get(name, 1)
    lower, upper = (end[::thinned] for end in outcomes_over(family))
    entry = torch.where(lower.isfinite(), lower - 1.0, -INF)
    raw = {key: value[::thinned].requires_grad_() for key, value in extremes(family, LEVELS, 25).items()}
    score = scored(family, raw, Outcome(lower.unsqueeze(1), upper.unsqueeze(1), entry.unsqueeze(1)), logits=logits)
    assert bool((score.isfinite() | ((score == -INF) & ~possible(family, lower, upper).unsqueeze(1))).all())
    for slope in torch.autograd.grad(score[score.isfinite()].sum(), list(raw.values()), allow_unused=True):
        assert slope is None or bool(slope.isfinite().all())


def gradients(name, y, spread, outcome):
    """The scores of rows (15,), and their slopes in every raw output (15, outputs)."""
    raw = {key: value.repeat(5, *(1 for _ in value.shape[1:])).requires_grad_() for key, value in raw_of(CENSORED[name]).items()}
    score = scored(CENSORED[name], raw, outcome(y, spread))
    slopes = torch.autograd.grad(score.sum(), list(raw.values()))
    return score.detach(), torch.cat([slope.reshape(len(y), -1) for slope in slopes], 1)


@continuous
def test_narrow_intervals_score_as_the_density_and_so_do_their_slopes(name):
    levels = torch.tensor([0.02, 0.2, 0.43, 0.81, 0.99], dtype=torch.float64)
    spread = spread_and_middle(name)[0]
    spread = torch.where(spread > 0, spread, 1.0)
    y = quantiles(name, *levels.tolist())
    y = torch.where(torch.isin(y, ends(CENSORED[name])), 0.37, y)
    room = [(y - end).abs() for end in ends(CENSORED[name])]
    y, scale = y.flatten(), 0.1 * torch.stack([spread.expand_as(y), *room]).amin(0).flatten()
    dense, slope = gradients(name, y, scale, lambda y, scale: Outcome.exact(y))
    for share in (1e-3, 1e-4, 1e-5, 1e-6):
        half = 0.5 * share * scale
        lower, upper = y - half, y + half
        got, slopes = gradients(name, y, scale, lambda *_, ends=(lower, upper): Outcome(*ends))
        # The ends are rounded, so that their distance is known to so many digits; the midpoint rule leaves a multiple of share².
        rounding = 1e-15 * y.abs() / half
        allowed = PEAKED.get(name, 2.0) * share**2 + 1e-9 + rounding
        assert bool(((got - (upper - lower).log() - dense).abs() < allowed).all())
        assert bool(((slopes - slope).abs() / (1.0 + slope.abs()) < allowed.unsqueeze(1)).all())


@pytest.mark.slow
@pytest.mark.parametrize("z", [-30.0, -12.0, 12.0, 30.0])
@pytest.mark.parametrize("width", [math.inf, -math.inf, 0.5, 1e-5])
def test_thirty_standard_deviations_out_the_normal_keeps_its_digits(z, width):
    mpmath.mp.dps = 250
    y = 0.3 + 2.0 * z
    lower, upper = sorted((y, y + width))

    def known(loc, scale):
        a, b = ((mpmath.mpf(end) - loc) / scale for end in (lower, upper))
        return mpmath.log(mpmath.ncdf(b) - mpmath.ncdf(a) if a < 0 else mpmath.ncdf(-a) - mpmath.ncdf(-b))

    loc, scale = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (0.3, 2.0))
    score = log_likelihood(Normal(loc, scale), Outcome(*(torch.tensor([end], dtype=torch.float64) for end in (lower, upper))))
    slopes = [slope.item() for slope in torch.autograd.grad(score.sum(), (loc, scale))]
    theirs = [mpmath.diff(known, (0.3, 2), order) for order in ((1, 0), (0, 1))]
    np.testing.assert_allclose(score.item(), float(known(mpmath.mpf(0.3), mpmath.mpf(2))), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(slopes, [float(slope) for slope in theirs], rtol=1e-6, atol=1e-300)


@every
def test_an_entry_below_the_support_truncates_nothing(name):
    family, at = CENSORED[name], cuts(name)
    lowest = family.support.lower
    reached = lowest if lowest not in family.atoms and not family.support.discrete else lowest - family.support.step
    for outcome in (Outcome.exact(at), Outcome(at, at + INF)):
        entered = Outcome(outcome.lower, outcome.upper, torch.full_like(at, reached))
        torch.testing.assert_close(log_likelihood(made(name), entered), log_likelihood(made(name), outcome), rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("name", REFUSED)
def test_without_tails_censored_rows_are_refused_with_the_reason(name):
    family = REFUSED[name]
    y = targets(family)[:1]
    made = family.distribution(**{key: value[:1] for key, value in parameters(name).items()}, validate_args=False)
    assert bool(log_likelihood(made, Outcome.exact(y)).isfinite().all())
    for outcome in (Outcome(y, y + INF), Outcome(y, y, entry=y.reshape(1, -1)[:, 0] - 1.0)):
        with pytest.raises(UsageError) as refused:
            log_likelihood(made, outcome)
        assert ("each row is a vector" if family.event else "its cdf has no gradient") in str(refused.value.findings[0].why)
