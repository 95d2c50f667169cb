"""What `predict` and `evaluate` are asked, and whether it can be meant; without torch."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from disttrain.config import suggestion
from disttrain.config.names import METRICS, PREDICTION_COLUMNS, SUFFIXES, TIMED_COLUMNS
from disttrain.config.wording import escaped, shortened
from disttrain.errors import Finding, UsageError

__all__ = ["Question", "Request", "Requirement", "format_named", "require_question", "require_request", "require_times", "requirement"]

# Formats whose bytes a terminal shows as text.
_TEXT_FORMATS = ("csv", "ndjson")
_SPLITS = ("train", "validation", "test")
_REQUIREMENT = re.compile(r"\s*([a-z]\w*?)(?:_(\d+(?:\.\d+)?))?\s*(<=|>=|<|>)\s*([-+]?[0-9.]+(?:[eE][-+]?\d+)?)\s*")


@dataclass(frozen=True)
class Request:
    """What `predict` was asked for; None where the run's config decides. `shard` is (i, n): blocks i, i + n, i + 2n, ..."""

    run: Path | None = None
    data: str | None = None
    output: str | None = None
    columns: tuple[str, ...] | None = None
    quantiles: tuple[float, ...] | None = None
    times: tuple[float, ...] | None = None
    samples: int = 0
    keep: tuple[str, ...] = ()
    prefix: str = ""
    rename: tuple[tuple[str, str], ...] = ()
    shard: tuple[int, int] = (0, 1)
    format: str | None = None
    overwrite: bool = False
    device: str = "auto"
    spreadsheet_safe: bool = False

    @property
    def plain(self) -> bool:
        """Whether it asks for the run's own rows with the columns its config names: what the fit has written already."""
        return self == Request(run=self.run, overwrite=self.overwrite, device=self.device)


@dataclass(frozen=True)
class Question:
    """What `evaluate` was asked for; empty where the run's config decides."""

    run: Path | None = None
    data: str | None = None
    split: str | None = None
    metrics: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    by: str | None = None
    rows_out: str | None = None
    baseline: str = "marginal"
    require: tuple[str, ...] = ()
    overwrite: bool = False


@dataclass(frozen=True)
class Requirement:
    """`metric < bound`: a metric (with the level in per cent for coverage and interval), a comparison, a number."""

    metric: str
    level: float | None
    comparison: str
    bound: float


def require_request(request: Request) -> None:
    """Raise UsageError with everything in a request that cannot be meant."""
    found = [_unknown("--columns", name, PREDICTION_COLUMNS) for name in request.columns or () if name not in PREDICTION_COLUMNS]
    found += _shares("--quantiles", request.quantiles or ())
    found += [
        Finding("bad-option", f"{time:g} is not a time above 0", "--times") for time in request.times or () if not 0 < time < math.inf
    ]
    if request.format is not None and request.format not in SUFFIXES:
        found.append(_unknown("--format", request.format, tuple(SUFFIXES)))
    elif request.output is not None:
        found += _output_problems(request.output, request.format)
    if request.spreadsheet_safe and "csv" not in (request.format, format_named(request.output or "")):
        found.append(
            Finding("bad-option", "spreadsheets take formulas from csv files alone", "--spreadsheet-safe", hints=("`--format csv`",))
        )
    if found:
        raise UsageError(*found)


def require_times(columns: tuple[str, ...], times: tuple[float, ...]) -> None:
    """Raise UsageError where a column is asked for at times, and there are none."""
    timed = [name for name in columns if name in TIMED_COLUMNS]
    if timed and not times:
        what = f"the column `{timed[0]}` needs times"
        raise UsageError(Finding("bad-option", what, "--times", hints=("such as `--times 30,365`, in the target's unit",)))


def require_question(question: Question) -> None:
    """Raise UsageError with everything in a question that cannot be meant."""
    found = [_unknown("--metric", name, METRICS) for name in question.metrics if name not in METRICS]
    found += _shares("--level", question.levels)
    if question.split is not None and question.split not in _SPLITS:
        found.append(_unknown("--split", question.split, _SPLITS))
    if question.split is not None and question.data is not None:
        found.append(Finding("bad-option", "a split is one of the run's own rows; with `--data` there is none", "--split"))
    if question.rows_out is not None and format_named(question.rows_out) is None:
        found.append(_suffix_problem("--rows-out", question.rows_out, f"end the name in {_listed_suffixes()}"))
    for text in question.require:
        try:
            requirement(text)
        except UsageError as fault:
            found += fault.findings
    if found:
        raise UsageError(*found)


def requirement(text: str) -> Requirement:
    """What `nll<6.2` or `coverage_90>=0.85` requires. Raises UsageError."""
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise UsageError(Finding("bad-option", f"`{text}` is no requirement", "--require", hints=("such as `--require 'nll<6.2'`",)))
    if match[1] not in METRICS:
        raise UsageError(_unknown("--require", match[1], METRICS))
    return Requirement(match[1], float(match[2]) / 100 if match[2] else None, match[3], float(match[4]))


def format_named(output: str) -> str | None:
    """The format that the name of an output file says, None where it says none."""
    suffix = PurePath(output).suffix.lower()
    return next((name for name, suffixes in SUFFIXES.items() if suffix in suffixes), None)


def is_terminal() -> bool:
    """Whether standard output is shown to a person."""
    return sys.stdout is not None and sys.stdout.isatty()


def _output_problems(output: str, form: str | None) -> Iterator[Finding]:
    """What cannot be meant by the name of an output and the format asked for."""
    if output == "-":
        if (form or "parquet") not in _TEXT_FORMATS and is_terminal():
            hints = ("`--format csv`", "or send it into a file: `> predictions.parquet`")
            yield Finding("binary-output", f"{form or 'parquet'} is no text that a terminal could show", "--output", hints=hints)
    elif form is None and format_named(output) is None:
        names = ", ".join(SUFFIXES)
        yield _suffix_problem(
            "--output", output, f"name it `--format parquet`, or another of {names}; or end the name in {_listed_suffixes()}"
        )


def _suffix_problem(option: str, output: str, hint: str) -> Finding:
    suffix = PurePath(output).suffix
    what = (
        f"no format of output has the suffix `{escaped(shortened(suffix))}`"
        if suffix
        else "the name of the output has no suffix that says its format"
    )
    return Finding("unknown-format", what, f"{option} {escaped(shortened(output))}", hints=(hint,))


def _listed_suffixes() -> str:
    return ", ".join(suffixes[0] for suffixes in SUFFIXES.values())


def _unknown(option: str, word: str, choices: tuple[str, ...]) -> Finding:
    near = suggestion(word, choices)
    hint = (f"did you mean `{near}`? " if near else "") + f"there are {', '.join(choices)}"
    return Finding("unknown-choice", f"`{word}` is not known", option, hints=(hint,))


def _shares(option: str, values: tuple[float, ...]) -> list[Finding]:
    return [Finding("bad-option", f"{value:g} is not between 0 and 1", option) for value in values if not 0 < value < 1]
