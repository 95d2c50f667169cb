"""Numeric and boolean features as input columns of the network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import Column
from disttrain.data.json_state import Json, JsonObject, fields_of, flag, increasing, number, text
from disttrain.data.messages import BatchFinding, row_finding
from disttrain.data.value_checks import LARGEST, checked_numbers, counted
from disttrain.quantiles import ROUNDING, cumulative_shares, weighted_quantiles

MOST_QUANTILES = 1000
# Inputs this many standard deviations away are no data, and overflow the network's float32.
FARTHEST = 1e30
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Numeric:
    """The encoding of a numeric column: (x − centre) / scale in float64, or the normal score of x among the training quantiles.

    `fill` is the training median, in the unit of the column, and replaces missing values. `indicator` is True if training had missing
    values; a second column then marks them. A `constant` column is 0.
    """

    name: str
    centre: float
    scale: float
    fill: float
    constant: bool
    indicator: bool
    quantiles: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()

    @staticmethod
    def fit(name: str, column: Column, scaling: str, weight: Floats | None = None) -> tuple[Numeric, list[BatchFinding]]:
        """Fit the encoding to the training rows `column`, (n,), with weights (n,). Returns it with the findings about these rows."""
        values, missing, findings = checked_numbers(name, column)
        present, weight = (values[~missing], weight if weight is None else weight[~missing]) if missing.any() else (values, weight)
        if findings or not present.size:
            return Numeric(name, 0.0, 1.0, 0.0, True, False), findings
        constant = bool(present.min() == present.max())
        median, indicator = float(weighted_quantiles(present, weight, [0.5])[0]), bool(missing.any())
        if scaling == "quantile" and not constant:
            quantiles, scores = normal_scores(present, weight)
            return Numeric(name, 0.0, 1.0, median, False, indicator, quantiles, scores), []
        centre, scale = mean_and_deviation(present, weight) if scaling == "standard" and not constant else (0.0, 1.0)
        return Numeric(name, centre, scale, median, constant, indicator), []

    @property
    def columns(self) -> tuple[str, ...]:
        """Readable names of the input columns."""
        return (self.name, f"{self.name} missing") if self.indicator else (self.name,)

    def encode(self, column: Column, out: Floats) -> list[BatchFinding]:
        """Write the input columns of `column`, (n,), into `out`, (n, 1 or 2). Returns the findings about its values."""
        values, missing, findings = checked_numbers(self.name, column)
        if findings:
            return findings
        some = bool(missing.any())
        self.transform(np.where(missing, self.fill, values) if some else values, out[:, 0])
        if self.indicator:
            out[:, 1] = missing
        outliers = np.abs(out[:, 0]) > FARTHEST
        if not outliers.any():
            return []
        what = f"{counted(outliers)} more than {FARTHEST:g} standard deviations of the training rows from their mean"
        return [row_finding("value-too-large", what, column=self.name, rows=outliers, values=lambda row: f"{values[row]:g}")]

    def transform(self, values: Floats, out: Floats) -> None:
        """Write the scaled `values`, (n,), into `out`, (n,)."""
        if self.constant:
            out[:] = 0.0
        elif self.quantiles:
            out[:] = np.interp(values, self.quantiles, self.scores)
        else:
            np.subtract(values, self.centre, out=out)
            np.divide(out, self.scale, out=out)

    def state(self) -> JsonObject:
        """Return the encoding as JSON."""
        numbers = {"centre": self.centre, "spread": self.scale, "fill": self.fill, "constant": self.constant, "indicator": self.indicator}
        return {"name": self.name, **numbers, "quantiles": list(self.quantiles), "scores": list(self.scores)}

    @staticmethod
    def from_state(state: Json) -> Numeric:
        """Return the encoding of `state()`. Raises RunUnreadable if `state` is invalid."""
        keys = ("name", "centre", "spread", "fill", "constant", "indicator", "quantiles", "scores")
        name, centre, scale, fill, constant, indicator, quantiles, scores = fields_of(state, "numeric", keys)
        marks, heights = increasing(quantiles, "quantiles"), increasing(scores, "scores")
        number(len(marks) - len(heights), "quantiles without scores", 0, 0)
        return Numeric(
            text(name, "name"),
            number(centre, "centre", -LARGEST, LARGEST),
            number(scale, "spread", np.nextafter(0.0, 1.0), 10 * LARGEST),
            number(fill, "fill", -LARGEST, LARGEST),
            flag(constant, "constant"),
            flag(indicator, "indicator"),
            marks,
            heights,
        )


def mean_and_deviation(values: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Return the mean and the standard deviation of weighted values that are not all equal, accurate for 1e9 ± 1e-3 and for 1e-200.

    The mean of the deviations corrects the mean once, and the deviations are squared relative to the largest.
    """
    rough = mean(values, weight)
    centre = rough + mean(values - rough, weight)
    deviations = np.abs(values - centre)
    largest = float(deviations.max())
    deviations /= largest
    deviations *= deviations
    return centre, largest * math.sqrt(mean(deviations, weight))


