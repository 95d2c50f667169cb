"""Distributions of vectors, and those made of others, by flat numbers: what a row of a reference table is turned into.

`Mixture-Normal` is the mixture whose reference is a mixture of two normals; the parameters of component k end in k, as elements of a
vector do. `made(name, parameters)` is the distribution of any table, where each parameter is a column (n,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import distributions as d

__all__ = ["MAKERS", "made"]


def joined(*columns: Tensor) -> Tensor:
    """Columns (n,) side by side: (n, d)."""
    return torch.stack(columns, -1)


def lower_triangle(l11: Tensor, l21: Tensor, l22: Tensor, l31: Tensor, l32: Tensor, l33: Tensor) -> Tensor:
    none = torch.zeros_like(l11)
    return torch.stack([joined(l11, none, none), joined(l21, l22, none), joined(l31, l32, l33)], -2)


def ordinal(link: str) -> Callable[..., Distribution]:
    return lambda loc, cut1, cut2, cut3: d.Ordinal(loc, joined(cut1, cut2, cut3), link)


def multivariate_normal(loc1, loc2, loc3, **triangle):
    return d.MultivariateNormal(joined(loc1, loc2, loc3), lower_triangle(**triangle))


def multivariate_student_t(df, loc1, loc2, loc3, **triangle):
    return d.MultivariateStudentT(df, joined(loc1, loc2, loc3), lower_triangle(**triangle))


def mixed(component: Callable[..., Distribution]) -> Callable[..., Distribution]:
    """A mixture of two of `component`, whose parameters come as name1, name2."""

    def make(logits1: Tensor, logits2: Tensor, **parameters: Tensor) -> Distribution:
        names = dict.fromkeys(name[:-1] for name in parameters)
        inner = {name: joined(parameters[f"{name}1"], parameters[f"{name}2"]) for name in names}
        return d.Mixture(component(**inner), weight_logits=joined(logits1, logits2))

    return make


def gated(outer: Callable[..., Distribution], base: Callable[..., Distribution]) -> Callable[..., Distribution]:
    return lambda gate_logits, **parameters: outer(base(**parameters), gate_logits=gate_logits)


def truncated(base: Callable[..., Distribution]) -> Callable[..., Distribution]:
    return lambda lower, upper=None, **parameters: d.Truncated(base(**parameters), lower, upper)


def discretized(base: Callable[..., Distribution]) -> Callable[..., Distribution]:
    return lambda step, **parameters: d.Discretized(base(**parameters), step)


MAKERS: dict[str, Callable[..., Distribution]] = {
    "Ordinal-logit": ordinal("logit"),
    "Ordinal-probit": ordinal("probit"),
    "MultivariateNormal": multivariate_normal,
    "MultivariateStudentT": multivariate_student_t,
    "Dirichlet": lambda **a: d.Dirichlet(joined(*a.values())),
    "Multinomial": lambda **logits: d.Multinomial(logits=joined(*logits.values())),
    "DirichletMultinomial": lambda **a: d.DirichletMultinomial(joined(*a.values())),
    "Mixture-Normal": mixed(d.Normal),
    "Mixture-Poisson": mixed(d.Poisson),
    "Mixture-Hurdle": mixed(gated(d.Hurdle, d.Gamma)),
    "Mixture-Truncated": mixed(truncated(d.Normal)),
    "Independent-Gamma": lambda a1, a2, rate1, rate2: d.Independent(d.Gamma(joined(a1, a2), joined(rate1, rate2))),
    "ZeroInflated-Poisson": gated(d.ZeroInflated, d.Poisson),
    "ZeroInflated-NegativeBinomial": gated(d.ZeroInflated, d.NegativeBinomial),
    "Hurdle-Poisson": gated(d.Hurdle, d.Poisson),
    "Hurdle-NegativeBinomial": gated(d.Hurdle, d.NegativeBinomial),
    "Hurdle-Gamma": gated(d.Hurdle, d.Gamma),
    "Truncated-Normal": truncated(d.Normal),
    "Truncated-Gamma": truncated(d.Gamma),
    "Truncated-Poisson": truncated(d.Poisson),
    "Discretized-Normal": discretized(d.Normal),
    "Discretized-Gamma": discretized(d.Gamma),
}


def made(name: str, parameters: Mapping[str, Tensor]) -> Distribution:
    """The distribution of a table of references, of its parameters as columns (n,)."""
    return MAKERS.get(name, d.deferred_class(name if name in dir(d) else f"torch.distributions.{name}"))(**parameters)
