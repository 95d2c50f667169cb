"""Raw outputs → parameters; Network = trunks + heads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from disttrain.families import ACTIVATIONS, Activation, Parameter, exposed
from disttrain.networks.conditions import Conditions
from disttrain.networks.inputs import CategoryCodes, Inputs
from disttrain.networks.layers import Linear, initialize
from disttrain.networks.mlp import MLP, Style

__all__ = ["Layout", "Network", "Output", "activated"]

_NONE = Conditions()


@dataclass(frozen=True)
class Output:
    """How one parameter leaves the network.

    `columns` are the encoded columns it may see (None: all; empty: one learned constant for all rows), `hidden` its own extra layers,
    `fixed` its value in units of the standardised target where it is not learned at all; nor is one that a column gives.
    """

    parameter: Parameter
    activation: Activation
    columns: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = ()
    fixed: float | tuple[Any, ...] | None = None

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """The shape of one row's raw outputs for this parameter."""
        return self.activation.raw_shape(self.parameter.shape)

    @property
    def size(self) -> int:
        """How many raw outputs one row has for this parameter."""
        return 0 if self.fixed is not None or isinstance(self.parameter.given, str) else math.prod(self.raw_shape)


@dataclass(frozen=True)
class Layout:
    """The plan of a network: `inputs` encoded columns, hidden layers shared by parameters that see the same columns, one head each.

    With `separate` every parameter has a network of its own. `members` are networks of this plan side by side. Each of the `numbers` among
    the columns is given to the trunk as it is and as `numeric_embedding` spreads it out. With `linear_path` the heads add a linear model
    of the columns to what they make of the hidden values.
    """

    inputs: int
    codes: tuple[CategoryCodes, ...] = ()
    hidden: tuple[int, ...] = ()
    activation: str = "silu"
    normalization: str = "none"
    dropout: float = 0.0
    residual: bool = False
    separate: bool = False
    members: int = 1
    numbers: tuple[int, ...] = ()
    numeric_embedding: str = "none"
    linear_path: bool = False


class Branch(nn.Module):
    """One trunk and the heads of the parameters that grow on it: (K, n, p) → raw outputs (K n, *raw_shape) of each of those parameters."""

    def __init__(self, layout: Layout, outputs: Sequence[Output], generator: torch.Generator) -> None:
        super().__init__()
        style = Style(layout.activation, layout.normalization, layout.dropout, layout.residual, layout.members)
        columns = outputs[0].columns if outputs[0].columns is not None else tuple(range(layout.inputs))
        self.inputs = Inputs(columns, layout.inputs, layout.codes, layout.members, layout.numbers, layout.numeric_embedding)
        self.trunk = MLP(self.inputs.width, layout.hidden, style, generator)
        # Parameters without layers of their own share one matrix: one product instead of one per parameter.
        self.groups = _grouped(outputs)
        tails = [MLP(self.trunk.width, group[0].hidden, style, generator) for group in self.groups]
        sizes = [sum(output.size for output in group) for group in self.groups]
        heads = [Linear(layout.members, tail.width, size) for tail, size in zip(tails, sizes, strict=True)]
        self.scalars = all(output.raw_shape == () for output in outputs)
        self.tails, self.heads = nn.ModuleList(tails), nn.ModuleList(heads)
        paths = [Linear(layout.members, self.inputs.plain_width, size) for size in sizes if layout.linear_path]
        self.paths, self.alone = nn.ModuleList(paths), False

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        raw: dict[str, Tensor] = {}
        for group, out in zip(self.groups, self._outputs(self.inputs(x)), strict=True):
            made = out.to(_wide(x)).flatten(0, 1)
            if self.scalars:
                raw |= zip((output.parameter.name for output in group), made.unbind(-1), strict=True)
                continue
            pieces = torch.split(made, [output.size for output in group], -1)
            raw |= {output.parameter.name: piece.reshape(len(made), *output.raw_shape) for output, piece in zip(group, pieces, strict=True)}
        return raw

    def _outputs(self, inputs: Tensor) -> Iterator[Tensor]:
        """The raw outputs (K, n, size) of each group of parameters; those of the linear paths alone where `alone`."""
        linear = [path(inputs[..., : self.inputs.plain_width]) for path in self.paths]
        if self.alone:
            yield from (path + head.bias for path, head in zip(linear, self.heads, strict=True))
            return
        hidden = self.trunk(inputs)
        for place, (tail, head) in enumerate(zip(self.tails, self.heads, strict=True)):
            made = head(tail(hidden))
            yield made + linear[place] if linear else made

    def start(self, raw: Mapping[str, Tensor], generator: torch.Generator) -> None:
        """Make the heads give `raw` for every row, up to a small random part."""
        for group, head in zip(self.groups, self.heads, strict=True):
            if not isinstance(head, Linear):
                continue
            # 0.01: the first predictions should be the marginal fit, yet every weight must feel a gradient.
            head.draw(partial(nn.init.normal_, std=0.01 / math.sqrt(max(1, head.weight.shape[1])), generator=generator))
            with torch.no_grad():
                head.bias.copy_(torch.cat([raw[output.parameter.name].reshape(-1) for output in group]))
        with torch.no_grad():
            for weight in self.paths.parameters():
                weight.zero_()


