"""The network: raw outputs of trunks and heads, and the parameters that activations make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from disttrain.families import ACTIVATIONS, exposed
from disttrain.networks.branch import TrunkAndHeads, wide
from disttrain.networks.layout import Layout, Output, branches_of
from disttrain.networks.level import Level
from disttrain.networks.member_layers import initialize
from disttrain.networks.row_inputs import Conditions

_NONE = Conditions()


class Network(nn.Module):
    """Trunks and heads: (n, p) encoded inputs → {name: (n, *shape)} parameters of the standardised target, in float64.

    The rows of K members come one member after the other: (K n, *shape); inputs (K, n, p) have separate rows for each member. The trunk
    runs in the dtype of its weights; with `autocast` its products are in bfloat16 while training, and only then, so that forecasts are the
    same on any machine. Raw outputs are cast to float64 before any activation, because densities lose up to tens of nats in float32.
    """

    def __init__(self, layout: Layout, outputs: Sequence[Output], generator: torch.Generator, *, autocast: bool = False) -> None:
        super().__init__()
        self.outputs, self.autocast, self.members = tuple(outputs), autocast, layout.members
        varying = [output for output in outputs if output.size and output.columns != ()]
        self.branches = nn.ModuleList(TrunkAndHeads(layout, group, generator) for group in branches_of(varying, layout))
        self.constants = nn.ParameterDict(
            {o.parameter.name: nn.Parameter(torch.zeros(layout.members, *o.raw_shape)) for o in outputs if o.size and o.columns == ()}
        )
        self.levels = nn.ModuleDict({name: Level(layout.members, value[0].numel()) for name, value in self.constants.items()})
        if not any(weight.is_meta for weight in self.parameters()):
            initialize(self, generator)

    def raw(self, x: Tensor) -> dict[str, Tensor]:
        """The raw outputs of every learned parameter, {name: (K n, *raw_shape)}, in float64 (float32 on a device without float64)."""
        x = x if x.ndim == 3 else x.expand(self.members, *x.shape)
        raw: dict[str, Tensor] = {}
        with torch.autocast(x.device.type, torch.bfloat16) if self.autocast and self.training else nullcontext():
            for branch in self.branches:
                raw |= branch(x)
        for name, value in self.constants.items():
            level = self.levels[name](wide(x)).reshape(value.shape)
            raw[name] = (value + level).repeat_interleave(x.shape[1], 0)
        return raw

    def forward(self, x: Tensor, conditions: Conditions = _NONE) -> dict[str, Tensor]:
        """The parameters of each row of each member under the `conditions` of these rows, (n,), or (K n,) for several members."""
        return activated(self.outputs, self.raw(x), self.members * x.shape[-2], conditions)

    def arguments(self, x: Tensor, conditions: Conditions = _NONE) -> dict[str, Tensor]:
        """The arguments of the family's distribution for training: the parameters, or logits if the distribution takes them."""
        return activated(self.outputs, self.raw(x), self.members * x.shape[-2], conditions, logits=True)

    def start(
        self,
        raw: Mapping[str, Tensor],
        generator: torch.Generator,
        x: Tensor | None = None,
        weight: Tensor | None = None,
        constant: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Set the network so that every row has the raw outputs `raw`: {name: raw_shape}.

        `x` (n, p) are the encoded training rows and `weight` (n,) their weights, if there are any. `constant` are the raw outputs of the
        constant model, if they are not `raw` itself.
        """
        constant = raw if constant is None else constant
        for branch in self.branches:
            if isinstance(branch, TrunkAndHeads):
                branch.start(raw, constant, generator)
                if x is not None:
                    branch.inputs.start(x, generator, weight)
        with torch.no_grad():
            for name, level in self.levels.items():
                if isinstance(level, Level):
                    level.start(raw[name].reshape(-1), constant[name].reshape(-1))
                self.constants[name].zero_()

    def constant_weights(self) -> dict[str, Tensor]:
        """The part of the state dict that makes every member the constant model: weights of 0 and the levels. The trunk does not matter."""
        added = [weight for branch in self.branches if isinstance(branch, TrunkAndHeads) for weight in branch.added()]
        silent = {id(weight) for weight in (*added, *self.constants.parameters())}
        weights = {name: torch.zeros_like(weight) for name, weight in self.named_parameters() if id(weight) in silent}
        levels = self.named_levels().items()
        return weights | {name: level.split(level.constant).to(level.parts.device) for name, level in levels}

    def add_to_levels(self, shifts: Mapping[str, Tensor]) -> None:
        """Add a constant (K,) of each learned parameter to all its raw outputs, member by member."""
        for branch in self.branches:
            if isinstance(branch, TrunkAndHeads):
                branch.add_to_levels(shifts)
        for name, level in self.levels.items():
            if isinstance(level, Level):
                level.add(shifts[name].unsqueeze(1).expand(-1, level.parts.shape[-1]))

    def named_levels(self) -> dict[str, Level]:
        """The levels by their names in the state dict; they are not learned."""
        return {f"{name}.parts": level for name, level in self.named_modules() if isinstance(level, Level)}

    @contextmanager
    def linear_alone(self) -> Iterator[None]:
        """Reduce the network to its linear paths inside the block; only they, embeddings of categories and constants learn."""
        branches = [branch for branch in self.branches if isinstance(branch, TrunkAndHeads)]
        frozen = [weight for branch in branches for weight in branch.deep()]
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
        """The number of learned weights."""
        return sum(weight.numel() for weight in self.parameters())


def activated(
    outputs: Sequence[Output], raw: Mapping[str, Tensor], rows: int, conditions: Conditions = _NONE, *, logits: bool = False
) -> dict[str, Tensor]:
    """The parameters {name: (rows, *shape)} of raw outputs {name: (rows, *raw_shape)} under `conditions`, with fixed and given ones.

    Raw outputs of one row serve every row of the conditions. With `logits`, a parameter that its distribution takes as logits is returned
    as logits.
    """
    like = next(iter(raw.values()), torch.empty(0, dtype=torch.float64))
    raw = {name: value + _aligned(conditions.offsets[name], value) if name in conditions.offsets else value for name, value in raw.items()}
    parameters: dict[str, Tensor] = _tied([output for output in outputs if not (logits and output.parameter.logits)], raw)
    for output in outputs:
        name, to_logits = output.parameter.name, output.activation.logits
        if name in conditions.given:
            parameters[name] = conditions.given[name]
        elif output.fixed is not None:
            parameters[name] = torch.as_tensor(output.fixed, dtype=like.dtype, device=like.device).expand(rows, *output.parameter.shape)
        elif logits and output.parameter.logits and to_logits is not None:
            parameters[output.parameter.logits] = to_logits(raw[name])
        elif not output.parameter.tied:
            parameters[name] = output.activation.forward(raw[name])
        if conditions.exposure is not None and name in parameters:
            parameters[name] = exposed(output.parameter, parameters[name], conditions.exposure)
    return parameters


def _aligned(column: Tensor, like: Tensor) -> Tensor:
    """A column (n,) with as many further axes as `like` (n, *shape)."""
    return column.reshape(-1, *(1 for _ in like.shape[1:]))


def _tied(outputs: Sequence[Output], raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The probabilities that share one softmax; the raw output of the remaining probability is 0."""
    names = [output.parameter.name for output in outputs if output.parameter.tied]
    if not names:
        return {}
    scores = torch.stack([raw[name] for name in names], -1)
    shares = ACTIVATIONS["softmax"].forward(torch.nn.functional.pad(scores, (0, 1)))
    return dict(zip(names, shares.unbind(-1), strict=False))
