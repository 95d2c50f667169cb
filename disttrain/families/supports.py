"""The supports of targets and parameters, as data that can be compared, tested and described in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import Any, Literal


@dataclass(frozen=True)
class Support:
    """A set of real numbers: an interval, or where `discrete` the multiples of `step` in it; or of angles or vectors, by `kind`.

    Bounds are excluded unless `closed_lower` or `closed_upper` is True. Kinds of vectors: `simplex`, positive and summing to 1;
    `increasing`, each element larger than the previous one; `triangle`, lower triangular matrices with a positive diagonal;
    `vector`, all elements in the set that the bounds describe.
    """

    lower: float = -math.inf
    upper: float = math.inf
    closed_lower: bool = False
    closed_upper: bool = False
    discrete: bool = False
    step: float = 1.0
    kind: Literal["number", "angle", "simplex", "increasing", "triangle", "vector"] = "number"

    def contains(self, values: Any) -> Any:
        """A mask of the `values` (a number, a numpy array or a tensor) in the set, of their shape without the axes of vectors.

        NaN and infinities are in no set.
        """
        if self.kind == "simplex":
            return (values > 0).all(-1) & (abs(values.sum(-1) - 1.0) < 1e-6)
        if self.kind == "increasing":
            return (values[..., 1:] > values[..., :-1]).all(-1)
        if self.kind == "triangle":
            size = range(values.shape[-1])
            upper = [values[..., row, column] == 0.0 for row in size for column in size if column > row]
            return reduce(and_, [values[..., index, index] > 0.0 for index in size] + upper)
        inside = (values >= self.lower) if self.closed_lower else (values > self.lower)
        inside = inside & ((values <= self.upper) if self.closed_upper else (values < self.upper))
        if self.discrete:
            steps, slack = abs(values / self.step), 0.0 if self.step == 1.0 else 1e-9
            # A multiple of 0.1 is one up to rounding only.
            nearest = round(steps) if isinstance(steps, float) else steps.round()
            inside = inside & (steps >= nearest * (1.0 - slack) - slack) & (steps <= nearest * (1.0 + slack) + slack)
        return inside.all(-1) if self.kind == "vector" else inside

    def within(self, other: Support) -> bool:
        """Return True where this set is a subset of `other`."""
        if self.kind != other.kind or self.kind in ("simplex", "increasing", "triangle"):
            return self.kind == other.kind
        if other.discrete and not (self.discrete and self.step == other.step):
            return False
        lower = self.lower > other.lower or (self.lower == other.lower and (other.closed_lower or not self.closed_lower))
        upper = self.upper < other.upper or (self.upper == other.upper and (other.closed_upper or not self.closed_upper))
        return lower and upper

    def text(self, symbol: str) -> str:
        """The set in words, about a value called `symbol`: `y > 0`, `0 < y < 1`, `y = 0, 1, 2, ...`."""
        if self.kind == "simplex":
            return f"{symbol} > 0, summing to 1"
        if self.kind == "increasing":
            return f"increasing {symbol}"
        if self.kind == "triangle":
            return f"lower triangular {symbol} with a positive diagonal"
        if self.kind == "angle":
            return f"angle {symbol} from {self.lower:g} to {self.upper:g}"
        if self.kind == "vector":
            return f"each element {replace(self, kind='number').text(symbol)}"
        if self.discrete:
            return self._steps_text(symbol)
        if math.isinf(self.lower) and math.isinf(self.upper):
            return f"any real {symbol}"
        if math.isinf(self.upper):
            return f"{symbol} {'>=' if self.closed_lower else '>'} {self.lower:g}"
        if math.isinf(self.lower):
            return f"{symbol} {'<=' if self.closed_upper else '<'} {self.upper:g}"
        return f"{self.lower:g} {'<=' if self.closed_lower else '<'} {symbol} {'<=' if self.closed_upper else '<'} {self.upper:g}"

    def _steps_text(self, symbol: str) -> str:
        if math.isinf(self.lower):
            return f"whole {symbol}" if self.step == 1.0 else f"multiples {symbol} of {self.step:g}"
        few = self.upper < self.lower + 3.5 * self.step
        first = [f"{self.lower + index * self.step:g}" for index in range(4 if few else 3) if self.lower + index * self.step <= self.upper]
        end = "" if few else ", ..." if math.isinf(self.upper) else f", ..., {self.upper:g}"
        return f"{symbol} = {', '.join(first)}{end}"


real = Support()
positive = Support(lower=0.0)
nonnegative = Support(lower=0.0, closed_lower=True)
unit = Support(lower=0.0, upper=1.0)
closed_unit = Support(lower=0.0, upper=1.0, closed_lower=True, closed_upper=True)
counts = Support(lower=0.0, closed_lower=True, discrete=True)
zero_or_one = Support(lower=0.0, upper=1.0, closed_lower=True, closed_upper=True, discrete=True)
positive_counts = Support(lower=1.0, closed_lower=True, discrete=True)
integers = Support(discrete=True)
simplex = Support(kind="simplex")
increasing = Support(kind="increasing")
triangle = Support(kind="triangle")


def greater_than(lower: float) -> Support:
    """Every number above `lower`."""
    return Support(lower=lower)


def interval(lower: float, upper: float) -> Support:
    """Every number between `lower` and `upper`, both excluded."""
    return Support(lower=lower, upper=upper)


def classes(count: int) -> Support:
    """The codes 0 .. count - 1 of `count` classes."""
    return Support(lower=0.0, upper=count - 1.0, closed_lower=True, closed_upper=True, discrete=True)


def up_to(count: int) -> Support:
    """The counts 0 .. count."""
    return Support(lower=0.0, upper=float(count), closed_lower=True, closed_upper=True, discrete=True)


def multiples(step: float, lower: float = -math.inf, upper: float = math.inf) -> Support:
    """The multiples of `step` from `lower` to `upper`, both included."""
    return Support(lower, upper, closed_lower=math.isfinite(lower), closed_upper=math.isfinite(upper), discrete=True, step=step)


def angle(period: float) -> Support:
    """Angles from minus to plus half a `period`."""
    return Support(-0.5 * period, 0.5 * period, closed_lower=True, closed_upper=True, kind="angle")


def each(support: Support) -> Support:
    """Vectors whose elements all lie in `support`."""
    return replace(support, kind="vector")
