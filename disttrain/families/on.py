"""Where values live: the supports of targets and parameters, as data that can be compared, tested and said in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["Support", "classes", "counts", "greater_than", "interval", "nonnegative", "positive", "real", "simplex", "unit", "zero_or_one"]


@dataclass(frozen=True)
class Support:
    """A set of real numbers (an interval, or the integers in one), or the probability simplex.

    Bounds are excluded unless `closed_lower` or `closed_upper` says otherwise.
    """

    lower: float = -math.inf
    upper: float = math.inf
    closed_lower: bool = False
    closed_upper: bool = False
    integer: bool = False
    simplex: bool = False

    def contains(self, values: Any) -> Any:
        """Which of `values` (a numpy array or a tensor) lie in the set: booleans of the same shape, for the simplex without the last axis.

        NaN and infinities lie in no set.
        """
        if self.simplex:
            return (values > 0).all(-1) & (abs(values.sum(-1) - 1.0) < 1e-6)
        inside = (values >= self.lower) if self.closed_lower else (values > self.lower)
        inside = inside & ((values <= self.upper) if self.closed_upper else (values < self.upper))
        return inside & (values.round() == values) if self.integer else inside

    def within(self, other: Support) -> bool:
        """Whether every value of this set lies in `other`."""
        if self.simplex or other.simplex:
            return self.simplex and other.simplex
        if other.integer and not self.integer:
            return False
        lower = self.lower > other.lower or (self.lower == other.lower and (other.closed_lower or not self.closed_lower))
        upper = self.upper < other.upper or (self.upper == other.upper and (other.closed_upper or not self.closed_upper))
        return lower and upper

    def text(self, symbol: str) -> str:
        """The set in words, about a value called `symbol`: `y > 0`, `0 < y < 1`, `y = 0, 1, 2, ...`."""
        if self.simplex:
            return f"{symbol} > 0, summing to 1"
        if self.integer:
            first = [f"{self.lower + step:g}" for step in range(3) if self.lower + step <= self.upper]
            end = ", ..." if math.isinf(self.upper) else f", ..., {self.upper:g}" if self.upper > self.lower + 2 else ""
            return f"{symbol} = {', '.join(first)}{end}"
        if math.isinf(self.lower) and math.isinf(self.upper):
            return f"any real {symbol}"
        if math.isinf(self.upper):
            return f"{symbol} {'>=' if self.closed_lower else '>'} {self.lower:g}"
        if math.isinf(self.lower):
            return f"{symbol} {'<=' if self.closed_upper else '<'} {self.upper:g}"
        return f"{self.lower:g} {'<=' if self.closed_lower else '<'} {symbol} {'<=' if self.closed_upper else '<'} {self.upper:g}"


real = Support()
positive = Support(lower=0.0)
nonnegative = Support(lower=0.0, closed_lower=True)
unit = Support(lower=0.0, upper=1.0)
counts = Support(lower=0.0, closed_lower=True, integer=True)
zero_or_one = Support(lower=0.0, upper=1.0, closed_lower=True, closed_upper=True, integer=True)
simplex = Support(simplex=True)


def greater_than(lower: float) -> Support:
    """Every number above `lower`."""
    return Support(lower=lower)


def interval(lower: float, upper: float) -> Support:
    """Every number between `lower` and `upper`, both excluded."""
    return Support(lower=lower, upper=upper)


def classes(count: int) -> Support:
    """The codes 0 .. count - 1 of `count` classes."""
    return Support(lower=0.0, upper=count - 1.0, closed_lower=True, closed_upper=True, integer=True)
