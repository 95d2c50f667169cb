"""The state of a training loop between two epochs: all that the next epochs depend on, apart from the data and the plan."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from disttrain.training.early_stopping import EarlyStopping
from disttrain.training.fused_optimizers import OptimizerState
from disttrain.training.initial_state import Weights, weights_of
from disttrain.training.optimizers import Optimizer


@dataclass(frozen=True)
class TrainingState:
    """The state of a training loop at the end of epoch `epoch` (0: the start). A loop that continues from it takes the same steps, to the bit.

    `rollbacks` and `stalls` count the rollbacks and the plateaus so far, `seconds` is the time spent. `network` and `optimizer` are state
    dicts, `generators` the states of the random generators of the network, `stopping` the fields of the EarlyStopping of each member. All
    are copies: trees of tensors and plain values.
    """

    epoch: int
    rollbacks: int
    stalls: int
    seconds: float
    stopping: list[dict[str, float | int | None]]
    network: Weights
    optimizer: OptimizerState
    generators: tuple[Tensor, ...]

    @staticmethod
    def of(
        network: nn.Module, optimizer: Optimizer, stopping: Sequence[EarlyStopping], epoch: int = 0, rollbacks: int = 0, plateaus: int = 0,
        seconds: float = 0.0,
    ) -> TrainingState:  # fmt: skip
        """A copy of the present state of a loop."""
        drawn = tuple(generator.get_state() for generator in _generators(network))
        moments = copy.deepcopy(optimizer.state_dict())
        members = [copy.deepcopy(vars(member)) for member in stopping]
        return TrainingState(epoch, rollbacks, plateaus, seconds, members, weights_of(network), moments, drawn)

    def restore(self, network: nn.Module, optimizer: Optimizer) -> None:
        """Load the state into a network, its generators and its optimizer. Raises ValueError if they have other shapes or dtypes."""
        generators = list(_generators(network))
        if signature(self.network) != signature(network.state_dict()) or len(generators) != len(self.generators):
            raise ValueError("the state is that of another network")
        network.load_state_dict(self.network)
        # A copy, because torch's optimizers do not copy the tensors and would change them in place.
        optimizer.load_state_dict(copy.deepcopy(self.optimizer))
        for generator, state in zip(generators, self.generators, strict=True):
            generator.set_state(state)

    def stopped(self) -> list[EarlyStopping]:
        """The EarlyStopping of each member."""
        members = [EarlyStopping(None) for _ in self.stopping]
        for member, fields in zip(members, self.stopping, strict=True):
            # Not by the constructor, which would change the fields.
            vars(member).update(copy.deepcopy(fields))
        return members


def signature(weights: Weights) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """The shape and the dtype of each weight, which networks of one layout share."""
    return {name: (value.shape, value.dtype) for name, value in weights.items()}


def _generators(network: nn.Module) -> Iterator[torch.Generator]:
    """Yield each generator of a layer, once, in the order of the layers."""
    visited: set[int] = set()
    for layer in network.modules():
        for value in vars(layer).values():
            for generator in value if isinstance(value, list | tuple) else (value,):
                if isinstance(generator, torch.Generator) and id(generator) not in visited:
                    visited.add(id(generator))
                    yield generator
