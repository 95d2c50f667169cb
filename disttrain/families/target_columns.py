"""A column of training targets with weights and exposures, and the shift and scale for its standardisation."""

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


@dataclass(frozen=True)
class TargetColumn:
    """A column of targets per unit of exposure, (n,), with the weight and the exposure of each row, (n,); None where all are 1."""

    values: Array
    weight: Array | None
    exposure: Array | None

    @staticmethod
    def of(y: Tensor, weight: Tensor | None, exposure: Tensor | None) -> TargetColumn:
        """The column of targets `y` (n,) per unit of exposure, without rows of weight 0."""
        values, mass, exposed = (None if column is None else column.cpu().double().numpy() for column in (y, weight, exposure))
        assert values is not None
        column = TargetColumn(values if exposed is None else values / exposed, mass, exposed)
        return column if mass is None else column.only(mass > 0)

    def only(self, mask: Array) -> TargetColumn:
        """The rows where `mask` (n,) is True."""
        return TargetColumn(self.values[mask], *(None if column is None else column[mask] for column in (self.weight, self.exposure)))

    def without(self, atoms: Sequence[float]) -> TargetColumn:
        """The rows whose value is not an atom; all rows where every value is one."""
        mask = ~np.isin(self.values, atoms)
        return self.only(mask) if mask.any() else self

    def mean(self, values: Array) -> float:
        """The weighted mean of `values`, one for each row."""
        return float(values.mean() if self.weight is None else np.average(values, weights=self.weight))

    @property
    def mean_exposure(self) -> float:
        """The mean exposure of a row."""
        return 1.0 if self.exposure is None else self.mean(self.exposure)

    @property
    def mean_total(self) -> float:
        """The mean of |y|, in total over the exposure of a row; 1 where all targets are 0."""
        return _first_positive(self.mean(abs(self.values) if self.exposure is None else abs(self.values) * self.exposure))

    def units(self, unbounded: bool, centred: bool) -> tuple[float, float]:
        """The shift and the spread of the standardisation."""
        mean = self.mean(self.values)
        low, middle, high = map(float, weighted_quantiles(self.values, self.weight, (0.25, 0.5, 0.75)))
        if not unbounded:
            return 0.0, _first_positive(middle, mean)
        deviation = math.sqrt(self.mean((self.values - mean) ** 2))
        return (middle if centred else 0.0), _first_positive((high - low) / 1.349, deviation)


def _first_positive(*candidates: float) -> float:
    return next((value for value in candidates if math.isfinite(value) and value > 0), 1.0)
