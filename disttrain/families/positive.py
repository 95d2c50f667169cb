"""Families of positive targets: amounts, durations, lifetimes, extremes, and totals with exact zeros."""

from __future__ import annotations

from disttrain.families import supports
from disttrain.families.family import Family, Parameter
from disttrain.families.univariate import CONCENTRATION, DF, EXP_SCALE, MEAN, SCALE, shape, univariate

__all__ = [
    "exponential",
    "gamma",
    "inverse_gaussian",
    "log_normal",
    "weibull",
    "burr",
    "dagum",
    "frechet",
    "gamma_mean",
    "generalized_gamma",
    "inverse_gamma",
    "log_logistic",
    "lomax",
    "pareto",
    "birnbaum_saunders",
    "generalized_pareto",
    "gompertz",
    "half_cauchy",
    "half_normal",
    "nakagami",
    "rayleigh",
    "box_cox_cole_green",
    "box_cox_t",
    "tweedie",
]


def gamma_mean() -> Family:
    """The gamma by its mean, as a generalised linear model has it: claim sizes, rainfall, waiting times.

    density   (k/m)^k y^(k-1) exp(-k y/m) / Γ(k)
    loss      -[ k log(k/m) + (k-1) log y - k y/m - log Γ(k) ]
    symbols   m = mean, k = concentration
    mean      m
    variance  m²/k
    crps      closed form
    scipy     gamma(a=concentration, scale=mean/concentration)
    gamlss    GA: mu = mean, sigma = 1/sqrt(concentration)
    instead   by concentration and rate: gamma · heavier tail: log_normal, inverse_gaussian
    """
    return univariate(
        "gamma_mean", "gamma_mean", supports.positive, Parameter("mean", supports.positive, role="scale", activation="exp"), CONCENTRATION
    )


def inverse_gamma() -> Family:
    """One over a gamma: variances, and amounts with a tail that falls as a power.

    density   b^k y^(-k-1) exp(-b/y) / Γ(k)
    loss      -[ k log b - (k+1) log y - b/y - log Γ(k) ]
    symbols   k = concentration, b = rate
    mean      b/(k - 1)   (k > 1)
    variance  b²/((k - 1)² (k - 2))   (k > 2)
    crps      quadrature
    scipy     invgamma(a=concentration, scale=rate)
    gamlss    IGAMMA: another parameterisation
    instead   lighter tail: gamma, log_normal
    """
    return univariate("inverse_gamma", "InverseGamma", supports.positive, CONCENTRATION, Parameter("rate", supports.positive, role="scale"))


def log_logistic() -> Family:
    """Times whose hazard rises and falls again, and amounts with a power tail: the logarithm is logistic, the scale the median.

    density   (k/y) (y/s)^k / (1 + (y/s)^k)²
    loss      log(y/k) - k log(y/s) + 2 log(1 + (y/s)^k)
    symbols   s = scale, k = concentration
    mean      s (π/k)/sin(π/k)   (k > 1)
    variance  s² [(2π/k)/sin(2π/k) - (π/k)²/sin²(π/k)]   (k > 2)
    crps      quadrature
    scipy     fisk(c=concentration, scale=scale)
    gamlss    none
    instead   lighter tail: log_normal · one more shape: burr, dagum
    """
    return univariate("log_logistic", "LogLogistic", supports.positive, EXP_SCALE, CONCENTRATION)


def generalized_gamma() -> Family:
    """Times and amounts when gamma, Weibull or log-normal is undecided: shape 0 is log-normal, 1 Weibull, scale gamma.

    density   |q| a^a exp(a (q w - exp(q w))) / (σ y Γ(a)),   w = (log y - μ)/σ, a = 1/q²
    loss      log(σ y) - log |q| - a log a + log Γ(a) - a (q w - exp(q w)),   w = (log y - μ)/σ, a = 1/q²
    symbols   μ = loc, σ = scale, q = shape
    mean      exp(μ) q^(2σ/q) Γ(a + σ/q)/Γ(a)   (q σ > -1)
    variance  by the second such moment   (q σ > -½)
    crps      quadrature
    scipy     gengamma(a=shape**-2, c=shape/scale, scale=exp(loc + scale/shape*log(shape**2)))
    gamlss    GG: mu = exp(loc), another sigma and nu
    instead   fewer shapes: gamma, weibull, log_normal
    """
    return univariate(
        "generalized_gamma",
        "GeneralizedGamma",
        supports.positive,
        Parameter("loc", supports.real, role="log_scale"),
        shape("scale"),
        shape("shape", supports.real),
    )


