"""The scores of an evaluation as records, from which tables, JSON documents and the Python interface are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from disttrain.metrics import Metric, Moments


class ScoreDocument(TypedDict, total=False):
    """A score as JSON: `se` are standard errors. A metric of levels has the numbers of its highest `level`, and all `levels`."""

    level: float
    value: float | None
    se: float | None
    baseline: float | None
    gain: float | None
    gain_se: float | None
    levels: dict[str, ScoreDocument]


class ScoresDocument(TypedDict):
    """The scores of a group of rows as JSON, by metric."""

    rows: int
    metrics: dict[str, ScoreDocument]


class EvaluationDocument(TypedDict, total=False):
    """An evaluation as JSON, as in metrics.json and under `evaluate --json`: `by` has the scores by column and group."""

    run: str
    data: str | None
    split: str | None
    rows: int
    metrics: dict[str, ScoreDocument]
    by: dict[str, dict[str, ScoresDocument]]


@dataclass(frozen=True)
class Score:
    """A metric over rows with its standard error, that of the baseline, and the gain over it; None for a number that does not exist.

    A metric of levels has the numbers of its highest `level`, and the scores of all `levels` by their text.
    """

    metric: Metric
    value: float | None = None
    standard_error: float | None = None
    baseline: float | None = None
    gain: float | None = None
    gain_error: float | None = None
    level: float | None = None
    levels: Mapping[str, Score] = field(default_factory=dict)

    def document(self) -> ScoreDocument:
        """The score as JSON."""
        numbers: ScoreDocument = {
            "value": self.value, "se": self.standard_error, "baseline": self.baseline, "gain": self.gain, "gain_se": self.gain_error
        }  # fmt: skip
        if self.level is None or not self.levels:
            return numbers
        return {"level": self.level, **numbers, "levels": {text: score.document() for text, score in self.levels.items()}}


@dataclass(frozen=True)
class Scores:
    """The scores of `rows` rows by metric."""

    rows: int
    metrics: Mapping[str, Score]

    def document(self) -> ScoresDocument:
        """The scores as JSON."""
        return {"rows": self.rows, "metrics": {name: score.document() for name, score in self.metrics.items()}}


@dataclass(frozen=True)
class Calibration:
    """Moments of the quantile residuals, the weight of PIT values in ten equal parts, and a remark on the upper tail, if any."""

    residuals: Moments
    histogram: tuple[float, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ScoredRows:
    """The scores of all rows, and of their `groups` by column and name; the calibration of the forecasts, None for classes without order."""

    total: Scores
    groups: Mapping[str, Mapping[str, Scores]]
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """The scores of a run on `data`, or on a `split` of its own rows. `newest` is True if the run was selected as the newest one.

    `remarks` say how the file is read.
    """

    run: str
    data: str | None
    split: str | None
    scores: ScoredRows
    newest: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def document(self) -> EvaluationDocument:
        """The evaluation as JSON."""
        total = self.scores.total.document()
        document: EvaluationDocument = {
            "run": self.run, "data": self.data, "split": self.split, "rows": total["rows"], "metrics": total["metrics"]
        }  # fmt: skip
        if self.scores.groups:
            document["by"] = {
                column: {name: scores.document() for name, scores in groups.items()} for column, groups in self.scores.groups.items()
            }
        return document
