"""Epoch 0: the constant model, which every epoch has to beat; and weights taken member by member."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.networks import Network
from disttrain.training.row_losses import member_nll
from disttrain.training.row_tensors import RowTensors

__all__ = ["Start", "Weights", "best_of", "better_start", "start_of", "weights_of"]

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Start:
    """Epoch 0 of a fit: those of its weights that are not the network's, its losses (K,) of the watched rows, and which members are constant."""

    weights: Weights
    losses: Tensor
    constant: tuple[bool, ...]


def start_of(network: Network, family: Family, watched: RowTensors) -> Start:
    """The constant model for each member, its losses in nats."""
    constant = network.constant_weights()
    now = {name: value.detach().clone() for name, value in network.state_dict().items() if name in constant}
    network.load_state_dict(constant, strict=False)
    losses = member_nll(network, family, watched)
    network.load_state_dict(now, strict=False)
    return Start(constant, losses, (True,) * network.members)


def better_start(network: Network, family: Family, watched: RowTensors, constant: Start) -> Start:
    """The network as it is for each member that it suits better than the `constant` start, and that start for the others."""
    reached = member_nll(network, family, watched)
    better = reached.isfinite() & ~(constant.losses <= reached)
    chosen: tuple[bool, ...] = tuple(better.tolist())
    weights = best_of(chosen, network.state_dict(), constant.weights)
    return Start(weights, torch.where(better, reached, constant.losses), tuple(not member for member in chosen))


def best_of(improved: tuple[bool, ...], now: Weights, before: Weights) -> Weights:
    """The weights `now` of the members that improved, and those `before` of the others: every tensor has its members on the first axis."""
    chosen = torch.tensor(improved)
    return {
        name: torch.where(chosen.to(best.device).reshape(-1, *(1 for _ in best.shape[1:])), now[name], best)
        for name, best in before.items()
    }


def weights_of(network: Network) -> Weights:
    """A copy of the weights of a network."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
