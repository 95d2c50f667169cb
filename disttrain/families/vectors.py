"""Families of vectors: several targets at once, compositions, counts by class."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import supports
from disttrain.families.family import Family, InvalidOption, Parameter

__all__ = ["dirichlet", "dirichlet_multinomial", "multinomial", "multivariate_normal", "multivariate_student_t"]


def _location(targets: int) -> Parameter:
    return Parameter("loc", supports.real, role="location", shape=(targets,), axes=("targets",))


def _triangle(targets: int) -> Parameter:
    return Parameter("scale_tril", supports.triangle, role="scale", shape=(targets, targets), axes=("targets", "targets"))


def multivariate_normal(targets: int = 2, rank: int | None = None) -> Family:
    """Several targets at once that move together: returns of markets, measures of one thing. L is the Cholesky factor of the covariance.

    density        exp(-½ |L⁻¹ (y - μ)|²) / ((2π)^(d/2) det L)
    loss           ½ |L⁻¹ (y - μ)|² + log det L + (d/2) log 2π
    symbols        μ = loc, L = scale_tril
    mean           μ_j
    variance       (L Lᵀ)_jj
    rank           an option for many targets: {family: multivariate_normal, rank: 3} has d (rank + 2) numbers per row, not d (d + 3)/2
    density[rank]  exp(-½ (y - μ)ᵀ Σ⁻¹ (y - μ)) / ((2π)^(d/2) √det Σ),   Σ = W Wᵀ + diag(D)
    loss[rank]     ½ (y - μ)ᵀ Σ⁻¹ (y - μ) + ½ log det Σ + (d/2) log 2π,   Σ = W Wᵀ + diag(D)
    symbols[rank]  μ = loc, W = cov_factor, D = cov_diag
    variance[rank] (W Wᵀ)_jj + D_j
    crps           does not apply: each row is a vector
    scipy          multivariate_normal(mean=loc, cov=scale_tril @ scale_tril.T)
    scipy[rank]    multivariate_normal(mean=loc, cov=cov_factor @ cov_factor.T + diag(cov_diag))
    gamlss         none
    instead        heavier tails: multivariate_student_t · no dependence: independent · shares of a whole: dirichlet
    """
    return Family(
        "multivariate_normal",
        support=supports.each(supports.real),
        parameters=(_location(targets), *((_triangle(targets),) if rank is None else _few_factors(targets, rank))),
        distribution=deferred_class("MultivariateNormal" if rank is None else "LowRankMultivariateNormal"),
        event=(targets,),
        tails=False,
        form="" if rank is None else "rank",
        pool="covariance",
        unpooled="" if rank is None else "the average of covariances of a low rank has a higher one",
    )


def _few_factors(targets: int, rank: int) -> tuple[Parameter, Parameter]:
    """The parameters of `rank` common factors and of the variance of each target besides. Raises InvalidOption.

    `cov_diag` is a variance, like the argument of torch's LowRankMultivariateNormal, so that written parameters are its arguments.
    The data determine W Wᵀ, not the factor W, which may be rotated. With `rank` = d the diagonal would be redundant.
    """
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank < targets:
        few = f"`rank: {rank}` is not a whole number from 1 to {targets - 1}, one below the number of targets"
        none = f"`rank: {rank}` needs two target columns or more, and there is one"
        raise InvalidOption("rank", few if targets > 1 else none, "without `rank` the covariance is any" if targets > 1 else "")
    return (
        Parameter("cov_factor", supports.real, role="scale", shape=(targets, rank), axes=("targets", "")),
        Parameter("cov_diag", supports.positive, role="variance", shape=(targets,), axes=("targets",)),
    )


def multivariate_student_t(targets: int = 2) -> Family:
    """Several targets that move together and are extreme together. L Lᵀ is the covariance but for a factor of the degrees of freedom.

    density   Γ((ν+d)/2) / (Γ(ν/2) (νπ)^(d/2) det L) · (1 + |L⁻¹ (y - μ)|²/ν)^(-(ν+d)/2)
    loss      log Γ(ν/2) - log Γ((ν+d)/2) + (d/2) log(νπ) + log det L + ((ν+d)/2) log(1 + |L⁻¹ (y - μ)|²/ν)
    symbols   ν = df, μ = loc, L = scale_tril
    mean      μ_j
    variance  (L Lᵀ)_jj ν/(ν - 2)
    crps      does not apply: each row is a vector
    scipy     none
    gamlss    none
    instead   light tails: multivariate_normal · no dependence: independent
    """
    return Family(
        "multivariate_student_t",
        support=supports.each(supports.real),
        parameters=(
            Parameter("df", supports.positive, role="shape", activation="softplus_above_2"),
            _location(targets),
            _triangle(targets),
        ),
        distribution=deferred_class("MultivariateStudentT"),
        event=(targets,),
        tails=False,
        pool="covariance",
    )


def dirichlet(targets: int = 2) -> Family:
    """Shares of a whole: compositions of soils, budgets, time. Rows that sum to 1 within 1 % are divided by their sum.

    density   Γ(Σ α_j) Π y_j^(α_j - 1) / Γ(α_j)
    loss      -log Γ(Σ α_j) + Σ [ log Γ(α_j) - (α_j - 1) log y_j ]
    symbols   α = concentration
    mean      α_j/Σα
    variance  m_j (1 - m_j)/(1 + Σα), m_j = α_j/Σα
    crps      does not apply: each row is a vector
    scipy     none
    gamlss    none
    instead   counts by class: dirichlet_multinomial · one share: beta
    """
    return Family(
        "dirichlet",
        support=supports.simplex,
        parameters=(Parameter("concentration", supports.positive, shape=(targets,), axes=("targets",)),),
        distribution=deferred_class("Dirichlet"),
        event=(targets,),
        tails=False,
        pool="shares",
    )


def multinomial(targets: int = 2) -> Family:
    """Counts by class of independent trials, such as votes by party; how many trials there were is the sum of the row. Moments are per trial.

    density   n! Π p_j^y_j / y_j!
    loss      -log n! + Σ [ log y_j! - y_j log p_j ]
    symbols   p = probs
    mean      p_j
    variance  p_j (1 - p_j)
    crps      does not apply: each row is a vector
    scipy     none
    gamlss    none
    instead   counts that scatter more: dirichlet_multinomial · one trial per row: categorical
    """
    return Family(
        "multinomial",
        support=supports.each(supports.counts),
        parameters=(Parameter("probs", supports.simplex, shape=(targets,), axes=("targets",), logits="logits"),),
        distribution=deferred_class("Multinomial"),
        event=(targets,),
        tails=False,
    )


def dirichlet_multinomial(targets: int = 2) -> Family:
    """Counts by class that scatter more than those of independent trials; the sum of the row is their number. Moments are per trial.

    density   n! Γ(Σ α_j)/Γ(n + Σ α_j) · Π Γ(y_j + α_j) / (y_j! Γ(α_j))
    loss      -log n! - log Γ(Σ α_j) + log Γ(n + Σ α_j) + Σ [ log y_j! + log Γ(α_j) - log Γ(y_j + α_j) ]
    symbols   α = concentration
    mean      α_j/Σα
    variance  m_j (1 - m_j), m_j = α_j/Σα
    crps      does not apply: each row is a vector
    scipy     none
    gamlss    none
    instead   independent trials: multinomial · shares without counts: dirichlet
    """
    return Family(
        "dirichlet_multinomial",
        support=supports.each(supports.counts),
        parameters=(Parameter("concentration", supports.positive, shape=(targets,), axes=("targets",)),),
        distribution=deferred_class("DirichletMultinomial"),
        event=(targets,),
        tails=False,
        pool="shares",
    )
