"""All weights of a network in one tensor, so that a step costs the same few operations for any number of layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from disttrain.networks import Network


class FlatParameters:
    """The learned weights of a network of K members in one tensor `weights` (P,); the network's own tensors are views of it.

    The gradients of the network are views of its gradient, so that an optimizer of the one tensor moves all weights. The network must not
    move to another device or dtype while this is in use.
    """

    def __init__(self, network: Network) -> None:
        learned = [weight for weight in network.parameters() if weight.requires_grad]
        self.members = network.members
        with torch.no_grad():
            values = torch.cat([weight.detach().reshape(-1) for weight in learned])
        gradient = torch.zeros_like(values)
        self.weights = nn.Parameter(values)
        self.weights.grad = gradient
        self.gradient = gradient
        self.parts: list[Tensor] = []
        first = 0
        for weight in learned:
            last = first + weight.numel()
            weight.data = values[first:last].view(weight.shape)
            weight.grad = gradient[first:last].view(weight.shape)
            self.parts.append(gradient[first:last].view(self.members, -1))
            first = last

    def zero_grad(self) -> None:
        """Set the gradient to 0, in place."""
        self.gradient.zero_()

    def grad_norms(self) -> Tensor:
        """The norm of each member's gradient: (K,)."""
        if self.members == 1:
            norm: Tensor = torch.linalg.vector_norm(self.gradient)
            return norm.reshape(1)
        return torch.stack([torch.linalg.vector_norm(part, dim=1) for part in self.parts]).square().sum(0).sqrt()

    def large_grad_norms(self) -> Tensor:
        """The norms (K,), float64 on the CPU, of gradients whose squares overflow their dtype: above some 1e19 in float32."""
        # Devices may have no float64.
        parts = [part.cpu().double() for part in self.parts]
        largest = max(float(part.abs().max()) for part in parts)
        return torch.stack([(part / largest).square().sum(1) for part in parts]).sum(0).sqrt() * largest

    def clip(self, grad_norms: Tensor, max_norm: float) -> None:
        """Scale the gradient of each member of a norm above `max_norm` down to that norm."""
        # As torch's clip_grad_norm_ does, with its guard against a length of 0.
        factor = (max_norm / (grad_norms + 1e-6)).clamp(max=1.0).unsqueeze(1).to(self.gradient)
        for part in self.parts:
            part.mul_(factor)