class Network(nn.Module):
    """Trunks and heads: (n, p) encoded inputs → {name: (n, *shape)} parameters of the standardised target, in float64.

    Of K members side by side the rows of the first come first, then those of the second: (K n, *shape); inputs (K, n, p) are of each
    member its own rows. The trunk runs in the dtype of its weights; where `autocast` says so, its products are in bfloat16
    while training, and only then, so that forecasts are those of any machine. Raw outputs are cast to
    float64 before any activation, because densities lose up to tens of nats in float32.
    """

    def __init__(self, layout: Layout, outputs: Sequence[Output], generator: torch.Generator, *, autocast: bool = False) -> None:
        super().__init__()
        self.outputs, self.autocast, self.members = tuple(outputs), autocast, layout.members
        grown = [output for output in outputs if output.size and output.columns != ()]
        self.branches = nn.ModuleList(Branch(layout, group, generator) for group in _branches(grown, layout))
        self.constants = nn.ParameterDict(
            {o.parameter.name: nn.Parameter(torch.zeros(layout.members, *o.raw_shape)) for o in outputs if o.size and o.columns == ()}
        )
        if not any(weight.is_meta for weight in self.parameters()):
            initialize(self, generator)

    def raw(self, x: Tensor) -> dict[str, Tensor]:
        """Raw outputs of every learned parameter, {name: (K n, *raw_shape)}, in float64 (float32 on a device that has no float64)."""
        x = x if x.ndim == 3 else x.expand(self.members, *x.shape)
        raw: dict[str, Tensor] = {}
        with torch.autocast(x.device.type, torch.bfloat16) if self.autocast and self.training else nullcontext():
            for branch in self.branches:
                raw |= branch(x)
        constants = {name: value.to(_wide(x)).repeat_interleave(x.shape[1], 0) for name, value in self.constants.items()}
        return raw | constants

    def forward(self, x: Tensor, conditions: Conditions = _NONE) -> dict[str, Tensor]:
        """The parameters of each row of each member; `conditions` are those of these rows, (K n,) where there are several members."""
        return activated(self.outputs, self.raw(x), self.members * x.shape[-2], conditions)

    def arguments(self, x: Tensor, conditions: Conditions = _NONE) -> dict[str, Tensor]:
        """What the family's distribution is made of while training: as forward, but logits where the distribution takes them."""
        return activated(self.outputs, self.raw(x), self.members * x.shape[-2], conditions, logits=True)

    def start(self, raw: Mapping[str, Tensor], generator: torch.Generator, x: Tensor | None = None) -> None:
        """Start at the constant model whose raw outputs are `raw`: {name: raw_shape}; `x` (n, p) are the encoded training rows, if there are any."""
        for branch in self.branches:
            if isinstance(branch, Branch):
                branch.start(raw, generator)
                if x is not None:
                    branch.inputs.start(x, generator)
        with torch.no_grad():
            for name, constant in self.constants.items():
                constant.copy_(raw[name])

    @contextmanager
    def linear_alone(self) -> Iterator[None]:
        """While this lasts the network is its linear paths alone, and they, embeddings of categories and constants are all that learns."""
        branches = [branch for branch in self.branches if isinstance(branch, Branch)]
        frozen = [weight for branch in branches for part in (branch.trunk, branch.tails, branch.heads) for weight in part.parameters()]
        frozen += [weight for branch in branches if branch.inputs.spread is not None for weight in branch.inputs.spread.parameters()]
        autocast, self.autocast = self.autocast, False
        for branch in branches:
            branch.alone = True
        for weight in frozen:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            self.autocast = autocast
            for branch in branches:
                branch.alone = False
            for weight in frozen:
                weight.requires_grad_(True)

    def size(self) -> int:
        """How many numbers are learned."""
        return sum(weight.numel() for weight in self.parameters())


