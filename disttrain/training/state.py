"""Where a loop stands between two epochs: all that the epochs to come depend on, beside the data and the plans."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from disttrain.training.early_stopping import EarlyStopping
from disttrain.training.optimizers import Descent

__all__ = ["TrainingState"]


@dataclass(frozen=True)
class TrainingState:
    """The end of epoch number `epoch` (0: the start), after `seconds` of training; a loop that begins here does what it would have done.

    `network` and `optimizer` are state dicts, `generators` the states of the generators that the network draws from; `stopping` are the
    fields of the EarlyStopping of each member. All are copies, trees of tensors and plain values.
    """

    epoch: int
    rollbacks: int
    stalls: int
    seconds: float
    stopping: list[dict[str, Any]]
    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    generators: tuple[Tensor, ...]

    @staticmethod
    def of(
        network: nn.Module, descent: Descent, stopping: Sequence[EarlyStopping], epoch: int = 0, rollbacks: int = 0, stalls: int = 0,
        seconds: float = 0.0,
    ) -> TrainingState:  # fmt: skip
        """A copy of what is now."""
        states = {name: value.detach().clone() for name, value in network.state_dict().items()}
        drawn = tuple(generator.get_state() for generator in _generators(network))
        moments = copy.deepcopy(descent.state_dict())
        return TrainingState(
            epoch, rollbacks, stalls, seconds, [copy.deepcopy(vars(member)) for member in stopping], states, moments, drawn
        )

    def restore(self, network: nn.Module, descent: Descent) -> None:
        """Bring network, optimizer and generators back to here. Raises ValueError where they are of another make."""
        own = {name: (value.shape, value.dtype) for name, value in network.state_dict().items()}
        generators = list(_generators(network))
        if {name: (value.shape, value.dtype) for name, value in self.network.items()} != own or len(generators) != len(self.generators):
            raise ValueError("the state is that of another network")
        network.load_state_dict(self.network)
        # A copy: torch keeps the very tensors it is given and would step in them.
        descent.load_state_dict(copy.deepcopy(self.optimizer))
        for generator, state in zip(generators, self.generators, strict=True):
            generator.set_state(state)

    def stopped(self) -> list[EarlyStopping]:
        """The EarlyStopping of each member as it was."""
        members = [EarlyStopping(None) for _ in self.stopping]
        for member, fields in zip(members, self.stopping, strict=True):
            # Not through the constructor, which would judge the fields anew.
            vars(member).update(copy.deepcopy(fields))
        return members


def _generators(network: nn.Module) -> Iterator[torch.Generator]:
    """Each generator that a layer holds, once, in the order of the layers."""
    seen: set[int] = set()
    for layer in network.modules():
        for value in vars(layer).values():
            for generator in value if isinstance(value, list | tuple) else (value,):
                if isinstance(generator, torch.Generator) and id(generator) not in seen:
                    seen.add(id(generator))
                    yield generator
