"""Families under the names of other programs: every name that a docstring gives leads to a family that is built."""

from __future__ import annotations

import re

import pytest
import scipy.stats

from disttrain.families import FAMILIES, build, facts
from disttrain.families.other_names import hint_to_family, other_names, spelled_here

FACTS = {"classes": 3, "targets": 2}
# Families of scipy.stats and gamlss, and what they are called here: from the manuals of both.
KNOWN = {
    "GA": "gamma", "NO": "normal", "BCT": "box_cox_t", "TF": "student_t", "LOGNO": "log_normal", "PO": "poisson", "NBI": "negative_binomial",
    "WEI": "weibull", "IG": "inverse_gaussian", "EXP": "exponential", "LO": "logistic", "BCCG": "box_cox_cole_green", "norm": "normal",
    "lognorm": "log_normal", "expon": "exponential", "t": "student_t", "nbinom": "negative_binomial", "invgauss": "inverse_gaussian",
    "weibull_min": "weibull", "gumbel_r": "gumbel", "genpareto": "generalized_pareto", "fisk": "log_logistic", "geom": "geometric",
    "binom": "binomial", "scipy.stats.norm": "normal", "LogNormal": "log_normal", "StudentT": "student_t", "Gaussian": "normal",
    "NegativeBinomial": "negative_binomial", "student-t": "student_t", "ga": "gamma", "gamma_": "gamma", "wald": "inverse_gaussian",
}  # fmt: skip


@pytest.mark.parametrize("word", KNOWN)
def test_well_known_names_lead_to_the_family(word):
    assert spelled_here(word)[0].split("` or `")[0] == KNOWN[word]


def test_every_name_leads_to_families_that_there_are_and_hides_none():
    for name, (source, families) in other_names().items():
        assert name not in FAMILIES
        assert set(families) <= set(FAMILIES)
        assert source != "scipy.stats" or hasattr(scipy.stats, name)
        assert spelled_here(name)[0].split("` or `") == families


@pytest.mark.parametrize(("word", "outer", "base"), [("ZIP", "zero_inflated", "poisson"), ("ZINBI", "zero_inflated", "negative_binomial"),
                                                     ("ZAGA", "hurdle", "gamma"), ("ZAIG", "hurdle", "inverse_gaussian")])  # fmt: skip
def test_a_family_of_gamlss_with_zeros_is_spelled_with_what_it_is_made_of(word, outer, base):
    assert spelled_here(word)[0] == f"{{family: {outer}, of: {base}}}"
    build(outer, {"of": base})


# The names that docstrings give in the line `scipy`, where they are not ours.
IN_DOCSTRINGS = [
    (family, match[0])
    for family in FAMILIES
    if (match := re.match(r"[a-z_\d]+(?=\()", facts(family).lines.get("scipy", ""))) and match[0] not in FAMILIES
]


@pytest.mark.parametrize(("family", "name"), IN_DOCSTRINGS)
def test_the_names_in_a_docstring_are_found(family, name):
    assert family in spelled_here(name)[0].split("` or `")


@pytest.mark.parametrize("word", ["", "zz", "ZA", "ZIXX", "none", "scipy.stats."])
def test_a_word_that_is_no_name_leads_nowhere(word):
    assert spelled_here(word) is None


HINTS = {
    "NO": "did you mean `normal`? it is NO of gamlss; `disttrain families` lists all",
    "Gaussian": "did you mean `normal`? `disttrain families` lists all",
    "zz": None,
}


@pytest.mark.parametrize("word", HINTS)
def test_a_hint_says_where_a_family_has_the_name(word):
    assert hint_to_family(word) == HINTS[word]
