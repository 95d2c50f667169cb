"""How far our numbers are from the frozen references: the worst error of each distribution and function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from disttrain.distributions.core import functionals
from tests.distributions.flat_makers import made

__all__ = ["REFERENCES", "log_prob_errors", "quantile_error", "tail_errors"]

REFERENCES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).with_name("references").glob("*.json"))
}


def _error(got: Tensor, reference: Tensor) -> float:
    """The largest |got - reference| / max(1, |reference|); nan where something is not finite."""
    return float(((got - reference).abs() / reference.abs().clamp(min=1.0)).max())


def _columns(name: str, where: str) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
    """y, the parameters and the remaining columns of a table; y is (n,), or (n, d) of vectors."""
    table = REFERENCES[name]
    columns = list(torch.tensor(table[where], dtype=torch.float64).T)
    outcomes = table.get("outcomes", 1)
    end = outcomes + len(table["parameters"])
    y = torch.stack(columns[:outcomes], -1) if outcomes > 1 else columns[0]
    return y, dict(zip(table["parameters"], columns[outcomes:end], strict=True)), columns[end:]


def log_prob_errors(name: str, where: str) -> tuple[float, float]:
    """The worst errors of log_prob and of its slopes in the parameters, in the `core` range or at the `extreme`s."""
    y, parameters, (expected, *expected_slopes) = _columns(name, where)
    constants = REFERENCES[name]["constants"]
    given = {key: value if key in constants else value.clone().requires_grad_() for key, value in parameters.items()}
    score = made(name, given).log_prob(y)
    slopes = torch.autograd.grad(score.sum(), [value for key, value in given.items() if key not in constants])
    return _error(score.detach(), expected), max(_error(got, wanted) for got, wanted in zip(slopes, expected_slopes, strict=True))


def tail_errors(name: str) -> tuple[float, float]:
    """The worst errors of log F and log S, which for small tails are relative errors of the probability."""
    y, parameters, expected = _columns(name, "tails")
    distribution = made(name, parameters)
    if functionals.has_tails(distribution):
        below, above = functionals.log_cdf(distribution, y), functionals.log_survival(distribution, y)
        return _error(below, expected[0]), _error(above, expected[1])
    # Without logarithms of its own a probability below the float64 range counts as right where it is 0.
    pairs = ((functionals.cdf(distribution, y), expected[0].exp()), (functionals.survival(distribution, y), expected[1].exp()))
    return tuple(float(((got - wanted).abs() / wanted.clamp(min=1e-290)).max()) for got, wanted in pairs)  # type: ignore[return-value]


def quantile_error(name: str) -> float:
    """The worst |F(q(p)) - p| / min(p, 1 - p) at the lower or upper probabilities of the table, beyond what rounding q costs.

    Where q has a probability of its own, p may lie anywhere from F before q to F(q).
    """
    _, parameters, (log_below, log_above) = _columns(name, "tails")
    p = torch.where(log_below < log_above, log_below.exp(), -torch.expm1(log_above))
    kept = (p > 1e-250) & (p < 1.0)
    distribution, p = made(name, {key: value[kept] for key, value in parameters.items()}), p[kept]
    q, tail = functionals.quantile(distribution, p), torch.minimum(p, 1.0 - p)
    over = torch.where(p < 0.5, functionals.cdf(distribution, q) - tail, tail - functionals.survival(distribution, q))
    own = functionals.probability_at(distribution, q)
    # The quantile itself is rounded: one float64 step there, times the density. So are a p near 1 and a probability of one value.
    density = 0.0 if functionals.is_discrete(distribution) else distribution.log_prob(q).exp() * q.abs()
    rounding = 2.0**-52 * (density + torch.maximum(own, (p > 0.5).double()))
    return float((torch.where(over > 0.0, over - own, -over) - rounding).clamp(min=0.0).div(tail).max())
