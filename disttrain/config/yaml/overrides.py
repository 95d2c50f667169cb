"""`KEY=VALUE` arguments: values of a config that come from the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from disttrain.config.messages import display
from disttrain.config.yaml import parser
from disttrain.config.yaml.scalars import Yaml
from disttrain.config.yaml.source_map import LocatedProblem, Path, Problem, Source, SourceLocation, SourceMap, Span, ValueSpans

_OPTION = "--set "
_ODD = re.compile("[\ud800-\udfff]")

# Sections that may be given by one word, and the key that the word stands for.
_SHORT_FORMS = {("distribution",): "family", ("training", "optimizer"): "name", ("training", "schedule"): "name"}


def applied(document: dict[str, Yaml], source_map: SourceMap, argument: str, order: int) -> tuple[SourceMap, list[LocatedProblem]]:
    """Set the value of one argument in `document`.

    Returns the new source map and the problems of the argument; `order` is its index among the sources.
    """
    key, equals, text = argument.partition("=")
    lines = tuple(f"{_OPTION}{argument}".splitlines()) or (_OPTION,)
    source = Source(_OPTION.strip(), lines, order, numbered=False)
    parts = tuple(key.split("."))
    if not equals or not all(parts) or key != key.strip():
        return source_map, [_bad(source, Span(1, len(_OPTION) + 1, max(1, len(key))), f"{display(argument)} is not KEY=VALUE")]
    if odd := _ODD.search(text):
        return source_map, [_not_text(source, odd, len(_OPTION) + len(key) + 2, parts)]
    reading = _read(text)
    shift = len(_OPTION) + len(key) + 1
    if reading.faults:
        return source_map, [LocatedProblem(fault.problem, source, _shifted(fault.span, shift), parts) for fault in reading.faults]
    keys = dict(_key_spans(parts))
    try:
        _set(document, parts, reading.value)
    except ValueError as fault:
        return source_map, [_bad(source, keys[parts], str(fault))]
    remaining = {path: location for path, location in _long_forms(source_map, parts) if path[: len(parts)] != parts}
    new = {path: SourceLocation(source, ValueSpans(span, span, False)) for path, span in keys.items() if path not in remaining}
    for path, spans in reading.spans.items():
        shifted_spans = ValueSpans(
            keys[parts] if not path else spans.key and _shifted(spans.key, shift), _shifted(spans.value, shift), spans.scalar
        )
        new[parts + path] = SourceLocation(source, shifted_spans)
    return remaining | new, []


def _read(text: str) -> parser.Reading:
    """Read the value of an argument as YAML, except `-`: that is standard input as in other options, not a list of one empty item."""
    if text.strip() == "-":
        return parser.Reading("-", {(): ValueSpans(None, Span(1, 1, len(text)), True)}, (text,), ())
    return parser.read(text.encode("utf-8", "surrogatepass"))


def _not_text(source: Source, odd: re.Match[str], before: int, parts: tuple[str, ...]) -> LocatedProblem:
    """The problem of a value with a byte that is not UTF-8, which Python passes as a lone surrogate, or with half of a surrogate pair."""
    code = ord(odd[0])
    byte = f"the byte 0x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"U+{code:04X}"
    what = f"{byte} of this value is not UTF-8, and a config is"
    hints = ("if it names a file or a folder, rename that, or work from inside it",)
    return LocatedProblem(Problem((), "not-utf8", what, hints=hints), source, Span(1, before + odd.start(), 1), parts)


def _bad(source: Source, span: Span, what: str) -> LocatedProblem:
    problem = Problem((), "bad-override", what, hints=("for example `--set training.epochs=50`",))
    return LocatedProblem(problem, source, span, ())


def _shifted(span: Span, by: int) -> Span:
    """A span of the value as a span of the argument, whose first line begins with the key."""
    return span._replace(column=span.column + by) if span.line == 1 else span


def _key_spans(parts: tuple[str, ...]) -> Iterator[tuple[Path, Span]]:
    column = len(_OPTION) + 1
    for number, part in enumerate(parts, 1):
        yield parts[:number], Span(1, column, len(part))
        column += len(part) + 1


def _set(document: dict[str, Yaml], parts: tuple[str, ...], value: Yaml) -> None:
    """Set the value at a dotted key. Creates missing sections and replaces short forms by long forms."""
    here = document
    for number, part in enumerate(parts[:-1], 1):
        inside = here.get(part)
        if isinstance(inside, str) and parts[:number] in _SHORT_FORMS:
            inside = {_SHORT_FORMS[parts[:number]]: inside}
        if not isinstance(inside, dict | None):
            raise ValueError(f"`{'.'.join(parts[:number])}` is {display(inside)}; it has no key `{parts[number]}`")
        here[part] = here = {} if inside is None else inside
    here[parts[-1]] = value


def _long_forms(source_map: SourceMap, parts: tuple[str, ...]) -> Iterator[tuple[Path, SourceLocation]]:
    """The items of the source map, with the short forms on the path of a dotted key replaced by long forms."""
    for path, location in source_map.items():
        yield path, location
        if path in _SHORT_FORMS and location.spans.scalar and len(parts) > len(path) and parts[: len(path)] == path:
            yield (*path, _SHORT_FORMS[tuple(map(str, path))]), location
            yield path, SourceLocation(location.source, location.spans._replace(scalar=False))
