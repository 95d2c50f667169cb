"""Rows of every kind in one batch: what each scores is the probability its words state, and its slopes are its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from disttrain.distributions.core import functionals
from disttrain.families import FAMILIES, Family, InvalidOption, build, needs
from disttrain.likelihood import log_likelihood
from disttrain.outcomes import Outcome
from tests.families.family_cases import arguments
from tests.families.likelihood_cases import CENSORED, INF, made, raw_of

# In which a single value has a probability.
PROBABLE = [name for name, family in CENSORED.items() if family.support.discrete or family.atoms]


def values(name: str) -> Tensor:
    """Values (m, 3) that have a probability of their own, below the largest one."""
    family, quantiles = CENSORED[name], torch.tensor([[0.1], [0.4], [0.6], [0.9]], dtype=torch.float64)
    if not family.support.discrete:
        return torch.tensor(family.atoms, dtype=torch.float64).unsqueeze(1).expand(-1, 3)
    y = functionals.quantile(made(name), quantiles)
    return torch.where(y < family.support.upper, y, y - family.support.step)


def inclusive(name: str, y: Tensor) -> Tensor:
    return functionals.survival(made(name), y) + functionals.probability_at(made(name), y)


@pytest.mark.parametrize("name", PROBABLE)
def test_an_event_of_0_is_larger_than_its_value_and_a_limit_is_reached(name: str) -> None:
    q, y = made(name), values(name)
    event = torch.zeros_like(y)
    larger, reached = log_likelihood(q, Outcome.of_events(y, event)), log_likelihood(q, Outcome(y, y + INF))
    np.testing.assert_allclose(larger.exp(), functionals.survival(q, y), rtol=1e-8, atol=1e-13)
    np.testing.assert_allclose(reached.exp(), inclusive(name, y), rtol=1e-8)
    assert bool((larger < reached).all())


@pytest.mark.parametrize("name", PROBABLE)
def test_an_interval_holds_its_ends_and_one_that_is_open_below_only_the_upper(name: str) -> None:
    q, y = made(name), values(name)
    upper = y + (2.0 * CENSORED[name].support.step if CENSORED[name].support.discrete else 0.4)
    within = functionals.cdf(q, upper) - functionals.cdf(q, y)
    both = log_likelihood(q, Outcome(y, upper)).exp()
    open_below = log_likelihood(q, Outcome(y, upper, above=torch.ones_like(y, dtype=torch.bool))).exp()
    np.testing.assert_allclose(open_below, within, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(both, within + functionals.probability_at(q, y), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", PROBABLE)
def test_a_row_with_an_entry_was_above_it(name: str) -> None:
    q, y = made(name), values(name)[:1]
    beyond = functionals.quantile(q, torch.full((1, 3), 0.97, dtype=torch.float64))
    larger = torch.maximum(beyond, y + (CENSORED[name].support.step if CENSORED[name].support.discrete else 0.0))
    entered = log_likelihood(q, Outcome(larger, larger, entry=y))
    np.testing.assert_allclose(entered, q.log_prob(larger).double() - functionals.log_survival(q, y), rtol=1e-10)
    assert bool((log_likelihood(q, Outcome(y, y, entry=y)) == -INF).all())
    # All that is known of a row that is still there at its entry is that.
    np.testing.assert_allclose(log_likelihood(q, Outcome.of_events(y, torch.zeros_like(y), entry=y)), 0.0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in CENSORED if name not in PROBABLE])
def test_of_a_density_both_are_the_same(name: str) -> None:
    q = made(name)
    y = functionals.quantile(q, torch.tensor([[0.1], [0.5], [0.9]], dtype=torch.float64))
    larger, reached = log_likelihood(q, Outcome.of_events(y, torch.zeros_like(y))), log_likelihood(q, Outcome(y, y + INF))
    torch.testing.assert_close(larger, reached, rtol=1e-12, atol=1e-13)


def nested() -> dict[str, Family]:
    """The combinators of every family that they take, and some of their combinations."""
    inner = [name for name in FAMILIES if "classes" not in needs(name, {})]
    made: dict[str, Family] = {}
    for name in inner:
        of = build(name, {"targets": 2})
        if of.event or not of.tails or name in ("mixture", "hurdle", "zero_inflated", "truncated", "discretized"):
            continue
        unit = of.support.upper == 1.0 and not of.support.discrete
        ends = {"upper": 0.8} if unit else {"upper": 6.0}
        tried = {
            "hurdle": {"of": name},
            "zero_inflated": {"of": name},
            "truncated": {"of": name, **ends},
            "hurdle of truncated": {"of": {"family": "truncated", "of": name, **ends}},
            "mixture of hurdles": {"of": {"family": "hurdle", "of": name}},
        }
        for title, options in tried.items():
            try:
                family = build(title.split(" of ")[0], options)
            except InvalidOption:
                continue
            made[f"{title} ({name})"] = family
    return made


MIXED = nested() | CENSORED


def points(family: Family) -> Tensor:
    """Three values inside the support, in the middle of it at ordinary parameters."""
    support = family.support
    if support.discrete:
        first = support.lower if math.isfinite(support.lower) else 0.0
        y = first + support.step * torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
        return y[y <= support.upper]
    if math.isfinite(support.upper):
        lower = max(support.lower, support.upper - 3.0)
        return lower + (support.upper - lower) * torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64)
    return torch.tensor([0.6, 1.3, 2.9], dtype=torch.float64) + max(support.lower, 0.0)


def batch(family: Family) -> Outcome:
    """Exact, right-censored, left-censored and interval rows, open and closed, and once more those that may have an entry with one."""
    y = points(family)
    closed = torch.zeros_like(y, dtype=torch.bool)
    nothing, everything = torch.full_like(y, -INF), torch.full_like(y, INF)
    below = y[y < family.support.upper]
    rows = [(y, y, closed), (y, everything, closed), (nothing, y, closed), (nothing, everything, closed)]
    rows += [(below, torch.full_like(below, INF), torch.ones_like(below, dtype=torch.bool))]
    if len(y) > 1 and y[0] < y[-1]:
        rows += [(y[:1], y[-1:], closed[:1]), (y[:1], y[-1:], ~closed[:1])]
    for atom in family.atoms:
        here = torch.tensor([atom], dtype=torch.float64)
        rows += [(here, here, closed[:1]), (here, here + INF, closed[:1]), (here - INF, here, closed[:1])]
        rows += [(here, here + INF, ~closed[:1])] if atom < family.support.upper else []
    lower, upper, above = (torch.cat(column) for column in zip(*rows, strict=True))
    entry = torch.full_like(lower, float(y[0]) - family.support.step if family.support.discrete else 0.9 * float(y[0]) - 0.1)
    first = torch.where(lower.isinf(), upper, lower)
    late = (first > entry) | (upper.isinf() & lower.isinf())
    parts = [torch.cat([column, column[late]]) for column in (lower, upper, above)]
    return Outcome(parts[0], parts[1], torch.cat([torch.full_like(lower, -INF), entry[late]]), above=parts[2])


@pytest.mark.slow
@pytest.mark.parametrize("name", MIXED)
def test_every_row_of_a_mixed_batch_has_the_slopes_it_has_among_its_own_kind(name: str) -> None:
    family = MIXED[name]
    logits = any(parameter.logits for parameter in family.parameters)
    one = {key: value[:1] for key, value in raw_of(family).items()}
    outcome = batch(family)

    def scored(rows: Tensor) -> tuple[Tensor, Tensor]:
        some = outcome[rows]
        some = Outcome(some.lower, some.upper, some.entry, above=some.above)
        raw = {key: value.expand(len(rows), *value.shape[1:]).clone().requires_grad_() for key, value in one.items()}
        score = log_likelihood(family.distribution(**arguments(family, raw, logits=logits), validate_args=False), some)
        slopes = torch.autograd.grad(score.sum(), list(raw.values()))
        return score.detach(), torch.cat([slope.reshape(len(rows), -1) for slope in slopes], 1)

    score, slopes = scored(torch.arange(len(outcome)))
    assert bool(score.isfinite().all())
    assert bool(slopes.isfinite().all())
    for kind in outcome.by_kind.values():
        rows = kind.nonzero().flatten()
        if len(rows):
            alone, theirs = scored(rows)
            torch.testing.assert_close(score[rows], alone, rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(slopes[rows], theirs, rtol=1e-6, atol=1e-9)


def test_the_slopes_of_a_censored_hurdle_of_shares_are_those_of_finite_differences() -> None:
    family = build("hurdle", {"of": "beta"})
    outcome = Outcome(*(torch.tensor(end, dtype=torch.float64) for end in ((0.4, 0.4, -INF, 0.2, 0.0), (0.4, INF, 0.3, 0.9, 0.0))))
    raw = {key: value[:1].expand(5, *value.shape[1:]).clone().requires_grad_() for key, value in raw_of(family).items()}

    def loss(moved: dict[str, Tensor]) -> Tensor:
        return log_likelihood(family.distribution(**arguments(family, moved), validate_args=False), outcome).sum()

    assert torch.autograd.gradcheck(lambda *columns: loss(dict(zip(raw, columns, strict=True))), tuple(raw.values()), atol=1e-6)


def test_a_row_that_no_value_is_left_of_is_refused() -> None:
    from disttrain.errors import UsageError

    y = torch.tensor([1.0, 2.0], dtype=torch.float64)
    with pytest.raises(UsageError, match="row 1 has lower = upper"):
        Outcome(y, y.clone(), above=torch.tensor([False, True]))


def test_what_is_left_out_follows_its_rows_and_not_the_unit() -> None:
    outcome = Outcome.of_events(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1, 0, 0]))
    assert outcome[torch.tensor([2, 0])].above.tolist() == [True, False]
    halved = outcome.map(lambda ends: 0.5 * ends)
    assert halved.above.tolist() == [False, True, True]
    assert halved.lower.tolist() == [0.5, 1.0, 1.5]
    assert math.isinf(halved.upper[1])
