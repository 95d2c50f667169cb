"""Families of targets that can be any real number: symmetric, skewed, peaked or with heavy tails."""

from __future__ import annotations

from disttrain.families import supports
from disttrain.families.family import Family, Parameter
from disttrain.families.univariate import DF, LOC, SCALE, shape, univariate

__all__ = [
    "cauchy",
    "gumbel",
    "laplace",
    "logistic",
    "normal",
    "student_t",
    "asymmetric_laplace",
    "ex_gaussian",
    "generalized_extreme_value",
    "johnson_su",
    "power_exponential",
    "reverse_gumbel",
    "sinh_arcsinh",
    "skew_normal",
    "skew_t",
    "two_piece_normal",
]


def _real_line(name: str, distribution: str, *parameters: Parameter) -> Family:
    return univariate(name, distribution, supports.real, *parameters)


def normal() -> Family:
    """Symmetric errors with light tails: measurement noise, sums of many small effects.

    density   exp(-(y - μ)² / (2σ²)) / (σ √(2π))
    loss      log σ + ½ log 2π + (y - μ)² / (2σ²)
    symbols   μ = loc, σ = scale
    mean      μ
    variance  σ²
    crps      closed form
    scipy     norm(loc=loc, scale=scale)
    gamlss    NO: mu = loc, sigma = scale
    drops     scale fixed: log σ + ½ log 2π is the same for all rows; what is left to minimise is (y - μ)²: the mean squared error
    also      gaussian, gauss
    instead   heavier tails: student_t, laplace, logistic · positive amounts: gamma, log_normal
    """
    return _real_line("normal", "Normal", LOC, SCALE)


def student_t() -> Family:
    """Symmetric errors with heavy tails: returns, measurements with outliers. By default df stays above 2, so that the variance exists.

    density   Γ((ν+1)/2) / (Γ(ν/2) √(νπ) σ) · (1 + z²/ν)^(-(ν+1)/2),   z = (y - μ)/σ
    loss      log σ + ½ log(νπ) + log Γ(ν/2) - log Γ((ν+1)/2) + (ν+1)/2 · log(1 + ((y - μ)/σ)²/ν)
    symbols   ν = df, μ = loc, σ = scale
    mean      μ   (ν > 1)
    variance  σ² ν/(ν - 2)   (ν > 2)
    crps      closed form
    scipy     t(df=df, loc=loc, scale=scale)
    gamlss    TF: mu = loc, sigma = scale, nu = df
    instead   no mean at all: cauchy, or activation softplus for df · lighter tails: logistic, normal
    """
    return _real_line("student_t", "StudentT", DF, LOC, SCALE)


def laplace() -> Family:
    """Symmetric errors with a sharp peak; its best loc is the median, so the loss is the mean absolute error up to constants.

    density   exp(-|y - μ|/b) / (2b)
    loss      log 2b + |y - μ|/b
    symbols   μ = loc, b = scale
    mean      μ
    variance  2b²
    crps      closed form
    scipy     laplace(loc=loc, scale=scale)
    gamlss    LO has no counterpart; PE with nu = 1
    drops     scale fixed: log 2b is the same for all rows; what is left to minimise is |y - μ|: the mean absolute error
    instead   smooth at the peak: logistic, student_t
    """
    return _real_line("laplace", "Laplace", LOC, SCALE)


def logistic() -> Family:
    """Symmetric errors with tails a little heavier than the normal's.

    density   exp(-z) / (σ (1 + exp(-z))²),   z = (y - μ)/σ
    loss      log σ + z + 2 log(1 + exp(-z)),   z = (y - μ)/σ
    symbols   μ = loc, σ = scale
    mean      μ
    variance  π²σ²/3
    crps      closed form
    scipy     logistic(loc=loc, scale=scale)
    gamlss    LO: mu = loc, sigma = scale
    instead   heavier tails: student_t · lighter tails: normal
    """
    return _real_line("logistic", "Logistic", LOC, SCALE)


