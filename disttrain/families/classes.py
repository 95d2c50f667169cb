"""Families of classes."""

from __future__ import annotations

from disttrain.families import supports
from disttrain.families.family import Family, InvalidOption, Parameter
from disttrain.families.univariate import univariate

__all__ = ["bernoulli", "categorical", "ordinal"]


def bernoulli() -> Family:
    """Yes or no, as 1 or 0.

    density   p^y (1 - p)^(1-y)
    loss      -[ y log p + (1 - y) log(1 - p) ]
    symbols   p = probs
    mean      p
    variance  p (1 - p)
    crps      closed form
    scipy     bernoulli(p=probs)
    gamlss    BI: mu = probs
    drops     always: y is 1 or 0, so one of the two terms is 0: the loss is -log of the probability of what happened
    also      binary
    instead   three classes or more: categorical · a share between 0 and 1: beta
    """
    return univariate("bernoulli", "Bernoulli", supports.zero_or_one, Parameter("probs", supports.unit, logits="logits"))


def categorical(classes: int) -> Family:
    """One of several classes without order: a label column, or one-hot columns.

    density   p_y
    loss      -log p_y
    symbols   p = probs
    mean      does not exist
    variance  does not exist
    crps      does not apply: classes have no order
    scipy     multinomial(n=1, p=probs)
    gamlss    MULTIN
    drops     always: as one-hot columns the loss is -Σ_k y_k log p_k, and all terms but one are 0: -log of the probability of the class that happened
    also      softmax, multiclass
    instead   two classes: bernoulli · classes with an order: ordinal
    """
    return univariate(
        "categorical",
        "Categorical",
        supports.classes(classes),
        Parameter("probs", supports.simplex, shape=(classes,), axes=("classes",), logits="logits"),
    )


def ordinal(classes: int, link: str = "logit", order: list[str] | None = None) -> Family:
    """Classes with an order: grades, ratings, stages. The option `order` lists text labels from the lowest to the highest; numbers sort.

    density   F(c_y - μ) - F(c_(y-1) - μ)
    loss      -log(F(c_y - μ) - F(c_(y-1) - μ))
    symbols   μ = loc, c = cutpoints
    mean      does not exist
    variance  does not exist
    crps      summation: the ranked probability score, in steps from class to class
    scipy     none
    gamlss    OPO of gamlss.ordinal packages
    instead   no order: categorical · counts: poisson
    """
    if link not in ("logit", "probit"):
        raise InvalidOption("link", f"`link: {link}` is not known", "logit or probit")
    if order is not None and (not isinstance(order, list | tuple) or len(set(map(str, order))) != len(order) or len(order) < 2):
        raise InvalidOption("order", "`order` must list every label once, the lowest first", "order: [low, middle, high]")
    return univariate(
        "ordinal",
        f"ordinal_{link}",
        supports.classes(classes),
        Parameter("loc", supports.real),
        Parameter("cutpoints", supports.increasing, shape=(classes - 1,), constant=True),
        pool="classes",
    )
