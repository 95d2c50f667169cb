"""Any value at any key of a config is accepted or refused with a message, and never a bug."""

from __future__ import annotations

from typing import Any

import pytest

from disttrain.config import dump
from disttrain.config.yaml import parser
from disttrain.errors import ConfigError
from disttrain.validation.config import configuration_of

DOCUMENT = {
    "distribution": {
        "family": "mixture",
        "of": {"family": "hurdle", "of": "gamma"},
        "components": 3,
        "parameters": {"rate": {"activation": "exp"}},
    },
    "data": {"train": "a.csv", "target": "y", "features": ["x", {"name": "z", "type": "categorical"}], "censoring": {"event": "e"}},
}
VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    "",
    "no such word",
    [],
    ["x"],
    [["x"]],
    [None],
    {},
    {"x": 1},
    {"family": ["x"]},
    {"x": {"y": []}},
)


def paths(value: Any, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all keys and items in a document."""
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [path for key, inner in items for path in ((*here, key), *paths(inner, (*here, key)))]


def replaced(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


def resolved() -> dict[str, Any]:
    """The document with every default."""
    value = parser.read(dump(configuration_of(DOCUMENT).config).encode()).value
    assert isinstance(value, dict)
    return value


RESOLVED = resolved()


def refused(document: Any) -> bool:
    try:
        configuration_of(document)
    except ConfigError:
        return True
    return False


@pytest.mark.parametrize("path", paths(RESOLVED), ids=lambda path: ".".join(map(str, path)))
def test_any_value_is_accepted_or_refused(path):
    # No key of a config accepts a whole number of 400 digits.
    refusals = [refused(replaced(RESOLVED, path, value)) for value in VALUES]
    assert refusals[VALUES.index(10**400)]
