"""Checks across sections: columns with two roles, and keys that this version does not support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from disttrain.choices import NOT_AVAILABLE
from disttrain.config.messages import display
from disttrain.config.remote import remote_problems
from disttrain.config.yaml.scalars import Document, Yaml
from disttrain.config.yaml.source_map import Path, Problem, under

# Roles that a column has alone, in the order in which they claim it.
_ROLES = {"target": "the target", "weight": "the weight", "id": "an id", "features": "a feature"}
# Columns that tell of the target: none of them may be known to the network, and only an end may stand in the target's place.
_TELLING = {"event": "target weight id features", "lower": "weight id features", "upper": "weight id features"}
# What is known of a row may be a feature too, but not its target.
_COVARIATES = ("exposure", "trials")


def unavailable(document: Document) -> Iterator[Problem]:
    """The problems of keys in a raw document that this version does not support; it refuses them and never ignores them."""
    for path, accepted in NOT_AVAILABLE.items():
        value = _at(document, path)
        if value is not None and value != accepted:
            yield Problem(
                path, "not-available", f"`{'.'.join(path)}` is not available in this version", hints=("leave it out",), on_key=True
            )
    data = document.get("data")
    yield from under(("data",), remote_problems(data)) if isinstance(data, Mapping) else ()
    columns = _at(document, ("predictions", "columns"))
    if isinstance(columns, list) and "samples" in columns:
        index = columns.index("samples")
        yield Problem(
            ("predictions", "columns", index),
            "not-available",
            "`samples` are not written by a fit",
            hints=("use `disttrain predict --samples N`",),
        )


def role_problems(document: Document) -> Iterator[Problem]:
    """The problems of columns in a raw document that have two roles or are listed twice."""
    data = document.get("data")
    if not isinstance(data, Mapping):
        return
    roles: dict[str, str] = {}
    for role, description in _ROLES.items():
        for path, column in _columns(data.get(role)):
            if column not in roles:
                roles[column] = role
            elif roles[column] != role:
                yield _conflict(column, roles[column], description).under("data", role, *path)
            elif role in ("target", "features"):
                problem = Problem(path, "role-conflict", f"{display(column)} is listed twice in `{role}`", hints=("leave one of them out",))
                yield problem.under("data", role)
    yield from under(("data",), _observation_conflicts(data, roles))
    features = data.get("features")
    if isinstance(features, list) and "*" not in features and data.get("exclude"):
        yield Problem(
            ("data", "exclude"),
            "conflict",
            '`exclude` belongs to `features: "*"`',
            hints=("leave the column out of `features`",),
            on_key=True,
        )


def _observation_conflicts(data: Document, roles: Mapping[str, str]) -> Iterator[Problem]:
    """The problems of columns that describe the observation of the target and have a second role that excludes it."""
    for key, forbidden in _TELLING.items():
        column = _at(data, ("censoring", key))
        if isinstance(column, str) and roles.get(column) in forbidden.split():
            yield _conflict(column, roles[column], f"`censoring.{key}`").under("censoring", key)
    offsets = data.get("offset")
    covariates: dict[Path, Yaml] = {(key,): data.get(key) for key in _COVARIATES}
    covariates |= {("offset", key): column for key, column in offsets.items()} if isinstance(offsets, Mapping) else {}
    for path, column in covariates.items():
        if isinstance(column, str) and roles.get(column) == "target":
            yield _conflict(column, "target", f"`{path[-1]}`").under(*path)


def _conflict(column: str, role: str, description: str) -> Problem:
    return Problem(
        (),
        "role-conflict",
        f"{display(column)} is {_ROLES[role]} and cannot be {description} too",
        hints=("a column has one role: leave it out of one",),
    )


def _columns(value: Yaml) -> Iterator[tuple[Path, str]]:
    """The columns in the value of a key, with the path of each in it."""
    if not isinstance(value, list):
        yield from (path for path in _column(value) if path[1] != "*")
        return
    for index, item in enumerate(value):
        yield from (((index, *path), column) for path, column in _column(item))


def _column(item: Yaml) -> Iterator[tuple[Path, str]]:
    """The column that an item names: itself, or the `name` of a feature with options."""
    name = item.get("name") if isinstance(item, Mapping) else item
    if isinstance(name, str):
        yield ("name",) if isinstance(item, Mapping) else (), name


def _at(document: Yaml | Document, path: tuple[str, ...]) -> Yaml | Document:
    for part in path:
        document = document.get(part) if isinstance(document, Mapping) else None
    return document
