"""Families of counts 0, 1, 2, ..., of counts out of a number of trials, and of whole numbers."""

from __future__ import annotations

from disttrain.families import supports
from disttrain.families.family import Family, Parameter
from disttrain.families.univariate import MEAN, PRECISION, univariate

__all__ = [
    "geometric",
    "negative_binomial",
    "poisson",
    "beta_binomial",
    "binomial",
    "com_poisson",
    "generalized_poisson",
    "negative_binomial1",
    "poisson_inverse_gaussian",
    "skellam",
]


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
    return univariate("poisson", "Poisson", supports.counts, Parameter("rate", supports.positive, role="mean", activation="exp"))


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
    return univariate("negative_binomial", "NegativeBinomial", supports.counts, MEAN, Parameter("concentration", supports.positive))


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
    return univariate("geometric", "Geometric", supports.counts, Parameter("probs", supports.unit))


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
    return univariate("negative_binomial1", "negative_binomial1", supports.counts, MEAN, Parameter("dispersion", supports.positive))


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
    return univariate("generalized_poisson", "GeneralizedPoisson", supports.counts, MEAN, Parameter("dispersion", supports.positive))


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
    return univariate("com_poisson", "ComPoisson", supports.counts, MEAN, Parameter("dispersion", supports.positive))


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
    return univariate(
        "poisson_inverse_gaussian", "PoissonInverseGaussian", supports.counts, MEAN, Parameter("dispersion", supports.positive)
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
    return univariate(
        "skellam",
        "Skellam",
        supports.integers,
        Parameter("rate1", supports.positive, role="mean", activation="exp"),
        Parameter("rate2", supports.positive, role="mean", activation="exp"),
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
    return univariate(
        "binomial",
        "Binomial",
        supports.counts if trials else supports.up_to(total_count),
        Parameter("total_count", supports.counts, given=trials or float(total_count)),
        Parameter("probs", supports.unit, logits="logits"),
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
    return univariate(
        "beta_binomial",
        "beta_binomial",
        supports.counts if trials else supports.up_to(total_count),
        Parameter("total_count", supports.counts, given=trials or float(total_count)),
        Parameter("mean", supports.unit, column="beta_mean"),
        PRECISION,
        ends=("", "total_count" if trials else ""),
    )
