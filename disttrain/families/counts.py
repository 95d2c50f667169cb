"""Families of counts: 0, 1, 2, ..."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = ["geometric", "negative_binomial", "poisson"]


def poisson() -> Family:
    """Counts of independent events, whose variance is their mean.

    density   r^y exp(-r) / y!
    loss      r - y log r + log y!
    symbols   r = rate
    mean      r
    variance  r
    crps      closed form
    scipy     poisson(mu=rate)
    gamlss    PO: mu = rate
    instead   variance above the mean: negative_binomial, geometric
    """
    return Family(
        "poisson",
        support=on.counts,
        parameters=(Parameter("rate", on.positive, role="mean", activation="exp"),),
        distribution=deferred_class("Poisson"),
    )


def negative_binomial() -> Family:
    """Counts that vary more than a Poisson's: variance mean + mean²/concentration (NB2). Tends to Poisson as concentration grows.

    density   Γ(y + k) / (Γ(k) y!) · (k/(k + m))^k (m/(k + m))^y
    loss      -log Γ(y + k) + log Γ(k) + log y! - k log(k/(k + m)) - y log(m/(k + m))
    symbols   m = mean, k = concentration
    mean      m
    variance  m + m²/k
    crps      closed form
    scipy     nbinom(n=concentration, p=concentration/(concentration + mean))
    gamlss    NBI: mu = mean, sigma = 1/concentration
    instead   no extra variation: poisson
    """
    return Family(
        "negative_binomial",
        support=on.counts,
        parameters=(Parameter("mean", on.positive, role="mean", activation="exp"), Parameter("concentration", on.positive)),
        distribution=deferred_class("NegativeBinomial"),
    )


def geometric() -> Family:
    """Failures before the first success; counted from 0.

    density   p (1 - p)^y
    loss      -log p - y log(1 - p)
    symbols   p = probs
    mean      (1 - p)/p
    variance  (1 - p)/p²
    crps      closed form
    scipy     geom(p=probs, loc=-1)
    gamlss    GEOM: mu = (1 - probs)/probs
    instead   a variance of its own: negative_binomial
    """
    return Family(
        "geometric",
        support=on.counts,
        parameters=(Parameter("probs", on.unit),),
        distribution=deferred_class("Geometric"),
    )
