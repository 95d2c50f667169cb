"""What a YAML reader stumbled over, in words for the person who wrote the file."""

from __future__ import annotations

from typing import Any

from disttrain.config.places import Problem, Span
from disttrain.config.wording import shown

__all__ = ["explained"]

_INDENTATION = "this line does not fit the lines above: wrong indentation, or no `: ` after a key"

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
    ("unexpected end of stream", "the quote that begins here is never closed", True, ""),
    ("document indicator", "the quote that begins here is never closed", True, ""),
    ("expected key", _INDENTATION, False, ""),
    ("'-' indicator", _INDENTATION, False, ""),
    ("<block end>", _INDENTATION, False, ""),
    ("find expected ':'", "a line without `: `", False, "write `key: value`"),
    ("node content", "a value is missing here", False, ""),
    ("escape", "an unknown escape in a text in double quotes", False, "in single quotes a backslash is only a backslash"),
    ("incompatible YAML", "a version of YAML that is not known", False, "leave the %YAML line out"),
)


def explained(error: Any, lines: tuple[str, ...]) -> tuple[Span, Problem]:
    """Where a YAMLError arose and what it means."""
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read")
    here, began = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if "tag" in said and "handle" in said:
        return _span(here, lines), Problem(
            (), "yaml-tag", "a YAML tag; a config has none", hints=("put text that begins with `!` in quotes",)
        )
    if "cannot start any token" in said:
        return _span(here, lines), _odd_start(_span(here, lines), lines)
    for words, what, at_start, hint in _WORDS:
        if words in said:
            return _span(began if at_start and began else here, lines), Problem((), "yaml-syntax", what, hints=(hint,) if hint else ())
    return _span(here or began, lines), Problem((), "yaml-syntax", f"this is not YAML: {said}")


def _odd_start(span: Span, lines: tuple[str, ...]) -> Problem:
    char = lines[span.line - 1][span.column - 1 : span.column]
    if char == "\t":
        return Problem((), "yaml-syntax", "a tab where only spaces may stand", hints=("indent with spaces",))
    return Problem((), "yaml-syntax", f"{shown(char)} cannot begin a value", hints=("put text that begins with it in quotes",))


def _span(mark: Any, lines: tuple[str, ...]) -> Span:
    """The mark, or the end of the last line that has words where the mark lies behind it."""
    line = mark.line if mark is not None else 0
    if line < len(lines) and lines[line].strip():
        return Span(line + 1, min(mark.column, len(lines[line])) + 1)
    line = max((number for number, text in enumerate(lines[: line + 1]) if text.strip()), default=0)
    return Span(line + 1, max(1, len(lines[line].rstrip())))
