"""Dates and times as input columns of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disttrain.data.features.numeric import mean_and_deviation
from disttrain.data.io.arrow_arrays import Column
from disttrain.data.json_state import Json, JsonObject, fields_of, flag, number, text
from disttrain.data.messages import BatchFinding
from disttrain.data.value_checks import checked_times

DAY, HOUR = 86_400, 3_600
Integers = NDArray[np.int64]


def circle(steps: int) -> NDArray[np.float64]:
    """Return sine and cosine of `steps` equal steps around the circle, (steps, 2)."""
    angles = 2.0 * np.pi * np.arange(steps) / steps
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)


# Looked up, not computed by row: a vectorised sine may differ in its last bit with the length of the batch.
MONTHS, WEEKDAYS, HOURS = circle(12), circle(7), circle(24)
CONSTANT_YEAR = 1.0


def calendar_parts(seconds: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    """Return year, month (0 = January), weekday (0 = Monday) and hour of seconds since 1970-01-01, (n,) each."""
    days = seconds // DAY
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return 1970 + months // 12, months % 12, (days + 3) % 7, seconds % DAY // HOUR


@dataclass(frozen=True)
class Datetime:
    """The encoding of a date or time column: the standardised year, and sine and cosine of month, weekday and hour (in UTC if it has a
    zone).

    A missing value is 0 in all seven columns. An eighth column marks it if training had any (`indicator`).
    """

    name: str
    centre: float
    scale: float
    constant: bool
    indicator: bool

    @staticmethod
    def fit(name: str, column: Column, weight: NDArray[np.float64] | None = None) -> tuple[Datetime, list[BatchFinding]]:
        """Fit the encoding to the training rows `column`, (n,), with weights (n,). Returns it with the findings about these rows."""
        seconds, missing, findings = checked_times(name, column)
        present = seconds[~missing]
        years = calendar_parts(present)[0].astype(np.float64)
        one_year = not present.size or bool(years.min() == years.max())
        weight = weight if weight is None else weight[~missing]
        centre, scale = (float(years[0]) if present.size else 0.0, CONSTANT_YEAR) if one_year else mean_and_deviation(years, weight)
        constant = not present.size or bool(present.min() == present.max())
        return Datetime(name, centre, scale, constant, bool(missing.any())), findings

    @property
    def columns(self) -> tuple[str, ...]:
        """Readable names of the input columns."""
        parts = [f"{self.name} {part} {wave}" for part in ("month", "weekday", "hour") for wave in ("sin", "cos")]
        return (f"{self.name} year", *parts, *([f"{self.name} missing"] if self.indicator else []))

    def encode(self, column: Column, out: NDArray[np.float64]) -> list[BatchFinding]:
        """Write the input columns of `column`, (n,), into `out`, (n, 7 or 8). Returns the findings about its values."""
        seconds, missing, findings = checked_times(self.name, column)
        year, month, weekday, hour = calendar_parts(seconds)
        out[:, 0] = 0.0 if self.constant else (year - self.centre) / self.scale
        out[:, 1:3], out[:, 3:5], out[:, 5:7] = MONTHS[month], WEEKDAYS[weekday], HOURS[hour]
        if self.constant:
            out[:, :7] = 0.0
        out[missing, :7] = 0.0
        if self.indicator:
            out[:, 7] = missing
        return findings

    def state(self) -> JsonObject:
        """Return the encoding as JSON."""
        return {
            "name": self.name,
            "centre": self.centre,
            "spread": self.scale,
            "constant": self.constant,
            "indicator": self.indicator,
        }

    @staticmethod
    def from_state(state: Json) -> Datetime:
        """Return the encoding of `state()`. Raises RunUnreadable if `state` is invalid."""
        keys = ("name", "centre", "spread", "constant", "indicator")
        name, centre, scale, constant, indicator = fields_of(state, "datetime", keys)
        return Datetime(
            text(name, "name"),
            number(centre, "centre", -1e5, 1e5),
            number(scale, "spread", 1e-9, 1e5),
            flag(constant, "constant"),
            flag(indicator, "indicator"),
        )
