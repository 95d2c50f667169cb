"""The loss alone, as a torch module, for a network of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from disttrain.errors import Finding, UsageError
from disttrain.families import FAMILIES, Family, activation_for, bounded, build, objection
from disttrain.likelihood import cross_entropy
from disttrain.networks import Output, activated
from disttrain.outcomes import Outcome

__all__ = ["CrossEntropy"]


class CrossEntropy(nn.Module):
    """Empirical cross-entropy of a family: raw outputs (n, outputs) and targets (n,) to the mean negative log-likelihood in nats.

    `family` is a name of the table (with its options, such as `classes=3`) or a Family of one's own; `parameters` may give a
    parameter `activation`, `bounds` or `fixed`, as in a config. `outputs` is how many raw outputs a row needs. Activation and
    likelihood run in float64 whatever the dtype of the raw outputs. Raises UsageError for names and values that cannot be.
    """

    def __init__(self, family: str | Family, parameters: Mapping[str, Mapping[str, Any]] | None = None, **options: Any) -> None:
        super().__init__()
        self.family = family if isinstance(family, Family) else _family(family, options)
        given = dict(parameters or {})
        for name in given.keys() - {parameter.name for parameter in self.family.parameters}:
            raise _refusal(f"`{name}` is not a parameter of {self.family.name}")
        self.parts = tuple(_output(self.family, parameter.name, given.get(parameter.name, {})) for parameter in self.family.parameters)
        self.outputs = sum(part.size for part in self.parts)

    def forward(self, raw: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
        """Mean of -log q(y) over rows, weighted by `weight` (n,) where given: a scalar."""
        return cross_entropy(self._distribution(raw, logits=True), Outcome.exact(y.double()), weight)

    def distribution(self, raw: Tensor) -> Distribution:
        """The distribution of each row: batch shape (n,)."""
        return self._distribution(raw, logits=False)

    def _distribution(self, raw: Tensor, *, logits: bool) -> Distribution:
        if raw.ndim != 2 or raw.shape[1] != self.outputs:
            raise _refusal(f"raw outputs have shape {tuple(raw.shape)}; {self.family.name} needs (n, {self.outputs})")
        learned = [part for part in self.parts if part.size]
        pieces = torch.split(raw.double(), [part.size for part in learned], 1)
        shaped = {part.parameter.name: piece.reshape(len(raw), *part.raw_shape) for part, piece in zip(learned, pieces, strict=True)}
        return self.family.distribution(**activated(self.parts, shaped, len(raw), logits=logits), validate_args=False)


def _family(name: str, options: Mapping[str, Any]) -> Family:
    if name not in FAMILIES:
        raise _refusal(f"`{name}` is not a family; there are {', '.join(FAMILIES)}")
    try:
        return build(name, options)
    except TypeError as fault:
        raise _refusal(f"{name}: {fault}") from None


def _output(family: Family, name: str, given: Mapping[str, Any]) -> Output:
    parameter, chosen = family.parameter(name), given.get("activation")
    unknown = given.keys() - {"activation", "bounds", "fixed"}
    if unknown:
        raise _refusal(f"`{sorted(unknown)[0]}` is not known of a parameter; there are activation, bounds, fixed")
    fixed = given.get("fixed")
    if fixed is not None and not bool(parameter.support.contains(torch.as_tensor(fixed, dtype=torch.float64))):
        raise _refusal(f"{name} = {fixed} is not possible: {family.name} needs {parameter.support.text(name)}")
    try:
        activation = activation_for(parameter, chosen)
    except KeyError:
        raise _refusal(f"`{chosen}` is not an activation") from None
    if chosen is not None and (wrong := objection(chosen, parameter, family.name)):
        raise _refusal(f"{wrong[0]}: {wrong[1]}; {wrong[2]}")
    if given.get("bounds") is not None:
        activation = bounded(activation, *given["bounds"])
    return Output(parameter, activation, fixed=fixed)


def _refusal(what: str) -> UsageError:
    return UsageError(Finding("bad-loss", what, "CrossEntropy"))