def mean(values: Floats, weight: Floats | None) -> float:
    return float(values.mean() if weight is None else np.average(values, weights=weight))


def normal_scores(values: Floats, weight: Floats | None = None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return strictly increasing training values and their normal scores, for all distinct values or for up to MOST_QUANTILES quantiles.

    The score of a value is the standard normal quantile at the share of the weight below it plus half of its own weight.
    """
    marks, positions = np.unique(values, return_inverse=True)
    mass = np.bincount(positions, weights=weight)
    marks, mass = marks[mass > 0], mass[mass > 0]
    above = cumulative_shares(mass)
    middle = above - 0.5 * mass / mass.sum()
    if len(marks) > MOST_QUANTILES:
        chosen = np.unique(np.searchsorted(above, np.linspace(0.0, 1.0, MOST_QUANTILES) - ROUNDING).clip(0, len(marks) - 1))
        marks, middle = marks[chosen], middle[chosen]
    return tuple(marks.tolist()), tuple(scipy.special.ndtri(middle).tolist())


@dataclass(frozen=True)
class Boolean:
    """The encoding of a boolean column: 1 and 0. A missing value is 0; a second column marks it if training had any (`indicator`)."""

    name: str
    constant: bool
    indicator: bool

    @staticmethod
    def fit(name: str, column: Column) -> tuple[Boolean, list[BatchFinding]]:
        """Fit the encoding to the training rows `column`, (n,). Returns it with the findings about these rows."""
        values, missing, findings = checked_numbers(name, column)
        present = values[~missing]
        constant = not present.size or bool(present.min() == present.max())
        return Boolean(name, constant, bool(missing.any())), findings

    @property
    def columns(self) -> tuple[str, ...]:
        """Readable names of the input columns."""
        return (self.name, f"{self.name} missing") if self.indicator else (self.name,)

    def encode(self, column: Column, out: Floats) -> list[BatchFinding]:
        """Write the input columns of `column`, (n,), into `out`, (n, 1 or 2). Returns the findings about its values."""
        values, missing, findings = checked_numbers(self.name, column)
        out[:, 0] = 0.0 if self.constant else np.where(missing, 0.0, values)
        if self.indicator:
            out[:, 1] = missing
        return findings

    def state(self) -> JsonObject:
        """Return the encoding as JSON."""
        return {"name": self.name, "constant": self.constant, "indicator": self.indicator}

    @staticmethod
    def from_state(state: Json) -> Boolean:
        """Return the encoding of `state()`. Raises RunUnreadable if `state` is invalid."""
        name, constant, indicator = fields_of(state, "boolean", ("name", "constant", "indicator"))
        return Boolean(text(name, "name"), flag(constant, "constant"), flag(indicator, "indicator"))
