"""`KEY=VALUE` arguments: values of a config that come from the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from disttrain.config.messages import display
from disttrain.config.yaml import parser
from disttrain.config.yaml.source_map import Located, Path, Place, Places, Problem, Source, Span, Spot

__all__ = ["applied"]

_OPTION = "--set "
_ODD = re.compile("[\ud800-\udfff]")

# Sections that may be given by one word, and the key that the word stands for.
_SHORT_FORMS = {("distribution",): "family", ("training", "optimizer"): "name", ("training", "schedule"): "name"}


def applied(document: dict[str, Any], places: Places, argument: str, order: int) -> tuple[Places, list[Located]]:
    """Set in `document` what one argument says.

    Returns the places of the values as they are then, and what is wrong with the argument; `order` is its place among the sources.
    """
    key, equals, text = argument.partition("=")
    lines = tuple(f"{_OPTION}{argument}".splitlines()) or (_OPTION,)
    source = Source(_OPTION.strip(), lines, order, numbered=False)
    parts = tuple(key.split("."))
    if not equals or not all(parts) or key != key.strip():
        return places, [_bad(source, Span(1, len(_OPTION) + 1, max(1, len(key))), f"{display(argument)} is not KEY=VALUE")]
    if odd := _ODD.search(text):
        return places, [_not_text(source, odd, len(_OPTION) + len(key) + 2, parts)]
    reading = _read(text)
    shift = len(_OPTION) + len(key) + 1
    if reading.faults:
        return places, [Located(fault.problem, source, _shifted(fault.span, shift), parts) for fault in reading.faults]
    keys = dict(_key_spans(parts))
    try:
        _set(document, parts, reading.value)
    except ValueError as fault:
        return places, [_bad(source, keys[parts], str(fault))]
    kept = {path: spot for path, spot in _long_forms(places, parts) if path[: len(parts)] != parts}
    new = {path: Spot(source, Place(span, span, False)) for path, span in keys.items() if path not in kept}
    for path, place in reading.places.items():
        own = Place(keys[parts] if not path else place.key and _shifted(place.key, shift), _shifted(place.value, shift), place.scalar)
        new[parts + path] = Spot(source, own)
    return kept | new, []


def _read(text: str) -> parser.Reading:
    """What the value of an argument says: YAML, but for `-`, which is standard input as in other options, and no list of one empty item."""
    if text.strip() == "-":
        return parser.Reading("-", {(): Place(None, Span(1, 1, len(text)), True)}, (text,), ())
    return parser.read(text.encode("utf-8", "surrogatepass"))


def _not_text(source: Source, odd: re.Match[str], before: int, parts: tuple[str, ...]) -> Located:
    """The value holds a byte of a name that is not UTF-8, as Python hands it on, or half of a surrogate pair."""
    code = ord(odd[0])
    byte = f"the byte 0x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"U+{code:04X}"
    what = f"{byte} of this value is not UTF-8, and a config is"
    hints = ("if it names a file or a folder, rename that, or work from inside it",)
    return Located(Problem((), "not-utf8", what, hints=hints), source, Span(1, before + odd.start(), 1), parts)


def _bad(source: Source, span: Span, what: str) -> Located:
    problem = Problem((), "bad-override", what, hints=("for example `--set training.epochs=50`",))
    return Located(problem, source, span, ())


def _shifted(span: Span, by: int) -> Span:
    """A span of the value as one of the whole argument, whose first line has the key before it."""
    return span._replace(column=span.column + by) if span.line == 1 else span


def _key_spans(parts: tuple[str, ...]) -> Iterator[tuple[Path, Span]]:
    column = len(_OPTION) + 1
    for number, part in enumerate(parts, 1):
        yield parts[:number], Span(1, column, len(part))
        column += len(part) + 1


def _set(document: dict[str, Any], parts: tuple[str, ...], value: Any) -> None:
    """Set the value at a dotted key, making sections on the way; a short form becomes its long form."""
    here = document
    for number, part in enumerate(parts[:-1], 1):
        inside = here.get(part)
        if isinstance(inside, str) and parts[:number] in _SHORT_FORMS:
            inside = {_SHORT_FORMS[parts[:number]]: inside}
        if not isinstance(inside, dict | None):
            raise ValueError(f"`{'.'.join(parts[:number])}` is {display(inside)}; it has no key `{parts[number]}`")
        here[part] = here = {} if inside is None else inside
    here[parts[-1]] = value


def _long_forms(places: Places, parts: tuple[str, ...]) -> Iterator[tuple[Path, Spot]]:
    """The places, after the short forms on the way to a dotted key have become long ones."""
    for path, spot in places.items():
        yield path, spot
        if path in _SHORT_FORMS and spot.place.scalar and len(parts) > len(path) and parts[: len(path)] == path:
            yield (*path, _SHORT_FORMS[tuple(map(str, path))]), spot
            yield path, Spot(spot.source, spot.place._replace(scalar=False))
