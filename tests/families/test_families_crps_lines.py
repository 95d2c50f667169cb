"""The line `crps` of every family's documentation says how its score is computed."""

from __future__ import annotations

import re

import pytest

from disttrain.distributions.core import functionals
from disttrain.families import FAMILIES, build, facts
from disttrain.metrics.applicability import needs_order
from disttrain.metrics.crps.closed_forms import closed_form
from tests.families.family_cases import distribution, parameters_of


def way(made):
    """How the program computes the score of a distribution."""
    if needs_order(made):
        return "does not apply"
    if closed_form(made) is not None:
        return "closed form"
    # Of multiples of a step the numbers of steps are counted.
    return "summation" if functionals.is_discrete(made) or getattr(made, "step", None) is not None else "quadrature"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_line_is_true(name):
    assert re.split(":| of ", facts(name).lines["crps"])[0] == way(distribution(name))


def test_only_mixtures_of_normals_have_a_closed_form():
    ways = {}
    for of in ("normal", "gamma", "poisson"):
        family = build("mixture", {"of": of})
        ways[of] = way(family.distribution(**parameters_of(family), validate_args=False))
    assert ways == {"normal": "closed form", "gamma": "quadrature", "poisson": "summation"}
