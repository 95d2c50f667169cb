"""Family: where the target lives, which parameters it has and where each lives, and which distribution they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from disttrain.families.supports import Support

if TYPE_CHECKING:
    from torch.distributions import Distribution

__all__ = ["Axis", "Family", "Parameter", "Role", "InvalidOption", "spelled"]

Role = Literal["location", "scale", "variance", "rate", "log_scale", "shape", "mean", "dispersion"]
Axis = Literal["classes", "targets", "components", ""]


class InvalidOption(ValueError):
    """A family cannot be built of its options: `option` is the one to blame, `hint` the way out."""

    def __init__(self, option: str, what: str, hint: str) -> None:
        super().__init__(what)
        self.option, self.hint = option, hint


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family.

    `role` is its unit relative to the target: y, y, y², 1/y, log y, 1; `mean`, in y too, for one that alone follows the exposure of a row;
    `dispersion`, in y^(2 - p), beside a parameter p called `power`; None in a family that is not closed under scaling.
    `shape` is that of one row's value: () for a number, (K,) for the probabilities of K classes.
    `activation` names the default one where the field's practice differs from what the support alone suggests.
    `logits` is the name under which the distribution takes this parameter as logits too, which stay exact where probabilities saturate.
    `axes` says what the axes of `shape` count: `classes`, `targets`, `components`; empty where they are only numbered.
    `given` is the value, in target units, of one that an option of the family sets, or the column with its value for each row: it is
    never learned.
    `constant` says that it is one learned constant for all rows unless a config gives it features.
    Parameters that are `tied` are probabilities that share one softmax with each other and with an unnamed rest; as logits that has 0.
    `floor` is added to what the activation gives, in units of the standardised target. `column` is the written name where it is not
    `name`: that of the forecast's mean, say, which a parameter called mean of one part of a distribution is not.
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
    """A family of distributions: the support of the target, its parameters, and what makes the distribution of them.

    `event` is the shape of one row's target: () for a number, (d,) for a vector. `tails` says that its distribution has a differentiable
    log_cdf and log_survival, which censoring, rounding and truncation need. `atoms` are target values that have a probability of their
    own beside the density of the others. `ends` names the parameters, given by columns, below and above which a row's target cannot lie.
    `form` names what an option made of the family where its formulas are others: the facts that its
    docstring marks with it, such as `density[rank]`, take the place of the usual ones. `proportional` says that the mean of the target is
    proportional to its parameters in units of the target, all of them together; not where values are cut off or rounded.
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

    def parameter(self, name: str) -> Parameter:
        """The parameter called `name`. Raises KeyError for a name it does not have."""
        return {parameter.name: parameter for parameter in self.parameters}[name]

    @property
    def by_column(self) -> dict[str, str]:
        """The parameters that a column gives, and the column of each."""
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
