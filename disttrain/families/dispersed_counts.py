"""Families of counts that vary more, or less, than a Poisson, counts out of a number of trials, and differences of counts."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = [
    "beta_binomial", "binomial", "com_poisson", "generalized_poisson", "negative_binomial1", "poisson_inverse_gaussian", "skellam",
]  # fmt: skip


def negative_binomial1() -> Family:
    """Counts whose variance is a multiple of their mean, mean (1 + dispersion) (NB1), as of events that come in groups.

    density   Γ(y + m/d) / (Γ(m/d) y!) · (1 + d)^(-m/d) (d/(1 + d))^y
    loss      -log Γ(y + m/d) + log Γ(m/d) + log y! + (m/d) log(1 + d) - y log(d/(1 + d))
    symbols   m = mean, d = dispersion
    mean      m
    variance  m (1 + d)
    crps      closed form
    scipy     nbinom(n=mean/dispersion, p=1/(1 + dispersion))
    gamlss    NBII: mu = mean, sigma = dispersion
    instead   variance that grows with the mean's square: negative_binomial · no extra variation: poisson
    """
    return Family(
        "negative_binomial1",
        support=on.counts,
        parameters=(Parameter("mean", on.positive, role="mean", activation="exp"), Parameter("dispersion", on.positive)),
        distribution=deferred_class("negative_binomial1"),
    )


def generalized_poisson() -> Family:
    """Counts of events that set off others: variance mean (1 + dispersion mean)², and a tail that is longer than a negative binomial's.

    density   (m/(1 + d m))^y (1 + d y)^(y-1) exp(-m (1 + d y)/(1 + d m)) / y!
    loss      -y log(m/(1 + d m)) - (y-1) log(1 + d y) + m (1 + d y)/(1 + d m) + log y!
    symbols   m = mean, d = dispersion
    mean      m
    variance  m (1 + d m)²
    crps      summation
    scipy     none
    gamlss    GPO: mu = mean, sigma = dispersion
    instead   lighter tail: negative_binomial · close relative: poisson_inverse_gaussian
    """
    return Family(
        "generalized_poisson",
        support=on.counts,
        parameters=(Parameter("mean", on.positive, role="mean", activation="exp"), Parameter("dispersion", on.positive)),
        distribution=deferred_class("GeneralizedPoisson"),
    )


def com_poisson() -> Family:
    """Counts that vary less than a Poisson (dispersion above 1) or more (below 1), by their mean; λ is what gives that mean m.

    density   λ(m, d)^y / y!^d / Σ_k λ(m, d)^k / k!^d
    loss      -y log λ(m, d) + d log y! + log Σ_k λ(m, d)^k / k!^d
    symbols   m = mean, d = dispersion
    mean      m
    variance  about m/d
    crps      summation
    scipy     none
    gamlss    none
    instead   dispersion 1: poisson · more variation, faster: negative_binomial
    """
    return Family(
        "com_poisson",
        support=on.counts,
        parameters=(Parameter("mean", on.positive, role="mean", activation="exp"), Parameter("dispersion", on.positive)),
        distribution=deferred_class("ComPoisson"),
    )


def poisson_inverse_gaussian() -> Family:
    """Counts with a long tail: a Poisson whose rate is inverse Gaussian. Variance mean + dispersion mean².

    density   √(2a/π) exp(1/d) K_(y-½)(a) (m/(a d))^y / y!, a² = 1/d² + 2m/d
    loss      -½ log(2a/π) - 1/d - log K_(y-½)(a) - y log(m/(a d)) + log y!, a² = 1/d² + 2m/d
    symbols   m = mean, d = dispersion
    mean      m
    variance  m + d m²
    crps      summation
    scipy     none
    gamlss    PIG: mu = mean, sigma = dispersion
    instead   lighter tail: negative_binomial · still longer: generalized_poisson
    """
    return Family(
        "poisson_inverse_gaussian",
        support=on.counts,
        parameters=(Parameter("mean", on.positive, role="mean", activation="exp"), Parameter("dispersion", on.positive)),
        distribution=deferred_class("PoissonInverseGaussian"),
    )


def skellam() -> Family:
    """Differences of two independent counts, which may be negative: goals for minus goals against, arrivals minus departures.

    density   exp(-r - s) (r/s)^(y/2) I_|y|(2√(r s))
    loss      r + s - (y/2) log(r/s) - log I_|y|(2√(r s))
    symbols   r = rate1, s = rate2
    mean      r - s
    variance  r + s
    crps      summation
    scipy     skellam(mu1=rate1, mu2=rate2)
    gamlss    none
    instead   counts from 0 up: poisson, negative_binomial · real numbers: normal
    """
    return Family(
        "skellam",
        support=on.integers,
        parameters=(
            Parameter("rate1", on.positive, role="mean", activation="exp"),
            Parameter("rate2", on.positive, role="mean", activation="exp"),
        ),
        distribution=deferred_class("Skellam"),
    )


def binomial(total_count: int = 1, trials: str | None = None) -> Family:
    """Successes out of a known number of trials: total_count, an option of the family, or for each row the column `data.trials`.

    density   n!/(y! (n - y)!) p^y (1 - p)^(n - y)
    loss      -log(n!/(y! (n - y)!)) - y log p - (n - y) log(1 - p)
    symbols   n = total_count, p = probs
    mean      n p
    variance  n p (1 - p)
    crps      summation
    scipy     binom(n=total_count, p=probs)
    gamlss    BI: mu = probs, bd = total_count
    instead   more variation: beta_binomial · one trial: bernoulli
    """
    return Family(
        "binomial",
        support=on.counts if trials else on.up_to(total_count),
        parameters=(
            Parameter("total_count", on.counts, given=trials or float(total_count)),
            Parameter("probs", on.unit, logits="logits"),
        ),
        distribution=deferred_class("Binomial"),
        ends=("", "total_count" if trials else ""),
    )


def beta_binomial(total_count: int = 1, trials: str | None = None) -> Family:
    """Successes out of a known number of trials, total_count (or the column `data.trials`), whose probability varies by a beta distribution.

    density   n!/(y! (n - y)!) B(y + p s, n - y + (1 - p) s) / B(p s, (1 - p) s)
    loss      -log(n!/(y! (n - y)!)) - log B(y + p s, n - y + (1 - p) s) + log B(p s, (1 - p) s)
    symbols   n = total_count, p = mean, s = precision
    mean      n p
    variance  n p (1 - p) (n + s)/(1 + s)
    crps      summation
    scipy     betabinom(n=total_count, a=mean*precision, b=(1 - mean)*precision)
    gamlss    BB: mu = mean, sigma = 1/precision, bd = total_count
    instead   no extra variation: binomial
    """
    return Family(
        "beta_binomial",
        support=on.counts if trials else on.up_to(total_count),
        parameters=(
            Parameter("total_count", on.counts, given=trials or float(total_count)),
            Parameter("mean", on.unit, column="beta_mean"),
            Parameter("precision", on.positive, activation="exp"),
        ),
        distribution=deferred_class("beta_binomial"),
        ends=("", "total_count" if trials else ""),
    )
