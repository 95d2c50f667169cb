"""How words and values look in a message: escaped, short, and with the nearest known word beside an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from disttrain.messages import escaped, shortened

__all__ = ["escaped", "listing", "shortened", "shown", "suggestion", "way_out"]


def shown(value: Any) -> str:
    """A value of a config as a message names it: `0.5`, `true`, a list, a mapping."""
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case int():
            return f"`{value}`" if abs(value) < 2**63 else "a huge number"
        case float():
            return f"`{value}`"
        case str():
            return f"`{escaped(shortened(value))}`" if value else "empty text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
    return f"a {type(value).__name__}"


def suggestion(word: str, choices: Iterable[str]) -> str | None:
    """The choice that was probably meant by `word`, or None where none is near."""
    known = {choice.lower(): choice for choice in choices if isinstance(choice, str)}
    near = difflib.get_close_matches(word[:100].lower(), known, n=1, cutoff=0.6)
    return known[near[0]] if near else None


def listing(choices: Iterable[str], most: int = 20) -> str:
    """The choices one after the other, in backticks; at most `most` of them."""
    quoted = [f"`{choice}`" for choice in choices]
    return ", ".join(quoted[:most]) + (f" and {len(quoted) - most} more" if len(quoted) > most else "")


def way_out(word: str, choices: Iterable[str]) -> str:
    """The hint for a word that is none of the choices."""
    known = tuple(choices)
    near = suggestion(word, known)
    return f"did you mean `{near}`?" if near else f"use one of {listing(known)}"
