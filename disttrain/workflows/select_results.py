"""The results of a selection: the rows of its tables, and its document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disttrain.config import Yaml
from disttrain.selection.candidates import Candidate, Candidates
from disttrain.selection.comparison import LEVEL, Compared, Estimate, HeldOutScores, RowWeights, compared
from disttrain.selection.nested import Step
from disttrain.selection.ranking import BLOCKS

WeightsOf = Callable[[NDArray[np.int64]], RowWeights]


@dataclass(frozen=True)
class FamilyRow:
    """A family in a table of comparable scores, one of BLOCKS, on `rows` held-out rows. `own` is True for the distribution of the config."""

    name: str
    block: str
    distribution: Mapping[str, Yaml]
    own: bool
    rows: int
    scores: Compared


@dataclass(frozen=True)
class ParameterRow:
    """A nested model: the constant model if there is no `step`. `gain` is that over the row before; None in the first row.

    `chosen` is True for the first model that is at most one standard error behind the best one.
    """

    step: Step | None
    nll: Estimate
    gain: Estimate | None
    chosen: bool


@dataclass(frozen=True)
class Selection:
    """The result: the families in the order of their tables, those that are not in them, the nested models, and the config to run.

    `family` is the chosen family, `path` the file of the config `document`.
    """

    folder: Path
    folds: int
    families: tuple[FamilyRow, ...]
    candidates: Candidates | None
    failed: dict[str, str]
    family: str
    parameters: tuple[ParameterRow, ...]
    config: dict[str, Yaml]
    path: Path

    def block(self, name: str) -> tuple[FamilyRow, ...]:
        """The families of one of BLOCKS, the best first."""
        return tuple(row for row in self.families if row.block == name)

    @property
    def document(self) -> dict[str, Any]:
        """The selection as JSON."""
        document: dict[str, Any] = {"folder": str(self.folder), "folds": self.folds, "family": self.family}
        if self.candidates is not None:
            document["families"] = {name: [_family(row) for row in self.block(name)] for name in BLOCKS if self.block(name)}
            document |= {name: getattr(self.candidates, name) for name in ("left_out", "unsuited", "hopeless")}
            document["notes"] = list(self.candidates.remarks)
        document["failed"] = self.failed | ({} if self.candidates is None else self.candidates.failed)
        if self.parameters:
            document["parameters"] = [_parameters(row) for row in self.parameters]
        document |= {"config": self.config, "config_file": str(self.path)}
        # Plain JSON values: tuples become lists.
        plain: dict[str, Any] = json.loads(json.dumps(document))
        return plain


def family_rows(fitted: Sequence[Candidate], scores: Mapping[str, HeldOutScores], weights: WeightsOf) -> tuple[FamilyRow, ...]:
    """The rows of the tables: candidates with scores, compared with those of their block on the rows that all of these scored."""
    rows: list[FamilyRow] = []
    for block in BLOCKS:
        members = {one.name: one for one in fitted if one.block == block and one.name in scores}
        if members:
            common = _common([scores[name] for name in members])
            results = compared({name: scores[name].rows(common) for name in members}, weights(common))
            rows += [
                FamilyRow(name, block, members[name].distribution, members[name].own, len(common), result)
                for name, result in results.items()
            ]
    return tuple(rows)


def parameter_rows(steps: Sequence[Step], scores: Sequence[HeldOutScores | None], weights: WeightsOf) -> tuple[ParameterRow, ...]:
    """The constant model and the nested models that have scores, each with its gain over the one before; empty without any scores."""
    models = [(step, one) for step, one in zip(steps, scores, strict=True) if one is not None]
    if not models:
        return ()
    common = _common([one for _, one in models])
    weighted, first = weights(common), models[0][1].rows(common)
    nats = [first.constant, *(one.rows(common).nll for _, one in models)]
    means = [weighted.mean(nll) for nll in nats]
    best = nats[min(range(len(means)), key=lambda index: means[index].value)]
    behind = [weighted.mean(nll - best) for nll in nats]
    chosen = next(index for index, one in enumerate(behind) if one.value <= one.error or one.value == 0.0)
    gains = [None, *(weighted.mean(before - nll) for before, nll in pairwise(nats))]
    return tuple(
        ParameterRow(step, mean, gain, index == chosen)
        for index, (step, mean, gain) in enumerate(zip([None, *(step for step, _ in models)], means, gains, strict=True))
    )


def _common(scores: Sequence[HeldOutScores]) -> NDArray[np.int64]:
    """The positions of the rows that all of the scores have, ascending."""
    rows = np.unique(scores[0].row)
    for one in scores[1:]:
        rows = np.intersect1d(rows, one.row)
    return rows


def _family(row: FamilyRow) -> dict[str, Any]:
    scores, calibration = row.scores, row.scores.calibration
    document: dict[str, Any] = {
        "family": row.name, "distribution": dict(row.distribution), "own": row.own, "rows": row.rows, "nll": _estimate(scores.nll),
        "behind": _estimate(scores.behind), "within_one_se": scores.tied, "gain": _estimate(scores.gain),
    }  # fmt: skip
    if calibration is not None:
        coverage = {"level": LEVEL, **_estimate(calibration.coverage)}
        document |= {"pit": calibration.pit_error, "coverage": coverage, "verdict": calibration.verdict}
    return document


def _parameters(row: ParameterRow) -> dict[str, Any]:
    step = row.step
    return {
        "model": "none" if step is None else step.label, "added": [] if step is None else list(step.added), "nll": _estimate(row.nll),
        "gain": None if row.gain is None else _estimate(row.gain), "chosen": row.chosen,
    }  # fmt: skip


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "se": estimate.error if np.isfinite(estimate.error) else None}
