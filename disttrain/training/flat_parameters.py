"""All weights of a network as one tensor, so that a step costs the same few operations whatever the number of layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from disttrain.networks import Network

__all__ = ["FlatParameters"]


class FlatParameters:
    """The weights that a network of K members learns, one after the other: `weights` (P,), of which the network's own tensors are views.

    Their gradients are views of its gradient too, so that an optimizer of the one tensor moves them all. The network must stay where it is
    while this is in use.
    """

    def __init__(self, network: Network) -> None:
        own = [weight for weight in network.parameters() if weight.requires_grad]
        self.members = network.members
        with torch.no_grad():
            flat = torch.cat([weight.detach().reshape(-1) for weight in own])
        gradient = torch.zeros_like(flat)
        self.weights = nn.Parameter(flat)
        self.weights.grad = gradient
        self.gradient = gradient
        self.parts: list[Tensor] = []
        first = 0
        for weight in own:
            last = first + weight.numel()
            weight.data = flat[first:last].view(weight.shape)
            weight.grad = gradient[first:last].view(weight.shape)
            self.parts.append(gradient[first:last].view(self.members, -1))
            first = last

    def zero_grad(self) -> None:
        """Forget the gradient, in place."""
        self.gradient.zero_()

    def lengths(self) -> Tensor:
        """The length of each member's gradient: (K,)."""
        if self.members == 1:
            length: Tensor = torch.linalg.vector_norm(self.gradient)
            return length.reshape(1)
        return torch.stack([torch.linalg.vector_norm(part, dim=1) for part in self.parts]).square().sum(0).sqrt()

    def large_lengths(self) -> Tensor:
        """The same, (K,) float64 on the processor, of a gradient whose square is beyond its numbers: above some 1e19 in float32."""
        # Devices may have no float64.
        parts = [part.cpu().double() for part in self.parts]
        largest = max(float(part.abs().max()) for part in parts)
        return torch.stack([(part / largest).square().sum(1) for part in parts]).sum(0).sqrt() * largest

    def shorten(self, lengths: Tensor, longest: float) -> None:
        """Scale the gradient of each member that is longer than `longest` down to that."""
        # As torch's clip_grad_norm_ does, with its guard against a length of 0.
        share = (longest / (lengths + 1e-6)).clamp(max=1.0).unsqueeze(1).to(self.gradient)
        for part in self.parts:
            part.mul_(share)