_POWERS = (EXP_SCALE, shape("concentration1"), shape("concentration0"))


def burr() -> Family:
    """Incomes, losses and lifetimes with a power tail of index c d (Burr XII, Singh-Maddala).

    density   (c d/y) (y/s)^c (1 + (y/s)^c)^(-d-1)
    loss      -log(c d/y) - c log(y/s) + (d + 1) log(1 + (y/s)^c)
    symbols   s = scale, c = concentration1, d = concentration0
    mean      s d B(d - 1/c, 1 + 1/c)   (c d > 1)
    variance  s² d B(d - 2/c, 1 + 2/c) - mean²   (c d > 2)
    crps      quadrature
    scipy     burr12(c=concentration1, d=concentration0, scale=scale)
    gamlss    none; GB2 with nu = 1
    instead   fewer shapes: log_logistic, lomax, weibull · a free lower tail: dagum
    """
    return univariate("burr", "Burr", supports.positive, *_POWERS)


def dagum() -> Family:
    """Incomes and wealth: a power tail of index c, and a lower end of its own (Burr III).

    density   (c d/y) (y/s)^(-c) (1 + (y/s)^(-c))^(-d-1)
    loss      -log(c d/y) + c log(y/s) + (d + 1) log(1 + (y/s)^(-c))
    symbols   s = scale, c = concentration1, d = concentration0
    mean      s d B(d + 1/c, 1 - 1/c)   (c > 1)
    variance  s² d B(d + 2/c, 1 - 2/c) - mean²   (c > 2)
    crps      quadrature
    scipy     burr(c=concentration1, d=concentration0, scale=scale)
    gamlss    none; GB2 with tau = 1
    instead   fewer shapes: log_logistic · a free upper tail: burr
    """
    return univariate("dagum", "Dagum", supports.positive, *_POWERS)


def lomax() -> Family:
    """Losses and waiting times with a power tail that begins at 0 (Pareto II).

    density   (k/s) (1 + y/s)^(-k-1)
    loss      log s - log k + (k + 1) log(1 + y/s)
    symbols   s = scale, k = concentration
    mean      s/(k - 1)   (k > 1)
    variance  s² k/((k - 1)² (k - 2))   (k > 2)
    crps      quadrature
    scipy     lomax(c=concentration, scale=scale)
    gamlss    PARETO2: mu = scale, sigma = 1/concentration
    instead   lighter tail: exponential, gamma · a tail that may end: generalized_pareto
    """
    return univariate("lomax", "Lomax", supports.nonnegative, EXP_SCALE, CONCENTRATION)


def pareto(scale: float = 1.0) -> Family:
    """Sizes above a known least one: cities, fortunes, losses above a deductible. The option `scale` is the least size.

    density   (k/y) (y/s)^(-k)
    loss      log(y/k) + k log(y/s)
    symbols   k = concentration, s = scale
    mean      k s/(k - 1)   (k > 1)
    variance  s² k/((k - 1)² (k - 2))   (k > 2)
    crps      quadrature
    scipy     pareto(b=concentration, scale=scale)
    gamlss    none
    instead   no known least size: lomax, generalized_pareto
    """
    return univariate(
        "pareto",
        "Pareto",
        supports.greater_than(float(scale)),
        CONCENTRATION,
        Parameter("scale", supports.positive, role="scale", given=float(scale)),
    )


def frechet() -> Family:
    """Largest values of heavy-tailed amounts: floods, losses, wind (extreme values of type II, inverse Weibull).

    density   (k/y) (y/s)^(-k) exp(-(y/s)^(-k))
    loss      log(y/k) + k log(y/s) + (y/s)^(-k)
    symbols   s = scale, k = concentration
    mean      s Γ(1 - 1/k)   (k > 1)
    variance  s² [Γ(1 - 2/k) - Γ(1 - 1/k)²]   (k > 2)
    crps      quadrature
    scipy     invweibull(c=concentration, scale=scale)
    gamlss    none
    instead   a tail of any kind: generalized_extreme_value · lighter tail: gumbel
    """
    return univariate("frechet", "Frechet", supports.positive, EXP_SCALE, CONCENTRATION)


