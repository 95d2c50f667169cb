"""The syntax errors of the YAML reader as problems in plain words."""

from __future__ import annotations

import re
from typing import Protocol

import yaml

from disttrain.config.aliases import key_of
from disttrain.config.messages import display
from disttrain.config.yaml.source_map import Problem, Span

_INDENTATION = "this line does not fit the lines above: wrong indentation, or no `: ` after a key"
_QUOTE = "a text ends with the quote it begins with; a quote inside text in single quotes is written twice"
_COLUMN = "the keys of one section begin in the same column, those inside it two blanks further"

# What the reader says contains | what we say | whether to show where the thing began instead | the way out.
# libyaml and PyYAML's own reader use different words.
_WORDS: tuple[tuple[str, str, bool, str], ...] = (
    ("tab character", "a tab where only spaces may stand", False, "indent with spaces"),
    (
        "mapping values are not allowed",
        "a `:` that belongs to no key",
        False,
        "put text that contains `: ` in quotes, or check the indentation",
    ),
    ("',' or ']'", "the list that begins here is not closed", True, "a list ends with `]`, its items are separated by `,`"),
    ("',' or '}'", "the mapping that begins here is not closed", True, "a mapping ends with `}`, its entries are separated by `,`"),
    ("unexpected end of stream", "the quote that begins here is never closed", True, _QUOTE),
    (
        "sequence entries are not allowed",
        "a minus and a blank begin a list, and none can begin here",
        False,
        'as text, standard input for one, it is `"-"` in quotes',
    ),
    ("document indicator", "the quote that begins here is never closed", True, _QUOTE),
    ("expected key", _INDENTATION, False, _COLUMN),
    ("'-' indicator", _INDENTATION, False, _COLUMN),
    ("<block end>", _INDENTATION, False, _COLUMN),
    ("find expected ':'", "a line without `: `", False, "write `key: value`"),
    ("node content", "a value is missing here", False, "write `key: value`"),
    ("incompatible YAML", "a version of YAML that is not known", False, "leave the %YAML line out"),
)


_GLUED = re.compile(r"(\s*)([A-Za-z_]\w*):([^\s:/\\].*)")


class Mark(Protocol):
    """The position of a character as the readers of YAML give it; lines and columns count from 0."""

    line: int
    column: int


def explained(error: yaml.YAMLError, lines: tuple[str, ...]) -> tuple[Span, Problem]:
    """The span and the problem of a YAMLError."""
    marked = error if isinstance(error, yaml.MarkedYAMLError) else yaml.MarkedYAMLError()
    message = str(marked.problem or getattr(error, "reason", None) or "it cannot be read")
    here, began = marked.problem_mark, marked.context_mark
    if "tag" in message and "handle" in message:
        return _span(here, lines), Problem(
            (), "yaml-tag", "a YAML tag; a config has none", hints=("put text that begins with `!` in quotes",)
        )
    if "cannot start any token" in message:
        return _span(here, lines), _odd_start(_span(here, lines), lines)
    if "escape" in message or "hexdecimal" in message:
        return _span(here, lines), _backslash(_span(here, lines), lines)
    if (glued := _glued_colon(here or began, lines)) is not None:
        return glued
    for words, what, at_start, hint in _WORDS:
        if words in message:
            return _span(began if at_start and began else here, lines), Problem((), "yaml-syntax", what, hints=(hint,) if hint else ())
    return _span(here or began, lines), Problem((), "yaml-syntax", f"this is not YAML: {message}")


def decimal_comma(line: str, span: Span, key: str) -> Problem | None:
    """The problem of `lr: 0,001` between braces, where the comma ends the value and 001 becomes a key; None otherwise."""
    before = re.search(r"[-+]?\d+(?=,$)", line[: span.column - 1])
    if before is None:
        return None
    fraction = line[span.column - 1 : span.column - 1 + span.width]
    what = f"`{before[0]},{fraction}` is not one number: the comma ends the value"
    return Problem((), "decimal-comma", what, hints=(f"write a decimal point: `{key}: {before[0]}.{fraction}`",))


def _backslash(span: Span, lines: tuple[str, ...]) -> Problem:
    """The problem of a backslash in double quotes that begins no escape, as in a Windows path."""
    line = lines[span.line - 1]
    quoted = [match[1] for match in re.finditer(r'"([^"]*)"', line) if match.start() < span.column <= match.end() + 1 and "\\" in match[1]]
    alternatives = f": `'{quoted[0]}'`, or write `{quoted[0].replace(chr(92), '/')}`" if quoted else ""
    what = "in double quotes a backslash begins an escape, and this is none"
    return Problem((), "yaml-syntax", what, hints=(f"in single quotes a backslash is only a backslash{alternatives}",))


def _glued_colon(mark: Mark | None, lines: tuple[str, ...]) -> tuple[Span, Problem] | None:
    """The problem of `distribution:gamma` on the line where the reader stopped or one of the two before it; None otherwise."""
    last = mark.line if mark is not None else 0
    for number in range(max(0, last - 2), min(last + 1, len(lines))):
        match = _GLUED.match(lines[number])
        if match is not None and key_of(match[2]) is not None:
            what = f"there is no blank behind the colon of `{match[2]}`"
            problem = Problem((), "yaml-syntax", what, hints=(f"write `{match[2]}: {match[3].strip()}`",))
            return Span(number + 1, len(match[1]) + 1, len(match[2]) + 1), problem
    return None


def _odd_start(span: Span, lines: tuple[str, ...]) -> Problem:
    char = lines[span.line - 1][span.column - 1 : span.column]
    if char == "\t":
        return Problem((), "yaml-syntax", "a tab where only spaces may stand", hints=("indent with spaces",))
    return Problem((), "yaml-syntax", f"{display(char)} cannot begin a value", hints=("put text that begins with it in quotes",))


def _span(mark: Mark | None, lines: tuple[str, ...]) -> Span:
    """The span of the mark, or the end of the last line with text if the mark lies behind it."""
    if mark is not None and mark.line < len(lines) and lines[mark.line].strip():
        return Span(mark.line + 1, min(mark.column, len(lines[mark.line])) + 1)
    line = mark.line if mark is not None else 0
    line = max((number for number, text in enumerate(lines[: line + 1]) if text.strip()), default=0)
    return Span(line + 1, max(1, len(lines[line].rstrip())))
