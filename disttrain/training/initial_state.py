"""Epoch 0 of a fit, the constant model, and the best weights of each member."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from disttrain.families import Family
from disttrain.networks import Network
from disttrain.training.row_losses import member_nll
from disttrain.training.row_tensors import RowTensors

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Start:
    """Epoch 0 of a fit: the weights in which it differs from the network, its validation losses (K,), and a flag for each constant member."""

    weights: Weights
    losses: Tensor
    constant: tuple[bool, ...]


def start_of(network: Network, family: Family, watched: RowTensors) -> Start:
    """The constant model of each member as epoch 0, with its losses in nats."""
    constant = network.constant_weights()
    now = {name: value.detach().clone() for name, value in network.state_dict().items() if name in constant}
    network.load_state_dict(constant, strict=False)
    losses = member_nll(network, family, watched)
    network.load_state_dict(now, strict=False)
    return Start(constant, losses, (True,) * network.members)


def better_start(network: Network, family: Family, watched: RowTensors, constant: Start) -> Start:
    """A start that has the network as it is for each member with a lower loss than the `constant` start, and that start for the others."""
    losses = member_nll(network, family, watched)
    better = losses.isfinite() & ~(constant.losses <= losses)
    chosen: tuple[bool, ...] = tuple(better.tolist())
    weights = best_of(chosen, network.state_dict(), constant.weights)
    return Start(weights, torch.where(better, losses, constant.losses), tuple(not member for member in chosen))


def best_of(improved: tuple[bool, ...], now: Weights, before: Weights) -> Weights:
    """The weights `now` of the members that improved and the weights `before` of the others; members are the first axis of a tensor."""
    chosen = torch.tensor(improved)
    return {
        name: torch.where(chosen.to(best.device).reshape(-1, *(1 for _ in best.shape[1:])), now[name], best)
        for name, best in before.items()
    }


def weights_of(network: nn.Module) -> Weights:
    """A copy of the weights of a network."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
