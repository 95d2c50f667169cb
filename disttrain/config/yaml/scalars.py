"""The values of plain YAML 1.2 scalars, and the values that a config may hold."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from numbers import Integral, Real

from disttrain.config.messages import escaped, shortened
from disttrain.config.yaml.source_map import Problem, under

# A word of a config document, any value of it, and the whole document.
Scalar = None | bool | int | float | str
Yaml = Scalar | list["Yaml"] | dict[str, "Yaml"]
Document = Mapping[str, Yaml]

DEEPEST = 40
_LARGEST = 2**63 - 1
_DIGITS = 30

_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGERS = ((re.compile(r"[-+]?[0-9]+"), 10), (re.compile(r"0o[0-7]+"), 8), (re.compile(r"0x[0-9a-fA-F]+"), 16))
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class TooDeepError(ValueError):
    """A document nests lists and mappings more than DEEPEST deep, or within themselves."""


def resolved(word: str) -> Scalar:
    """The value of a plain (unquoted) word in the core schema of YAML 1.2: null, true or false, a number, else the text itself.

    Raises ValueError, with what is wrong, for a number that is not finite or larger than 64 bits hold.
    Source: YAML 1.2.2, section 10.3.2.
    """
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(word):
            return _integer(word, base)
    if _NOT_FINITE.fullmatch(word):
        raise ValueError(f"`{word}` is not a finite number")
    if not _FLOAT.fullmatch(word):
        return word
    number = float(word)
    if math.isinf(number):
        raise ValueError(f"`{shortened(word, 30)}` is larger than any number a computer holds")
    return number


def _integer(word: str, base: int) -> int:
    digits = word.lstrip("+-").removeprefix("0o").removeprefix("0x")
    # Python refuses to read more than 4,300 digits, and reading many takes quadratic time.
    if len(digits) > _DIGITS:
        raise ValueError(f"an integer of {len(digits):,} digits is too large")
    number = int(digits, base) * (-1 if word.startswith("-") else 1)
    if abs(number) > _LARGEST:
        raise ValueError(f"`{word}` is larger than 64 bits hold")
    return number


def share_meant(text: str) -> float | None:
    """The number in a text such as `20%`, `0,2` or `"0.2"`; None if the text is not a number."""
    match = re.fullmatch(r"([-+]?\d*[.,]?\d+(?:[eE][-+]?\d+)?)\s*(%?)", text.strip())
    if match is None:
        return None
    number = float(match[1].replace(",", "."))
    return round(number / 100, 10) if match[2] else number


def plain(value: object) -> Yaml:
    """A copy of a Python value as a config holds it: paths become text, tuples lists, and numbers of other libraries Python's own."""
    match value:
        case None | bool():
            return value
        case str() | os.PathLike():
            return str(os.fspath(value))
        case Integral():
            return int(value)
        case Real():
            return float(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    raise TypeError(f"a config cannot hold a value of type {type(value).__name__}")


def problems_in(value: object, depth: int = 0) -> Iterator[Problem]:
    """The problems of a Python value that no config can hold, relative to it. Raises TooDeepError.

    A config holds text, numbers, true and false, None, lists, and mappings with text as keys.
    """
    if depth >= DEEPEST:
        raise TooDeepError
    match value:
        case None | bool():
            pass
        case str() | os.PathLike():
            text = os.fspath(value)
            if not isinstance(text, str) or any("\ud800" <= char <= "\udfff" for char in text):
                yield Problem((), "wrong-type", "this text cannot be written as UTF-8")
        case Integral() | Real():
            if not (abs(int(value)) <= _LARGEST if isinstance(value, Integral) else math.isfinite(float(value))):
                yield Problem((), "out-of-range", "this number is not finite, or larger than 64 bits hold")
        case Mapping():
            for key, item in value.items():
                if isinstance(key, str):
                    yield from under((key,), problems_in(item, depth + 1))
                else:
                    yield Problem((), "key-not-text", f"the key {escaped(shortened(str(key)))} is not text")
        case list() | tuple():
            for index, item in enumerate(value):
                yield from under((index,), problems_in(item, depth + 1))
        case _:
            yield Problem((), "wrong-type", f"a config cannot hold a value of type {escaped(type(value).__name__)}")
