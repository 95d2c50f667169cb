"""How text of unknown origin, a name or a value of a file, stands in a message: on one line, short, and harmless to a terminal."""

from __future__ import annotations

import json

__all__ = ["escaped", "escaped_json", "shortened", "display"]


def escaped(text: str) -> str:
    r"""The text with every character that a terminal would not print as itself written as an escape, such as `\x1b`, `\u202e` or `\n`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text)


def shortened(text: str, most: int = 60) -> str:
    """The text, cut to at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def display(value: object, longest: int = 80) -> str:
    """A name or value as it may be printed: escaped, and at most `longest` characters."""
    # Cut before it is escaped, lest a value of megabytes be walked through.
    return shortened(escaped(str(value)[: longest + 1]), longest)


def escaped_json(text: str) -> str:
    """JSON that says the same and that a terminal prints as it is: control and direction characters as escapes of JSON."""
    return text if text.isprintable() else "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
