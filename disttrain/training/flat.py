"""All weights of a network as one tensor, so that a step costs the same few operations whatever the number of layers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from disttrain.networks import Network

__all__ = ["Flat"]


class Flat:
    """The weights of a network of K members laid side by side: `weights` (K, P), whose rows the network's own tensors are views of.

    Their gradients are views of its gradient too, so that an optimizer of the one tensor moves them all. The network must stay where it is
    while this is in use.
    """

    def __init__(self, network: Network) -> None:
        own = list(network.parameters())
        members = network.members
        sizes = [weight[0].numel() for weight in own]
        with torch.no_grad():
            flat = torch.cat([weight.detach().reshape(members, -1) for weight in own], 1)
        self.weights = nn.Parameter(flat)
        self.weights.grad = torch.zeros_like(flat)
        starts = [sum(sizes[:place]) for place in range(len(sizes))]
        for weight, start, size in zip(own, starts, sizes, strict=True):
            weight.data = flat[:, start : start + size].view(weight.shape)
            weight.grad = self.weights.grad[:, start : start + size].view(weight.shape)

    def zero_grad(self) -> None:
        """Forget the gradient, in place."""
        assert self.weights.grad is not None
        self.weights.grad.zero_()

    def clip(self, longest: float | None) -> Tensor:
        """The length of each member's gradient, (K,), which is scaled down to `longest` where it is longer; not at all where it is None."""
        assert self.weights.grad is not None
        length: Tensor = torch.linalg.vector_norm(self.weights.grad, dim=1)
        if longest is not None and math.isfinite(longest):
            # As torch's clip_grad_norm_ does, with its guard against a length of 0.
            self.weights.grad.mul_((longest / (length + 1e-6)).clamp(max=1.0).unsqueeze(1))
        return length
