"""How far our numbers are from the frozen references: the worst error of each distribution and function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from disttrain import distributions
from disttrain.distributions import functionals

__all__ = ["REFERENCES", "log_prob_errors", "quantile_error", "tail_errors"]

REFERENCES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).with_name("references").glob("*.json"))
}


def _error(got: Tensor, reference: Tensor) -> float:
    """The largest |got - reference| / max(1, |reference|); nan where something is not finite."""
    return float(((got - reference).abs() / reference.abs().clamp(min=1.0)).max())


def _columns(name: str, where: str) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
    """y, the parameters and the remaining columns of a table."""
    table = REFERENCES[name]
    columns = list(torch.tensor(table[where], dtype=torch.float64).T)
    count = len(table["parameters"])
    return columns[0], dict(zip(table["parameters"], columns[1 : count + 1], strict=True)), columns[count + 1 :]


def log_prob_errors(name: str, where: str) -> tuple[float, float]:
    """The worst errors of log_prob and of its slopes in the parameters, in the `core` range or at the `extreme`s."""
    y, parameters, (expected, *expected_slopes) = _columns(name, where)
    constants = REFERENCES[name]["constants"]
    given = {key: value if key in constants else value.clone().requires_grad_() for key, value in parameters.items()}
    score = getattr(distributions, name)(**given).log_prob(y)
    slopes = torch.autograd.grad(score.sum(), [value for key, value in given.items() if key not in constants])
    return _error(score.detach(), expected), max(_error(got, wanted) for got, wanted in zip(slopes, expected_slopes, strict=True))


def tail_errors(name: str) -> tuple[float, float]:
    """The worst errors of log F and log S, which for small tails are relative errors of the probability."""
    y, parameters, expected = _columns(name, "tails")
    made = getattr(distributions, name)(**parameters)
    if functionals.has_tails(made):
        below, above = functionals.log_cdf(made, y), functionals.log_survival(made, y)
        return _error(below, expected[0]), _error(above, expected[1])
    # Without logarithms of its own a probability below the float64 range counts as right where it is 0.
    pairs = ((functionals.cdf(made, y), expected[0].exp()), (functionals.survival(made, y), expected[1].exp()))
    return tuple(float(((got - wanted).abs() / wanted.clamp(min=1e-290)).max()) for got, wanted in pairs)  # type: ignore[return-value]


def quantile_error(name: str) -> float:
    """The worst |F(q(p)) - p| / min(p, 1 - p) at the lower or upper probabilities of the table, beyond what rounding q costs."""
    _, parameters, (log_below, log_above) = _columns(name, "tails")
    p = torch.where(log_below < log_above, log_below.exp(), -torch.expm1(log_above))
    kept = (p > 1e-250) & (p < 1.0)
    made, p = getattr(distributions, name)(**{key: value[kept] for key, value in parameters.items()}), p[kept]
    q, tail = functionals.quantile(made, p), torch.minimum(p, 1.0 - p)
    got = torch.where(p < 0.5, functionals.cdf(made, q), functionals.survival(made, q))
    # The quantile itself is rounded: one float64 step there, times the density.
    rounding = made.log_prob(q).exp() * q.abs() * 2.0**-52
    return float((((got - tail).abs() - rounding).clamp(min=0.0) / tail).max())
