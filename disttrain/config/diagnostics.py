"""The errors of pydantic as problems of a config, and all problems as one ConfigError."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypedDict

from pydantic import ValidationError

from disttrain.config.aliases import Key
from disttrain.config.corrections import hint_for_key, hint_for_value
from disttrain.config.messages import display, escaped
from disttrain.config.sections.field_types import WRONG, is_tag
from disttrain.config.yaml.scalars import Yaml, resolved
from disttrain.config.yaml.source_map import LocatedProblem, Path, Problem
from disttrain.errors import ConfigError

MOST_SHOWN = 20

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "literal_error": '"*"',
    "model_type": "a mapping",
    "string_type": "text",
}
# At most so many problems are solved: each solution is tried.
_MOST_SOLVED = 100
_BOUNDS: dict[str, tuple[str, Literal["gt", "ge", "lt", "le"]]] = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


class Context(TypedDict, total=False):
    """The context of an error of pydantic: the keywords of `objection`, and those of bounds of numbers and lengths of text."""

    what: str
    why: str
    hints: tuple[str, ...]
    at: Path
    on_key: bool
    gt: float
    ge: float
    lt: float
    le: float
    max_length: int


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """The problems of a ValidationError of Config. Only the first ones get hints."""
    for number, details in enumerate(error.errors(include_url=False)):
        path = tuple(part for part in details["loc"] if not is_tag(part))
        context: Context = {"what": details["msg"], **details.get("ctx", {})}  # type: ignore[typeddict-item]
        yield _problem(Key(path), details["type"], details["input"], context, number < _MOST_SOLVED).under(*path)


def _problem(key: Key, kind: str, value: Yaml, context: Context, solved: bool) -> Problem:
    """One problem of the value of a key, relative to it; with hints if it is to be `solved`."""
    subject = _subject(key)
    if "at" in context:
        hints = tuple(context["hints"])
        if kind == "wrong-type" and not context["at"]:
            hints = (*(hint for hint in (_hints(key, value) if solved else ()) if not hints or hint.startswith("write")), *hints)
        return Problem(tuple(context["at"]), kind, context["what"], context["why"], hints, context["on_key"])
    if kind == "missing":
        return Problem((), "missing-key", f"{subject} is missing", hints=_needs(key), on_key=True)
    if kind == "extra_forbidden":
        return Problem(
            (), "unknown-key", f"unknown key {display(key.path[-1])}", hints=(hint_for_key(key, value),) if solved else (), on_key=True
        )
    hints = _hints(key, value) if solved else ()
    if kind == WRONG or kind in _EXPECTED:
        expected = context["what"] if kind == WRONG else _EXPECTED[kind]
        return Problem((), "wrong-type", f"{subject} must be {expected}, not {_quoted(value)}", hints=hints)
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return Problem((), "out-of-range", f"{subject} must be {words} {context[bound]:g}, not {display(value)}", hints=hints)
    if kind == "string_too_short":
        return Problem((), "out-of-range", f"{subject} must not be empty")
    if kind == "string_too_long":
        return Problem((), "out-of-range", f"{subject} is longer than {context['max_length']:,} characters")
    return Problem((), "wrong-type", f"{subject} cannot be {display(value)}")


def _hints(key: Key, value: Yaml) -> tuple[str, ...]:
    """The hints for a value of the wrong type or size, if there are any."""
    if value is None and key.path and isinstance(key.path[-1], int):
        return ('take the empty item out; a minus as text, standard input for one, is `"-"` in quotes',)
    hint = "leave the key out for its default" if value is None else hint_for_value(key, value)
    return () if hint is None else (hint,)


def _quoted(value: Yaml) -> str:
    """A value as a message names it. A text that YAML would read as another type without quotes is called a text."""
    if not isinstance(value, str):
        return display(value)
    try:
        plain = resolved(value) == value
    except ValueError:
        plain = True
    return display(value) if plain or not value else f'the text `"{display(value)[1:-1]}"`'


def _subject(key: Key) -> str:
    """A key, or an item of a list, as a message names it."""
    names = [part for part in key.path if isinstance(part, str)]
    name = display(names[-1]) if names else "the config"
    last = key.path[-1] if key.path else ""
    return f"item {last + 1} of {name}" if isinstance(last, int) else name


def _needs(key: Key) -> tuple[str, ...]:
    inside = f" below `{key.section.name}`" if key.section.path else ""
    return (f"add `{key.name}: ...`{inside}",)


def failure(problems: Iterable[LocatedProblem], label: str) -> ConfigError:
    """All problems as one error, in the order of their lines. It lists at most MOST_SHOWN and counts the others."""
    # A section and a rule may object to the same word for one reason: the first says it.
    first: dict[tuple[tuple[int, int, int], Path, str], LocatedProblem] = {}
    for located in problems:
        first.setdefault((located.order, located.path, located.problem.code), located)
    ordered = sorted(first.values(), key=lambda located: located.order)
    count, rest = len(ordered), len(ordered) - MOST_SHOWN
    errors = "1 error" if count == 1 else f"{count:,} errors"
    more = f" ({MOST_SHOWN} of them above, and {rest:,} more)" if rest > 0 else ""
    label = escaped(label) or "the config"
    return ConfigError(*(located.finding() for located in ordered[:MOST_SHOWN]), summary=f"{errors} in {label}{more}; nothing was run")
