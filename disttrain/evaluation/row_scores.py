"""Scores of rows, added block by block: one number per row, metric and level is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import metrics
from disttrain.evaluation.result import Calibration, Score, Scores
from disttrain.metrics import METRICS, Average, Metric, row_blocks
from disttrain.outcomes import Outcome
from disttrain.thread_pool import in_order


@dataclass(frozen=True)
class Settings:
    """The metrics and the levels of central intervals. `pinball` scores the median and the ends of these intervals."""

    metrics: tuple[str, ...]
    levels: tuple[float, ...]

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantile levels of `pinball`: 0.05, 0.25, 0.5, 0.75, 0.95 of the levels 0.5 and 0.9."""
        ends = {round(0.5 + 0.5 * sign * level, 12) for level in self.levels for sign in (-1, 1)}
        return tuple(sorted(ends | {0.5}))


class _Key(NamedTuple):
    metric: str
    level: float | None = None


_PIT = _Key("pit")
# A score of each row, (n,).
RowScore = Callable[[Distribution, Outcome], Tensor]
# Rows scored on one thread at once.
_BLOCK = 8_192
_Column = TypeVar("_Column", str, _Key)


class RowScores:
    """The scores of n rows, added block by block in the order of the rows. The blocks do not change the results."""

    def __init__(self, settings: Settings, rows: int, *, calibrated: bool = True, end: float | None = None) -> None:
        """Prepare the scores of n rows; `calibrated` turns calibration on.

        Scores that are not computed by the `end`, on the clock of `time.perf_counter`, are left out, except nll.
        """
        self.settings = settings
        self.rows = 0
        self.left_out: tuple[str, ...] = ()
        self._calibrated, self._end = calibrated, math.inf if end is None else end
        self._size = rows
        self._weight: Tensor | None = None
        # Each column is allocated in full at first. Small tensors between the large ones of a forecast would fragment the memory.
        self._scores: dict[_Key, Tensor] = {}
        # The scores of the baseline, for metrics that can score it.
        self._baselines: dict[_Key, Tensor] = {}
        self._calibration: dict[str, Tensor] = {}

    def add(self, distribution: Distribution, baseline: Distribution, outcome: Outcome, weight: Tensor | None) -> None:
        """Score the next rows: their distributions, the baseline's distributions, their outcomes, and their weights (n,)."""
        for metric in map(METRICS.__getitem__, self.settings.metrics):
            if metric.name in self.left_out or self._late(metric):
                continue
            for key in _keys(metric, self.settings):
                self._put(self._scores, key, self._scored(metric, key, distribution, outcome))
                if key in self._baselines or metric.applies(baseline, outcome):
                    self._put(self._baselines, key, self._scored(metric, key, baseline, outcome))
        if self._calibrated and METRICS["pit"].applies(distribution, outcome):
            if _PIT in self._scores:
                self._calibration["pit"] = self._scores[_PIT]
            else:
                self._put(self._calibration, "pit", self._in_blocks(_drawn(metrics.pit), distribution, outcome))
            self._put(self._calibration, "residuals", self._in_blocks(_drawn(metrics.quantile_residuals), distribution, outcome))
            self._put(self._calibration, "surprises", self._in_blocks(lambda _: metrics.surprises, distribution, outcome))
        if weight is not None:
            self._weight = weight.new_empty(self._size) if self._weight is None else self._weight
            self._weight[self.rows : self.rows + len(outcome)] = weight
        self.rows += len(outcome)

    def _scored(self, metric: Metric, key: _Key, distribution: Distribution, outcome: Outcome) -> Tensor:
        """A score of each of the next rows; nan if the metric cannot score them, such as by a mean that does not exist."""
        if not metric.applies(distribution, outcome):
            return outcome.lower.new_full((len(outcome),), math.nan)
        return self._in_blocks(lambda first: _score(metric, key, self.settings, first), distribution, outcome)

    def _in_blocks(self, score: Callable[[int], RowScore], distribution: Distribution, outcome: Outcome) -> Tensor:
        """score(first) of blocks of the next rows side by side; `first` is the number of the first row of a block among all rows."""

        def scored(block: slice) -> Tensor:
            return score(self.rows + block.start)(row_blocks.rows(distribution, block), outcome[block])

        return torch.cat(list(in_order(scored, row_blocks.blocks(max(1, len(outcome)), _BLOCK))))

    def _late(self, metric: Metric) -> bool:
        """True if there is no time for a metric. The metric is then left out for all rows."""
        if metric.name == "nll" or time.perf_counter() < self._end:
            return False
        self.left_out = (*self.left_out, metric.name)
        for key in _keys(metric, self.settings):
            self._scores.pop(key, None)
            self._baselines.pop(key, None)
        return True

    def _put(self, columns: dict[_Column, Tensor], key: _Column, scores: Tensor) -> None:
        """Write the scores of the next rows into their column. Rows that could not be scored are nan.

        Scores that float16 can represent, such as the 0 and 1 of coverage, take a quarter of the memory.
        """
        narrow = bool(((scores.half().double() == scores) | scores.isnan()).all())
        if key not in columns:
            dtype = torch.float16 if narrow else torch.float64
            columns[key] = torch.full((self._size, *scores.shape[1:]), math.nan, dtype=dtype)
        elif not narrow:
            columns[key] = columns[key].double()
        columns[key][self.rows : self.rows + len(scores)] = scores

    def totals(self, parts: Sequence[Tensor | None] = (None,)) -> list[Scores]:
        """The scores over the rows of each part; a part of None is all rows.

        The row scores are freed metric by metric, so this can be called only once.
        """
        totals: list[dict[str, Score]] = [{} for _ in parts]
        for metric in (METRICS[name] for name in self.settings.metrics if name not in self.left_out):
            for total, rows in zip(totals, parts, strict=True):
                total[metric.name] = self._total(metric, rows)
            for key in _keys(metric, self.settings):
                del self._scores[key]
                self._baselines.pop(key, None)
        return [Scores(self.rows if rows is None else len(rows), total) for rows, total in zip(parts, totals, strict=True)]

    def of(self, metric: str) -> Tensor | None:
        """The score of each row by a metric without levels, (n,); None if the metric is not in the settings."""
        return self._scores.get(_Key(metric))

    def of_baseline(self, metric: str) -> Tensor | None:
        """The baseline's score of each row by a metric without levels, (n,); None if the metric cannot score the baseline."""
        return self._baselines.get(_Key(metric))

    @property
    def weight(self) -> Tensor | None:
        """The weight of each row, (n,); None where all are 1."""
        return self._weight

    def calibration(self) -> Calibration | None:
        """The calibration of the forecasts; None if the target has no order."""
        columns, weight = self._calibration, self._weight
        if not columns:
            return None
        histogram = metrics.pit_histogram(columns["pit"], weight)
        residuals = metrics.moments(columns["residuals"], weight)
        return Calibration(residuals, tuple(histogram.tolist()), _tail_note(columns["surprises"], weight))

    def _total(self, metric: Metric, rows: Tensor | None) -> Score:
        if metric.setting != "level":
            return self._average(metric, _Key(metric.name), rows)
        levels = {f"{level:g}": self._average(metric, _Key(metric.name, level), rows) for level in self.settings.levels}
        # The value of the highest level represents the metric; all levels are listed under `levels`.
        highest = max(self.settings.levels)
        return replace(levels[f"{highest:g}"], level=highest, levels=levels)

    def _average(self, metric: Metric, key: _Key, rows: Tensor | None) -> Score:
        scores = _part(self._scores[key], rows)
        weight = None if self._weight is None else _part(self._weight, rows)
        baseline = None if key not in self._baselines else _part(self._baselines[key], rows)
        if weight is not None and not bool((weight > 0).any()):
            # Rows without any weight have no scores.
            return Score(metric, level=key.level)
        if baseline is None:
            return Score(metric, *_numbers(metric.average(scores, weight)), level=key.level)
        average, other, gain = metric.compared(scores, baseline, weight)
        return Score(metric, *_numbers(average), _numbers(other)[0], *_numbers(gain), level=key.level)