def activated(
    outputs: Sequence[Output], raw: Mapping[str, Tensor], rows: int, conditions: Conditions = _NONE, *, logits: bool = False
) -> dict[str, Tensor]:
    """The parameters that raw outputs {name: (rows, *raw_shape)} stand for under `conditions`, fixed and given ones filled in.

    {name: (rows, *shape)}; raw outputs of one row are those of every row of the conditions. With `logits`, a parameter that its
    distribution takes as logits comes as these.
    """
    like = next(iter(raw.values()), torch.empty(0, dtype=torch.float64))
    raw = {name: value + _aligned(conditions.offsets[name], value) if name in conditions.offsets else value for name, value in raw.items()}
    made: dict[str, Tensor] = _tied([output for output in outputs if not (logits and output.parameter.logits)], raw)
    for output in outputs:
        name, to_logits = output.parameter.name, output.activation.logits
        if name in conditions.given:
            made[name] = conditions.given[name]
        elif output.fixed is not None:
            made[name] = torch.as_tensor(output.fixed, dtype=like.dtype, device=like.device).expand(rows, *output.parameter.shape)
        elif logits and output.parameter.logits and to_logits is not None:
            made[output.parameter.logits] = to_logits(raw[name])
        elif not output.parameter.tied:
            made[name] = output.activation.forward(raw[name])
        if conditions.exposure is not None and name in made:
            made[name] = exposed(output.parameter, made[name], conditions.exposure)
    return made


def _wide(x: Tensor) -> torch.dtype:
    """The dtype of raw outputs: float64, but float32 on a device that has no float64."""
    return torch.float32 if x.device.type == "mps" else torch.float64


def _aligned(column: Tensor, like: Tensor) -> Tensor:
    """A column (n,) with as many further axes as `like` (n, *shape) has."""
    return column.reshape(-1, *(1 for _ in like.shape[1:]))


def _tied(outputs: Sequence[Output], raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The probabilities that share one softmax, whose unnamed rest has the raw output 0."""
    names = [output.parameter.name for output in outputs if output.parameter.tied]
    if not names:
        return {}
    scores = torch.stack([raw[name] for name in names], -1)
    shares = ACTIVATIONS["softmax"].forward(torch.nn.functional.pad(scores, (0, 1)))
    return dict(zip(names, shares.unbind(-1), strict=False))


def _branches(outputs: Sequence[Output], layout: Layout) -> list[list[Output]]:
    if layout.separate:
        return [[output] for output in outputs]
    return _by(outputs, lambda output: output.columns if output.columns != tuple(range(layout.inputs)) else None)


def _grouped(outputs: Sequence[Output]) -> list[list[Output]]:
    return _by(outputs, lambda output: output.hidden)


def _by(outputs: Sequence[Output], key: Callable[[Output], object]) -> list[list[Output]]:
    groups: dict[object, list[Output]] = {}
    for output in outputs:
        groups.setdefault(key(output), []).append(output)
    return list(groups.values())
