"""Reading back what was stored as JSON, believing none of it: every accessor raises RunUnreadable where a value is not what it must be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from disttrain.data.findings import shown
from disttrain.errors import Finding, RunUnreadable

__all__ = ["fields_of", "flag", "increasing", "items", "named", "number", "text", "whole"]

MOST_ITEMS = 200_000
LONGEST_TEXT = 1 << 20


def refuse(what: str) -> RunUnreadable:
    hint = "copy the model folder again, or fit anew"
    return RunUnreadable(Finding("broken-model", f"the stored encoder cannot be used: {what}", hints=(hint,)))


def fields_of(state: Any, name: str, keys: Sequence[str]) -> tuple[Any, ...]:
    """The values of exactly these keys of a JSON object."""
    if not isinstance(state, dict) or set(state) != set(keys):
        raise refuse(f"`{name}` must be an object with the keys {', '.join(keys)}")
    return tuple(state[key] for key in keys)


def text(value: Any, name: str, choices: Sequence[str] | None = None) -> str:
    """A string, one of `choices` where they are given."""
    # JSON can spell half of a surrogate pair, which is no text that could be written anywhere.
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or any("\ud800" <= character <= "\udfff" for character in value):
        raise refuse(f"`{name}` must be text")
    if choices is not None and value not in choices:
        raise refuse(f"`{name}` is {shown(value)}, not one of {', '.join(choices)}")
    return value


def named(value: Any, name: str, keys: Sequence[str] | None = None) -> dict[str, str]:
    """Texts by name: an object whose keys are among `keys` where these are given."""
    if not isinstance(value, dict) or len(value) > MOST_ITEMS:
        raise refuse(f"`{name}` must be an object of texts")
    return {text(key, name, keys): text(item, name) for key, item in value.items()}


def flag(value: Any, name: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise refuse(f"`{name}` must be true or false")
    return value


def whole(value: Any, name: str, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise refuse(f"`{name}` must be a whole number from {least} to {most:,}")
    return value


def number(value: Any, name: str, least: float = -1e101, most: float = 1e101) -> float:
    """A finite number from `least` to `most`."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
        raise refuse(f"`{name}` must be a number from {least:g} to {most:g}")
    return float(value)


def items(value: Any, name: str) -> list[Any]:
    """A list of at most 200,000 items."""
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        raise refuse(f"`{name}` must be a list of at most {MOST_ITEMS:,} items")
    return value


def increasing(value: Any, name: str) -> tuple[float, ...]:
    """A list of finite numbers, each larger than the one before."""
    found = tuple(number(item, name) for item in items(value, name))
    if any(later <= earlier for earlier, later in pairwise(found)):
        raise refuse(f"`{name}` must increase")
    return found
