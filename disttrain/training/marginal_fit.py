"""The marginal fit: the constant model of maximum likelihood, where the heads start and what every score is compared with."""

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

__all__ = ["head_start", "marginal_raw"]

# Enough rows to come within a few steps of the optimum on all of them.
_FIRST_ROWS = 20_000
_AT_ONCE = 65_536
# Raw outputs beyond this are tried nearer, where the loss (in nats) hardly notices.
_NEAR, _FLAT = 8.0, 1e-3
_ATTEMPTS = 3
# A shape nearer to 0 than this may have stayed where it set out; it tries again from that far on either side.
_AT_SADDLE, _OFF_SADDLE = 0.05, 1.5
# How far from 0 the factors of a covariance set out, in units of the target's spread.
_OFF_ZERO = 0.5
# Descents for components that could trade places, and the rows they look at.
_RESTARTS, _RESTART_ROWS = 4, 4_000
# Raw outputs tried for each scalar parameter in turn before the descent: counts in the thousands lie far from a start at 0.
_TRIED = (-9.0, -4.0, -1.5, 0.0, 1.5, 4.0, 9.0, 16.0)


def marginal_raw(family: Family, outputs: Sequence[Output], rows: RowTensors) -> dict[str, Tensor]:
    """Raw outputs {name: raw_shape} of the constant model that fits the outcome of n rows best, under the conditions of each.

    L-BFGS in float64 on the cross-entropy: first on at most 20,000 rows spread over the data, from the best point of a coarse scan,
    then on all rows. Where components could trade places it sets out from several seeded starts and goes on from the best.
    """
    learned = [output for output in outputs if output.size]
    raw = {output.parameter.name: _beginning(output) for output in learned}
    if not raw:
        return raw
    step = max(1, len(rows) // _FIRST_ROWS)
    some = rows[::step]
    if some.weight is not None and not some.weight.sum() > 0:
        some, step = rows, 1
    twins = [output.parameter.name for output in learned if output.parameter.axes[:1] == ("components",)]
    if twins:
        raw = _best_start(family, outputs, raw, twins, some)
    else:
        _fit(raw, lambda: pieces(family, outputs, raw, some))
        _leave_saddles(learned, raw, lambda: pieces(family, outputs, raw, some))
    if twins or step > 1:
        _descend(raw, lambda: pieces(family, outputs, raw, rows), 100 if step == 1 else 20)
    return {name: value.detach() for name, value in raw.items()}


def _beginning(output: Output) -> Tensor:
    """Raw outputs to set out from: 0, but where the sign says nothing seeded normal numbers, for at 0 a factor has no slope, nor has its twin."""
    either_sign = output.parameter.role == "scale" and output.parameter.support == supports.real
    if not either_sign:
        return torch.zeros(output.raw_shape, dtype=torch.float64)
    return _OFF_ZERO * torch.randn(output.raw_shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def pieces(family: Family, outputs: Sequence[Output], raw: Mapping[str, Tensor], rows: RowTensors) -> Iterator[Tensor]:
    """The cross-entropy of a constant model on rows, in parts that add up to it, so that a step on many rows takes the memory of a few."""
    total = float(len(rows) if rows.weight is None else rows.weight.sum())
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        arguments = activated(outputs, {name: value.unsqueeze(0) for name, value in raw.items()}, 1, part.conditions, logits=True)
        nll = -log_likelihood(family.distribution(**arguments, validate_args=False), part.outcome)
        yield (nll.sum() if part.weight is None else (nll * part.weight).sum()) / total


def _fit(raw: dict[str, Tensor], loss: Callable[[], Iterator[Tensor]]) -> None:
    """Scan and descend; beside a poor start of the others a shape may have been put where its gradient fades: scan once more."""
    _scan(raw, loss)
    _descend(raw, loss, 100)
    if _scan(raw, loss):
        _descend(raw, loss, 100)


def _leave_saddles(learned: Sequence[Output], raw: dict[str, Tensor], loss: Callable[[], Iterator[Tensor]]) -> None:
    """Set out once more from either side of a shape that stayed at 0, where its gradient vanishes though the fit is better elsewhere.

    Of the skew normal the information about skewness is singular at 0. Source: Azzalini & Capitanio (1999), section 3.
    """
    flat = [o.parameter.name for o in learned if o.parameter.role == "shape" and o.parameter.support == supports.real and not o.raw_shape]
    if flat:
        _from_zero(raw, loss)
    for name in [name for name in flat if abs(float(raw[name].detach())) < _AT_SADDLE]:
        found = {key: value.detach().clone() for key, value in raw.items()}
        best = _value(loss)
        for side in (_OFF_SADDLE, -_OFF_SADDLE):
            with torch.no_grad():
                raw[name].fill_(side)
            _descend(raw, loss, 60)
            if _value(loss) < best - 1e-9:
                best, found = _value(loss), {key: value.detach().clone() for key, value in raw.items()}
            with torch.no_grad():
                for key, value in found.items():
                    raw[key].copy_(value)


def _from_zero(raw: dict[str, Tensor], loss: Callable[[], Iterator[Tensor]]) -> None:
    """Descend from raw outputs of 0 as well, and keep the better: the scan may have put a free shape into a second, degenerate mode."""
    found, best = {key: value.detach().clone() for key, value in raw.items()}, _value(loss)
    with torch.no_grad():
        for value in raw.values():
            value.zero_()
    _descend(raw, loss, 100)
    if not _value(loss) < best:
        with torch.no_grad():
            for key, value in found.items():
                raw[key].copy_(value)


def _value(loss: Callable[[], Iterator[Tensor]]) -> float:
    with torch.no_grad():
        return float(sum(loss(), torch.zeros(())).nan_to_num(nan=math.inf))


def _best_start(
    family: Family, outputs: Sequence[Output], raw: Mapping[str, Tensor], twins: Sequence[str], rows: RowTensors
) -> dict[str, Tensor]:
    """The best of several descents for components that could trade places, where starting at one point for all is a saddle.

    One start gives each component the fit of one slice of the sorted targets, the others disturb the fit of all components alike.
    """
    step = max(1, len(rows) // _RESTART_ROWS)
    some = rows[::step]
    alike = _alike(family, outputs, raw, twins, some)
    starts = [_sliced(family, outputs, raw, twins, some, alike)]
    generator = torch.Generator().manual_seed(0)
    for _ in range(_RESTARTS):
        noise = {name: torch.randn(value.shape, dtype=torch.float64, generator=generator) for name, value in alike.items()}
        starts.append({name: value + noise[name] if name in twins else value.clone() for name, value in alike.items()})
    scores = []
    for start in starts:
        _descend(start, partial(pieces, family, outputs, start, some), 60)
        scores.append(_value(partial(pieces, family, outputs, start, some)))
    return {name: value.detach() for name, value in starts[scores.index(min(scores))].items()}


def _alike(
    family: Family, outputs: Sequence[Output], raw: Mapping[str, Tensor], twins: Sequence[str], rows: RowTensors
) -> dict[str, Tensor]:
    """The fit where all components are the same: that of one component alone."""
    shared = {name: (value[0] if name in twins else value).clone() for name, value in raw.items()}

    def loss() -> Iterator[Tensor]:
        spread = {name: value.expand(raw[name].shape) if name in twins else value for name, value in shared.items()}
        return pieces(family, outputs, spread, rows)

    _fit(shared, loss)
    return {name: value.detach().expand(raw[name].shape).clone() for name, value in shared.items()}


def _sliced(
    family: Family,
    outputs: Sequence[Output],
    raw: Mapping[str, Tensor],
    twins: Sequence[str],
    rows: RowTensors,
    alike: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Component k as it fits the k-th slice of the sorted targets (of vectors, sorted by their first element), all of equal weight."""
    made = {name: start.clone() for name, start in alike.items()}
    for index, part in enumerate(rows.slices(raw[twins[0]].shape[0])):
        own = _alike(family, outputs, raw, twins, part)
        for name in twins:
            made[name][index] = own[name][index]
    return made


def head_start(family: Family, outputs: Sequence[Output], rows: RowTensors, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Raw outputs to start heads at: the marginal fit, with each scalar one halved for as long as that costs less than 0.001 nats.

    Where the likelihood is flat (the degrees of freedom of a t that fits normal data) the fit lies far out, and no gradient would ever
    bring a network back from there. Judged on at most 20,000 rows.
    """
    some = rows[:: max(1, len(rows) // _FIRST_ROWS)]
    start = {name: value.clone() for name, value in raw.items()}

    def loss() -> float:
        return float(sum(pieces(family, outputs, start, some), torch.zeros(())))

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
    """Move each scalar to the best of the values tried, twice over where that moves any, and say whether any moved."""
    moved, best = False, _value(pieces)
    for _ in range(2):
        before = {name: value.detach().clone() for name, value in raw.items() if not value.shape}
        with torch.no_grad():
            for name in before:
                scores = {float(raw[name].detach()): best}
                for tried in _TRIED:
                    raw[name].fill_(tried)
                    scores.setdefault(tried, _value(pieces))
                best = min(scores.values())
                raw[name].fill_(next(tried for tried, score in scores.items() if score == best))
        if all(torch.equal(value, raw[name]) for name, value in before.items()):
            break
        moved = True
    return moved


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
        optimizer = LBFGS(
            weights, max_iter=steps, tolerance_grad=1e-9, tolerance_change=1e-11, history_size=20, line_search_fn="strong_wolfe"
        )
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        arrived = all(bool(value.isfinite().all()) for value in weights)
        with torch.no_grad():
            for value, good in zip(weights, best, strict=True):
                value.copy_(good)
        if arrived:
            return
