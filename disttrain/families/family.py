"""Family: the support of the target, the parameters with their supports, and the distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from disttrain.families.supports import Support

if TYPE_CHECKING:
    from torch.distributions import Distribution

Role = Literal["location", "scale", "variance", "rate", "log_scale", "shape", "mean", "dispersion"]
Axis = Literal["classes", "targets", "components", ""]
# The value of a parameter that is not learned: a number, or nested tuples of numbers with the shape of the parameter.
Fixed = float | tuple["Fixed", ...]


class InvalidOption(ValueError):
    """A family cannot be built of its options: `option` is the invalid one, `hint` a correction."""

    def __init__(self, option: str, what: str, hint: str) -> None:
        super().__init__(what)
        self.option, self.hint = option, hint


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family.

    `role` is its unit relative to the target: y, y, y², 1/y, log y, 1; `mean`, in y too, for a mean that is proportional to the exposure;
    `dispersion`, in y^(2 - p), beside a parameter p called `power`; None in a family that is not closed under scaling.
    `shape` is the shape of one row's value: () for a number, (K,) for the probabilities of K classes.
    `activation` is the name of the default activation where it is not the one of the support.
    `logits` is the distribution's argument for this parameter as logits, which stay exact where probabilities saturate.
    `axes` are the names of the axes of `shape`: `classes`, `targets`, `components`; empty for unnamed axes.
    `given` is the value, in target units, that an option of the family sets, or the column with a value for each row: such a parameter is
    never learned.
    `constant`: the parameter is one learned constant for all rows unless a config gives it features.
    `tied`: the parameter is a probability of one softmax with the other tied parameters and an unnamed rest, whose logit is 0.
    `floor` is added to the output of the activation, in units of the standardised target. `column` is the name in output files where it
    is not `name`: a parameter `mean` of one part of a distribution is not the mean of the forecast.

    >>> scale = disttrain.CrossEntropy("normal").family.parameter("scale")
    >>> scale.name, scale.role, scale.shape, bool(scale.support.contains(torch.tensor(-1.0)))
    ('scale', 'scale', (), False)
    """

    name: str
    support: Support
    role: Role | None = None
    shape: tuple[int, ...] = ()
    activation: str | None = None
    logits: str = ""
    axes: tuple[Axis, ...] = ()
    given: float | str | None = None
    constant: bool = False
    tied: bool = False
    floor: float = 0.0
    column: str = ""


@dataclass(frozen=True)
class Family:
    """A family of distributions: the support of the target, its parameters, and the factory of the distribution.

    `event` is the shape of one row's target: () for a number, (d,) for a vector. `tails`: the distribution has a differentiable
    log_cdf and log_survival, which censoring, rounding and truncation need. `atoms` are target values with a positive probability beside
    a density. `ends` names the parameters, given by columns, that bound a row's target below and above.
    `form` names the variant of the family that an option selects, with other formulas: the facts that the docstring marks with it, such
    as `density[rank]`, replace the plain ones. `proportional`: the mean of the target is proportional to its parameters in units of the
    target, all of them together; not so where values are truncated or rounded.
    `pool` is the rule by which the distributions of several networks become one of the family: a key of `pooling.RULES`; `unpooled` is the
    reason where there is none.

    >>> family = disttrain.CrossEntropy("student_t").family
    >>> [parameter.name for parameter in family.parameters]
    ['df', 'loc', 'scale']
    >>> family.distribution(df=5.0, loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.t(5.0).cdf(1.0)
    tensor(0.8184, dtype=torch.float64)
    """

    name: str
    support: Support
    parameters: tuple[Parameter, ...]
    distribution: Callable[..., Distribution]
    event: tuple[int, ...] = ()
    tails: bool = True
    atoms: tuple[float, ...] = ()
    ends: tuple[str, str] = ("", "")
    form: str = ""
    proportional: bool = True
    pool: str = "moments"
    unpooled: str = ""

    def parameter(self, name: str) -> Parameter:
        """The parameter called `name`. Raises KeyError where the family has none of that name.

        >>> disttrain.CrossEntropy("gamma").family.parameter("concentration").role
        'shape'
        """
        return {parameter.name: parameter for parameter in self.parameters}[name]

    @property
    def by_column(self) -> dict[str, str]:
        """The parameters given by columns, as {parameter: column}.

        >>> disttrain.CrossEntropy("truncated", of="gamma", lower="deductible").family.by_column
        {'lower': 'deductible'}
        """
        return {parameter.name: parameter.given for parameter in self.parameters if isinstance(parameter.given, str)}


def spelled(name: str) -> str:
    """The name of a built family, such as `mixture(hurdle(gamma), 2)`, as YAML: {family: mixture, of: {...}, components: 2}.

    A name without brackets is spelled as it is.
    """
    outer, bracket, rest = name.partition("(")
    if not bracket:
        return name
    inner = rest.strip().removesuffix(")")
    of, comma, count = inner.rpartition(",")
    if comma and count.strip().isdigit():
        return f"{{family: {outer}, of: {spelled(of.strip())}, components: {count.strip()}}}"
    return f"{{family: {outer}, of: {spelled(inner.strip())}}}"
