"""The marginal fit: the constant model of maximum likelihood, where the heads start and what every score is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.likelihood import log_likelihood, weighted_mean
from disttrain.networks import Output, activated
from disttrain.outcomes import Outcome

__all__ = ["head_start", "marginal_raw"]

# Enough rows to come within a few steps of the optimum on all of them.
_FIRST_ROWS = 20_000
_AT_ONCE = 65_536
# Raw outputs beyond this are tried nearer, where the loss (in nats) hardly notices.
_NEAR, _FLAT = 8.0, 1e-3
_ATTEMPTS = 3
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

    def pieces(rows: Outcome, row_weight: Tensor | None) -> Iterator[Tensor]:
        """The cross-entropy on rows in parts that add up to it, so that a step on many rows takes the memory of a few."""
        total = float(len(rows) if row_weight is None else row_weight.sum())
        for start in range(0, len(rows), _AT_ONCE):
            part, part_weight = rows[start : start + _AT_ONCE], None if row_weight is None else row_weight[start : start + _AT_ONCE]
            arguments = activated(outputs, {name: value.unsqueeze(0) for name, value in raw.items()}, 1, logits=True)
            nll = -log_likelihood(family.distribution(**arguments, validate_args=False), part)
            yield (nll.sum() if part_weight is None else (nll * part_weight).sum()) / total

    _scan(raw, lambda: pieces(some, some_weight))
    _descend(raw, lambda: pieces(some, some_weight), 100)
    # Beside a poor start of the others a shape may have been put where its gradient fades; beside their fit the scan sees better.
    if _scan(raw, lambda: pieces(some, some_weight)):
        _descend(raw, lambda: pieces(some, some_weight), 100)
    if step > 1:
        _descend(raw, lambda: pieces(outcome, weight), 20)
    return {name: value.detach() for name, value in raw.items()}


def head_start(
    family: Family, outputs: Sequence[Output], outcome: Outcome, weight: Tensor | None, raw: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Raw outputs to start heads at: the marginal fit, with each scalar one halved for as long as that costs less than 0.001 nats.

    Where the likelihood is flat (the degrees of freedom of a t that fits normal data) the fit lies far out, and no gradient would ever
    bring a network back from there. Judged on at most 20,000 rows.
    """
    step = max(1, len(outcome) // _FIRST_ROWS)
    rows, row_weight = outcome[::step], None if weight is None else weight[::step]
    start = {name: value.clone() for name, value in raw.items()}

    def loss() -> float:
        arguments = activated(outputs, {name: value.unsqueeze(0) for name, value in start.items()}, 1, logits=True)
        nll = -log_likelihood(family.distribution(**arguments, validate_args=False), rows)
        return float(weighted_mean(nll, row_weight))

    best = loss()
    for name in [name for name, value in start.items() if not value.shape]:
        while abs(float(start[name])) > _NEAR:
            before = start[name].clone()
            start[name] /= 2.0
            if not loss() < best + _FLAT:
                start[name] = before
                break
    return start


def _scan(raw: dict[str, Tensor], pieces: Callable[[], Iterator[Tensor]]) -> bool:
    """Move each scalar to the best of the values tried, and say whether any moved."""
    before = {name: value.detach().clone() for name, value in raw.items()}
    with torch.no_grad():
        for name in [name for name, value in raw.items() if not value.shape] * 2:
            scores = {}
            for tried in (*_TRIED, float(raw[name].detach())):
                raw[name].fill_(tried)
                scores[tried] = float(sum(pieces(), torch.zeros(())).nan_to_num(nan=torch.inf))
            raw[name].fill_(min(scores, key=scores.__getitem__))
    return any(not torch.equal(before[name], value) for name, value in raw.items())


def _descend(raw: dict[str, Tensor], pieces: Callable[[], Iterator[Tensor]], steps: int) -> None:
    """Minimise the sum of the pieces; where a step leaves the numbers, set out again from the best point seen."""
    weights = [value.requires_grad_() for value in raw.values()]
    lowest, best = math.inf, [value.detach().clone() for value in weights]

    def closure() -> Tensor:
        nonlocal lowest, best
        optimizer.zero_grad()
        value = torch.zeros((), dtype=torch.float64)
        for piece in pieces():
            piece.backward()  # type: ignore[no-untyped-call]
            value += piece.detach()
        if float(value) < lowest:
            lowest, best = float(value), [weight.detach().clone() for weight in weights]
        return value

    for _ in range(_ATTEMPTS):
        optimizer = torch.optim.LBFGS(weights, max_iter=steps, tolerance_grad=1e-9, tolerance_change=1e-11, line_search_fn="strong_wolfe")
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        arrived = all(bool(value.isfinite().all()) for value in weights)
        with torch.no_grad():
            for value, good in zip(weights, best, strict=True):
                value.copy_(good)
        if arrived:
            return