def cauchy() -> Family:
    """Symmetric errors with tails so heavy that no mean exists: ratios, resonance.

    density   1 / (πσ (1 + z²)),   z = (y - μ)/σ
    loss      log πσ + log(1 + ((y - μ)/σ)²)
    symbols   μ = loc, σ = scale
    mean      does not exist
    variance  does not exist
    crps      closed form
    scipy     cauchy(loc=loc, scale=scale)
    gamlss    TF with nu = 1
    instead   a mean is wanted: student_t
    """
    return _real_line("cauchy", "Cauchy", LOC, SCALE)


def gumbel() -> Family:
    """Largest values of many: yearly maxima of floods, winds, loads.

    density   exp(-(z + exp(-z))) / β,   z = (y - μ)/β
    loss      log β + z + exp(-z),   z = (y - μ)/β
    symbols   μ = loc, β = scale
    mean      μ + 0.5772 β
    variance  π²β²/6
    crps      closed form
    scipy     gumbel_r(loc=loc, scale=scale)
    gamlss    RG: mu = loc, sigma = scale
    instead   symmetric: normal, logistic · positive: weibull
    """
    return _real_line("gumbel", "Gumbel", LOC, SCALE)


def reverse_gumbel() -> Family:
    """Smallest values of many: yearly minima, breaking strengths on a log scale; skewed to the left.

    density   exp(z - exp(z)) / β,   z = (y - μ)/β
    loss      log β - z + exp(z),   z = (y - μ)/β
    symbols   μ = loc, β = scale
    mean      μ - 0.5772 β
    variance  π²β²/6
    crps      quadrature
    scipy     gumbel_l(loc=loc, scale=scale)
    gamlss    GU: mu = loc, sigma = scale
    instead   largest values: gumbel · a skewness that is learned: skew_normal, generalized_extreme_value
    """
    return _real_line("reverse_gumbel", "ReverseGumbel", LOC, SCALE)


def skew_normal() -> Family:
    """Light tails, leaning to one side by at most the half normal's skewness of 0.995. skewness 0 is the normal.

    density   2/σ φ(z) Φ(α z),   z = (y - μ)/σ, φ and Φ of the standard normal
    loss      log σ - log 2 + ½ log 2π + ½ z² - log Φ(α z),   z = (y - μ)/σ
    symbols   μ = loc, σ = scale, α = skewness
    mean      μ + σ d √(2/π),   d = α/√(1 + α²)
    variance  σ² (1 - 2d²/π)
    crps      quadrature
    scipy     skewnorm(a=skewness, loc=loc, scale=scale)
    gamlss    SN1: mu = loc, sigma = scale, nu = skewness
    instead   heavier tails: skew_t, sinh_arcsinh · a skewness that is easier to learn near 0: two_piece_normal
    """
    return _real_line("skew_normal", "SkewNormal", LOC, SCALE, shape("skewness", supports.real))


def skew_t() -> Family:
    """Heavy tails and two different widths around the mode: returns, prices. skewness 1 is symmetric, above 1 leans to the right.
    By default df stays above 2, so that the variance exists.

    density   2/(σ (γ + 1/γ)) · t(z γ) below μ, t(z/γ) above,   z = (y - μ)/σ, t the density of Student's t with ν degrees of freedom
    loss      log σ + log(γ + 1/γ) - log 2 - log t(z γ or z/γ; ν),   z = (y - μ)/σ
    symbols   ν = df, μ = loc, σ = scale, γ = skewness
    mean      μ + σ (γ - 1/γ) m,   m = 2√ν Γ((ν+1)/2) / (√π (ν - 1) Γ(ν/2))   (ν > 1)
    variance  σ² [(γ² - 1 + 1/γ²) ν/(ν - 2) - m² (γ - 1/γ)²]   (ν > 2)
    crps      quadrature
    scipy     none
    gamlss    ST3: mu = loc, sigma = scale, nu = skewness, tau = df
    instead   symmetric: student_t · lighter tails: two_piece_normal, skew_normal · tails of another shape: johnson_su, sinh_arcsinh
    """
    return _real_line("skew_t", "SkewT", DF, LOC, SCALE, shape("skewness", activation="exp"))


