"""Which columns there are and which part each plays; and whether a file has what is asked of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from disttrain.data.arrays import is_number, is_text, is_time, plain
from disttrain.data.filters import columns_of
from disttrain.data.findings import column_place, raise_any, shown
from disttrain.data.states import fields_of, flag, items, text, whole
from disttrain.errors import Finding

__all__ = ["KINDS", "Feature", "Schema", "kind_of"]

ENCODINGS = ("auto", "onehot", "embedding")
MOST_DIMENSIONS = 4096

Examples = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Feature:
    """A column that the network sees: its `kind` (numeric, categorical, boolean or datetime) and, of a categorical one, its encoding.

    `declared` is whether the config names the kind; `text` whether the column was text in the training files.
    """

    name: str
    kind: str
    encoding: str = "auto"
    dimensions: int | None = None
    declared: bool = False
    text: bool = False


def is_simple(kind: Any) -> bool:
    return is_number(kind) or is_text(kind) or is_time(kind) or bool(pa.types.is_boolean(kind))


# What a column of each kind may be in a file. A column that is all null fits every kind.
KINDS: dict[str, Callable[[Any], bool]] = {
    "numeric": lambda kind: is_number(kind) or bool(pa.types.is_boolean(kind)),
    "categorical": is_simple,
    "boolean": lambda kind: bool(pa.types.is_boolean(kind)),
    "datetime": lambda kind: is_time(kind) or is_text(kind),
}
MEANT = {"numeric": "numbers", "categorical": "categories", "boolean": "true or false", "datetime": "dates or times"}


def kind_of(kind: Any) -> str | None:
    """The kind of feature that a column of this Arrow type is by itself; None where it can be none."""
    if is_number(kind) or pa.types.is_null(kind):
        return "numeric"
    if pa.types.is_boolean(kind):
        return "boolean"
    if is_text(kind):
        return "categorical"
    return "datetime" if is_time(kind) else None


def fits(kind: str, stored: Any) -> bool:
    return bool(pa.types.is_null(stored)) or KINDS[kind](stored)


@dataclass(frozen=True)
class Schema:
    """The columns in use and their parts. All other columns of a file are never read."""

    features: tuple[Feature, ...]
    target: tuple[str, ...]
    weight: str | None = None
    id: tuple[str, ...] = ()

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """All names in use, each once: features, target, weight, id."""
        weight = () if self.weight is None else (self.weight,)
        return tuple(dict.fromkeys((*self.feature_columns, *self.target, *weight, *self.id)))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Features that were text in training: `schema_of(..., text=...)` keeps them so where a format has no types of its own."""
        return tuple(feature.name for feature in self.features if feature.text)

    @staticmethod
    def resolve(section: Any, arrow_schema: Any, where: str = "data", examples: Examples | None = None) -> Schema:
        """The schema that the config's `data` section means for files with `arrow_schema`.

        `where` names the files in messages and `examples(column)` gives rows that are not numbers, for columns that should be.
        Raises DataError with all faults: missing, ambiguous or unusable columns, no features left.
        """
        listed = [] if section.features == "*" else [part if isinstance(part, str) else part.name for part in section.features]
        ids = names(section.id)
        weight = [] if section.weight is None else [section.weight]
        numeric = {part.name for part in described(section) if part.type == "numeric"}
        roles = [*listed, *section.targets, *weight, *ids, *other_columns(section)]
        findings = list(lookup(dict.fromkeys(roles), arrow_schema, where))
        if section.features == "*":
            taken = {*section.targets, *weight, *ids, *split_columns(section), *names(section.exclude)}
            listed = [name for name in dict.fromkeys(arrow_schema.names) if name not in taken]
            findings += [f for f in lookup(listed, arrow_schema, where) if f.code != "missing-column"]
        present = [name for name in listed if len(arrow_schema.get_all_field_indices(name)) == 1]
        features, faults = resolved(section, present, arrow_schema, where)
        findings += faults
        findings += mistyped({*numeric, *weight} & set(arrow_schema.names), "numeric", arrow_schema, where, examples)
        if not listed:
            findings.append(Finding("no-features", "no column is left to be a feature", where, hints=("name some in `data.features`",)))
        raise_any(dict.fromkeys(findings))
        return Schema(tuple(features), tuple(section.targets), section.weight, tuple(ids))

    def check(self, arrow_schema: Any, target: bool, where: str = "data", examples: Examples | None = None) -> None:
        """Raise one DataError with every column that a file lacks or holds in a type that training did not see.

        With `target` the target and weight columns must be there too. `where` and `examples` as in `resolve`.
        """
        weight = () if self.weight is None else (self.weight,)
        needed = (*self.feature_columns, *self.id, *((*self.target, *weight) if target else ()))
        findings = list(lookup(dict.fromkeys(needed), arrow_schema, where))
        for feature in self.features:
            findings += mistyped({feature.name} & set(arrow_schema.names), feature.kind, arrow_schema, where, examples)
        if target:
            findings += mistyped(set(weight) & set(arrow_schema.names), "numeric", arrow_schema, where, examples)
        raise_any(dict.fromkeys(findings))

    def state(self) -> dict[str, Any]:
        """The schema as JSON."""
        features = [asdict(feature) for feature in self.features]
        return {"features": features, "target": list(self.target), "weight": self.weight, "id": list(self.id)}

    @staticmethod
    def from_state(state: Any) -> Schema:
        """The schema that `state()` described. Raises RunUnreadable where it is none."""
        features, target, weight, ids = fields_of(state, "schema", ("features", "target", "weight", "id"))
        return Schema(
            tuple(feature_from(feature) for feature in items(features, "schema.features")),
            tuple(text(name, "schema.target") for name in items(target, "schema.target")),
            None if weight is None else text(weight, "schema.weight"),
            tuple(text(name, "schema.id") for name in items(ids, "schema.id")),
        )


