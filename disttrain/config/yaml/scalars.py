"""The values of plain YAML 1.2 scalars, and the values that a config may hold."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any

from disttrain.config.messages import escaped, shortened
from disttrain.config.yaml.source_map import Path, Problem

# A value of a config document, and a whole document.
Yaml = None | bool | int | float | str | list["Yaml"] | dict[str, "Yaml"]
Document = Mapping[str, Yaml]

DEEPEST = 40
_LARGEST = 2**63 - 1
_DIGITS = 30

_CONSTANTS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGERS = ((re.compile(r"[-+]?[0-9]+"), 10), (re.compile(r"0o[0-7]+"), 8), (re.compile(r"0x[0-9a-fA-F]+"), 16))
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class TooDeepError(ValueError):
    """A document nests lists and mappings more than DEEPEST deep, or within themselves."""


def resolved(word: str) -> Any:
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


def plain(value: Any, problems: list[Problem], path: Path = ()) -> Any:
    """A copy of a Python value as a config may hold it: text, numbers, true and false, None, lists, and mappings with text as keys.

    Paths become text, tuples lists, and numbers of other libraries Python's own. Other values become None, with an entry in `problems`.
    Raises TooDeepError.
    """
    if len(path) >= DEEPEST:
        raise TooDeepError
    match value:
        case None | bool():
            return value
        case str():
            return _text(str(value), problems, path)
        case os.PathLike():
            return _text(os.fspath(value), problems, path)
        case Integral() | Real():
            return _number(value, problems, path)
        case Mapping():
            return dict(_pairs(value, problems, path))
        case list() | tuple():
            return [plain(item, problems, (*path, index)) for index, item in enumerate(value)]
    problems.append(Problem(path, "wrong-type", f"a config cannot hold a value of type {escaped(type(value).__name__)}"))
    return None


def _pairs(mapping: Mapping[Any, Any], problems: list[Problem], path: Path) -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if isinstance(key, str):
            yield key, plain(value, problems, (*path, key))
        else:
            problems.append(Problem(path, "key-not-text", f"the key {escaped(shortened(str(key)))} is not text"))


def _text(text: Any, problems: list[Problem], path: Path) -> Any:
    if isinstance(text, str) and not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    problems.append(Problem(path, "wrong-type", "this text cannot be written as UTF-8"))
    return None


def _number(value: Any, problems: list[Problem], path: Path) -> Any:
    number = int(value) if isinstance(value, Integral) else float(value)
    if (isinstance(number, int) and abs(number) > _LARGEST) or (isinstance(number, float) and not math.isfinite(number)):
        problems.append(Problem(path, "out-of-range", "this number is not finite, or larger than 64 bits hold"))
        return None
    return number