def johnson_su() -> Family:
    """Skewed with heavy tails, and given by its mean and standard deviation: returns, electricity prices, forecast errors.
    tailweight towards infinity is the normal, small values have heavy tails; skewness above 0 leans to the right. tailweight
    stays above 0.5: below it the standard deviation lies in tails that no data set shows.

    density   τ/(c √(2π (1 + u²))) exp(-½ r²),   r = τ asinh(u) - ν, u = (y - m)/c, m and c > 0 such that μ is the mean, σ² the variance
    loss      log c - log τ + ½ log 2π + ½ log(1 + u²) + ½ r²,   c = σ/√(½ (w - 1)(w cosh(2ν/τ) + 1)), m = μ - c √w sinh(ν/τ), w = exp(1/τ²)
    symbols   μ = loc, σ = scale, ν = skewness, τ = tailweight
    mean      μ
    variance  σ²
    crps      quadrature
    scipy     none
    gamlss    JSU: mu = loc, sigma = scale, nu = skewness, tau = tailweight
    instead   lighter tails too: sinh_arcsinh · power tails: skew_t · fewer parameters: skew_normal, student_t
    """
    return _real_line(
        "johnson_su", "JohnsonSU", LOC, SCALE, shape("skewness", supports.real), shape("tailweight", supports.greater_than(0.5))
    )


def sinh_arcsinh() -> Family:
    """A normal whose skewness and tails are both free, heavier (tailweight below 1) or lighter (above 1) than the normal's.

    density   δ cosh(w) / (σ √(2π (1 + z²))) exp(-½ sinh²(w)),   z = (y - μ)/σ, w = δ asinh(z) - ε
    loss      log σ - log δ + ½ log 2π + ½ log(1 + z²) - log cosh(w) + ½ sinh²(w),   z = (y - μ)/σ, w = δ asinh(z) - ε
    symbols   μ = loc, σ = scale, ε = skewness, δ = tailweight
    mean      μ + σ sinh(ε/δ) P(1/δ),   P(q) = e^(1/4)/√(8π) [K((q+1)/2) + K((q-1)/2)], K(k) the Bessel function of order k at 1/4
    variance  σ² [½ (cosh(2ε/δ) P(2/δ) - 1) - (sinh(ε/δ) P(1/δ))²]
    crps      quadrature
    scipy     none
    gamlss    SHASHo: mu = loc, sigma = scale, nu = skewness, tau = tailweight
    instead   a mean that is a parameter: johnson_su · heavier tails: skew_t · fewer parameters: skew_normal
    """
    return _real_line("sinh_arcsinh", "SinhArcsinh", LOC, SCALE, shape("skewness", supports.real), shape("tailweight"))


def power_exponential() -> Family:
    """Symmetric errors with tails between the Laplace's (power 1), the normal's (power 2) and a box (power large).

    density   p / (2a Γ(1/p)) exp(-|z|^p),   z = (y - μ)/a; power 2 is the normal of standard deviation a/√2
    loss      log 2a + log Γ(1 + 1/p) + |(y - μ)/a|^p
    symbols   μ = loc, a = scale, p = power
    mean      μ
    variance  a² Γ(3/p)/Γ(1/p)
    crps      quadrature
    scipy     gennorm(beta=power, loc=loc, scale=scale)
    gamlss    PE2: mu = loc, sigma = scale, nu = power
    drops     scale and power fixed: what is left to minimise is |y - μ|^p: between the absolute and the squared error for power 1 to 2
    instead   heavier tails: student_t · skewed: asymmetric_laplace, sinh_arcsinh
    """
    return _real_line("power_exponential", "PowerExponential", LOC, SCALE, shape("power"))


