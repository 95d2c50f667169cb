"""The share of the constant model in a forecast, found by likelihood on held-out rows."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from disttrain import metrics
from disttrain.evaluation.scoring import BLOCK, Forecast, on_device
from disttrain.model import Model
from disttrain.preparation.observations import Observed
from disttrain.preparation.prepare import Prepared

MOST = 0.05
# The nats by which all rows together must gain. If the forecast without the constant model were right, the likelihood ratio of any mixture
# with it would have the mean 1, and by Markov's inequality a ratio above 20 a probability below 1/20. A standard error says nothing here: of
# a gain that one row carries it is as large as the gain.
_EVIDENCE = math.log(20.0)
_STEPS = 60


def held_out_share(prepared: Prepared) -> float | None:
    """The share of the constant model that maximises the likelihood of held-out rows; None if no rows are held out.

    These are the validation rows, or the rows that each member holds out, forecast by the members that hold them out alone.
    """
    if prepared.validation_rows is None and "validation" not in prepared.splits:
        return None
    with on_device(prepared.model):
        network, marginal, weight = _validation(prepared) if prepared.validation_rows is None else _member_holdouts(prepared)
    return best_share(network, marginal, weight)


def best_share(network: Tensor, marginal: Tensor, weight: Tensor | None = None) -> float:
    """The share ε in [0, 0.05] with the largest Σ w log((1 - ε) q + ε m), to two digits; 0 if the gain is no evidence against ε = 0.

    `network` and `marginal` (n,) are log q and log m of each row, `weight` (n,) the weights; Σ w is scaled to their effective number of rows.
    """
    weight = torch.ones_like(network) if weight is None else weight
    # A row that neither model can explain says nothing about their shares.
    known = (weight > 0) & ~(network.isneginf() & marginal.isneginf())
    ratio, weight = (marginal - network)[known], weight[known]
    if not len(ratio):
        return 0.0
    weight = weight * (weight.sum() / weight.square().sum())
    low, high = math.log(1e-12), math.log(MOST)
    if float(_slope(MOST, ratio, weight)) < 0.0:
        for _ in range(_STEPS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if float(_slope(math.exp(middle), ratio, weight)) > 0.0 else (low, middle)
    share = min(float(f"{math.exp(high):.2g}"), MOST)
    mixed = torch.logaddexp(torch.tensor(math.log1p(-share)), math.log(share) + ratio)
    return share if float((weight * mixed).sum()) > _EVIDENCE else 0.0


def _slope(share: float, ratio: Tensor, weight: Tensor) -> Tensor:
    """The derivative of Σ w log(1 - ε + ε m/q) with respect to ε, for log m/q = `ratio` of any size."""
    # Divided by the larger of m and q.
    inverse = (-ratio.abs()).exp()
    up = (1.0 - inverse) / ((1.0 - share) * inverse + share)
    down = (inverse - 1.0) / (1.0 - share + share * inverse)
    return (weight * torch.where(ratio > 0, up, down)).sum()


def _validation(prepared: Prepared) -> tuple[Tensor, Tensor, Tensor | None]:
    """log q and log m of the validation rows, (n,) each, and their weights."""
    model, observed, x = prepared.model, prepared.part("validation"), prepared.splits["validation"].x
    network, marginal = [], []
    for first in range(0, len(observed), BLOCK):
        block = observed[torch.arange(first, min(first + BLOCK, len(observed)))]
        forecast = Forecast(model.forecaster, model.parameters_of(x[first : first + BLOCK], block.conditions))
        network.append(-metrics.nll(forecast.distribution(), block.outcome))
        marginal.append(_marginal(model, block))
    return torch.cat(network), torch.cat(marginal), observed.weight


def _member_holdouts(prepared: Prepared) -> tuple[Tensor, Tensor, Tensor | None]:
    """log q and log m of the rows that members hold out, (n,) each, and their weights; q is the mixture of the members that hold a row out."""
    assert prepared.validation_rows is not None
    model, union = prepared.model, torch.unique(torch.cat(prepared.validation_rows))
    holds = torch.stack([torch.isin(union, rows) for rows in prepared.validation_rows])
    positions = prepared.counted[union.numpy().astype(np.intp)]
    observed, network, marginal = prepared.observed[torch.from_numpy(positions)], [], []
    for first in range(0, len(positions), BLOCK):
        part = slice(first, first + BLOCK)
        block, held = observed[torch.arange(len(positions))[part]], holds[:, part]
        scores = torch.full(held.shape, -math.inf, dtype=torch.float64)
        for parameters, score, rows in zip(
            model.member_parameters(prepared.inputs(positions[part]), block.conditions), scores, held, strict=True
        ):
            own = Forecast(model.family, {name: value[rows] for name, value in parameters.items()})
            if bool(rows.any()):
                score[rows] = -metrics.nll(own.distribution(), block[rows.nonzero().squeeze(-1)].outcome)
        network.append(scores.logsumexp(0) - held.sum(0).double().log())
        marginal.append(_marginal(model, block))
    return torch.cat(network), torch.cat(marginal), observed.weight


def _marginal(model: Model, block: Observed) -> Tensor:
    return -metrics.nll(Forecast.of_baseline(model, block).distribution(), block.outcome)
