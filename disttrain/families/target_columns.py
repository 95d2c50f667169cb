"""A column of training targets, and the units that it suggests: what weights and exposures its rows have counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from disttrain import lazy
from disttrain.quantiles import weighted_quantiles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[Any]
else:
    np = lazy.module("numpy")

__all__ = ["TargetColumn"]


@dataclass(frozen=True)
class TargetColumn:
    """A column of targets per unit of exposure, (n,), with the weight and the exposure of each row, (n,); None where all are 1."""

    values: Array
    weight: Array | None
    exposure: Array | None

    @staticmethod
    def of(y: Tensor, weight: Tensor | None, exposure: Tensor | None) -> TargetColumn:
        """The rows of targets `y` (n,) in their own units, without those of weight 0."""
        own, mass, exposed = (None if column is None else column.cpu().double().numpy() for column in (y, weight, exposure))
        assert own is not None
        column = TargetColumn(own if exposed is None else own / exposed, mass, exposed)
        return column if mass is None else column.only(mass > 0)

    def only(self, kept: Array) -> TargetColumn:
        """Some of the rows, (n,)."""
        return TargetColumn(self.values[kept], *(None if column is None else column[kept] for column in (self.weight, self.exposure)))

    def without(self, atoms: Sequence[float]) -> TargetColumn:
        """The rows beside the values that have a probability of their own; all where there are no others."""
        kept = ~np.isin(self.values, atoms)
        return self.only(kept) if kept.any() else self

    def mean(self, values: Array) -> float:
        """The weighted mean of a number of each row."""
        return float(values.mean() if self.weight is None else np.average(values, weights=self.weight))

    @property
    def mean_exposure(self) -> float:
        """The mean exposure of a row."""
        return 1.0 if self.exposure is None else self.mean(self.exposure)

    @property
    def mean_total(self) -> float:
        """The mean of |y|, the whole exposure of a row counted; 1 where all targets are 0."""
        return _first_positive(self.mean(abs(self.values) if self.exposure is None else abs(self.values) * self.exposure))

    def units(self, whole_line: bool, centred: bool) -> tuple[float, float]:
        """Shift and spread."""
        mean = self.mean(self.values)
        low, middle, high = map(float, weighted_quantiles(self.values, self.weight, (0.25, 0.5, 0.75)))
        if not whole_line:
            return 0.0, _first_positive(middle, mean)
        deviation = math.sqrt(self.mean((self.values - mean) ** 2))
        return (middle if centred else 0.0), _first_positive((high - low) / 1.349, deviation)


def _first_positive(*candidates: float) -> float:
    return next((value for value in candidates if math.isfinite(value) and value > 0), 1.0)
