"""The source location of each value of a config, in a file or an argument, and the excerpt that shows a problem there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from disttrain.config.messages import escaped, shortened
from disttrain.errors import Finding

Path = tuple[str | int, ...]

_LINE = 110
_BEFORE = 70


@dataclass(frozen=True)
class Problem:
    """A problem of a config: the path of keys below the value that was looked at, its code, its text, the reason, and hints.

    `on_key`: the key itself is wrong, not its value.
    """

    path: Path
    code: str
    what: str
    why: str = ""
    hints: tuple[str, ...] = ()
    on_key: bool = False

    def under(self, *keys: str | int) -> Problem:
        """The problem of a value that lies below `keys`, from its problem relative to that value."""
        return replace(self, path=(*keys, *self.path))


def under(keys: Path, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems of a value that lies below `keys`, from its problems relative to that value."""
    return (problem.under(*keys) for problem in problems)


class Span(NamedTuple):
    """`width` characters of a line; lines and columns count from 1."""

    line: int
    column: int
    width: int = 1


class ValueSpans(NamedTuple):
    """The spans of a value and of its key; `scalar` is true if the value is a single word."""

    key: Span | None
    value: Span
    scalar: bool


@dataclass(frozen=True)
class Source:
    """A source text: a file with numbered lines, or an argument of the command line. `order` sorts messages."""

    label: str
    lines: tuple[str, ...]
    order: int = 0
    numbered: bool = True


class SourceLocation(NamedTuple):
    """The spans of a value in a source."""

    source: Source
    spans: ValueSpans


SourceMap = Mapping[Path, SourceLocation]


@dataclass(frozen=True)
class LocatedProblem:
    """A problem at a span of a source (None: at no line of it), and the path to print for it."""

    problem: Problem
    source: Source
    span: Span | None
    path: Path

    @property
    def order(self) -> tuple[int, int, int]:
        """The sort key of messages: the source, then line and column."""
        return (self.source.order, self.span.line, self.span.column) if self.span else (self.source.order, 0, 0)

    def finding(self) -> Finding:
        """The problem as a finding with escaped text that is safe to print."""
        label, key = escaped(self.source.label), dotted(self.path)
        if self.span and self.source.numbered:
            label = f"{label}:{self.span.line}:{self.span.column}"
        return Finding(
            self.problem.code,
            escaped(shortened(self.problem.what, 500)),
            (f"{label}  ({key})" if key else label) if label else key,
            excerpt(self.source, self.span) if self.span else (),
            escaped(shortened(self.problem.why, 500)),
            tuple(escaped(shortened(hint, 700)) for hint in self.problem.hints),
        )


def locate(source_map: SourceMap, problem: Problem, label: str = "") -> LocatedProblem:
    """The problem with its source location; `label` names the document if the location is unknown.

    A missing value gets the location of the mapping that lacks it; a part of a short form that of the short form.
    """
    path = problem.path
    if location := source_map.get(path):
        return LocatedProblem(problem, location.source, (location.spans.key if problem.on_key else None) or location.spans.value, path)
    for length in range(len(path) - 1, 0, -1):
        if location := source_map.get(path[:length]):
            if location.spans.scalar:
                return LocatedProblem(problem, location.source, location.spans.value, path[:length])
            return LocatedProblem(problem, location.source, location.spans.key or location.spans.value, path)
    return LocatedProblem(problem, Source(label, ()), None, path)


def dotted(path: Path) -> str:
    """A path as text: data.features[2].name"""
    parts = [f"[{part}]" if isinstance(part, int) else f".{escaped(shortened(part))}" for part in path]
    return "".join(parts).removeprefix(".")


def excerpt(source: Source, span: Span) -> tuple[str, ...]:
    """The numbered line of a span with carets under the span; empty if the source has no such line."""
    if span.line > len(source.lines):
        return ()
    line, start = source.lines[span.line - 1], span.column - 1
    before, rest = line[:start], line[start:]
    if len(before) > _BEFORE:
        before = f"…{before[1 - _BEFORE :]}"
    marked = rest[: min(span.width, _LINE - _BEFORE)]
    after = shortened(rest[len(marked) :], max(1, _LINE - len(before) - len(marked)))
    number = str(span.line) if source.numbered else " "
    margin = " " * len(number)
    text = f"{_one_line(before)}{_one_line(marked)}{_one_line(after)}".rstrip()
    carets = " " * _wide(_one_line(before)) + "^" * max(1, _wide(_one_line(marked)))
    return f"{margin} |", f"{number} | {text}", f"{margin} | {carets}"


def _one_line(text: str) -> str:
    return escaped(text.replace("\t", " "))


def _wide(text: str) -> int:
    """The number of terminal columns of a text."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
