"""Which columns there are and which part each plays; and whether a file has what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from disttrain.data.arrays import is_text, plain
from disttrain.data.columns import KINDS, Examples, fits, kind_of, lookup, mistyped, unusable
from disttrain.data.filters import columns_of
from disttrain.data.findings import raise_any
from disttrain.data.states import fields_of, flag, items, named, text, whole
from disttrain.errors import Finding

__all__ = ["OBSERVED", "Feature", "Schema"]

ENCODINGS = ("auto", "onehot", "embedding")
MOST_DIMENSIONS = 4096
# Columns that say what was seen of a target; the names are those of the config's `data.censoring`.
OBSERVED = ("limit", "event", "lower", "upper", "entry")


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


@dataclass(frozen=True)
class Schema:
    """The columns in use and their parts. All other columns of a file are never read.

    `known` {part: column} are the numbers that a row's distribution needs beside its features: `exposure`, and `offset.NAME` or
    `given.NAME` of a parameter. `observed` {part: column} say what was seen of the target, each part one of OBSERVED.
    """

    features: tuple[Feature, ...]
    target: tuple[str, ...]
    weight: str | None = None
    id: tuple[str, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, str] = field(default_factory=dict)

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def forecast_columns(self) -> tuple[str, ...]:
        """The columns that a forecast needs, each once: features, and what is known beside them."""
        return tuple(dict.fromkeys((*self.feature_columns, *self.known.values())))

    @property
    def scored_columns(self) -> tuple[str, ...]:
        """The columns that a score needs beside those of a forecast: target, weight, and what was seen of the target."""
        weight = () if self.weight is None else (self.weight,)
        return tuple(dict.fromkeys((*self.target, *self.observed.values(), *weight)))

    @property
    def columns(self) -> tuple[str, ...]:
        """All names in use, each once."""
        return tuple(dict.fromkeys((*self.forecast_columns, *self.scored_columns, *self.id)))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Features that were text in training: `schema_of(..., text=...)` keeps them so where a format has no types of its own."""
        return tuple(feature.name for feature in self.features if feature.text)

    @staticmethod
    def resolve(
        section: Any, arrow_schema: Any, where: str = "data", examples: Examples | None = None, known: Mapping[str, str] | None = None
    ) -> Schema:
        """The schema that the config's `data` section means for files with `arrow_schema`.

        `known` {part: column} is what the distribution needs of each row. `where` names the files in messages and `examples(column)`
        gives rows that are not numbers, for columns that should be.
        Raises DataError with all faults: missing, ambiguous or unusable columns, no features left.
        """
        listed = [] if section.features == "*" else [part if isinstance(part, str) else part.name for part in section.features]
        ids, known = names(section.id), dict(known or {})
        observed = observed_columns(section)
        weight = [] if section.weight is None else [section.weight]
        numeric = {part.name for part in described(section) if part.type == "numeric"} | {*weight, *known.values(), *observed.values()}
        special = [*section.targets, *weight, *ids, *known.values(), *observed.values()]
        parts = parts_of(section.weight, known, observed)
        findings = list(lookup(dict.fromkeys((*listed, *special, *other_columns(section))), arrow_schema, where, parts))
        if section.features == "*":
            taken = {*special, *split_columns(section), *names(section.exclude)}
            listed = [name for name in dict.fromkeys(arrow_schema.names) if name not in taken]
            findings += [f for f in lookup(listed, arrow_schema, where) if f.code != "missing-column"]
        present = [name for name in listed if len(arrow_schema.get_all_field_indices(name)) == 1]
        features, faults = resolved(section, present, arrow_schema, where)
        findings += faults
        findings += mistyped(sorted(numeric & set(arrow_schema.names)), "numeric", arrow_schema, where, examples, written(observed))
        if not listed:
            findings.append(Finding("no-features", "no column is left to be a feature", where, hints=("name some in `data.features`",)))
        raise_any(dict.fromkeys(findings))
        return Schema(tuple(features), tuple(section.targets), section.weight, tuple(ids), known, observed)

    def check(self, arrow_schema: Any, target: bool, where: str = "data", examples: Examples | None = None) -> None:
        """Raise one DataError with every column that a file lacks or holds in a type that training did not see.

        With `target` what a score needs must be there too. `where` and `examples` as in `resolve`.
        """
        needed = (*self.forecast_columns, *self.id, *(self.scored_columns if target else ()))
        parts = parts_of(self.weight, self.known, self.observed)
        findings = list(lookup(dict.fromkeys(needed), arrow_schema, where, parts))
        for feature in self.features:
            findings += mistyped({feature.name} & set(arrow_schema.names), feature.kind, arrow_schema, where, examples)
        numeric = {*self.known.values(), *((set(self.scored_columns) - set(self.target)) if target else ())}
        findings += mistyped(sorted(numeric & set(arrow_schema.names)), "numeric", arrow_schema, where, examples, written(self.observed))
        raise_any(dict.fromkeys(findings))

    def state(self) -> dict[str, Any]:
        """The schema as JSON."""
        features = [asdict(feature) for feature in self.features]
        rest = {"target": list(self.target), "weight": self.weight, "id": list(self.id)}
        return {"features": features, **rest, "known": dict(self.known), "observed": dict(self.observed)}

    @staticmethod
    def from_state(state: Any) -> Schema:
        """The schema that `state()` described. Raises RunUnreadable where it is none."""
        features, target, weight, ids, known, observed = fields_of(
            state, "schema", ("features", "target", "weight", "id", "known", "observed")
        )
        return Schema(
            tuple(feature_from(feature) for feature in items(features, "schema.features")),
            tuple(text(name, "schema.target") for name in items(target, "schema.target")),
            None if weight is None else text(weight, "schema.weight"),
            tuple(text(name, "schema.id") for name in items(ids, "schema.id")),
            named(known, "schema.known"),
            named(observed, "schema.observed", OBSERVED),
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


def observed_columns(section: Any) -> dict[str, str]:
    """The columns of `data.censoring`, by part; a limit may be a number, which is none."""
    given = {part: getattr(section.censoring, part, None) for part in OBSERVED}
    return {part: column for part, column in given.items() if isinstance(column, str)}


def written(observed: Mapping[str, str]) -> dict[str, str]:
    """How the values of a column are written where they are not any numbers: {column: words}."""
    return {observed["event"]: "an event is 1 (seen exactly) or 0 (right-censored), or true and false"} if "event" in observed else {}


def parts_of(weight: str | None, known: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, str]:
    """What each column beside features and targets is there for, by the key that names it: {column: words}."""
    keys = {"weight": weight} | {f"censoring.{part}": column for part, column in observed.items()} | dict(known)
    return {
        column: f"the {key.partition('.')[2]} of each row" if key.startswith("given.") else f"`data.{key}`"
        for key, column in keys.items()
        if column is not None
    }


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
