"""Names and values of files as text for a message: on one line, short, and harmless to a terminal."""

from __future__ import annotations

import json


def escaped(text: str) -> str:
    r"""The text with every unprintable character as an escape, such as `\x1b`, `\u202e` or `\n`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text)


def shortened(text: str, most: int = 60) -> str:
    """The text, cut to at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def display(value: object, longest: int = 80) -> str:
    """A name or value as printable text: escaped, and at most `longest` characters long."""
    # Cut before it is escaped, lest a value of megabytes be walked through.
    return shortened(escaped(str(value)[: longest + 1]), longest)


def escaped_json(text: str) -> str:
    """The JSON text with control and direction characters as JSON escapes: an equal document that is safe to print."""
    return text if text.isprintable() else "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
