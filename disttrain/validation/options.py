"""What `predict` and `evaluate` are asked, and whether it can be meant; without torch."""

from __future__ import annotations

import math
import numbers
import re
import sys
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath
from typing import Any

from disttrain.choices import FORMATS, METRICS, PREDICTION_COLUMNS, SPLITS, SUFFIXES, TEXT_FORMATS, TIMED_COLUMNS
from disttrain.config import suggestion
from disttrain.config.messages import escaped, listing, shortened
from disttrain.errors import Finding, UsageError

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_MOST_SAMPLES = 10_000
_REQUIREMENT = re.compile(r"\s*([a-z]\w*?)(?:_(\d+(?:\.\d+)?))?\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
# Metrics that are made for one level at a time.
_WITH_LEVELS = ("coverage", "interval")


@dataclass(frozen=True)
class PredictOptions:
    """What `predict` was asked for; None where the run's config decides. `shard` is (i, n): blocks i, i + n, i + 2n, ...

    Every text of `keep` is a column, or several with commas between them: `columns_meant`.
    Raises UsageError with everything in it that cannot be meant.
    """

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
    input_format: str | None = None
    map: tuple[tuple[str, str], ...] = ()
    unknown: str = "error"
    spreadsheet_safe: bool = False

    @property
    def renamed(self) -> dict[str, str]:
        """The columns that the file calls otherwise: {column: its name there}."""
        return dict(self.map)

    def __post_init__(self) -> None:
        _require_request(self)

    @property
    def plain(self) -> bool:
        """Whether it asks for the run's own rows with the columns its config names: what the fit has written already."""
        return self == PredictOptions(run=self.run, overwrite=self.overwrite, device=self.device)


@dataclass(frozen=True)
class EvaluateOptions:
    """What `evaluate` was asked for; empty where the run's config decides. `by` is as `keep` of PredictOptions.

    Raises UsageError with everything in it that cannot be meant.
    """

    run: Path | None = None
    data: str | None = None
    split: str | None = None
    metrics: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    by: tuple[str, ...] = ()
    rows_out: str | None = None
    baseline: str = "marginal"
    require: tuple[str, ...] = ()
    overwrite: bool = False
    device: str = "auto"
    input_format: str | None = None
    map: tuple[tuple[str, str], ...] = ()
    unknown: str = "error"

    def __post_init__(self) -> None:
        _require_question(self)

    @property
    def renamed(self) -> dict[str, str]:
        """The columns that the file calls otherwise: {column: its name there}."""
        return dict(self.map)


@dataclass(frozen=True)
class Requirement:
    """`metric < bound`: a metric (with the level in per cent for coverage and interval), a comparison, a number."""

    metric: str
    level: float | None
    comparison: str
    bound: float


def columns_meant(texts: Iterable[str], existing: Container[str]) -> tuple[str, ...]:
    """The columns that texts such as `a,b` name, each once: a text that is the name of an `existing` column is that one, commas and all."""
    parts = chain.from_iterable([text] if text in existing else [part.strip() for part in text.split(",")] for text in texts)
    return tuple(dict.fromkeys(part for part in parts if part))


def _require_request(request: PredictOptions) -> None:
    """Raise UsageError with everything in a request that cannot be meant."""
    found = [_unknown("--columns", name, PREDICTION_COLUMNS) for name in request.columns or () if name not in PREDICTION_COLUMNS]
    found += _shares("--quantiles", request.quantiles or ())
    found += [
        Finding("bad-option", f"`{time}` is not a time above 0", "--times", hints=("such as `--times 30,365`",))
        for time in request.times or ()
        if not (_number(time) and 0 < time < math.inf)
    ]
    if request.format is not None and request.format not in SUFFIXES:
        found.append(_unknown("--format", request.format, tuple(SUFFIXES)))
    elif request.output is not None:
        found += _output_problems(request.output, request.format)
    if request.spreadsheet_safe and "csv" not in (request.format, format_named(request.output or "")):
        found.append(
            Finding("bad-option", "spreadsheets take formulas from csv files alone", "--spreadsheet-safe", hints=("`--format csv`",))
        )
    found += _of_input(request)
    if not _whole(request.samples) or not 0 <= request.samples <= _MOST_SAMPLES:
        found.append(Finding("bad-option", f"`{request.samples}` is not a number of samples from 0 to {_MOST_SAMPLES:,}", "--samples"))
    part, parts = request.shard
    if not (_whole(part) and _whole(parts) and 0 <= part < parts):
        found.append(Finding("bad-option", f"`{part}/{parts}` is not I/N with I below N", "--shard", hints=("such as `--shard 0/4`",)))
    found += _device(request.device)
    if found:
        raise UsageError(*found)


def _of_input(request: PredictOptions | EvaluateOptions) -> list[Finding]:
    """What cannot be meant of the options that say how the file of `--data` is to be read."""
    found = []
    if request.input_format is not None and request.input_format not in FORMATS[1:]:
        found.append(_unknown("--input-format", request.input_format, FORMATS[1:]))
    if request.unknown not in ("error", "ok"):
        found.append(_unknown("--unknown", request.unknown, ("error", "ok")))
    if request.data is None and (request.input_format is not None or request.map):
        option = "--map" if request.map else "--input-format"
        found.append(Finding("bad-option", "it says how a file is to be read, and no file is named", option, hints=("add `--data FILE`",)))
    return found


def require_times(columns: tuple[str, ...], times: tuple[float, ...]) -> None:
    """Raise UsageError where a column is asked for at times, and there are none."""
    timed = [name for name in columns if name in TIMED_COLUMNS]
    if timed and not times:
        what = f"the column `{timed[0]}` needs times"
        raise UsageError(Finding("bad-option", what, "--times", hints=("such as `--times 30,365`, in the target's unit",)))


def _require_question(question: EvaluateOptions) -> None:
    """Raise UsageError with everything in a question that cannot be meant."""
    found = [_unknown("--metric", name, METRICS) for name in question.metrics if name not in METRICS]
    found += _shares("--level", question.levels)
    found += _device(question.device)
    if question.split is not None and question.split not in SPLITS:
        found.append(_unknown("--split", question.split, SPLITS))
    if question.split is not None and question.data is not None:
        what = "a split is one of the run's own rows; with `--data` there is none"
        found.append(Finding("bad-option", what, "--split", hints=("leave out `--split`",)))
    found += _of_input(question)
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
    if match[2] and match[1] not in _WITH_LEVELS:
        hints = (f"`--require '{match[1]}{match[3]}{match[4]}'`", f"levels are those of {' and '.join(_WITH_LEVELS)}")
        raise UsageError(Finding("bad-option", f"`{match[1]}` has no level such as the {match[2]} of `{text}`", "--require", hints=hints))
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
        if (form or "parquet") not in TEXT_FORMATS and is_terminal():
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
    hint = (f"did you mean `{near}`? " if near else "") + f"there are {listing(choices)}"
    return Finding("unknown-choice", f"`{word}` is not known", option, hints=(hint,))


def _shares(option: str, values: tuple[float, ...]) -> list[Finding]:
    return [
        Finding("bad-option", f"`{value}` is not between 0 and 1", option, hints=(f"such as `{option} {_meant(value):g}`",))
        for value in values
        if not (_number(value) and 0 < value < 1)
    ]


def _meant(value: Any) -> float:
    """The share that a number in per cent stands for, else an ordinary one."""
    return value / 100 if _number(value) and 2 <= value < 100 else 0.9


def _device(name: Any) -> Iterator[Finding]:
    if not isinstance(name, str) or not _DEVICE.fullmatch(name):
        yield Finding("unknown-choice", f"`{name}` is not known", "--device", hints=("there are auto, cpu, cuda, cuda:1 and mps",))


def _whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
