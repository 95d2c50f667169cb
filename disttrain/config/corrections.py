"""Hints for a wrong key or value of a config: the likely correction, as YAML, tried before it is offered."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import ValidationError, create_model

from disttrain.config.aliases import LINKS, Key, key_of, remark_on
from disttrain.config.messages import listing, suggestion
from disttrain.config.sections.field_types import STRICT
from disttrain.config.yaml.scalars import Scalar, Yaml, resolved, share_meant
from disttrain.config.yaml.source_map import Path
from disttrain.config.yaml.text import yaml_word

_TRUE, _FALSE = ("true", "yes", "on", "y"), ("false", "no", "off", "n")
_NOTHING = ("none", "null", "nil", "off", "no", "never", "false")
_UNITS = {"d": r"d(?:ays?)?", "h": r"h(?:ours?|rs?)?", "m": r"m(?:in(?:ute)?s?)?", "s": r"s(?:ec(?:ond)?s?)?"}
_LONGEST = 200
# The key that a number stands for where a section was expected.
_USUAL_KEYS: dict[Path, str] = {("training", "early_stopping"): "patience", ("training", "optimizer"): "lr"}


def hint_for_value(key: Key, value: Yaml) -> str | None:
    """The hint for a value that its key does not accept: the likely value, or to leave the key out for its default."""
    for candidate in _candidates(key, value):
        written = f"{key.name}: {yaml_word(candidate)}"
        if len(written) <= _LONGEST and _takes(key, candidate):
            return f"write `{written}`{_about_quotes(value, candidate)}"
    field = key.field
    default = None if field is None or field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(default, str | int | float):
        return f"leave it out for its default, `{key.name}: {yaml_word(default)}`"
    return f"its keys are {listing(key.keys, 40)}" if key.keys and not isinstance(value, dict) else None


def _about_quotes(value: Yaml, candidate: Yaml) -> str:
    """A remark on quotes, if they make the difference."""
    if isinstance(candidate, str) and not isinstance(value, str):
        return ", in quotes it is text"
    same = isinstance(value, str) and candidate is not None and str(candidate).lower() == value.lower()
    return ", without quotes" if same else ""


def _takes(key: Key, value: Yaml) -> bool:
    """True if a key accepts a value."""
    field = key.field
    if field is None:
        return False
    try:
        create_model("OneKey", __config__=STRICT, value=(field.annotation or object, field))(value=value)
    except ValidationError:
        return False
    return True


def _candidates(key: Key, value: Yaml) -> Iterator[Yaml]:
    """The candidates for the intended value, the likeliest first."""
    match value:
        case bool():
            yield {} if value else None
        case int() | float():
            yield from _of_number(value)
        case str():
            yield from _of_text(value.strip())
        case list():
            yield from _of_list(value)
        case dict() if key.name == "features":
            yield [_item(name, options) for name, options in value.items()]
            yield list(value)
    if not isinstance(value, dict | list):
        names = [name for name in key.keys if _takes(key.inner(name), value)]
        for name in names:
            if len(names) == 1 or name == _USUAL_KEYS.get(key.path):
                yield {name: value}
        yield [value]


def _of_number(value: float) -> Iterator[Yaml]:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        yield int(value)
    if 1 < value < 100:
        yield round(value / 100, 10)
    if value == 0:
        yield None
    yield str(value)


def _of_text(text: str) -> Iterator[Yaml]:
    word = text.lower()
    if word in _NOTHING:
        yield None
    if word in (*_TRUE, *_FALSE):
        yield word in _TRUE
    if (share := share_meant(text)) is not None:
        yield share
    if (time := _time(word)) is not None:
        yield time
    parts: list[Yaml] = [_plain(part) for part in re.split(r"[,;\s]+", text.strip("[]() ")) if part]
    yield from ([_plain(text)] if len(parts) == 1 else [])
    yield parts
    yield word


def _plain(word: str) -> Scalar:
    try:
        return resolved(word)
    except ValueError:
        return word


def _time(word: str) -> str | None:
    """`30 min` as `30m`."""
    parts = re.findall(r"(\d+)\s*([a-z]+)", word)
    letters = [next((letter for letter, form in _UNITS.items() if re.fullmatch(form, unit)), "") for _, unit in parts]
    return "".join(f"{number}{letter}" for (number, _), letter in zip(parts, letters, strict=True)) if parts and all(letters) else None


def _of_list(items: list[Yaml]) -> Iterator[Yaml]:
    if len(items) == 1:
        yield items[0]
    mappings = [item for item in items if isinstance(item, dict)]
    if items and len(mappings) == len(items):
        yield {str(item.get("name")): {key: value for key, value in item.items() if key != "name"} for item in mappings}
        yield {key: value for item in mappings for key, value in item.items()}
    words = [item for item in items if isinstance(item, str)]
    if items and len(words) == len(items):
        yield {word: {} for word in words}


def _item(name: str, options: Yaml) -> Yaml:
    """A feature with its options, as an item of a list."""
    if isinstance(options, dict):
        return {"name": name, **options}
    return name if options is None else {"name": name, "type": options}


def hint_for_key(unknown: Key, value: Yaml) -> str:
    """The hint for a key that its section does not have: the likely key, in this or another section, else the list of keys."""
    word, siblings = unknown.name, unknown.section.keys
    name, colon, rest = word.partition(":")
    if colon and rest and name in siblings:
        return f"write a blank behind the colon: `{name}: {rest}`"
    if "." in word and Key(tuple(word.split("."))).field is not None:
        return f"sections lie in one another: {_written(word, value)}"
    if word == "link" and (activation := LINKS.get(str(value).lower())) is not None:
        return f"the activation is the inverse of a link: write `activation: {activation}`"
    if remark := remark_on(word):
        return remark
    nearest, key = suggestion(word, siblings), key_of(word)
    if key is not None and key.rpartition(".")[2] != word:
        leaf = key.rpartition(".")[2]
        return f"did you mean `{leaf}`?" if leaf in siblings else f"`{word}` is `{key}` here" + _added(key, value)
    if nearest:
        return f"did you mean `{nearest}`?"
    if key is not None:
        section = key.rpartition(".")[0]
        return f"`{word}` belongs to `{section}`" + _added(key, value) if section else f"`{word}` stands at the left margin, in no section"
    owner = f"`{unknown.section.name}`" if unknown.section.path else "a config"
    return f"the keys of {owner} are {listing(siblings, 40)}"


def _added(dotted: str, value: Yaml) -> str:
    """A dotted key and its value as YAML after a colon, if the key accepts the value or a candidate for it."""
    key = Key(tuple(dotted.split(".")))
    candidates = (candidate for candidate in (value, *_candidates(key, value)) if _takes(key, candidate))
    for candidate in candidates:
        if len(yaml_word(candidate)) <= _LONGEST:
            return f": {_written(dotted, candidate)}"
    return ""


def _written(key: str, value: Yaml) -> str:
    """A dotted key with its value, each section in braces: `training: {optimizer: {lr: 0.001}}`."""
    *sections, name = key.split(".")
    inner = f"{name}: {yaml_word(value)}"
    for section in reversed(sections):
        inner = f"{section}: {{{inner}}}"
    return f"`{inner}`"
