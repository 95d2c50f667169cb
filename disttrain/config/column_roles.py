"""What no section can see by itself: columns with two roles, and keys that this version cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from disttrain.choices import NOT_AVAILABLE
from disttrain.config.messages import display
from disttrain.config.remote import remote_problems
from disttrain.config.yaml.source_map import Path, Problem

__all__ = ["role_problems", "unavailable"]

# Roles that a column has alone, in the order in which they claim it.
_ROLES = {"target": "the target", "weight": "the weight", "id": "an id", "features": "a feature"}
# Columns that tell of the target: none of them may be known to the network, and only an end may stand in the target's place.
_TELLING = {"event": "target weight id features", "lower": "weight id features", "upper": "weight id features"}
# What is known of a row may be a feature too, but not its target.
_KNOWN = ("exposure", "trials")


def unavailable(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Keys of a raw document that ask for what this version cannot do; they are refused, never ignored."""
    for path, accepted in NOT_AVAILABLE.items():
        value = _at(document, path)
        if value is not None and value != accepted:
            yield Problem(
                path, "not-available", f"`{'.'.join(path)}` is not available in this version", hints=("leave it out",), on_key=True
            )
    data = document.get("data")
    yield from remote_problems(data) if isinstance(data, Mapping) else ()
    columns = _at(document, ("predictions", "columns"))
    if isinstance(columns, list) and "samples" in columns:
        place = columns.index("samples")
        yield Problem(
            ("predictions", "columns", place),
            "not-available",
            "`samples` are not written by a fit",
            hints=("use `disttrain predict --samples N`",),
        )


def role_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Columns of a raw document that have two roles or are listed twice."""
    data = document.get("data")
    if not isinstance(data, Mapping):
        return
    taken: dict[str, str] = {}
    for role, said in _ROLES.items():
        for path, column in _columns(data.get(role), ("data", role)):
            if column not in taken:
                taken[column] = role
            elif taken[column] != role:
                yield _conflict(path, column, taken[column], said)
            elif role in ("target", "features"):
                yield Problem(path, "role-conflict", f"{display(column)} is listed twice in `{role}`", hints=("leave one of them out",))
    yield from _observation_conflicts(data, taken)
    if isinstance(data.get("features"), list) and "*" not in data["features"] and data.get("exclude"):
        yield Problem(
            ("data", "exclude"),
            "conflict",
            '`exclude` belongs to `features: "*"`',
            hints=("leave the column out of `features`",),
            on_key=True,
        )


def _observation_conflicts(data: Mapping[str, Any], taken: Mapping[str, str]) -> Iterator[Problem]:
    """Columns that say how the target was observed and have another role that they must not have."""
    for key, forbidden in _TELLING.items():
        column = _at(data, ("censoring", key))
        if isinstance(column, str) and taken.get(column) in forbidden.split():
            yield _conflict(("data", "censoring", key), column, taken[column], f"`censoring.{key}`")
    offsets = data.get("offset")
    known: dict[Path, Any] = {("data", key): data.get(key) for key in _KNOWN}
    known |= {("data", "offset", key): column for key, column in offsets.items()} if isinstance(offsets, Mapping) else {}
    for path, column in known.items():
        if isinstance(column, str) and taken.get(column) == "target":
            yield _conflict(path, column, "target", f"`{path[-1]}`")


def _conflict(path: Path, column: str, role: str, said: str) -> Problem:
    return Problem(
        path,
        "role-conflict",
        f"{display(column)} is {_ROLES[role]} and cannot be {said} too",
        hints=("a column has one role: leave it out of one",),
    )


def _columns(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The columns that a key names, with the path of each."""
    for place, item in enumerate(value) if isinstance(value, list) else ((None, value),):
        here = path if place is None else (*path, place)
        if isinstance(item, Mapping):
            here, item = (*here, "name"), item.get("name")
        if isinstance(item, str) and not (item == "*" and place is None):
            yield here, item


def _at(document: Any, path: Path) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, Mapping) else None
    return document
