"""The result of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from disttrain import metrics


@dataclass(frozen=True)
class Evaluation:
    """The scores of an evaluation as a JSON `document`, with notes. `newest` is True if the run was selected as the newest one.

    `remarks` say how the file is read. `residuals` (mean, variance, skewness, kurtosis) and `histogram` (ten counts) describe calibration;
    None for classes without order.
    """

    document: dict[str, Any]
    newest: bool
    residuals: metrics.Moments | None
    histogram: tuple[float, ...] | None
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()
