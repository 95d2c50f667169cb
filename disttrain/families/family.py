"""Family: where the target lives, which parameters it has and where each lives, and which distribution they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from disttrain.families.on import Support

if TYPE_CHECKING:
    from torch.distributions import Distribution

__all__ = ["Family", "Parameter", "Role"]

Role = Literal["location", "scale", "rate", "log_scale", "shape"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family.

    `role` is its unit relative to the target: y, y, 1/y, log y, 1; None where the family is not closed under scaling.
    `shape` is that of one row's value: () for a number, (K,) for the probabilities of K classes.
    `activation` names the default one where the field's practice differs from what the support alone suggests.
    `logits` says that the distribution takes this parameter as `logits` too, which stays exact where probabilities saturate.
    """

    name: str
    support: Support
    role: Role | None = None
    shape: tuple[int, ...] = ()
    activation: str | None = None
    logits: bool = False


@dataclass(frozen=True)
class Family:
    """A family of distributions: the support of the target, its parameters, and what makes the distribution of them."""

    name: str
    support: Support
    parameters: tuple[Parameter, ...]
    distribution: Callable[..., Distribution]

    def parameter(self, name: str) -> Parameter:
        """The parameter called `name`. Raises KeyError for a name it does not have."""
        return {parameter.name: parameter for parameter in self.parameters}[name]
