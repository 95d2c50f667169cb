"""The marginal fit: the constant model of maximum likelihood, which is the start of the heads and the baseline of every score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from disttrain.families import Family, supports
from disttrain.likelihood import log_likelihood
from disttrain.networks import Output, activated
from disttrain.training.optimizers import LBFGS
from disttrain.training.row_tensors import RowTensors

# Enough rows for an optimum that is a few steps from that of all rows.
_FIRST_ROWS = 20_000
_CHUNK_ROWS = 65_536
# Raw outputs of a larger absolute value come nearer while the loss (in nats) increases by less than this, to within a ratio.
_CENTRAL_RAW, _MAX_LOSS_INCREASE, _SAME_RAW = 8.0, 1e-3, 1.0 + 1e-6
_ATTEMPTS = 3
# A shape of a smaller absolute value may be at a saddle point; it is fitted again from this distance on either side.
_AT_SADDLE, _OFF_SADDLE = 0.05, 1.5
# The standard deviation of the first factors of a covariance, in units of the target's scale.
_OFF_ZERO = 0.5
# Starts with noise for exchangeable components, and the rows that they use.
_RESTARTS, _RESTART_ROWS = 4, 4_000
# Raw outputs of the scan, for each scalar parameter in turn: counts in the thousands need values far from 0.
_TRIED = (-9.0, -4.0, -1.5, 0.0, 1.5, 4.0, 9.0, 16.0)


def marginal_raw(family: Family, outputs: Sequence[Output], rows: RowTensors) -> dict[str, Tensor]:
    """Raw outputs {name: raw_shape} of the constant model of maximum likelihood for n rows, under the conditions of each.

    L-BFGS in float64 minimises the cross-entropy: first on at most 20,000 evenly spaced rows, from the best point of a coarse scan, then
    on all rows. For exchangeable components it takes the best of several seeded starts.
    """
    learned = [output for output in outputs if output.size]
    raw = {output.parameter.name: _start_values(output) for output in learned}
    if not raw:
        return raw
    step = max(1, len(rows) // _FIRST_ROWS)
    some = rows[::step]
    if some.weight is not None and not some.weight.sum() > 0:
        some, step = rows, 1
    exchangeable = [output.parameter.name for output in learned if output.parameter.axes[:1] == ("components",)]
    if exchangeable:
        raw = _best_start(family, outputs, raw, exchangeable, some)
    else:
        _fit(raw, lambda: loss_chunks(family, outputs, raw, some))
        _leave_saddles(learned, raw, lambda: loss_chunks(family, outputs, raw, some))
    if exchangeable or step > 1:
        _minimise(raw, lambda: loss_chunks(family, outputs, raw, rows), 100 if step == 1 else 20)
    return {name: value.detach() for name, value in raw.items()}


def _start_values(output: Output) -> Tensor:
    """The first raw outputs: 0, or seeded normal numbers for a scale of either sign, which has no gradient at 0."""
    either_sign = output.parameter.role == "scale" and output.parameter.support == supports.real
    if not either_sign:
        return torch.zeros(output.raw_shape, dtype=torch.float64)
    return _OFF_ZERO * torch.randn(output.raw_shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def loss_chunks(family: Family, outputs: Sequence[Output], raw: Mapping[str, Tensor], rows: RowTensors) -> Iterator[Tensor]:
    """Yield the cross-entropy of a constant model in chunks of rows that sum to it, so that many rows take the memory of a few."""
    total = float(len(rows) if rows.weight is None else rows.weight.sum())
    for start in range(0, len(rows), _CHUNK_ROWS):
        part = rows[start : start + _CHUNK_ROWS]
        arguments = activated(outputs, {name: value.unsqueeze(0) for name, value in raw.items()}, 1, part.conditions, logits=True)
        nll = -log_likelihood(family.distribution(**arguments, validate_args=False), part.outcome)
        yield (nll.sum() if part.weight is None else (nll * part.weight).sum()) / total


def _fit(raw: dict[str, Tensor], loss: Callable[[], Iterator[Tensor]]) -> None:
    """Scan and minimise, then scan again: with poor values of the other parameters the first scan may put a shape where its gradient vanishes."""
    _scan(raw, loss)
    _minimise(raw, loss, 100)
    if _scan(raw, loss):
        _minimise(raw, loss, 100)


def _leave_saddles(learned: Sequence[Output], raw: dict[str, Tensor], loss: Callable[[], Iterator[Tensor]]) -> None:
    """Minimise again from either side of a shape near 0, which is a saddle point of the likelihood, and keep the best fit.

    The information about skewness of the skew normal is singular at 0. Source: Azzalini & Capitanio (1999), section 3.
    """
    shapes = [o.parameter.name for o in learned if o.parameter.role == "shape" and o.parameter.support == supports.real and not o.raw_shape]
    if shapes:
        _refit_from_zero(raw, loss)
    for name in [name for name in shapes if abs(float(raw[name].detach())) < _AT_SADDLE]:
        best_raw = {key: value.detach().clone() for key, value in raw.items()}
        best = _value(loss)
        for side in (_OFF_SADDLE, -_OFF_SADDLE):
            with torch.no_grad():
                raw[name].fill_(side)
            _minimise(raw, loss, 60)
            if _value(loss) < best - 1e-9:
                best, best_raw = _value(loss), {key: value.detach().clone() for key, value in raw.items()}
            with torch.no_grad():
                for key, value in best_raw.items():
                    raw[key].copy_(value)


def _refit_from_zero(raw: dict[str, Tensor], loss: Callable[[], Iterator[Tensor]]) -> None:
    """Minimise from raw outputs of 0 as well, and keep the better fit: the scan may have put a free shape into a degenerate mode."""
    best_raw, best = {key: value.detach().clone() for key, value in raw.items()}, _value(loss)
    with torch.no_grad():
        for value in raw.values():
            value.zero_()
    _minimise(raw, loss, 100)
    if not _value(loss) < best:
        with torch.no_grad():
            for key, value in best_raw.items():
                raw[key].copy_(value)


def _value(loss: Callable[[], Iterator[Tensor]]) -> float:
    with torch.no_grad():
        return float(sum(loss(), torch.zeros(())).nan_to_num(nan=math.inf))


def _best_start(
    family: Family, outputs: Sequence[Output], raw: Mapping[str, Tensor], exchangeable: Sequence[str], rows: RowTensors
) -> dict[str, Tensor]:
    """The best of several fits of exchangeable components, because a start with equal components is a saddle point.

    One start fits each component to one slice of the sorted targets; the others add noise to the tied fit.
    """
    step = max(1, len(rows) // _RESTART_ROWS)
    some = rows[::step]
    tied = _tied_fit(family, outputs, raw, exchangeable, some)
    starts = [_sliced_start(family, outputs, raw, exchangeable, some, tied)]
    generator = torch.Generator().manual_seed(0)
    for _ in range(_RESTARTS):
        noise = {name: torch.randn(value.shape, dtype=torch.float64, generator=generator) for name, value in tied.items()}
        starts.append({name: value + noise[name] if name in exchangeable else value.clone() for name, value in tied.items()})
    scores = []
    for start in starts:
        _minimise(start, partial(loss_chunks, family, outputs, start, some), 60)
        scores.append(_value(partial(loss_chunks, family, outputs, start, some)))
    return {name: value.detach() for name, value in starts[scores.index(min(scores))].items()}


def _tied_fit(
    family: Family, outputs: Sequence[Output], raw: Mapping[str, Tensor], exchangeable: Sequence[str], rows: RowTensors
) -> dict[str, Tensor]:
    """The fit with equal parameters in all components: that of one component alone."""
    shared = {name: (value[0] if name in exchangeable else value).clone() for name, value in raw.items()}

    def loss() -> Iterator[Tensor]:
        expanded = {name: value.expand(raw[name].shape) if name in exchangeable else value for name, value in shared.items()}
        return loss_chunks(family, outputs, expanded, rows)

    _fit(shared, loss)
    return {name: value.detach().expand(raw[name].shape).clone() for name, value in shared.items()}


def _sliced_start(
    family: Family,
    outputs: Sequence[Output],
    raw: Mapping[str, Tensor],
    exchangeable: Sequence[str],
    rows: RowTensors,
    tied: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """The fit of component k to the k-th slice of the sorted targets (of vectors, sorted by their first element), all of equal weight."""
    initial = {name: start.clone() for name, start in tied.items()}
    for index, part in enumerate(rows.slices(raw[exchangeable[0]].shape[0])):
        fit = _tied_fit(family, outputs, raw, exchangeable, part)
        for name in exchangeable:
            initial[name][index] = fit[name][index]
    return initial


def initial_raw(family: Family, outputs: Sequence[Output], rows: RowTensors, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The raw outputs at which heads start: the marginal fit, each scalar as near to 0 as costs less than 0.001 nats, but not within 8.

    A flat likelihood (the degrees of freedom of a t that fits normal data) puts the fit far out, and the gradient there is too small to
    bring a network back. How far out it ends is chance, so the start must not depend on it. At most 20,000 rows are scored.
    """
    some = rows[:: max(1, len(rows) // _FIRST_ROWS)]
    start = {name: value.clone() for name, value in raw.items()}

    def loss() -> float:
        return float(sum(loss_chunks(family, outputs, start, some), torch.zeros(())))

    best = loss()
    for name in [name for name, value in start.items() if not value.shape]:
        far = float(start[name])
        # The sizes of a raw output that cost too much, or are too near, and one that does not.
        near, good = _CENTRAL_RAW, abs(far)
        tried = near
        while good > near * _SAME_RAW:
            start[name].fill_(math.copysign(tried, far))
            near, good = (near, tried) if loss() < best + _MAX_LOSS_INCREASE else (tried, good)
            tried = math.sqrt(near * good)
        start[name].fill_(math.copysign(good, far) if abs(far) > _CENTRAL_RAW else far)
    return start


def _scan(raw: dict[str, Tensor], loss_chunks: Callable[[], Iterator[Tensor]]) -> bool:
    """Set each scalar to the best of a few values, at most twice; return true if any moved."""
    moved, best = False, _value(loss_chunks)
    for _ in range(2):
        before = {name: value.detach().clone() for name, value in raw.items() if not value.shape}
        with torch.no_grad():
            for name in before:
                scores = {float(raw[name].detach()): best}
                for tried in _TRIED:
                    raw[name].fill_(tried)
                    scores.setdefault(tried, _value(loss_chunks))
                best = min(scores.values())
                raw[name].fill_(next(tried for tried, score in scores.items() if score == best))
        if all(torch.equal(value, raw[name]) for name, value in before.items()):
            break
        moved = True
    return moved


def _minimise(raw: dict[str, Tensor], loss_chunks: Callable[[], Iterator[Tensor]], steps: int) -> None:
    """Minimise the sum of the chunks by L-BFGS; after a step to values that are not finite, start again from the best point."""
    weights = [value.requires_grad_() for value in raw.values()]
    lowest, best = math.inf, [value.detach().clone() for value in weights]

    def closure() -> Tensor:
        nonlocal lowest, best
        optimizer.zero_grad()
        value = torch.zeros((), dtype=torch.float64)
        for chunk in loss_chunks():
            chunk.backward()  # type: ignore[no-untyped-call]
            value += chunk.detach()
        if float(value) < lowest:
            lowest, best = float(value), [weight.detach().clone() for weight in weights]
        return value

    for _ in range(_ATTEMPTS):
        optimizer = LBFGS(
            weights, max_iter=steps, tolerance_grad=1e-9, tolerance_change=1e-11, history_size=20, line_search_fn="strong_wolfe"
        )
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        finite = all(bool(value.isfinite().all()) for value in weights)
        with torch.no_grad():
            for value, good in zip(weights, best, strict=True):
                value.copy_(good)
        if finite:
            return
