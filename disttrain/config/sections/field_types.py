"""The types of the values of config keys, each with its error message."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from disttrain.config.messages import choice_hint, display
from disttrain.config.yaml.scalars import Yaml

STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)

# The code under which a field says what it expects instead; `diagnostics` adds what was found.
WRONG = "expected"
_TAG = "\0"
TEXT, NUMBER, LIST, MAPPING = Tag(f"{_TAG}text"), Tag(f"{_TAG}number"), Tag(f"{_TAG}list"), Tag(f"{_TAG}mapping")
# A mapping with the key `fold`, where a union has mappings of two kinds.
FOLD = Tag(f"{_TAG}fold")

_TIME = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_NAME = re.compile(r"\w(?:[\w.+ -]*\w)?")


Entry = TypeVar("Entry", bound=Hashable)


def is_tag(part: str | int) -> bool:
    """True if a part of a pydantic location names a branch of a union, not a key."""
    return isinstance(part, str) and part.startswith(_TAG)


def objection(
    code: str, what: str, *, why: str = "", hints: Sequence[str] = (), at: tuple[str | int, ...] = (), on_key: bool = False
) -> PydanticCustomError:
    """The error that a validator raises for a value, or for the part of it at the path `at`."""
    return PydanticCustomError(code, "{what}", {"what": what, "why": why, "hints": tuple(hints), "at": at, "on_key": on_key})


def _expected(what: str) -> PydanticCustomError:
    return PydanticCustomError(WRONG, what)


def by_kind(expected: str) -> Discriminator:
    """A discriminator that chooses the branch of a union by the type of the value; `expected` describes the union."""
    return Discriminator(_kind, custom_error_type=WRONG, custom_error_message=expected)


def by_kind_or_fold(expected: str) -> Discriminator:
    """A discriminator as `by_kind` that has a branch FOLD for mappings with the key `fold`."""
    return Discriminator(_kind_or_fold, custom_error_type=WRONG, custom_error_message=expected)


def _kind_or_fold(value: Yaml | tuple[Yaml, ...]) -> str:
    has_fold = "fold" in value if isinstance(value, Mapping) else hasattr(value, "fold")
    return FOLD.tag if has_fold else _kind(value)


def _kind(value: Yaml | tuple[Yaml, ...]) -> str:
    match value:
        case bool() | None:
            return f"{_TAG}none"
        case str():
            return TEXT.tag
        case int() | float():
            return NUMBER.tag
        case list() | tuple():
            return LIST.tag
    return MAPPING.tag


def listed(most: int, least: int = 0) -> BeforeValidator:
    """A validator of a list of `least` to `most` items. It runs before the items are validated, so that a long list of wrong items costs little."""

    def check(value: Yaml | tuple[Yaml, ...]) -> tuple[Yaml, ...]:
        if not isinstance(value, list | tuple):
            raise _expected("a list")
        if len(value) > most:
            raise objection("out-of-range", f"a list of {len(value):,} items; at most {most:,} make sense here")
        if len(value) < least:
            raise objection("out-of-range", f"a list of {len(value)} items; it needs at least {least}")
        return tuple(value)

    return BeforeValidator(check)


def choice(kind: str, words: Sequence[str]) -> AfterValidator:
    """A validator of a word that must be one of `words`; `kind` describes the word ("an optimizer")."""

    def check(word: str) -> str:
        if word not in words:
            raise objection("unknown-choice", f"{display(word)} is not {kind}", hints=(choice_hint(word, words),))
        return word

    return AfterValidator(check)


def each_choice(kind: str, words: Sequence[str]) -> AfterValidator:
    """A validator of distinct words that must be among `words`."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for index, word in enumerate(values):
            if word not in words:
                raise objection("unknown-choice", f"{display(word)} is not {kind}", hints=(choice_hint(word, words),), at=(index,))
        return distinct(values)

    return AfterValidator(check)


def distinct(values: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The items, checked to be distinct."""
    earlier: set[Entry] = set()
    for index, item in enumerate(values):
        if item in earlier:
            raise objection("role-conflict", f"{display(item)} is listed twice", at=(index,))
        earlier.add(item)
    return values


def _text_or_list(value: Yaml) -> Yaml | tuple[Yaml, ...]:
    return (value,) if isinstance(value, str) else value


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise objection("out-of-range", "a file name cannot hold the character NUL")
    return text


def _run_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        what = f"{display(name)} cannot be the name of a run"
        raise objection("out-of-range", what, hints=("letters, digits, and `-`, `_`, `.`, `+` or blanks between them",))
    return name


def _scalar(value: Yaml) -> str | bool | int | float:
    if isinstance(value, str | bool | int | float):
        return value
    raise _expected("text, a number, true or false")


def _seconds(value: Yaml) -> Yaml:
    if not isinstance(value, str):
        return value
    parts = _TIME.fullmatch(value)
    if not value or not parts:
        raise objection("wrong-type", f"{display(value)} is not a time", hints=("write `30m`, `2h`, `1h30m` or a number of seconds",))
    return float(sum(int(part or 0) * unit for part, unit in zip(parts.groups(), (86_400, 3_600, 60, 1), strict=True)))


Column = Annotated[str, Field(min_length=1, max_length=1_000)]
Columns = Annotated[tuple[Column, ...], AfterValidator(distinct), listed(20_000), BeforeValidator(_text_or_list)]
Filename = Annotated[str, Field(min_length=1, max_length=4_096), AfterValidator(_no_nul)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_run_name)]
Source = Annotated[
    Annotated[Filename, TEXT] | Annotated[tuple[Filename, ...], listed(20_000, least=1), LIST], by_kind("a file, or a list of files")
]
Scalar = Annotated[str | bool | int | float, BeforeValidator(_scalar)]
Seconds = Annotated[float, Field(gt=0.0, le=1e9), BeforeValidator(_seconds)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Levels = Annotated[tuple[Share, ...], AfterValidator(distinct), listed(1_000, least=1)]
Times = Annotated[tuple[Annotated[float, Field(gt=0.0, le=1e100)], ...], AfterValidator(distinct), listed(1_000)]
Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=65_536)], ...], listed(64)]
