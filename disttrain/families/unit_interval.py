"""Families of shares between 0 and 1, some with exact zeros and ones."""

from __future__ import annotations

from disttrain.families import supports
from disttrain.families.family import Family, Parameter
from disttrain.families.univariate import PRECISION, univariate

__all__ = ["beta", "beta_mean", "continuous_bernoulli", "kumaraswamy", "logit_normal", "simplex_normal", "zero_one_inflated_beta"]


def beta() -> Family:
    """Shares and proportions strictly between 0 and 1.

    density   y^(a-1) (1 - y)^(b-1) / B(a, b)
    loss      -[ (a-1) log y + (b-1) log(1 - y) - log B(a, b) ]
    symbols   a = concentration1, b = concentration0
    mean      a/(a + b)
    variance  ab / ((a + b)² (a + b + 1))
    crps      closed form
    scipy     beta(a=concentration1, b=concentration0)
    gamlss    BE: mu = concentration1/(concentration1 + concentration0), sigma = 1/sqrt(concentration1 + concentration0 + 1)
    instead   exactly 0 or 1 only: bernoulli · shares of several classes: categorical
    """
    return univariate(
        "beta", "Beta", supports.unit, Parameter("concentration1", supports.positive), Parameter("concentration0", supports.positive)
    )


def beta_mean() -> Family:
    """Shares by their mean, as in beta regression: the larger the precision, the closer they lie to it.

    density   y^(mφ-1) (1 - y)^((1-m)φ-1) / B(mφ, (1-m)φ)
    loss      log B(mφ, (1-m)φ) - (mφ - 1) log y - ((1-m)φ - 1) log(1 - y)
    symbols   m = mean, φ = precision
    mean      m
    variance  m (1 - m)/(1 + φ)
    crps      closed form
    scipy     beta(a=mean*precision, b=(1 - mean)*precision)
    gamlss    BE: mu = mean, sigma = 1/sqrt(1 + precision)
    instead   exact 0 or 1: zero_one_inflated_beta · both shapes free: beta
    """
    return univariate("beta_mean", "beta_mean", supports.unit, Parameter("mean", supports.unit), PRECISION)


def zero_one_inflated_beta() -> Family:
    """Shares with exact zeros and ones among them: parts spent, cover, scores at the ends of a scale. `mean` is that of the part between.

    density   p where y = 0, q where y = 1, (1 - p - q) beta(y; mφ, (1-m)φ) between
    loss      -log p where y = 0, -log q where y = 1, else -log(1 - p - q) - log beta(y; mφ, (1-m)φ)
    symbols   m = mean, φ = precision, p = zero, q = one
    mean      q + (1 - p - q) m
    variance  by the three parts
    crps      closed form
    scipy     none
    gamlss    BEINF: mu = mean, nu = zero/rest, tau = one/rest
    instead   no exact ends: beta_mean · 0 and 1 alone: bernoulli
    """
    return univariate(
        "zero_one_inflated_beta",
        "ZeroOneInflatedBeta",
        supports.closed_unit,
        Parameter("mean", supports.unit, column="beta_mean"),
        PRECISION,
        Parameter("zero", supports.unit, tied=True, logits="zero_logits"),
        Parameter("one", supports.unit, tied=True, logits="one_logits"),
        atoms=(0.0, 1.0),
    )


def kumaraswamy() -> Family:
    """Shares with a cdf in closed form: storage volumes, much like beta.

    density   a b y^(a-1) (1 - y^a)^(b-1)
    loss      -log a - log b - (a - 1) log y - (b - 1) log(1 - y^a)
    symbols   a = concentration1, b = concentration0
    mean      b B(1 + 1/a, b)
    variance  b B(1 + 2/a, b) - mean²
    crps      quadrature
    scipy     none
    gamlss    none
    instead   the usual choice: beta, beta_mean
    """
    return univariate(
        "kumaraswamy",
        "Kumaraswamy",
        supports.unit,
        Parameter("concentration1", supports.positive),
        Parameter("concentration0", supports.positive),
        pool="quartiles",
    )


def logit_normal() -> Family:
    """Shares whose log-odds are normal; may have two humps where the scale is large.

    density   exp(-(log(y/(1 - y)) - μ)² / (2σ²)) / (σ √(2π) y (1 - y))
    loss      log σ + ½ log 2π + log y + log(1 - y) + (log(y/(1 - y)) - μ)² / (2σ²)
    symbols   μ = loc, σ = scale
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     none
    gamlss    LOGITNO: mu = 1/(1 + exp(-loc)), sigma = scale
    instead   the usual choice: beta_mean · ends that matter: simplex_normal
    """
    loc, scale = Parameter("loc", supports.real), Parameter("scale", supports.positive)
    return univariate("logit_normal", "LogitNormal", supports.unit, loc, scale, pool="latent_normal")


def simplex_normal() -> Family:
    """Shares whose errors shrink towards 0 and 1: the simplex distribution of dispersion models.

    density   (2π σ² (y (1 - y))³)^(-½) exp(-d/(2σ²)),   d = (y - m)² / (y (1 - y) m² (1 - m)²)
    loss      ½ log(2π) + log σ + 3/2 log(y (1 - y)) + d/(2σ²),   d = (y - m)² / (y (1 - y) m² (1 - m)²)
    symbols   m = mean, σ = dispersion
    mean      m
    variance  by quadrature
    crps      quadrature
    scipy     none
    gamlss    SIMPLEX: mu = mean, sigma = dispersion
    instead   the usual choice: beta_mean · exact 0 or 1: zero_one_inflated_beta
    """
    return univariate(
        "simplex_normal", "SimplexNormal", supports.unit, Parameter("mean", supports.unit), Parameter("dispersion", supports.positive)
    )


def continuous_bernoulli() -> Family:
    """Shares from 0 to 1, ends included, with one parameter: pixel intensities.

    density   C p^y (1 - p)^(1-y),   C = 2 artanh(1 - 2p)/(1 - 2p), 2 at p = ½
    loss      -y log p - (1 - y) log(1 - p) - log C,   C = 2 artanh(1 - 2p)/(1 - 2p), 2 at p = ½
    symbols   p = probs
    mean      p/(2p - 1) + 1/(2 artanh(1 - 2p)), ½ at p = ½
    variance  p (p - 1)/(1 - 2p)² + 1/(2 artanh(1 - 2p))²
    crps      quadrature
    scipy     none
    gamlss    none
    instead   a spread of its own: beta_mean · 0 and 1 alone: bernoulli
    """
    return univariate(
        "continuous_bernoulli", "ContinuousBernoulli", supports.closed_unit, Parameter("probs", supports.unit, logits="logits")
    )