def _part(column: Tensor, rows: Tensor | None) -> Tensor:
    return column if rows is None else column[rows]


def _keys(metric: Metric, settings: Settings) -> Iterator[_Key]:
    if metric.setting == "level":
        yield from (_Key(metric.name, level) for level in settings.levels)
    else:
        yield _Key(metric.name)


def _score(metric: Metric, key: _Key, settings: Settings, first: int) -> RowScore:
    """The score function of a metric at its setting, for rows that follow the `first` rows."""
    if metric.setting == "level":
        return lambda distribution, outcome: metric.score(distribution, outcome, level=key.level)
    if metric.setting == "levels":
        return lambda distribution, outcome: metric.score(distribution, outcome, levels=settings.quantiles)
    if metric.setting == "generator":
        return lambda distribution, outcome: metric.score(distribution, outcome, generator_at(first))
    return metric.score


def _drawn(function: Callable[[Distribution, Outcome, np.random.Generator], Tensor]) -> Callable[[int], RowScore]:
    """A score that takes a random number of each row."""
    return lambda first: lambda distribution, outcome: function(distribution, outcome, generator_at(first))


def generator_at(first: int) -> np.random.Generator:
    """The generator with seed 0, advanced by `first` numbers. Each row thus has the same number in any block."""
    return np.random.Generator(np.random.PCG64(0).advance(first))


def _tail_note(surprises: Tensor, weight: Tensor | None) -> tuple[str, ...]:
    """A note on the upper tail if too many rows lie above their 99.9 % quantile."""
    share = metrics.weighted_mean(surprises, weight)
    if len(surprises) < 1000 or not share.value - 3.0 * share.standard_error > 0.001:
        return ()
    message = f"{100 * share.value:.1f} % of rows lie above their 99.9 % quantile, 0.1 % expected"
    return (f"upper tail: {message}; try a family with a heavier tail",)


def _numbers(average: Average) -> tuple[float | None, float | None]:
    """The value and the standard error; None for a number that is not finite."""
    value, error = (number if math.isfinite(number) else None for number in average)
    return value, error
