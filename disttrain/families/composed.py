"""Families made of families."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from disttrain.distributions import deferred_class
from disttrain.families import supports
from disttrain.families.counts import poisson
from disttrain.families.family import Axis, Family, InvalidOption, Parameter, Role
from disttrain.families.positive import gamma
from disttrain.families.real_line import normal

if TYPE_CHECKING:
    from torch.distributions import Distribution

__all__ = ["discretized", "hurdle", "independent", "mixture", "truncated", "zero_inflated"]

# The least scale of a component, relative to the target's: a narrower one is a spike on a repeated value.
_NARROWEST = 1e-3


@dataclass(frozen=True)
class ComposedFactory:
    """The factory of a composed distribution from the parameters of both levels in one mapping.

    `outer_names` are pairs (parameter, argument): these parameters go to the outer distribution, all others to the inner one.
    `single` are parameters of the inner family without the axis of the components in front.
    """

    distribution: str
    of: Family
    outer_names: tuple[tuple[str, str], ...] = ()
    single: tuple[str, ...] = ()

    def __call__(self, validate_args: bool = False, **parameters: Any) -> Distribution:
        named = {outer: parameters.pop(outer) for outer, _ in self.outer_names if outer in parameters}
        inner = {name: value.unsqueeze(-1) if name in self.single else value for name, value in parameters.items()}
        mine = {name: named[outer] for outer, name in self.outer_names if outer in named}
        return deferred_class(self.distribution)(self.of.distribution(**inner), **mine, validate_args=validate_args)


@dataclass(frozen=True)
class WeightedMixture:
    """The factory of the mixture with K given weights of distributions whose parameters are (n, K, *shape)."""

    of: Family
    weights: tuple[float, ...]

    def __call__(self, validate_args: bool = False, **parameters: Any) -> Distribution:
        """The mixture, over the last axis of the batch of the components."""
        return deferred_class("weighted_mixture")(self.of.distribution(**parameters), self.weights, validate_args=validate_args)


def mixture(of: Family | None = None, components: int = 2) -> Family:
    """Several kinds of rows that the features do not tell apart: two humps, or a narrow peak with wide shoulders.

    density   Σ w_k q_k(y),   q_k the density of part k
    loss      -log Σ w_k q_k(y)
    symbols   w = weights
    mean      Σ w_k m_k
    variance  Σ w_k (v_k + (m_k - m)²)
    crps      closed form of normals; quadrature or summation of others
    scipy     none
    gamlss    gamlss.mx
    instead   one hump: the family itself, or student_t, skew_t
    """
    of = of or normal()
    _require(
        isinstance(components, int) and 2 <= components <= 100, "components", f"`components: {components}` is not a number from 2 to 100"
    )
    repeated = tuple(_repeated(parameter, components, "components") for parameter in of.parameters)
    weights = _free("weights", of)
    weight_names = ((weights, "weights"), (f"{weights[:-7]}weight_logits", "weight_logits"))
    return replace(
        of,
        name=f"mixture({of.name}, {components})",
        parameters=(
            *repeated, Parameter(weights, supports.simplex, role="shape", shape=(components,), axes=("components",), logits=weight_names[1][0]),
        ),
        distribution=ComposedFactory("Mixture", of, weight_names, _single(of, repeated)),
        unpooled="the parts of one network do not correspond to those of another",
    )  # fmt: skip


def weighted_mixture(of: Family, weights: tuple[float, ...]) -> Family:
    """The family of a forecast of several models: the mixture of their distributions with these weights. It is not in the table.

    Parameters given by an option or a column have the axis of the models too.
    """
    repeated = tuple(_repeated(replace(p, given=None), len(weights), "components") for p in _partial(of, "member"))
    return replace(of, parameters=repeated, distribution=WeightedMixture(of, weights))


def zero_inflated(of: Family | None = None) -> Family:
    """Counts with more zeros than their family gives: 0 with probability gate, else a draw of the family, which may be 0 too.

    density   g [y = 0] + (1 - g) q(y)
    loss      -log(g [y = 0] + (1 - g) q(y))
    symbols   g = gate
    mean      (1 - g) m
    variance  (1 - g) (v + g m²)
    crps      summation
    scipy     none
    gamlss    ZIP, ZINBI: sigma or nu = gate
    instead   zeros of another cause than the counts: hurdle · only more variation: negative_binomial
    """
    of = of or poisson()
    what = f"`zero_inflated` adds zeros to counts, and {of.name} needs {of.support.text('y')}"
    _require(
        of.support.discrete and of.support.lower <= 0 and not of.event, "of", what, "{family: hurdle, of: ...} for amounts with exact zeros"
    )
    return _gated(of, "zero_inflated", "ZeroInflated", of.support, ())


def hurdle(of: Family | None = None) -> Family:
    """Exact zeros with a cause of their own, and something positive above: claims, rainfall, purchases, visits.

    density   g where y = 0, (1 - g) q(y) above; q of counts is conditioned on y > 0
    loss      -log g where y = 0, else -log(1 - g) - log q(y)
    symbols   g = gate
    mean      (1 - g) m
    variance  (1 - g) v + g (1 - g) m²
    crps      quadrature
    scipy     none
    gamlss    ZAGA, ZAIG, ZAP: nu = gate
    instead   zeros that may also be chance: zero_inflated · totals of a random number of claims: tweedie
    """
    of = of or gamma()
    counts, amounts = of.support.discrete, of.support.lower == 0 and not of.support.closed_lower
    what = f"`hurdle` puts zeros below positive amounts or counts, and {of.name} needs {of.support.text('y')}"
    _require(
        (amounts or (counts and of.support == supports.counts)) and not of.event,
        "of",
        what,
        "a family of positive amounts, shares or counts",
    )
    _require(of.tails or not counts, "of", f"`hurdle` needs the cdf of {of.name}, which has no gradient", "another family of counts")
    support = of.support if counts else replace(of.support, closed_lower=True)
    # Counts are conditioned on y > 0: their mean ends at 1, however short the exposure.
    return replace(_gated(of, "hurdle", "Hurdle", support, () if counts else (0.0,)), proportional=of.proportional and not counts)


def truncated(of: Family | None = None, lower: float | str | None = None, upper: float | str | None = None) -> Family:
    """A family that is only seen between two ends, or beyond one: amounts above a deductible, scores with a floor. An end may be a column.

    density   q(y) / P(l ≤ Y ≤ u),   l ≤ y ≤ u; an end that is not set cuts nothing off
    loss      -log q(y) + log P(l ≤ Y ≤ u)
    symbols   l = lower, u = upper
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     none
    gamlss    gamlss.tr
    instead   a shape of its own above an end: generalized_pareto, pareto
    """
    of = of or normal()
    if lower is None and upper is None:
        lower = 0.0
    _require_tails(of, "truncated")
    low, high = (end if isinstance(end, int | float) else math.copysign(math.inf, sign) for end, sign in ((lower, -1), (upper, 1)))
    _require(low < high, "lower", f"`lower: {lower}` is not below `upper: {upper}`")
    holds = high > of.support.lower and low < of.support.upper
    _require(holds, "lower", f"no value of {of.name}, which needs {of.support.text('y')}, lies between {low:g} and {high:g}")
    ends = [(name, end) for name, end in (("lower", lower), ("upper", upper)) if end is not None]
    end_names = {name: _free(name, of) for name, _ in ends}
    role: Role | None = None if of.support.discrete else "location"
    end_parameters = tuple(
        Parameter(end_names[name], supports.real, role=role, given=end if isinstance(end, str) else float(end)) for name, end in ends
    )
    by_column = {name: end_names[name] for name, end in ends if isinstance(end, str)}
    return replace(
        of,
        name=f"truncated({of.name})",
        support=replace(of.support, **_within(of, low, high)),
        parameters=(*_partial(of), *end_parameters),
        unpooled="its moments have no closed form",
        distribution=ComposedFactory("Truncated", of, tuple((outer, name) for name, outer in end_names.items())),
        atoms=tuple(atom for atom in of.atoms if low <= atom <= high),
        ends=(by_column.get("lower", of.ends[0]), by_column.get("upper", of.ends[1])),
        proportional=of.proportional and not of.support.discrete and all(isinstance(end, int | float) and end == 0.0 for _, end in ends),
    )


def discretized(of: Family | None = None, step: float = 1.0) -> Family:
    """Measurements rounded to a grid: scores the probability of the rounding interval, so that repeated values earn no spikes.

    density   F(y + h/2) - F(y - h/2),   y a multiple of h
    loss      -log(F(y + h/2) - F(y - h/2))
    symbols   h = step
    mean      by summation
    variance  by summation
    crps      summation
    scipy     none
    gamlss    gamlss.dist: discretised continuous distributions
    instead   events that are counted: poisson, negative_binomial
    """
    of = of or normal()
    _require_tails(of, "discretized")
    _require(not of.support.discrete, "of", f"{of.name} is discrete already", "a continuous family, such as normal or gamma")
    _require(isinstance(step, int | float) and 0 < step < math.inf, "step", f"`step: {step}` is not a positive number")
    lower = math.floor(of.support.lower / step + 0.5) * step if math.isfinite(of.support.lower) else -math.inf
    upper = math.ceil(of.support.upper / step - 0.5) * step if math.isfinite(of.support.upper) else math.inf
    name = _free("step", of)
    step_parameter = Parameter(name, supports.positive, role="scale", given=float(step))
    return replace(
        of,
        name=f"discretized({of.name})",
        support=supports.counts if step == 1.0 and lower == 0.0 and math.isinf(upper) else supports.multiples(float(step), lower, upper),
        parameters=(*_partial(of), step_parameter),
        pool="before_rounding",
        distribution=ComposedFactory("Discretized", of, ((name, "step"),)),
        proportional=False,
    )


def independent(of: Family | None = None, targets: int = 2) -> Family:
    """Several targets at once, each of the same family, without dependence between them given the features.

    density   Π q(y_j)
    loss      -Σ log q(y_j)
    mean      m_j
    variance  v_j
    crps      does not apply: each row is a vector
    scipy     none
    gamlss    none
    instead   targets that move together: multivariate_normal
    """
    of = of or normal()
    _require(not of.event, "of", f"each row of {of.name} is a vector already", "a family of numbers, such as normal or gamma")
    labels = any("classes" in parameter.axes for parameter in of.parameters)
    _require(not labels, "of", f"{of.name} is a family of labels", "one model per label column")
    repeated = tuple(_repeated(parameter, targets, "targets") for parameter in of.parameters)
    return replace(
        of,
        name=f"independent({of.name})",
        support=supports.each(of.support),
        parameters=repeated,
        pool="elements",
        distribution=ComposedFactory("Independent", of, single=_single(of, repeated)),
        event=(targets,),
    )


def _gated(of: Family, name: str, distribution: str, support: supports.Support, atoms: tuple[float, ...]) -> Family:
    gate = _free("gate", of)
    role: Role | None = None if of.support.discrete else "shape"
    return replace(
        of,
        name=f"{name}({of.name})",
        support=support,
        parameters=(*_partial(of), Parameter(gate, supports.unit, role=role, logits=f"{gate}_logits")),
        pool="moments",
        distribution=ComposedFactory(distribution, of, ((gate, "gate"), (f"{gate}_logits", "gate_logits"))),
        atoms=atoms,
        # A 0 lies below whatever the lower end of the other values is.
        ends=("", of.ends[1]),
    )  # fmt: skip


def _repeated(parameter: Parameter, times: int, axis: Axis) -> Parameter:
    """The parameter with one more axis in front; a given parameter stays one number, unless each target has its own unit for it."""
    if parameter.given is not None and (axis != "targets" or parameter.role in (None, "shape")):
        return parameter
    unnamed: tuple[Axis, ...] = tuple("" for _ in parameter.shape)
    axes = parameter.axes or unnamed
    narrow = axis == "components" and parameter.role in ("scale", "shape") and parameter.support == supports.positive
    floor = _NARROWEST if narrow else parameter.floor
    return replace(parameter, shape=(times, *parameter.shape), axes=(axis, *axes), floor=floor)


def _single(of: Family, repeated: tuple[Parameter, ...]) -> tuple[str, ...]:
    """The names of the unchanged parameters."""
    return tuple(before.name for before, after in zip(of.parameters, repeated, strict=True) if after is before)


def _within(of: Family, low: float, high: float) -> Mapping[str, Any]:
    """The changed ends of a truncated support: new ends are included."""
    changed: dict[str, Any] = {}
    if low > of.support.lower:
        changed |= {"lower": math.ceil(low) if of.support.discrete else low, "closed_lower": True}
    if high < of.support.upper:
        changed |= {"upper": math.floor(high) if of.support.discrete else high, "closed_upper": True}
    return changed


def _partial(of: Family, part: str = "base") -> tuple[Parameter, ...]:
    """The parameters of a family that is a part of a composed distribution: its mean is not the mean of the composed one."""
    return tuple(replace(p, column=p.column or f"{part}_{p.name}") if p.name == "mean" and not p.shape else p for p in of.parameters)


def _free(name: str, of: Family) -> str:
    """The name, prefixed by `outer_` until the inner family has no parameter of that name."""
    names = {parameter.name for parameter in of.parameters}
    while name in names:
        name = f"outer_{name}"
    return name


def _require_tails(of: Family, combinator: str) -> None:
    what = f"`{combinator}` needs the cdf of {of.name}" + (", whose rows are vectors" if of.event else ", which has no gradient")
    _require(of.tails and not of.event, "of", what, "`disttrain families --support real` shows families; most have one")


def _require(fits: bool, option: str, what: str, hint: str = "") -> None:
    if not fits:
        raise InvalidOption(option, what, hint)
