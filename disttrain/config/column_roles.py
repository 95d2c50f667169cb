"""Checks across sections: columns with two roles, and keys that this version does not support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from disttrain.choices import NOT_AVAILABLE
from disttrain.config.messages import display
from disttrain.config.remote import remote_problems
from disttrain.config.yaml.source_map import Path, Problem

# Roles that a column has alone, in the order in which they claim it.
_ROLES = {"target": "the target", "weight": "the weight", "id": "an id", "features": "a feature"}
# Columns that tell of the target: none of them may be known to the network, and only an end may stand in the target's place.
_TELLING = {"event": "target weight id features", "lower": "weight id features", "upper": "weight id features"}
# What is known of a row may be a feature too, but not its target.
_COVARIATES = ("exposure", "trials")


def unavailable(document: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of keys in a raw document that this version does not support; it refuses them and never ignores them."""
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
        index = columns.index("samples")
        yield Problem(
            ("predictions", "columns", index),
            "not-available",
            "`samples` are not written by a fit",
            hints=("use `disttrain predict --samples N`",),
        )


def role_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of columns in a raw document that have two roles or are listed twice."""
    data = document.get("data")
    if not isinstance(data, Mapping):
        return
    roles: dict[str, str] = {}
    for role, description in _ROLES.items():
        for path, column in _columns(data.get(role), ("data", role)):
            if column not in roles:
                roles[column] = role
            elif roles[column] != role:
                yield _conflict(path, column, roles[column], description)
            elif role in ("target", "features"):
                yield Problem(path, "role-conflict", f"{display(column)} is listed twice in `{role}`", hints=("leave one of them out",))
    yield from _observation_conflicts(data, roles)
    if isinstance(data.get("features"), list) and "*" not in data["features"] and data.get("exclude"):
        yield Problem(
            ("data", "exclude"),
            "conflict",
            '`exclude` belongs to `features: "*"`',
            hints=("leave the column out of `features`",),
            on_key=True,
        )


def _observation_conflicts(data: Mapping[str, Any], roles: Mapping[str, str]) -> Iterator[Problem]:
    """The problems of columns that describe the observation of the target and have a second role that excludes it."""
    for key, forbidden in _TELLING.items():
        column = _at(data, ("censoring", key))
        if isinstance(column, str) and roles.get(column) in forbidden.split():
            yield _conflict(("data", "censoring", key), column, roles[column], f"`censoring.{key}`")
    offsets = data.get("offset")
    covariates: dict[Path, Any] = {("data", key): data.get(key) for key in _COVARIATES}
    covariates |= {("data", "offset", key): column for key, column in offsets.items()} if isinstance(offsets, Mapping) else {}
    for path, column in covariates.items():
        if isinstance(column, str) and roles.get(column) == "target":
            yield _conflict(path, column, "target", f"`{path[-1]}`")


def _conflict(path: Path, column: str, role: str, description: str) -> Problem:
    return Problem(
        path,
        "role-conflict",
        f"{display(column)} is {_ROLES[role]} and cannot be {description} too",
        hints=("a column has one role: leave it out of one",),
    )


def _columns(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The columns in the value of a key, with the path of each."""
    for index, item in enumerate(value) if isinstance(value, list) else ((None, value),):
        here = path if index is None else (*path, index)
        if isinstance(item, Mapping):
            here, item = (*here, "name"), item.get("name")
        if isinstance(item, str) and not (item == "*" and index is None):
            yield here, item


def _at(document: Any, path: Path) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, Mapping) else None
    return document