def exponential() -> Family:
    """Waiting times without memory.

    density   r exp(-r y)
    loss      -log r + r y
    symbols   r = rate
    mean      1/r
    variance  1/r²
    crps      closed form
    scipy     expon(scale=1/rate)
    gamlss    EXP: mu = 1/rate
    instead   a hazard that rises or falls: weibull, gamma
    """
    return univariate("exponential", "Exponential", supports.positive, Parameter("rate", supports.positive, role="rate"))


def gamma() -> Family:
    """Positive, right-skewed amounts: claim sizes, rainfall, waiting times.

    density   r^k y^(k-1) exp(-r y) / Γ(k)
    loss      -[ k log r + (k-1) log y - r y - log Γ(k) ]
    symbols   k = concentration, r = rate
    mean      k/r
    variance  k/r²
    crps      closed form
    scipy     gamma(a=concentration, scale=1/rate)
    gamlss    GA: mu = concentration/rate, sigma = 1/sqrt(concentration)
    drops     concentration fixed: log Γ(k) and (k-1) log y do not move the minimum; what is left is k (y/m + log m) with mean m = k/r
    instead   heavier tail: log_normal, inverse_gaussian · a hazard of its own: weibull
    """
    return univariate("gamma", "Gamma", supports.positive, CONCENTRATION, Parameter("rate", supports.positive, role="rate"))


def log_normal() -> Family:
    """Positive amounts whose logarithm is normal: incomes, concentrations, sizes. Parameters are those of log y.

    density   exp(-(log y - μ)² / (2σ²)) / (y σ √(2π))
    loss      log y + log σ + ½ log 2π + (log y - μ)² / (2σ²)
    symbols   μ = loc, σ = scale
    mean      exp(μ + σ²/2)
    variance  (exp(σ²) - 1) exp(2μ + σ²)
    crps      closed form
    scipy     lognorm(s=scale, scale=exp(loc))
    gamlss    LOGNO: mu = loc, sigma = scale
    drops     scale fixed: log y and log σ do not move the minimum; what is left is (log y - μ)²: the mean squared error of log y
    instead   lighter tail: gamma, weibull
    """
    location = Parameter("loc", supports.real, role="log_scale")
    return univariate("log_normal", "LogNormal", supports.positive, location, shape("scale"), pool="latent_normal")


def weibull() -> Family:
    """Times to failure: concentration above 1 wears out, below 1 fails early.

    density   (k/λ) (y/λ)^(k-1) exp(-(y/λ)^k)
    loss      -log k + k log λ - (k-1) log y + (y/λ)^k
    symbols   λ = scale, k = concentration
    mean      λ Γ(1 + 1/k)
    variance  λ² [Γ(1 + 2/k) - Γ(1 + 1/k)²]
    crps      closed form
    scipy     weibull_min(c=concentration, scale=scale)
    gamlss    WEI: mu = scale, sigma = concentration
    instead   a hazard that rises and falls: log_normal · skewed amounts: gamma
    """
    return univariate("weibull", "Weibull", supports.positive, EXP_SCALE, CONCENTRATION)


def inverse_gaussian() -> Family:
    """Positive amounts with a long tail: first passage times, repair times, claim sizes.

    density   √(λ / (2π y³)) exp(-λ (y - μ)² / (2μ² y))
    loss      ½ log(2π y³/λ) + λ (y - μ)² / (2μ² y)
    symbols   μ = mean, λ = concentration
    mean      μ
    variance  μ³/λ
    crps      quadrature
    scipy     invgauss(mu=mean/concentration, scale=concentration)
    gamlss    IG: mu = mean, sigma = 1/sqrt(concentration)
    also      wald
    instead   lighter tail: gamma · close relative: log_normal
    """
    return univariate(
        "inverse_gaussian",
        "InverseGaussian",
        supports.positive,
        Parameter("mean", supports.positive, role="scale", activation="exp"),
        Parameter("concentration", supports.positive, role="scale"),
    )


