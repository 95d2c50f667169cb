"""Pooling: one distribution of a family for each row, from those of K networks with equal weights.

The pooled distribution has the moments of their mixture, so that a forecast stays one number per parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from disttrain.distributions import Ordinal
from disttrain.distributions.core import functionals
from disttrain.families import supports
from disttrain.families.composed import ComposedFactory, weighted_mixture
from disttrain.families.family import Family, Parameter
from disttrain.families.scaling import moved

Parameters = Mapping[str, Tensor]
# The level and the spread of each row, (n,) each.
_Statistics = Callable[[Family, Parameters], tuple[Tensor, Tensor]]

_HALF_TURNS = 80
# The parameters that are solved for come in this order; of a family with more than two, the others are averaged.
_ORDER = {"location": 0, "mean": 0, "log_scale": 1, "scale": 1, "rate": 1, "variance": 1}
_ITERATIONS, _STEP, _SLOPE, _DONE = 60, 2.0, 1e-5, 1e-22
# Where a family cannot have both, its mean comes first; the search ends after a few steps in a row that gain next to nothing.
_LEVEL_FIRST, _STALLED, _PATIENCE = 10.0, 0.97, 5


def pooled(family: Family, parameters: Parameters, fixed: Collection[str] = ()) -> dict[str, Tensor]:
    """The parameters {name: (n, *shape)} of one distribution per row, from those of K members, {name: (n, K, *shape)}.

    Parameters named in `fixed` have the same value in all members, and keep it. Raises KeyError for a family that has no rule.
    """
    result = RULES[family.pool](family, parameters, fixed)
    return {parameter.name: result[parameter.name] for parameter in family.parameters}


def _moments_matched(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """The distribution with the mean and the variance of the mixture; median and quartile range where one of these does not exist.

    Probabilities are averaged as they are, other parameters that are not solved for on the scale on which they have no bounds.
    """
    start = {p.name: _average(p, parameters[p.name], fixed) for p in family.parameters}
    free = _solved_for(family, fixed)
    if family.event or not free:
        return start
    with torch.no_grad():
        mixture, components = weighted_mixture(family, (1.0,) * _members(parameters)), dict(parameters)
        if family.pool == "quartiles":
            exist = torch.zeros(len(next(iter(start.values()))), dtype=torch.bool)
        else:
            level, spread = _moments(mixture, components)
            exist = level.isfinite() & spread.isfinite() & (spread > 0)
        rules: list[tuple[Tensor, _Statistics]] = [(exist, _moments), (~exist, _quartiles)]
        result = {name: value.clone() for name, value in start.items()}
        for mask, statistics in rules:
            if not bool(mask.any()) or (statistics is _quartiles and family.support.discrete):
                continue
            part, target = (
                {name: value[mask] for name, value in start.items()},
                statistics(mixture, {n: v[mask] for n, v in components.items()}),
            )
            solve = _by_affine_map if _is_affine(family, fixed) else _by_search
            for name, value in solve(family, part, free, statistics, target).items():
                result[name][mask] = value
    return result


def _members(parameters: Parameters) -> int:
    return next(iter(parameters.values())).shape[1]


def _average(parameter: Parameter, values: Tensor, fixed: Collection[str]) -> Tensor:
    """The average (n, *shape) of a parameter of K members, (n, K, *shape); a fixed or given one is what it is."""
    if parameter.given is not None or parameter.name in fixed:
        return values[:, 0]
    if parameter.shape or _is_between(parameter):
        return values.mean(1)
    return _bounded(parameter, _unbounded(parameter, values).mean(1))


def _is_between(parameter: Parameter) -> bool:
    """True if a parameter lies between two bounds, as probabilities do."""
    return math.isfinite(parameter.support.lower) and math.isfinite(parameter.support.upper)


def _unbounded(parameter: Parameter, values: Tensor) -> Tensor:
    """The values of a parameter on a scale without bounds: as they are, as logarithm, or as log-odds."""
    low, high = parameter.support.lower, parameter.support.upper
    if _is_between(parameter):
        return torch.logit((values - low) / (high - low))
    return (values - low).log() if math.isfinite(low) else (high - values).log() if math.isfinite(high) else values


def _bounded(parameter: Parameter, values: Tensor) -> Tensor:
    """The inverse of `_unbounded`."""
    low, high = parameter.support.lower, parameter.support.upper
    if _is_between(parameter):
        return low + (high - low) * torch.sigmoid(values)
    return low + values.exp() if math.isfinite(low) else high - values.exp() if math.isfinite(high) else values


def _solved_for(family: Family, fixed: Collection[str]) -> tuple[Parameter, ...]:
    """The one or two parameters that give the pooled distribution its level and its spread."""
    learned = [p for p in family.parameters if p.given is None and p.name not in fixed]
    # Probabilities of classes and of atoms are averaged; of one parameter alone, only those of events have its average as their mean.
    numbers = [p for p in learned if not p.shape and not (p.logits and (len(family.parameters) > 1 or family.support.discrete))]
    return tuple(sorted(numbers, key=lambda p: _ORDER.get(p.role or "", 2))[:2])


def _moments(family: Family, parameters: Parameters) -> tuple[Tensor, Tensor]:
    distribution = family.distribution(**parameters, validate_args=False)
    return functionals.mean(distribution), functionals.variance(distribution).sqrt()


def _quartiles(family: Family, parameters: Parameters) -> tuple[Tensor, Tensor]:
    distribution = family.distribution(**parameters, validate_args=False)
    low, middle, high = (functionals.quantile(distribution, torch.tensor(level, dtype=torch.float64)) for level in (0.25, 0.5, 0.75))
    return middle, high - low


def _is_affine(family: Family, fixed: Collection[str]) -> bool:
    """True if any shift and scale of the target leads to a distribution of the family with the same shapes."""
    roles = {p.role for p in family.parameters}
    free = all(p.role == "shape" or (p.given is None and p.name not in fixed) for p in family.parameters)
    return free and family.support == supports.real and "location" in roles and roles <= {"location", "scale", "variance", "rate", "shape"}


def _by_affine_map(
    family: Family, start: Parameters, free: tuple[Parameter, ...], statistics: _Statistics, target: tuple[Tensor, Tensor]
) -> dict[str, Tensor]:
    """The distribution `start`, shifted and scaled to the level and the spread of the target."""
    del free
    level, spread = statistics(family, start)
    scale = target[1] / spread
    return moved(family, start, target[0] - scale * level, scale)


def _by_search(
    family: Family, start: Parameters, free: tuple[Parameter, ...], statistics: _Statistics, target: tuple[Tensor, Tensor]
) -> dict[str, Tensor]:
    """The distribution with the level and, of two free parameters, the spread of the target, found from `start`.

    Where the family has no such distribution, it is the nearest that the search finds.
    """
    positive = family.support.lower >= 0.0

    def parameters(u: Tensor, rows: Tensor) -> dict[str, Tensor]:
        others = {name: value[rows] for name, value in start.items()}
        return others | {p.name: _bounded(p, u[:, index]) for index, p in enumerate(free)}

    def residual(u: Tensor, rows: Tensor) -> Tensor:
        level, spread = statistics(family, parameters(u, rows))
        wanted, scale = target[0][rows], target[1][rows]
        first = torch.where(wanted > 0, (level / wanted).log(), level - wanted) if positive else (level - wanted) / scale
        return torch.stack([_LEVEL_FIRST * first, (spread / scale).log()][: len(free)], -1)

    u = _least_squares(torch.stack([_unbounded(p, start[p.name]) for p in free], -1), residual)
    return parameters(u, torch.arange(len(u)))


def _least_squares(u: Tensor, residual: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The points (n, d) at which the `residual` (m, d) of points (m, d) and their rows (m,) is 0, by Levenberg and Marquardt's method."""
    every = torch.arange(len(u))
    value = residual(u, every)
    cost, damping, stalls = _cost(value), torch.full((len(u),), 1e-4, dtype=u.dtype), torch.zeros(len(u), dtype=torch.int64)
    for _ in range(_ITERATIONS):
        rows = every[(cost > _DONE) & cost.isfinite() & (damping < 1e8) & (stalls < _PATIENCE)]
        if not len(rows):
            break
        at, now = u[rows], value[rows]
        slopes = [(residual(at + _SLOPE * step, rows) - now) / _SLOPE for step in torch.eye(u.shape[1], dtype=u.dtype)]
        jacobian = torch.stack(slopes, -1).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        normal = jacobian.mT @ jacobian
        ridge = damping[rows, None] * normal.diagonal(dim1=-2, dim2=-1) + 1e-12
        step = torch.linalg.solve(normal + torch.diag_embed(ridge), jacobian.mT @ now.unsqueeze(-1)).squeeze(-1)
        trial = at - step.clamp(-_STEP, _STEP)
        reached = residual(trial, rows)
        better = _cost(reached) < cost[rows]
        stalls[rows] = torch.where(better & (_cost(reached) < _STALLED * cost[rows]), 0, stalls[rows] + better)
        u[rows[better]], value[rows[better]], cost[rows[better]] = trial[better], reached[better], _cost(reached)[better]
        damping[rows] = torch.where(better, 0.1 * damping[rows], 10.0 * damping[rows])
    return u


