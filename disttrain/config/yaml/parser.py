"""A strict parser of YAML 1.2: it turns text into plain values with their spans, and reports ambiguous or dangerous syntax as a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from disttrain.config.messages import display
from disttrain.config.yaml import syntax_errors
from disttrain.config.yaml.scalars import DEEPEST, Yaml, resolved
from disttrain.config.yaml.source_map import Path, Problem, Span, ValueSpans
from disttrain.config.yaml.syntax_errors import Mark

MOST_BYTES = 1_000_000
_MOST_VALUES = 100_000

# libyaml reads a megabyte in tenths of a second; PyYAML's own reader, for machines without it, takes the same events.
_READER: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_CORE = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Fault:
    """A problem of the YAML syntax and its span; the problem has no path."""

    span: Span
    problem: Problem


@dataclass(frozen=True)
class Reading:
    """The result of a parse: the value (None for an empty text), the spans of every value by path, the lines and the faults."""

    value: Yaml
    spans: dict[Path, ValueSpans]
    lines: tuple[str, ...]
    faults: tuple[Fault, ...]


class _StopError(Exception):
    """Stops the parser after a fault that makes the rest of the text meaningless."""


@dataclass
class _Frame:
    """An open list or mapping; `key` is the key of the next value of a mapping, None before it was read."""

    container: dict[str, Yaml] | list[Yaml]
    path: Path
    start: Mark
    key: str | None = None
    key_span: Span | None = None
    keys: dict[str, Span] = field(default_factory=dict)

    def next_path(self) -> Path:
        return (*self.path, len(self.container) if isinstance(self.container, list) else self.key or "")


def read(data: bytes) -> Reading:
    """Read UTF-8 text (a byte order mark is allowed) of at most MOST_BYTES as one YAML document.

    Aliases, anchors, merge keys, tags, duplicate keys, keys that are not text, numbers that are not finite, nesting deeper than DEEPEST
    and a second document are faults. Takes time and memory in proportion to the text, whatever it says.
    """
    if len(data) > MOST_BYTES:
        what = f"the file is larger than {MOST_BYTES // 1_000_000} MB; that is no config"
        return _refused(Fault(Span(1, 1), Problem((), "too-large", what)))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        what = "this is not text in UTF-8: it is UTF-16, or a binary file"
        return _refused(Fault(Span(1, 1), Problem((), "not-text", what, hints=("save the file as UTF-8",))))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = _lines(data[: error.start].decode("utf-8-sig"))
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        hints = ("save the file as UTF-8; it may be Latin-1 now",)
        return _refused(Fault(Span(len(good), len(good[-1]) + 1), Problem((), "not-text", what, hints=hints)))
    lines = _lines(text)
    if odd := _UNPRINTABLE.search(text):
        before = _lines(text[: odd.start()])
        what = f"the invisible character U+{ord(odd.group()):04X} must not stand in a config"
        fault = Fault(Span(len(before), len(before[-1]) + 1), Problem((), "not-text", what))
        return Reading(None, {}, lines, (fault,))
    builder = _Builder(lines)
    try:
        builder.build(text)
    except _StopError:
        pass
    except yaml.YAMLError as error:
        span, problem = syntax_errors.explained(error, lines)
        builder.faults.append(Fault(span, problem))
    return Reading(builder.value, builder.spans, lines, tuple(builder.faults))


def _refused(fault: Fault) -> Reading:
    return Reading(None, {}, (), (fault,))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(_BREAK.split(text))


class _Builder:
    """Puts the events of a YAML reader together, with a stack of its own: a Python stack would end at a few hundred brackets."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self.value: Yaml = None
        self.spans: dict[Path, ValueSpans] = {}
        self.faults: list[Fault] = []
        self.stack: list[_Frame] = []
        self.documents = 0

    def build(self, text: str) -> None:
        for event in yaml.parse(text, Loader=_READER):
            match event:
                case yaml.DocumentStartEvent():
                    self._document(event)
                case yaml.AliasEvent():
                    self._fault(event, "yaml-alias", f"`*{event.anchor}` is an alias; write the value out")
                    self._give(None, *_marks(event))
                case yaml.ScalarEvent():
                    self._refuse_decoration(event)
                    self._scalar(event)
                case yaml.SequenceStartEvent():
                    self._open(event, [])
                case yaml.MappingStartEvent():
                    self._open(event, {})
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    frame = self.stack.pop()
                    self._give(frame.container, frame.start, _marks(event)[1], scalar=False)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self._fault(event, "yaml-syntax", "a second document begins here; a config is one document", at_start=True)
            raise _StopError
        if event.tags:
            self._fault(event, "yaml-tag", "a config has no %TAG", at_start=True)

    def _refuse_decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            what, hints = (
                f"{display(event.tag.replace(_CORE, '!!'))} is a YAML tag; a config has none",
                ("leave it out; put text in quotes",),
            )
            self._fault(event, "yaml-tag", what, hints, at_start=True)
        if event.anchor is not None:
            what, hints = (
                f"`&{event.anchor}` is an anchor; a config has none",
                ("leave it out, and write the value out wherever it is used",),
            )
            self._fault(event, "yaml-alias", what, hints, at_start=True)

    def _open(self, event: yaml.CollectionStartEvent, container: dict[str, Yaml] | list[Yaml]) -> None:
        self._refuse_decoration(event)
        if len(self.stack) >= DEEPEST:
            self._fault(event, "too-deep", f"lists and mappings lie more than {DEEPEST} deep in one another", at_start=True)
            raise _StopError
        path = self.stack[-1].next_path() if self.stack else ()
        self.stack.append(_Frame(container, path, _marks(event)[0]))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        value: Yaml = event.value
        if not event.style:
            try:
                value = resolved(event.value)
            except ValueError as fault:
                self._fault(event, "out-of-range", str(fault))
                value = None
            if value == "<<" and self.stack and self.stack[-1].key is None and isinstance(self.stack[-1].container, dict):
                self._fault(event, "yaml-merge", "`<<` is a merge key; write the keys out")
        self._give(value, *_marks(event))

    def _give(self, value: Yaml, start: Mark, end: Mark, scalar: bool = True) -> None:
        """Add a finished value to its list or mapping, as a key or as a value."""
        span = self._span(start, end)
        if len(self.spans) >= _MOST_VALUES:
            self._note(self._span(start, start), Problem((), "too-large", f"a config has no more than {_MOST_VALUES:,} values"))
            raise _StopError
        if not self.stack:
            self.value, self.spans[()] = value, ValueSpans(None, span, scalar)
            return
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            self.spans[frame.next_path()] = ValueSpans(None, span, scalar)
            frame.container.append(value)
        elif frame.key is None:
            self._key(frame, value, span)
        else:
            # A value on lines of its own is shown by its key: its first line is that of its first part.
            below = not scalar and end.line != start.line
            self.spans[frame.next_path()] = ValueSpans(frame.key_span, (frame.key_span or span) if below else span, scalar)
            frame.container[frame.key], frame.key = value, None

    def _key(self, frame: _Frame, key: Yaml, span: Span) -> None:
        frame.key_span = span
        if not isinstance(key, str):
            problem = syntax_errors.decimal_comma(self.lines[span.line - 1], span, next(reversed(frame.keys), ""))
            hints = ("put it in quotes",) if isinstance(key, int | float) else ()
            self._note(span, problem or Problem((), "key-not-text", f"a key must be text, not {display(key)}", hints=hints))
            frame.key = "?"
            return
        frame.key = key
        if key in frame.keys:
            hints = (f"it is already on line {frame.keys[key].line}",)
            self._note(span, Problem((), "duplicate-key", f"{display(key)} is given twice", hints=hints))
        else:
            frame.keys[key] = span

    def _span(self, start: Mark, end: Mark) -> Span:
        last = end.column if end.line == start.line else len(self.lines[start.line].rstrip())
        return Span(start.line + 1, start.column + 1, max(1, last - start.column))

    def _fault(self, event: yaml.Event, code: str, what: str, hints: tuple[str, ...] = (), *, at_start: bool = False) -> None:
        """Note a problem of an event: of its first character, if it lies `at_start`."""
        start, end = _marks(event)
        self._note(self._span(start, start if at_start else end), Problem((), code, what, hints=hints))

    def _note(self, span: Span, problem: Problem) -> None:
        self.faults.append(Fault(span, problem))


def _marks(event: yaml.Event) -> tuple[Mark, Mark]:
    """The marks of the first character of an event and of the one behind it."""
    assert event.start_mark is not None, "a reader of text marks every event"
    assert event.end_mark is not None, "a reader of text marks every event"
    return event.start_mark, event.end_mark