def generalized_pareto(threshold: float = 0.0) -> Family:
    """What exceeds a high threshold: floods, losses, peaks over a limit. The option `threshold` is where it begins.

    density   (1/σ) (1 + ξz)^(-1/ξ - 1),   z = (y - u)/σ
    loss      log σ + (1 + 1/ξ) log(1 + ξz),   z = (y - u)/σ
    symbols   σ = scale, ξ = shape, u = threshold
    mean      u + σ/(1 - ξ)   (ξ < 1)
    variance  σ²/((1 - ξ)² (1 - 2ξ))   (ξ < ½)
    crps      quadrature
    scipy     genpareto(c=shape, loc=threshold, scale=scale)
    gamlss    GPO of gamlss.dist is another; evd: gpd
    instead   the whole of the data, not its tail: log_normal, gamma · largest values per year: generalized_extreme_value
    """
    return univariate(
        "generalized_pareto",
        "GeneralizedPareto",
        supports.Support(lower=float(threshold), closed_lower=True),
        EXP_SCALE,
        shape("shape", supports.real, "half_tanh"),
        Parameter("threshold", supports.real, role="location", given=float(threshold)),
    )


def half_normal() -> Family:
    """Sizes of errors: the absolute value of a normal around 0.

    density   √(2/π)/σ exp(-y²/(2σ²))
    loss      log σ + ½ log(π/2) + y²/(2σ²)
    symbols   σ = scale
    mean      σ √(2/π)
    variance  σ² (1 - 2/π)
    crps      quadrature
    scipy     halfnorm(scale=scale)
    gamlss    none
    instead   a peak away from 0: gamma, rayleigh · heavier tail: exponential, lomax
    """
    return univariate("half_normal", "HalfNormal", supports.nonnegative, SCALE)


def half_cauchy() -> Family:
    """Sizes without a mean: the absolute value of a Cauchy around 0, whose tail falls as 1/y².

    density   2/(π s) / (1 + (y/s)²)
    loss      log(π s/2) + log(1 + (y/s)²)
    symbols   s = scale
    mean      does not exist
    variance  does not exist
    crps      quadrature
    scipy     halfcauchy(scale=scale)
    gamlss    none
    instead   a mean is wanted: half_normal, lomax · a power of its own: log_logistic, burr
    """
    return univariate("half_cauchy", "torch.distributions.HalfCauchy", supports.nonnegative, SCALE, tails=False, pool="quartiles")


def nakagami() -> Family:
    """Strengths of signals that scatter on their way: fading radio waves, echoes of ultrasound. concentration 1 is rayleigh, ½ half_normal.

    density   2 k^k y^(2k-1) exp(-k y²/s²) / (Γ(k) s^(2k))
    loss      -[ log 2 + k log k - log Γ(k) + (2k-1) log y - 2k log s - k y²/s² ]
    symbols   s = scale, k = concentration
    mean      s Γ(k + ½)/(Γ(k) √k)
    variance  s² (1 - (Γ(k + ½)/(Γ(k) √k))²)
    crps      quadrature
    scipy     nakagami(nu=concentration, scale=scale)
    gamlss    none
    instead   concentration known to be 1: rayleigh · heavier tail: gamma, weibull · one shape more: generalized_gamma
    """
    return univariate("nakagami", "Nakagami", supports.positive, EXP_SCALE, CONCENTRATION)


def rayleigh() -> Family:
    """Lengths of random vectors in a plane: wind speed, wave height, distance from a target.

    density   y/σ² exp(-y²/(2σ²))
    loss      2 log σ - log y + y²/(2σ²)
    symbols   σ = scale
    mean      σ √(π/2)
    variance  σ² (2 - π/2)
    crps      quadrature
    scipy     rayleigh(scale=scale)
    gamlss    none; WEI with sigma = 2
    instead   a shape of its own: weibull
    """
    return univariate("rayleigh", "Rayleigh", supports.positive, SCALE)


