"""The columns in use and their roles; and checks of a file against them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import pyarrow as pa

from disttrain.config import DataSection, FeatureSection
from disttrain.data.column_checks import KINDS, LABEL, Conflict, fits, is_passed_over, kind_of, lookup, mistyped, unusable
from disttrain.data.column_types import AS_WRITTEN, EVENT, FORM_OF_KIND, NAME, NUMBER
from disttrain.data.filters import columns_of
from disttrain.data.io.arrow_arrays import is_text, plain
from disttrain.data.json_state import Json, JsonObject, each, fields_of, flag, integer, items, named, text
from disttrain.data.messages import Origin, display, raise_any
from disttrain.data.resemblance import resembling
from disttrain.data.source import Source
from disttrain.errors import Finding

ENCODINGS = ("auto", "onehot", "embedding")
MOST_DIMENSIONS = 4096
# Columns that describe the censoring of a target, named as in the config's `data.censoring`.
OBSERVED = ("limit", "event", "lower", "upper", "entry")


@dataclass(frozen=True)
class Feature:
    """An input column of the model: its `kind` (numeric, categorical, boolean or datetime) and, if categorical, its encoding."""

    name: str
    kind: str
    encoding: str = "auto"
    dimensions: int | None = None


@dataclass(frozen=True)
class Schema:
    """The columns in use and their roles. No other column of a file is read.

    `row_inputs` {part: column} are the numbers that the distribution of a row needs besides its features: `exposure`, and `offset.NAME` or
    `given.NAME` of a parameter. `observed` {part: column} describe the censoring of the target; each part is one of OBSERVED. With `label`
    a single target column holds class names.
    """

    features: tuple[Feature, ...]
    target: tuple[str, ...]
    weight: str | None = None
    id: tuple[str, ...] = ()
    row_inputs: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, str] = field(default_factory=dict)
    label: bool = False

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def forecast_columns(self) -> tuple[str, ...]:
        """The columns that a forecast needs, each once: features and row inputs."""
        return tuple(dict.fromkeys((*self.feature_columns, *self.row_inputs.values())))

    @property
    def scored_columns(self) -> tuple[str, ...]:
        """The columns that a score needs in addition to those of a forecast: target, weight, and censoring."""
        weight = () if self.weight is None else (self.weight,)
        return tuple(dict.fromkeys((*self.target, *self.observed.values(), *weight)))

    @property
    def columns(self) -> tuple[str, ...]:
        """All names in use, each once."""
        return tuple(dict.fromkeys((*self.forecast_columns, *self.scored_columns, *self.id)))

    def forms(self, *, target: bool, ids: bool = True) -> dict[str, str]:
        """Return the form of each column, whatever its type in a file. With `target` this includes the columns that only a score needs."""
        forms = dict.fromkeys(self.id, AS_WRITTEN) if ids else {}
        forms |= {feature.name: FORM_OF_KIND[feature.kind] for feature in self.features}
        for name in (*self.row_inputs.values(), *(self.scored_columns if target else ())):
            forms.setdefault(name, EVENT if name == self.observed.get("event") else NUMBER)
        return forms | (dict.fromkeys(self.target, NAME) if target and self.named_target else {})

    @property
    def named_target(self) -> bool:
        """True if the target is one column of class names, not one column of 0 and 1 for each class."""
        return self.label and len(self.target) == 1

    @staticmethod
    def resolve(
        section: DataSection, source: Source, row_inputs: Mapping[str, str] | None = None, label: bool = False, every_column: bool = False
    ) -> Resolved:
        """Return the schema of the config's `data` section for the training files, with remarks.

        `row_inputs` {part: column} are required by the distribution; `label` is True if the target is one of several classes. With
        `every_column` the columns without a role are read later too, and a small file is parsed once for all.
        Raises DataError with all faults: missing, ambiguous or unusable columns, text that resembles numbers, no features.
        """
        ids, row_inputs = names(section.id), dict(row_inputs or {})
        observed = observed_columns(section)
        schema = Schema((), tuple(section.targets), section.weight, tuple(ids), row_inputs, observed, label)
        special = dict.fromkeys((*section.targets, *names(section.weight), *ids, *row_inputs.values(), *observed.values()))
        parts = parts_of(section.weight, row_inputs, observed)
        source.require_separated((*special, *listed_features(section, (), set())[0]))
        arrow_schema, where = source.schema, source.location
        listed, starred, passed = listed_features(section, arrow_schema.names, {*special, *split_columns(section), *names(section.exclude)})
        findings = list(lookup(dict.fromkeys((*listed, *special, *other_columns(section))), arrow_schema, where, parts))
        present = [name for name in listed if len(arrow_schema.get_all_field_indices(name)) == 1]
        source.cache.expected = (*listed, *special, *split_columns(section), *columns_of(names(section.filter)))
        source.cache.optional = tuple(arrow_schema.names) if every_column else ()
        features, faults, warnings = resolved(section, present, source, starred)
        findings += [*faults, *schema.type_faults(arrow_schema, where, source.conflict, target=True)]
        if starred and not listed:
            findings.append(Finding("no-features", "no column is left to be a feature", where, hints=("name some in `data.features`",)))
        raise_any(dict.fromkeys(findings))
        remarks: tuple[str, ...] = ()
        if passed:
            labels = ", ".join(f"`{display(name)}`" if name.strip() else "a column without a name" for name in dict.fromkeys(passed))
            remarks = (f"passed over: {labels}",)
        resolved_schema = Schema(tuple(features), schema.target, schema.weight, schema.id, row_inputs, observed, label)
        return Resolved(resolved_schema, remarks, tuple(warnings))

    def type_faults(self, arrow_schema: pa.Schema, where: str, conflict: Conflict, *, target: bool) -> list[Finding]:
        """Return the findings about columns other than features whose types cannot be read in their role."""
        available = set(arrow_schema.names)
        numeric = dict.fromkeys((*self.row_inputs.values(), *(self.scored_columns if target else ())))
        labels = set(self.target) if self.named_target else set()
        return [
            *mistyped([name for name in numeric if name in available and name not in labels], "numeric", arrow_schema, where, conflict),
            *(mistyped(sorted(labels & available), LABEL, arrow_schema, where, conflict) if target else ()),
        ]

    def check(self, source: Source, target: bool) -> None:
        """Raise one DataError with every column that another source lacks, or has in a type that cannot be read in its role.

        With `target` the columns of a score are required too.
        """
        source.require_separated(self.needed(target))
        self.check_types(source.schema, target, source.location, source.conflict)

    def needed(self, target: bool, ids: bool = True) -> tuple[str, ...]:
        """Return the columns that a forecast needs, and with `target` those of a score, each once."""
        return tuple(dict.fromkeys((*self.forecast_columns, *(self.id if ids else ()), *(self.scored_columns if target else ()))))

    def check_types(
        self, arrow_schema: pa.Schema, target: bool, where: str, conflict: Conflict = lambda column: None, ids: bool = True
    ) -> None:
        """Check the columns of an Arrow schema, like `check`. Without `ids` the identifiers are not required."""
        findings = list(lookup(self.needed(target, ids), arrow_schema, where, parts_of(self.weight, self.row_inputs, self.observed)))
        for feature in self.features:
            findings += mistyped([feature.name], feature.kind, arrow_schema, where, conflict)
        findings += self.type_faults(arrow_schema, where, conflict, target=target)
        raise_any(dict.fromkeys(findings))

    def state(self) -> JsonObject:
        """Return the schema as JSON."""
        features = [asdict(feature) for feature in self.features]
        rest = {"target": list(self.target), "weight": self.weight, "id": list(self.id)}
        return {"features": features, **rest, "known": dict(self.row_inputs), "observed": dict(self.observed), "label": self.label}

    @staticmethod
    def from_state(state: Json) -> Schema:
        """Return the schema of `state()`. Raises RunUnreadable if `state` is invalid."""
        keys = ("features", "target", "weight", "id", "known", "observed", "label")
        features, target, weight, ids, row_inputs, observed, label = fields_of(state, "schema", keys)
        return Schema(
            each(features, "features", feature_from),
            tuple(text(name, "target") for name in items(target, "target")),
            None if weight is None else text(weight, "weight"),
            tuple(text(name, "id") for name in items(ids, "id")),
            named(row_inputs, "known"),
            named(observed, "observed", OBSERVED),
            flag(label, "label"),
        )


@dataclass(frozen=True)
class Resolved:
    """The schema of the training files, remarks on how they are read, and warnings."""

    schema: Schema
    remarks: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def feature_from(state: Json) -> Feature:
    name, kind, encoding, dimensions = fields_of(state, "a feature", ("name", "kind", "encoding", "dimensions"))
    return Feature(
        text(name, "name"),
        text(kind, "kind", tuple(KINDS)),
        text(encoding, "encoding", ENCODINGS),
        None if dimensions is None else integer(dimensions, "dimensions", 1, MOST_DIMENSIONS),
    )


def observed_columns(section: DataSection) -> dict[str, str]:
    """Return the columns of `data.censoring`, {part: column}. A limit that is a number has no column."""
    options = {part: getattr(section.censoring, part, None) for part in OBSERVED}
    return {part: column for part, column in options.items() if isinstance(column, str)}


def parts_of(weight: str | None, row_inputs: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, str]:
    """Return the role of each column other than features and targets, by its config key: {column: words}."""
    keys = {"weight": weight} | {f"censoring.{part}": column for part, column in observed.items()} | dict(row_inputs)
    return {
        column: f"the {key.partition('.')[2]} of each row" if key.startswith("given.") else f"`data.{key}`"
        for key, column in keys.items()
        if column is not None
    }


def names(value: str | Iterable[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def described(section: DataSection) -> list[FeatureSection]:
    """Return the features that the config specifies by more than a name."""
    return [] if section.features == "*" else [part for part in section.features if not isinstance(part, str)]


def listed_features(section: DataSection, available: Sequence[str], excluded: set[str]) -> tuple[list[str], bool, list[str]]:
    """Return the names of the features, the presence of `*` (all columns without another role), and the columns that `*` skips."""
    items = ["*"] if section.features == "*" else list(section.features)
    listed = [part if isinstance(part, str) else part.name for part in items]
    if "*" not in listed:
        return listed, False, []
    # Named features keep their position; the star stands for the others.
    with_role = excluded | set(listed)
    rest = [name for name in dict.fromkeys(available) if name not in with_role and not is_passed_over(name)]
    passed = [name for name in available if name not in with_role and is_passed_over(name)]
    where = listed.index("*")
    return [*listed[:where], *rest, *listed[where + 1 :]], True, passed


def split_columns(section: DataSection) -> list[str]:
    """Return the columns that select the held-out rows."""
    by = getattr(section.split, "by", None)
    listed_by = [getattr(part, "column", None) for part in (section.validation, section.test)]
    return [name for name in (by, *listed_by) if name is not None]


def other_columns(section: DataSection) -> list[str]:
    return [*split_columns(section), *columns_of(names(section.filter)), *names(section.exclude)]


def resolved(section: DataSection, present: Sequence[str], source: Source, starred: bool) -> tuple[list[Feature], list[Finding], list[str]]:
    """Return the features among the columns `present`, the findings about them, and warnings."""
    options = {part.name: part for part in described(section)}
    declared = {name: part.type for name, part in options.items() if getattr(part, "type", None) not in (None, "auto")}
    native_types = source.native_types([name for name in present if name not in declared])
    features, findings = [], []
    for name in present:
        stored = plain(source.schema.field(name).type)
        kind = declared[name] if name in declared else kind_of(native_types[name])
        if kind is None or not fits(kind, stored):
            findings.append(unusable(name, stored, kind, starred).at(Origin((source.location,))))
            continue
        if (differing := source.conflict(name)) is not None and (name not in declared or kind != "categorical"):
            findings.append(differing)
        option = options.get(name)
        features.append(Feature(name, kind, getattr(option, "encoding", None) or "auto", getattr(option, "dimensions", None)))
    undeclared = [feature.name for feature in features if feature.name not in declared and is_text(native_types[feature.name])]
    odd, warnings = resembling(source, undeclared, starred)
    return features, [*findings, *odd], warnings
