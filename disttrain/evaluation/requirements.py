"""The requirements of `--require` on the scores of an evaluation."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from disttrain.errors import AnswerIsNo, Finding, UsageError
from disttrain.validation.options import Requirement, requirement

if TYPE_CHECKING:
    from disttrain.evaluation.result import Evaluation, Score

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def require_met(evaluation: Evaluation, texts: Sequence[str]) -> None:
    """Raise AnswerIsNo if an evaluation does not meet a requirement such as `nll<6.2`."""
    failed = []
    for text in texts:
        required = requirement(text)
        value = _value(evaluation.scores.total.metrics[required.metric], required)
        if value is None or not _COMPARISONS[required.comparison](value, required.bound):
            result = "does not exist" if value is None else f"is {value:.6g}"
            failed.append(Finding("requirement-not-met", f"`{text}` is not met: {required.metric} {result}", "--require"))
    if failed:
        raise AnswerIsNo(*failed)


def _value(score: Score, required: Requirement) -> float | None:
    if required.level is None:
        return score.value
    at_level = score.levels.get(f"{required.level:g}")
    if at_level is None:
        hints = (f"add `--level {required.level:g}`",)
        raise UsageError(Finding("bad-option", f"{required.metric} was not scored at level {required.level:g}", "--require", hints=hints))
    return at_level.value