def gompertz() -> Family:
    """Lifetimes whose hazard grows exponentially with age: human mortality, wear.

    density   c/b exp(y/b) exp(-c (exp(y/b) - 1))
    loss      log b - log c - y/b + c (exp(y/b) - 1)
    symbols   b = scale, c = concentration
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     gompertz(c=concentration, scale=scale)
    gamlss    GOMP of gamlss.demog
    instead   a hazard that grows as a power: weibull · that falls again: log_normal, log_logistic
    """
    return univariate("gompertz", "Gompertz", supports.nonnegative, SCALE, CONCENTRATION, pool="quartiles")


def birnbaum_saunders() -> Family:
    """Times until fatigue breaks a material under cyclic load.

    density   (√(y/b) + √(b/y)) / (2a y √(2π)) exp(-(√(y/b) - √(b/y))² / (2a²))
    loss      log(2a y √(2π)) - log(√(y/b) + √(b/y)) + (√(y/b) - √(b/y))² / (2a²)
    symbols   b = scale, a = concentration
    mean      b (1 + a²/2)
    variance  b² a² (1 + 5a²/4)
    crps      quadrature
    scipy     fatiguelife(c=concentration, scale=scale)
    gamlss    BS of other packages
    instead   close relatives: inverse_gaussian, log_normal
    """
    return univariate("birnbaum_saunders", "BirnbaumSaunders", supports.positive, SCALE, CONCENTRATION)


_BOX_COX = (
    Parameter("loc", supports.positive, role="scale", activation="exp"),
    Parameter("scale", supports.positive, role="shape"),
    Parameter("shape", supports.real, role="shape"),
)


def box_cox_cole_green() -> Family:
    """Positive amounts with their own skewness: growth curves, reference centiles (the LMS method). shape 1 is normal, 0 log-normal.

    density   y^(ν-1) / (μ^ν σ √(2π)) exp(-z²/2) / Φ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    loss      z²/2 + log σ + ½ log 2π + log y - ν log(y/μ) + log Φ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    symbols   μ = loc, σ = scale, ν = shape
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     none
    gamlss    BCCG: mu = loc, sigma = scale, nu = shape
    instead   heavier tails: box_cox_t · one shape less: gamma, log_normal
    """
    return univariate("box_cox_cole_green", "BoxCoxColeGreen", supports.positive, *_BOX_COX, pool="quartiles")


def box_cox_t() -> Family:
    """Positive amounts with their own skewness and tails: growth curves with outliers, incomes, rents.

    density   y^(ν-1) / (μ^ν σ) t_τ(z) / T_τ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    loss      -log t_τ(z) + log σ + log y - ν log(y/μ) + log T_τ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    symbols   μ = loc, σ = scale, ν = shape, τ = df
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     none
    gamlss    BCT: mu = loc, sigma = scale, nu = shape, tau = df
    instead   light tails: box_cox_cole_green · fewer shapes: gamma, log_normal, generalized_gamma
    """
    return univariate("box_cox_t", "BoxCoxT", supports.positive, *_BOX_COX, DF, pool="quartiles")


def tweedie() -> Family:
    """Totals of a random number of positive amounts, with exact zeros: claims per policy, rainfall per day, sales per shop.

    density   exp(-λ) where y = 0, Σ_j exp(-λ) λ^j/j! · gamma(y; jα, γ) above,   λ = μ^(2-p)/(φ(2-p)), α = (2-p)/(p-1), γ = φ(p-1)μ^(p-1)
    loss      λ where y = 0, λ - log Σ_j λ^j/j! · gamma(y; jα, γ) above,   λ = μ^(2-p)/(φ(2-p)), α = (2-p)/(p-1), γ = φ(p-1)μ^(p-1)
    symbols   μ = mean, φ = dispersion, p = power
    mean      μ
    variance  φ μ^p
    crps      quadrature
    scipy     none
    gamlss    none
    instead   zeros of a cause of their own: hurdle · no zeros: gamma_mean
    """
    return univariate(
        "tweedie",
        "Tweedie",
        supports.nonnegative,
        MEAN,
        Parameter("dispersion", supports.positive, role="dispersion"),
        shape("power", supports.interval(1.0, 2.0), "sigmoid_1_to_2"),
        atoms=(0.0,),
    )
