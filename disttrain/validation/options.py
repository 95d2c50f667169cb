"""The options of `predict` and `evaluate`, and their checks, which do not load torch."""

from __future__ import annotations

import math
import numbers
import re
import sys
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath
from typing import TypeGuard

from disttrain.choices import FORMATS, METRICS, PREDICTION_COLUMNS, SPLITS, SUFFIXES, TEXT_FORMATS, TIMED_COLUMNS
from disttrain.config import suggestion
from disttrain.config.messages import escaped, listing, shortened
from disttrain.errors import Finding, UsageError

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_MOST_SAMPLES = 10_000
_REQUIREMENT = re.compile(r"\s*([a-z]\w*?)(?:_(\d+(?:\.\d+)?))?\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
# Metrics with one value per level.
_WITH_LEVELS = ("coverage", "interval")


@dataclass(frozen=True)
class PredictOptions:
    """The options of `predict`; None means that the run's config decides. `shard` is (i, n): blocks i, i + n, i + 2n, ...

    Each text of `keep` is one column, or several columns with commas between them: see `columns_meant`. Raises UsageError with every
    invalid option.
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
        """The columns with other names in the file: {column: its name in the file}."""
        return dict(self.map)

    def __post_init__(self) -> None:
        _require_valid_predict_options(self)

    @property
    def plain(self) -> bool:
        """True if the options ask for the run's own rows and configured columns, which the fit has already written."""
        return self == PredictOptions(run=self.run, overwrite=self.overwrite, device=self.device)


@dataclass(frozen=True)
class EvaluateOptions:
    """The options of `evaluate`; empty values mean that the run's config decides. `by` has the form of `keep` in PredictOptions.

    Raises UsageError with every invalid option.
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
        _require_valid_evaluate_options(self)

    @property
    def renamed(self) -> dict[str, str]:
        """The columns with other names in the file: {column: its name in the file}."""
        return dict(self.map)


@dataclass(frozen=True)
class Requirement:
    """A requirement `metric < bound`: the metric, the level of coverage or interval, the comparison, and the bound."""

    metric: str
    level: float | None
    comparison: str
    bound: float


def columns_meant(texts: Iterable[str], existing: Container[str]) -> tuple[str, ...]:
    """The distinct columns that texts such as `a,b` name. A text that equals an `existing` column is that column, commas included."""
    parts = chain.from_iterable([text] if text in existing else [part.strip() for part in text.split(",")] for text in texts)
    return tuple(dict.fromkeys(part for part in parts if part))


def _require_valid_predict_options(options: PredictOptions) -> None:
    """Raise UsageError with every invalid option of `predict`."""
    findings = [_unknown("--columns", name, PREDICTION_COLUMNS) for name in options.columns or () if name not in PREDICTION_COLUMNS]
    findings += _shares("--quantiles", options.quantiles or ())
    findings += [
        Finding("bad-option", f"`{time}` is not a time above 0", "--times", hints=("such as `--times 30,365`",))
        for time in options.times or ()
        if not (_is_number(time) and 0 < time < math.inf)
    ]
    if options.format is not None and options.format not in SUFFIXES:
        findings.append(_unknown("--format", options.format, tuple(SUFFIXES)))
    elif options.output is not None:
        findings += _output_problems(options.output, options.format)
    if options.spreadsheet_safe and "csv" not in (options.format, format_named(options.output or "")):
        findings.append(
            Finding("bad-option", "spreadsheets take formulas from csv files alone", "--spreadsheet-safe", hints=("`--format csv`",))
        )
    findings += _input_problems(options)
    if not _is_integer(options.samples) or not 0 <= options.samples <= _MOST_SAMPLES:
        findings.append(Finding("bad-option", f"`{options.samples}` is not a number of samples from 0 to {_MOST_SAMPLES:,}", "--samples"))
    part, parts = options.shard
    if not (_is_integer(part) and _is_integer(parts) and 0 <= part < parts):
        findings.append(Finding("bad-option", f"`{part}/{parts}` is not I/N with I below N", "--shard", hints=("such as `--shard 0/4`",)))
    findings += _device(options.device)
    if findings:
        raise UsageError(*findings)


def _input_problems(options: PredictOptions | EvaluateOptions) -> list[Finding]:
    """Invalid options for reading the file of `--data`."""
    findings = []
    if options.input_format is not None and options.input_format not in FORMATS[1:]:
        findings.append(_unknown("--input-format", options.input_format, FORMATS[1:]))
    if options.unknown not in ("error", "ok"):
        findings.append(_unknown("--unknown", options.unknown, ("error", "ok")))
    if options.data is None and (options.input_format is not None or options.map):
        option = "--map" if options.map else "--input-format"
        findings.append(
            Finding("bad-option", "it says how a file is to be read, and no file is named", option, hints=("add `--data FILE`",))
        )
    return findings


def require_times(columns: tuple[str, ...], times: tuple[float, ...]) -> None:
    """Raise UsageError if a column needs times and there are none."""
    timed = [name for name in columns if name in TIMED_COLUMNS]
    if timed and not times:
        what = f"the column `{timed[0]}` needs times"
        raise UsageError(Finding("bad-option", what, "--times", hints=("such as `--times 30,365`, in the target's unit",)))


def _require_valid_evaluate_options(options: EvaluateOptions) -> None:
    """Raise UsageError with every invalid option of `evaluate`."""
    findings = [_unknown("--metric", name, METRICS) for name in options.metrics if name not in METRICS]
    findings += _shares("--level", options.levels)
    findings += _device(options.device)
    if options.split is not None and options.split not in SPLITS:
        findings.append(_unknown("--split", options.split, SPLITS))
    if options.split is not None and options.data is not None:
        what = "a split is one of the run's own rows; with `--data` there is none"
        findings.append(Finding("bad-option", what, "--split", hints=("leave out `--split`",)))
    findings += _input_problems(options)
    if options.rows_out is not None and format_named(options.rows_out) is None:
        findings.append(_suffix_problem("--rows-out", options.rows_out, f"end the name in {_listed_suffixes()}"))
    for text in options.require:
        try:
            requirement(text)
        except UsageError as fault:
            findings += fault.findings
    if findings:
        raise UsageError(*findings)


def requirement(text: str) -> Requirement:
    """Parse a requirement such as `nll<6.2` or `coverage_90>=0.85`. Raises UsageError."""
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
    """The format of an output file by its suffix; None if the suffix is unknown."""
    suffix = PurePath(output).suffix.lower()
    return next((name for name, suffixes in SUFFIXES.items() if suffix in suffixes), None)


def is_terminal() -> bool:
    """True if standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def _output_problems(output: str, form: str | None) -> Iterator[Finding]:
    """Problems of the name of an output file together with its format."""
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
    closest = suggestion(word, choices)
    hint = (f"did you mean `{closest}`? " if closest else "") + f"there are {listing(choices)}"
    return Finding("unknown-choice", f"`{word}` is not known", option, hints=(hint,))


def _shares(option: str, values: tuple[float, ...]) -> list[Finding]:
    return [
        Finding("bad-option", f"`{value}` is not between 0 and 1", option, hints=(f"such as `{option} {_meant(value):g}`",))
        for value in values
        if not (_is_number(value) and 0 < value < 1)
    ]


def _meant(value: object) -> float:
    """The share that a percentage stands for; 0.9 for any other value."""
    return value / 100 if _is_number(value) and 2 <= value < 100 else 0.9


def _device(name: object) -> Iterator[Finding]:
    if not isinstance(name, str) or not _DEVICE.fullmatch(name):
        yield Finding("unknown-choice", f"`{name}` is not known", "--device", hints=("there are auto, cpu, cuda, cuda:1 and mps",))


def _is_integer(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
