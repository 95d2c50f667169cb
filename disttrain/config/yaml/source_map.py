"""Where in a file or an argument each value of a config stands, and how a problem is shown there."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from disttrain.config.messages import escaped, shortened
from disttrain.errors import Finding

__all__ = ["Located", "Path", "Place", "Places", "Problem", "Source", "Span", "Spot", "locate"]

Path = tuple[str | int, ...]

_LINE = 110
_BEFORE = 70


@dataclass(frozen=True)
class Problem:
    """Something wrong with a config: the path of keys that leads to it, its code, what was found, why, and the ways out.

    `on_key`: the key itself is wrong, not its value.
    """

    path: Path
    code: str
    what: str
    why: str = ""
    hints: tuple[str, ...] = ()
    on_key: bool = False


class Span(NamedTuple):
    """`width` characters of a line; lines and columns count from 1."""

    line: int
    column: int
    width: int = 1


class Place(NamedTuple):
    """Where a value stands, and the key that it belongs to; `scalar` is whether the value is a single word."""

    key: Span | None
    value: Span
    scalar: bool


@dataclass(frozen=True)
class Source:
    """A text that values come from: a file with numbered lines, or an argument of the command line; `order` sorts messages."""

    label: str
    lines: tuple[str, ...]
    order: int = 0
    numbered: bool = True


class Spot(NamedTuple):
    """A place in a source."""

    source: Source
    place: Place


Places = Mapping[Path, Spot]


@dataclass(frozen=True)
class Located:
    """A problem at a span of a source (None: at no line of it), and the path to show for it."""

    problem: Problem
    source: Source
    span: Span | None
    path: Path

    @property
    def order(self) -> tuple[int, int, int]:
        """What to sort messages by: the source, then the line and column."""
        return (self.source.order, self.span.line, self.span.column) if self.span else (self.source.order, 0, 0)

    def finding(self) -> Finding:
        """The finding to show; every word of it is safe to print."""
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


def locate(places: Places, problem: Problem, label: str = "") -> Located:
    """Where a problem is to be shown; `label` names the document where no place is known.

    A value that is missing is shown at the key of the mapping that lacks it; a part of a short form at the whole short form.
    """
    path = problem.path
    if spot := places.get(path):
        return Located(problem, spot.source, (spot.place.key if problem.on_key else None) or spot.place.value, path)
    for length in range(len(path) - 1, 0, -1):
        if spot := places.get(path[:length]):
            if spot.place.scalar:
                return Located(problem, spot.source, spot.place.value, path[:length])
            return Located(problem, spot.source, spot.place.key or spot.place.value, path)
    return Located(problem, Source(label, ()), None, path)


def dotted(path: Path) -> str:
    """A path as one writes it: data.features[2].name"""
    parts = [f"[{part}]" if isinstance(part, int) else f".{escaped(shortened(part))}" for part in path]
    return "".join(parts).removeprefix(".")


def excerpt(source: Source, span: Span) -> tuple[str, ...]:
    """The line of a span under its line number, and carets under the span; nothing where the source has no such line."""
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
    """Columns that the text takes on a terminal."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