def feature_from(state: Any) -> Feature:
    keys = ("name", "kind", "encoding", "dimensions", "declared", "text")
    name, kind, encoding, dimensions, declared, was_text = fields_of(state, "schema.features", keys)
    return Feature(
        text(name, "feature name"),
        text(kind, "feature kind", tuple(KINDS)),
        text(encoding, "feature encoding", ENCODINGS),
        None if dimensions is None else whole(dimensions, "feature dimensions", 1, MOST_DIMENSIONS),
        flag(declared, "feature declared"),
        flag(was_text, "feature text"),
    )


def names(value: str | Iterable[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def described(section: Any) -> list[Any]:
    return [] if section.features == "*" else [part for part in section.features if not isinstance(part, str)]


def split_columns(section: Any) -> list[str]:
    """Columns that say which rows are held out."""
    by = getattr(section.split, "by", None)
    held = [getattr(part, "column", None) for part in (section.validation, section.test)]
    return [name for name in (by, *held) if name is not None]


def other_columns(section: Any) -> list[str]:
    return [*split_columns(section), *columns_of(names(section.filter)), *names(section.exclude)]


def lookup(wanted: Iterable[str], arrow_schema: Any, where: str) -> Iterator[Finding]:
    """Columns that are not there, stand twice, or could be mistaken for another one."""
    alike: dict[str, list[str]] = {}
    for name in arrow_schema.names:
        alike.setdefault(folded(name), []).append(name)
    for name in wanted:
        same = alike.get(folded(name), [])
        if name not in same:
            near = same or difflib.get_close_matches(name, arrow_schema.names, n=1)
            hints = (f"did you mean `{shown(near[0])}`?",) if near else ()
            yield Finding("missing-column", f"there is no column `{shown(name)}`", where, hints=hints)
        elif same.count(name) > 1:
            yield Finding("duplicate-column", f"{same.count(name)} columns have this name", column_place(where, name))
        elif len(same) > 1:
            other = next(column for column in same if column != name)
            what = f"`{shown(other)}` is there too, which differs only in case or blanks"
            yield Finding("ambiguous-column", what, column_place(where, name), hints=("rename or remove one of them",))


def folded(name: str) -> str:
    return "".join(name.casefold().split())


def resolved(section: Any, present: Sequence[str], arrow_schema: Any, where: str) -> tuple[list[Feature], list[Finding]]:
    options = {part.name: part for part in described(section)}
    features, findings = [], []
    for name in present:
        stored = plain(arrow_schema.field(name).type)
        option = options.get(name)
        declared = getattr(option, "type", None) not in (None, "auto")
        kind = option.type if option is not None and declared else kind_of(stored)
        if kind is None or not (fits(kind, stored) or kind == "numeric"):
            findings.append(unusable(name, stored, kind, where, starred=section.features == "*"))
            continue
        encoding = getattr(option, "encoding", None) or "auto"
        features.append(Feature(name, kind, encoding, getattr(option, "dimensions", None), declared, is_text(stored)))
    return features, findings


def unusable(name: str, stored: Any, kind: str | None, where: str, starred: bool) -> Finding:
    what = f"its type {shown(stored)} cannot be a feature" if kind is None else f"its type {shown(stored)} cannot be read as {MEANT[kind]}"
    hints = [f"leave it out: `data.exclude: [{shown(name)}]`"] if starred else []
    if pa.types.is_binary(stored) or pa.types.is_large_binary(stored):
        hints.append("if it is text, store it as UTF-8 text")
    return Finding("unusable-type", what, column_place(where, name), hints=tuple(hints))


def mistyped(columns: Iterable[str], kind: str, arrow_schema: Any, where: str, examples: Examples | None) -> Iterator[Finding]:
    for name in columns:
        if len(places := arrow_schema.get_all_field_indices(name)) != 1 or fits(kind, stored := plain(arrow_schema.field(places[0]).type)):
            continue
        if kind != "numeric" or not is_text(stored):
            yield unusable(name, stored, kind, where, starred=False)
            continue
        rows = tuple(examples(name)) if examples else ()
        hints = ("numbers are written 1234.5: no decimal comma, no unit, no thousands mark",)
        yield Finding("text-for-numbers", f"`{shown(name)}` is text where numbers are meant", column_place(where, name), rows, hints=hints)
