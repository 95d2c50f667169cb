"""The marginal fit: the constant model of maximum likelihood, where the heads start and what every score is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.likelihood import cross_entropy
from disttrain.networks import Output, activated
from disttrain.outcomes import Outcome

__all__ = ["marginal_raw"]

# Enough rows to come within a few steps of the optimum on all of them.
_FIRST_ROWS = 20_000
# Raw outputs tried for each scalar parameter in turn before the descent: counts in the thousands lie far from a start at 0.
_TRIED = (-9.0, -4.0, -1.5, 0.0, 1.5, 4.0, 9.0, 16.0)


def marginal_raw(family: Family, outputs: Sequence[Output], outcome: Outcome, weight: Tensor | None) -> dict[str, Tensor]:
    """Raw outputs {name: raw_shape} of the constant model that fits the outcome (n rows, standardised) best.

    L-BFGS in float64 on the cross-entropy: first on at most 20,000 rows spread over the data, from the best point of a coarse scan,
    then on all rows.
    """
    learned = [output for output in outputs if output.size]
    raw = {output.parameter.name: torch.zeros(output.raw_shape, dtype=torch.float64) for output in learned}
    if not raw:
        return raw
    step = max(1, len(outcome) // _FIRST_ROWS)
    some, some_weight = outcome[::step], None if weight is None else weight[::step]
    if some_weight is not None and not some_weight.sum() > 0:
        some, some_weight, step = outcome, weight, 1

    def loss_on(rows: Outcome, row_weight: Tensor | None) -> Tensor:
        arguments = activated(outputs, {name: value.unsqueeze(0) for name, value in raw.items()}, 1, logits=True)
        return cross_entropy(family.distribution(**arguments, validate_args=False), rows, row_weight)

    _scan(raw, lambda: loss_on(some, some_weight))
    _descend(raw, lambda: loss_on(some, some_weight), 100)
    if step > 1:
        _descend(raw, lambda: loss_on(outcome, weight), 20)
    return {name: value.detach() for name, value in raw.items()}


def _scan(raw: dict[str, Tensor], loss: Callable[[], Tensor]) -> None:
    with torch.no_grad():
        for name in [name for name, value in raw.items() if not value.shape] * 2:
            scores = {}
            for tried in (*_TRIED, float(raw[name])):
                raw[name].fill_(tried)
                scores[tried] = float(loss().nan_to_num(nan=torch.inf))
            raw[name].fill_(min(scores, key=scores.__getitem__))


def _descend(raw: dict[str, Tensor], loss: Callable[[], Tensor], steps: int) -> None:
    before = {name: value.detach().clone() for name, value in raw.items()}
    weights = [value.requires_grad_() for value in raw.values()]
    optimizer = torch.optim.LBFGS(weights, max_iter=steps, tolerance_grad=1e-9, tolerance_change=1e-11, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    if not all(bool(value.isfinite().all()) for value in weights):
        with torch.no_grad():
            for name, value in raw.items():
                value.copy_(before[name])
