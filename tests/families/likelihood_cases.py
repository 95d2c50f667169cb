"""What the likelihood of censored rows is walked over: every family with tails, and the outcomes that a row of it may have."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from disttrain.distributions.core import functionals
from disttrain.families import Family, build
from disttrain.likelihood import log_likelihood
from disttrain.outcomes import Outcome
from tests.families.family_cases import FAMILY, arguments, outputs, parameters_of, targets

__all__ = ["CENSORED", "REFUSED", "ends", "joined", "made", "outcomes_over", "raw_of", "scored", "spread_and_middle"]

_ALL = FAMILY | {
    "inflated negative_binomial": build("zero_inflated", {"of": "negative_binomial"}),
    "truncated gamma": build("truncated", {"of": "gamma", "lower": 0.5}),
    "truncated hurdle": build("truncated", {"of": {"family": "hurdle", "of": "gamma"}, "upper": 4.0}),
    "hurdle of log_normal": build("hurdle", {"of": "log_normal"}),
}
CENSORED: dict[str, Family] = {name: family for name, family in _ALL.items() if family.tails and not family.event}
REFUSED: dict[str, Family] = {name: family for name, family in _ALL.items() if name not in CENSORED}
INF = math.inf


@functools.cache
def made(name: str):
    """The distribution of a family at three ordinary rows of parameters: (3,)."""
    return CENSORED[name].distribution(**parameters_of(CENSORED[name]), validate_args=False)


def raw_of(family: Family) -> dict[str, Tensor]:
    """The raw outputs (3, *raw_shape) of three ordinary rows of parameters."""
    values = parameters_of(family)
    raw = {o.parameter.name: o.activation.inverse(values[o.parameter.name]) for o in outputs(family) if o.size and not o.parameter.tied}
    shares = torch.tensor([-0.4, 0.3, 0.9], dtype=torch.float64)
    tied = {
        o.parameter.name: shares.reshape(3, *(1 for _ in o.raw_shape)).expand(3, *o.raw_shape).clone()
        for o in outputs(family)
        if o.parameter.tied
    }
    return {o.parameter.name: (raw | tied)[o.parameter.name] for o in outputs(family) if o.size}


def scored(family: Family, raw: dict[str, Tensor], outcome: Outcome, *, logits: bool = False) -> Tensor:
    """The log-likelihood at raw outputs, through the activations, as training has it."""
    return log_likelihood(family.distribution(**arguments(family, raw, logits=logits), validate_args=False), outcome)


@functools.cache
def spread_and_middle(name: str) -> tuple[Tensor, Tensor]:
    """The distance of the quartiles and the median: (3,)."""
    low, middle, high = functionals.quantile(made(name), torch.tensor([[0.25], [0.5], [0.75]], dtype=torch.float64))
    return high - low, middle


def joined(*pairs: tuple[Tensor | float, Tensor | float]) -> tuple[Tensor, Tensor]:
    """The ends of outcomes one after the other, from pairs of lower and upper ends of which one may be a number."""
    both = [torch.broadcast_tensors(*(torch.as_tensor(end, dtype=torch.float64) for end in pair)) for pair in pairs]
    return torch.cat([lower for lower, _ in both]), torch.cat([upper for _, upper in both])


def ends(family: Family) -> Tensor:
    """The ends of the support that are finite, and the atoms."""
    support = family.support
    found = {end for end in (support.lower, support.upper, *family.atoms) if math.isfinite(end)}
    return torch.tensor(sorted(found), dtype=torch.float64)


def outcomes_over(family: Family) -> tuple[Tensor, Tensor]:
    """Outcomes (m,) of every kind all over the support and at its ends: exact, censored, wide, narrow, rounded onto an end, unknown."""
    support = family.support
    reach = targets(family)
    y = torch.unique(torch.cat([reach[:: max(1, len(reach) // 10)], reach[-1:], ends(family)]))
    inside = y[support.contains(y)]
    half = 0.5 * support.step if support.discrete else 0.005
    fine = inside if support.discrete else y
    return joined(
        (inside, inside), (y, INF), (-INF, y), (y[:-1], y[1:]), (y[:1], y[-1:]), (fine - half, fine + half), (-INF, torch.tensor([INF])),
        *(() if support.discrete else ((y - 1e-7 * y.abs().clamp(min=1e-3), y + 1e-7 * y.abs().clamp(min=1e-3)),)),
    )  # fmt: skip
