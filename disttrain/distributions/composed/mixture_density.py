"""The log-density of mixtures of location-scale distributions, with its derivative written out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core.increasing import Law, law_of
from disttrain.distributions.numerics.tensors import Context


def fused_log_density(component: Distribution, logits: Tensor, value: Tensor) -> Tensor | None:
    """log Σ w_k q_k(y) of each row, (n,): w the softmax of `logits` (n, K), q_k the components (n, K), y the `value` (n,).

    It is one node of the graph, with the slopes of the law in closed form: in training, a third of the time of a node per operation.
    Returns None for components that are not location-scale, for laws without a slope and for other shapes.
    """
    law = law_of(type(component))
    if law is None or law.slope is None or component.batch_shape != logits.shape or value.shape != logits.shape[:-1]:
        return None
    result: Tensor = _LogDensity.apply(logits, component.loc, component.scale, value, law)  # type: ignore[attr-defined, no-untyped-call]
    return result


def _terms(logits: Tensor, loc: Tensor, scale: Tensor, value: Tensor, law: Law) -> tuple[Tensor, Tensor]:
    """The standardised value (n, K) of each component, and its log-density plus its logit."""
    z = (value.unsqueeze(-1) - loc) / scale
    return z, law.log_density(z, scale.log()) + logits


class _LogDensity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, logits: Tensor, loc: Tensor, scale: Tensor, value: Tensor, law: Law) -> Tensor:
        z, terms = _terms(logits, loc, scale, value, law)
        score, normaliser = torch.logsumexp(terms, -1, keepdim=True), torch.logsumexp(logits, -1, keepdim=True)
        ctx.save_for_backward(logits, loc, scale, value, z, terms, score, normaliser)
        ctx.law = law
        return (score - normaliser).squeeze(-1)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:
        logits, loc, scale, value, z, terms, score, normaliser = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _twice_differentiable((logits, loc, scale, value), ctx, grad)
        grad = grad.unsqueeze(-1)
        shares = (terms - score).exp_()
        by_logits = torch.sub(shares, (logits - normaliser).exp_()).mul_(grad)
        # d log q_k / d loc_k = -slope / scale, d log q_k / d scale_k = -(1 + z slope) / scale.
        by_scale = shares.mul_(-grad).div_(scale)
        by_loc = by_scale * ctx.law.slope(z)
        by_value = -by_loc.sum(-1) if ctx.needs_input_grad[3] else None
        return by_logits, by_loc, by_scale.addcmul_(by_loc, z), by_value, None


def _twice_differentiable(inputs: tuple[Tensor, ...], ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:
    """The derivative as a graph of its own, for second derivatives."""
    logits, loc, scale, value = inputs
    score = torch.logsumexp(_terms(logits, loc, scale, value, ctx.law)[1], -1) - torch.logsumexp(logits, -1)
    asked = [tensor for tensor, needed in zip(inputs, ctx.needs_input_grad, strict=False) if needed]
    slopes = iter(torch.autograd.grad(score, asked, grad, create_graph=True))
    return *(next(slopes) if needed else None for needed in ctx.needs_input_grad[:4]), None