def ex_gaussian() -> Family:
    """Normal noise plus a delay without memory: reaction times, chromatography peaks, latencies.

    density   λ exp(½ (λσ)² - λ (y - μ)) Φ((y - μ)/σ - λσ),   Φ of the standard normal
    loss      -log λ - ½ (λσ)² + λ (y - μ) - log Φ((y - μ)/σ - λσ)
    symbols   μ = loc, σ = scale, λ = rate
    mean      μ + 1/λ
    variance  σ² + 1/λ²
    crps      quadrature
    scipy     exponnorm(K=1/(scale*rate), loc=loc, scale=scale)
    gamlss    exGAUS: mu = loc, sigma = scale, nu = 1/rate
    instead   a lighter right tail: skew_normal · positive: log_normal, inverse_gaussian · no noise: exponential
    """
    return _real_line("ex_gaussian", "ExGaussian", LOC, SCALE, Parameter("rate", supports.positive, role="rate"))


def asymmetric_laplace() -> Family:
    """Quantile regression as a likelihood: loc is the quantile of level `quantile`, which usually is fixed.

    density   τ (1 - τ)/b exp(-ρ),   ρ = z τ above μ, z (τ - 1) below, z = (y - μ)/b
    loss      log b - log τ - log(1 - τ) + ρ,   ρ = z τ above μ, z (τ - 1) below, z = (y - μ)/b
    symbols   μ = loc, b = scale, τ = quantile
    mean      μ + b (1 - 2τ)/(τ (1 - τ))
    variance  b² (1 - 2τ + 2τ²)/(τ² (1 - τ)²)
    crps      quadrature
    scipy     laplace_asymmetric(kappa=sqrt(quantile/(1-quantile)), loc=loc, scale=scale/sqrt(quantile*(1-quantile)))
    gamlss    none
    drops     `fixed: 0.9` for quantile, and scale fixed: what is left to minimise is ρ, the pinball loss; loc learns the 90 % quantile
    instead   level one half: laplace · several quantiles at once: a family with tails of its own, such as skew_t or johnson_su
    """
    return _real_line("asymmetric_laplace", "AsymmetricLaplace", LOC, SCALE, shape("quantile", supports.unit))


def two_piece_normal() -> Family:
    """Two half normals of different width that meet at the mode loc: forecasts whose risks differ upwards and downwards (fan charts).

    density   √(2/π)/(s + t) exp(-½ z²),   z = (y - μ)/s below μ, (y - μ)/t above
    loss      log(s + t) - ½ log(2/π) + ½ z²,   z = (y - μ)/s below μ, (y - μ)/t above
    symbols   μ = loc, s = scale_lower, t = scale_upper
    mean      μ + √(2/π) (t - s)
    variance  (1 - 2/π)(t - s)² + s t
    crps      quadrature
    scipy     none
    gamlss    SN2: mu = loc, sigma = sqrt(scale_lower*scale_upper), nu = sqrt(scale_upper/scale_lower)
    instead   heavier tails: skew_t · smooth at the mode: skew_normal
    """
    lower, upper = (Parameter(name, supports.positive, role="scale") for name in ("scale_lower", "scale_upper"))
    return _real_line("two_piece_normal", "TwoPieceNormal", LOC, lower, upper)


def generalized_extreme_value() -> Family:
    """Largest values of many with a learned tail: yearly maxima of rain, floods, losses. shape > 0 heavy, 0 Gumbel, < 0 with an upper end.
    A target beyond the end that its row's parameters give has probability 0; it is scored by a steep line instead, which leads back.

    density   x^(ξ+1) exp(-x) / σ,   x = (1 + ξ z)^(-1/ξ), z = (y - μ)/σ
    loss      log σ - (ξ+1) log x + x,   x = (1 + ξ z)^(-1/ξ), z = (y - μ)/σ
    symbols   μ = loc, σ = scale, ξ = shape
    mean      μ + σ (Γ(1 - ξ) - 1)/ξ   (ξ < 1)
    variance  σ² [Γ(1 - 2ξ) - Γ(1 - ξ)²]/ξ²   (ξ < ½)
    crps      quadrature
    scipy     genextreme(c=-shape, loc=loc, scale=scale)
    gamlss    none
    instead   shape known to be 0: gumbel · smallest values: reverse_gumbel, or -y · excesses over a threshold: generalized_pareto
    """
    return _real_line("generalized_extreme_value", "GeneralizedExtremeValue", LOC, SCALE, shape("shape", supports.real, "half_tanh"))