def _cost(residual: Tensor) -> Tensor:
    return residual.square().sum(-1).nan_to_num(nan=math.inf)


def _latent_normal(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """loc and scale of a function of the target that is normal, such as its logarithm: their sufficient statistics are averaged."""
    del family
    loc, scale = parameters["loc"], parameters["scale"]
    middle = loc[:, 0] if "loc" in fixed else loc.mean(1)
    spread = (scale.square() + (loc - middle.unsqueeze(1)).square()).mean(1).sqrt()
    return {"loc": middle, "scale": scale[:, 0] if "scale" in fixed else spread}


def _direction_matched(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """Mean direction and mean resultant length of the mixture, the sufficient statistics of angles.

    Source: Mardia & Jupp (2000), Directional Statistics, section 5.3.1.
    """
    del family
    loc, concentration, period = (parameters[name] for name in ("loc", "concentration", "period"))
    turn, length = 2.0 * math.pi / period, _resultant(concentration)
    cosine, sine = (length * (turn * loc).cos()).mean(1), (length * (turn * loc).sin()).mean(1)
    middle, target = torch.atan2(sine, cosine) / turn[:, 0], torch.hypot(sine, cosine)
    low, high = torch.full_like(target, math.log(1e-12)), torch.full_like(target, math.log(1e15))
    for _ in range(_HALF_TURNS):
        guess = 0.5 * (low + high)
        below = _resultant(guess.exp()) < target
        low, high = torch.where(below, guess, low), torch.where(below, high, guess)
    result = {"loc": middle, "concentration": (0.5 * (low + high)).exp(), "period": period[:, 0]}
    return result | {name: parameters[name][:, 0] for name in fixed}


def _resultant(concentration: Tensor) -> Tensor:
    """The mean resultant length of von Mises angles."""
    length: Tensor = torch.special.i1e(concentration) / torch.special.i0e(concentration)
    return length


def _classes_averaged(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """Ordered classes: cutpoints at which the probabilities are the average of the members', beside the mean location."""
    members, count = family.distribution(**parameters, validate_args=False), _members(parameters)
    assert isinstance(members, Ordinal)
    codes = torch.arange(parameters["cutpoints"].shape[-1], dtype=torch.float64).reshape(-1, 1, 1)
    below, above = (torch.logsumexp(tail, -1).mT - math.log(count) for tail in (members.log_cdf(codes), members.log_survival(codes)))
    z = below - above
    if members.link == "probit":
        z = torch.where(below < above, torch.special.ndtri(below.exp()), -torch.special.ndtri(above.exp()))
    loc = _average(family.parameter("loc"), parameters["loc"], fixed)
    return {"loc": loc, "cutpoints": z + loc.unsqueeze(-1)}


def _covariance_matched(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """Mean and covariance of the mixture; degrees of freedom are averaged, and where a covariance is infinite, scatter matrices are."""
    loc, factor = parameters["loc"], parameters["scale_tril"]
    result, inflation = {}, torch.ones(loc.shape[:2], dtype=loc.dtype)
    final = inflation[:, 0]
    if "df" in parameters:
        df = parameters["df"]
        finite = (df > 2.0).all(1)
        above = (df - 2.0).log().mean(1).exp() + 2.0
        result["df"] = df[:, 0] if "df" in fixed else torch.where(finite, above, df.log().mean(1).exp())
        inflation = torch.where(finite.unsqueeze(1), df / (df - 2.0), 1.0)
        final = torch.where(finite, result["df"] / (result["df"] - 2.0), 1.0)
    middle = loc.mean(1)
    between = loc - middle.unsqueeze(1)
    covariance = (inflation[..., None, None] * (factor @ factor.mT) + between.unsqueeze(-1) * between.unsqueeze(-2)).mean(1)
    del family
    return result | {"loc": middle, "scale_tril": torch.linalg.cholesky(covariance / final[:, None, None])}


def _shares_matched(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """The mean shares of the mixture, and their total variance."""
    del family, fixed
    concentration = parameters["concentration"]
    total = concentration.sum(-1, keepdim=True)
    share = concentration / total
    middle = share.mean(1)
    within = (share * (1.0 - share) / (1.0 + total)).sum(-1).mean(1)
    between = (share - middle.unsqueeze(1)).square().sum(-1).mean(1)
    # Σ m (1 - m) / (1 + total) is the total variance; in this form nothing cancels where it is small or large.
    excess = (share * (1.0 - share) * (total / (1.0 + total))).sum(-1).mean(1)
    return {"concentration": middle * (excess / (within + between)).unsqueeze(-1)}


def _before_rounding(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """The distributions before rounding, pooled: the mixture of rounded distributions is their mixture, rounded."""
    assert isinstance(family.distribution, ComposedFactory)
    of = family.distribution.of
    given = {p.name: parameters[p.name][:, 0] for p in family.parameters if p.given is not None}
    return given | pooled(of, {p.name: parameters[p.name] for p in of.parameters}, fixed)


def _each_element(family: Family, parameters: Parameters, fixed: Collection[str]) -> dict[str, Tensor]:
    """The elements of independent vectors, each pooled as a row of its own."""
    assert isinstance(family.distribution, ComposedFactory)
    of, (d,) = family.distribution.of, family.event
    n, count = next(iter(parameters.values())).shape[:2]
    rows: dict[str, Tensor] = {}
    for parameter in of.parameters:
        value = parameters[parameter.name]
        value = value.unsqueeze(2).expand(n, count, d) if value.ndim == 2 else value
        rows[parameter.name] = value.transpose(1, 2).reshape(n * d, count, *parameter.shape)
    result = {name: value.reshape(n, d, *value.shape[1:]) for name, value in pooled(of, rows, fixed).items()}
    return {name: value[:, 0] if parameters[name].ndim == 2 else value for name, value in result.items()}


RULES: dict[str, Callable[[Family, Parameters, Collection[str]], dict[str, Tensor]]] = {
    "moments": _moments_matched,
    # Families whose moments have no closed form, or seldom exist.
    "quartiles": _moments_matched,
    "latent_normal": _latent_normal,
    "direction": _direction_matched,
    "classes": _classes_averaged,
    "covariance": _covariance_matched,
    "shares": _shares_matched,
    "elements": _each_element,
    "before_rounding": _before_rounding,
}
