"""Validation of stored JSON, which is never trusted: every accessor raises RunUnreadable for an invalid value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias, TypeVar

from disttrain.errors import Finding, RunUnreadable
from disttrain.messages import display

# A value of a JSON file, and an object. What is read has dicts and lists, what is written may have any mapping and sequence.
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"
Item = TypeVar("Item")

MOST_ITEMS = 200_000
LONGEST_TEXT = 1 << 20


def refuse(what: str, path: str = "") -> RunUnreadable:
    """Return the error that the value at `path` in the current part of the model is invalid; `what` is the reason."""
    hint = "copy the model folder again, or fit anew"
    return RunUnreadable(Finding("broken-model", f"the stored model cannot be used: {what}", path, hints=(hint,)))


@contextmanager
def within(part: str) -> Iterator[None]:
    """Prefix the paths of all errors in the block with the name of the part: `encoder.parts[0].spread`."""
    try:
        yield
    except RunUnreadable as fault:
        raise RunUnreadable(*(replace(finding, where=_joined(part, finding.where)) for finding in fault.findings)) from None


def _joined(part: str, path: str) -> str:
    return path if path == part or path.startswith(f"{part}.") else f"{part}{'' if not path or path.startswith('[') else '.'}{path}"


def each(values: Json, name: str, read: Callable[[Json], Item]) -> tuple[Item, ...]:
    """Return `read` of every item of a list. The path of an error contains the item's position."""
    result = []
    for position, value in enumerate(items(values, name)):
        with within(f"{name}[{position}]"):
            result.append(read(value))
    return tuple(result)


def fields_of(state: Json, name: str, keys: Sequence[str]) -> tuple[Json, ...]:
    """Return the values of exactly these keys of a JSON object."""
    if not isinstance(state, dict):
        raise refuse(f"{name} must be an object, not {spelled(state)}")
    if set(state) != set(keys):
        raise refuse(f"{name} must have the keys {', '.join(keys)}; it has {display(', '.join(state), 200)}")
    return tuple(state[key] for key in keys)


def text(value: Json, name: str, choices: Sequence[str] | None = None) -> str:
    """Return a string, one of `choices` if there are any."""
    if not isinstance(value, str):
        raise refuse(f"`{name}` must be text, not {spelled(value)}", name)
    if len(value) > LONGEST_TEXT:
        raise refuse(f"`{name}` has {len(value):,} characters; at most {LONGEST_TEXT:,} are allowed", name)
    # JSON can spell half of a surrogate pair, which is no text that could be written anywhere.
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise refuse(f"`{name}` holds half of a surrogate pair: {spelled(value)}", name)
    if choices is not None and value not in choices:
        raise refuse(f"`{name}` is {spelled(value)}, not one of {', '.join(choices)}", name)
    return value


def named(value: Json, name: str, keys: Sequence[str] | None = None) -> dict[str, str]:
    """Return an object of texts, whose keys are among `keys` if there are any."""
    if not isinstance(value, dict) or len(value) > MOST_ITEMS:
        raise refuse(f"`{name}` must be an object of texts, not {spelled(value)}", name)
    return {text(key, name, keys): text(item, f"{name}.{display(key)}") for key, item in value.items()}


def flag(value: Json, name: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise refuse(f"`{name}` must be true or false, not {spelled(value)}", name)
    return value


def integer(value: Json, name: str, least: int, most: int) -> int:
    """Return an integer from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise refuse(f"`{name}` is {spelled(value)}; it must be a whole number from {least} to {most:,}", name)
    return value


def number(value: Json, name: str, least: float = -1e101, most: float = 1e101) -> float:
    """Return a finite number from `least` to `most`."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
        raise refuse(f"`{name}` is {spelled(value)}; it must be a number from {least:g} to {most:g}", name)
    return float(value)


def items(value: Json, name: str) -> list[Json]:
    """Return a list of at most 200,000 items."""
    if not isinstance(value, list):
        raise refuse(f"`{name}` must be a list, not {spelled(value)}", name)
    if len(value) > MOST_ITEMS:
        raise refuse(f"`{name}` has {len(value):,} items; at most {MOST_ITEMS:,} are allowed", name)
    return value


def increasing(value: Json, name: str) -> tuple[float, ...]:
    """Return a strictly increasing list of finite numbers."""
    result = tuple(number(item, f"{name}[{position}]") for position, item in enumerate(items(value, name)))
    for position, (earlier, later) in enumerate(pairwise(result), 1):
        if later <= earlier:
            raise refuse(f"`{name}` must increase, and {later:g} follows {earlier:g}", f"{name}[{position}]")
    return result


def spelled(value: Json) -> str:
    """Return a JSON value in a message; for an object or a list its kind."""
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return f"`{display(value)}`"
