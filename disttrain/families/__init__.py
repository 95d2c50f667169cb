"""The table of families, and what is known of each. Importing this room does not import torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from disttrain.families.activations import ACTIVATIONS, Activation, activation_for, bounded, default_name, objection
from disttrain.families.categories import bernoulli, categorical
from disttrain.families.counts import geometric, negative_binomial, poisson
from disttrain.families.family import Family, Parameter
from disttrain.families.half_line import exponential, gamma, inverse_gaussian, log_normal, weibull
from disttrain.families.real_line import cauchy, gumbel, laplace, logistic, normal, student_t
from disttrain.families.scaling import Scaling
from disttrain.families.unit_interval import beta

__all__ = [
    "ACTIVATIONS",
    "FAMILIES",
    "Activation",
    "Facts",
    "Family",
    "Parameter",
    "Scaling",
    "activation_for",
    "bounded",
    "build",
    "default_name",
    "facts",
    "objection",
    "options",
]

FAMILIES: dict[str, Callable[..., Family]] = {
    function.__name__: function
    for function in (
        normal, student_t, laplace, logistic, cauchy, gumbel,
        exponential, gamma, log_normal, weibull, inverse_gaussian,
        beta,
        poisson, negative_binomial, geometric,
        bernoulli, categorical,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What a family's docstring says of it: a summary and named lines (density, loss, symbols, mean, scipy, ...)."""

    summary: str
    lines: Mapping[str, str]

    def symbols(self) -> dict[str, str]:
        """The parameter that each symbol of the formulas stands for, as {symbol: parameter}."""
        return dict(pair.split(" = ") for pair in self.lines["symbols"].split(", "))


def facts(name: str) -> Facts:
    """What is known of the family called `name`. Raises KeyError for a name that is not in the table."""
    summary, _, body = (inspect.getdoc(FAMILIES[name]) or "").partition("\n\n")
    rows = (line.split(None, 1) for line in body.splitlines())
    return Facts(" ".join(summary.split()), dict(rows))


def options(name: str) -> tuple[str, ...]:
    """The options that the family called `name` takes, such as `classes`. Raises KeyError for a name that is not in the table."""
    return tuple(inspect.signature(FAMILIES[name]).parameters)


def build(name: str, given: Mapping[str, Any]) -> Family:
    """The family called `name`, built from those of the `given` facts and options (such as the number of classes) that it takes.

    Raises KeyError for a name that is not in the table.
    """
    return FAMILIES[name](**{option: given[option] for option in options(name) if option in given})
